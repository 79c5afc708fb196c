"""Many at once: threads that start on one signal, each with its own connection."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection


@pytest.fixture
def run_together() -> Callable[..., list[Any]]:
    """run_together(n, act): calls act(0) … act(n-1) at the same moment; answers their results in that order, or raises the first error."""

    def run(count: int, act: Callable[[int], Any]) -> list[Any]:
        barrier = threading.Barrier(count)
        results: list[Any] = [None] * count
        errors: list[BaseException] = []

        def work(number: int) -> None:
            try:
                barrier.wait(30)
                results[number] = act(number)
            except BaseException as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        if errors:
            raise errors[0]
        return results

    return run
