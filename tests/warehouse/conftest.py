from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import clear_url_caches
from django.utils import translation

from tests.flows.chain import Chain, make_chain
from tests.staff import client_of, make_staff
from tests.warehouse import world as worlds
from tests.warehouse.handheld import StandIn


@pytest.fixture
def world(db: None) -> worlds.World:
    return worlds.build()


@pytest.fixture
def committed_world(transactional_db: None) -> worlds.World:
    """The same, visible to other connections: for races."""
    return worlds.build()


@pytest.fixture
def in_english(settings: Any) -> Iterator[None]:
    """Pages without a language in their address come in English here. Resolvers remember prefixes: they forget twice."""
    usual = settings.LANGUAGE_CODE
    settings.LANGUAGE_CODE = "en"
    clear_url_caches()
    translation.activate("en")
    yield
    settings.LANGUAGE_CODE = usual
    translation.activate(usual)
    clear_url_caches()


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def bojan(chain: Chain) -> Client:
    """A picker bound to the warehouse."""
    user = make_staff("PICKER", name="Bojan")
    user.locations.add(chain.warehouse)
    return client_of(user)


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr("oms.carriers.client.from_settings", lambda: stand_in)
    return stand_in


@pytest.fixture
def store(chain: Chain) -> Client:
    user = make_staff("STORE", name="Jelena")
    user.locations.add(chain.store)
    return client_of(user)
