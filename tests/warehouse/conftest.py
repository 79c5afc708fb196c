from typing import Any

import pytest
from django.test import Client

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
def in_english(settings: Any) -> None:
    """Pages without a language in their address come in English here."""
    settings.LANGUAGE_CODE = "en"


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
