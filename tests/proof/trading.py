"""Fixtures of a small trade with the real stand-ins behind the real clients: for whoever asks by their names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finance.providers import card, fiscal, sef, sef_documents
from oms.carriers import client as carriers
from tests.flows.chain import make_chain
from tests.proof import acts
from tests.sandbox.stand import CARD_SECRETS, CARRIER_SECRETS, Stand, stand


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object) -> Iterator[Stand]:
    settings.CARD_PROVIDER_SECRETS = list(CARD_SECRETS)  # type: ignore[attr-defined]
    settings.CARRIER_SECRETS = list(CARRIER_SECRETS)  # type: ignore[attr-defined]
    settings.API_REQUESTS_PER_MINUTE = 1_000_000  # type: ignore[attr-defined]
    with stand(tmp_path) as ready:
        # A new client each time: its breaker has not seen the failures of the call before.
        monkeypatch.setattr(card, "from_settings", lambda: ready.card())
        monkeypatch.setattr(fiscal, "from_settings", lambda: ready.fiscal())
        monkeypatch.setattr(sef, "from_settings", lambda: ready.sef_register())
        monkeypatch.setattr(sef_documents, "from_settings", lambda **_: ready.sef())
        monkeypatch.setattr(carriers, "from_settings", lambda: ready.carrier())
        yield ready


@pytest.fixture
def trade(db: None, outside: Stand) -> acts.Trade:
    return acts.Trade(make_chain(), outside, acts.now())
