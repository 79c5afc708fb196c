"""The public API counts the requests of each client in a minute of the clock."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def minute(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """A clock that stands at the fifteenth second, until a test moves it."""
    now = [1_800_000_015.0]
    monkeypatch.setattr(settings, "API_REQUESTS_PER_MINUTE", 3)
    monkeypatch.setattr("retail.rest.throttles.time.time", lambda: now[0])
    cache.clear()
    yield now
    cache.clear()


def ask(address: str) -> tuple[int, str]:
    answer = Client(REMOTE_ADDR=address).get("/api/v1/baskets/nobody")
    return answer.status_code, answer.headers.get("Retry-After", "")


def test_the_fourth_request_of_a_minute_waits_for_the_next_one(minute: list[float]) -> None:
    assert [ask("192.0.2.1")[0] for _ in range(3)] == [404, 404, 404]
    assert ask("192.0.2.1") == (429, "46")
    assert ask("192.0.2.2")[0] == 404
    minute[0] += 46
    assert ask("192.0.2.1")[0] == 404
