"""What every test may use: a database cloned from a migrated template, a browser, a place for screenshots."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import hypothesis
import pytest
from django.core.management import call_command
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from tests.databases import Databases

# The standard run asks the same questions every time; `make proof` sets HYPOTHESIS_PROFILE=proof and asks new ones.
hypothesis.settings.register_profile("standard", deadline=None, derandomize=True)
hypothesis.settings.register_profile("proof", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "standard"))


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    databases = Databases(os.environ.get("PYTEST_XDIST_WORKER", "main"))
    usual = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        databases.build()
    # A flush would truncate two hundred tables and lose what migrations wrote; a fresh clone is faster and whole.
    TransactionTestCase._fixture_teardown = lambda self: databases.renew()  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = usual  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        databases.drop()


def pytest_sessionstart(session: pytest.Session) -> None:
    """The words in both scripts are build products; whoever starts the run makes them, the workers read them."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        call_command("translations", "compile", verbosity=0)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What stands now stays until the end: a garbage collector that looks through it again and again takes a third of Python's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


pytest_plugins = ["tests.browsing", "tests.racing"]
