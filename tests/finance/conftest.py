"""The finance room with its outside: the real stand-ins in this process, and a shop that acts like the warehouse does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finance.providers import card, fiscal
from tests.finance.shop import Shop, build
from tests.sandbox.stand import CARD_SECRETS, Stand, stand


@pytest.fixture
def shop(db: None) -> Shop:
    return build()


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object) -> Iterator[Stand]:
    """Card provider and fiscal processor behind the clients that the verbs take from the settings."""
    settings.CARD_PROVIDER_SECRETS = list(CARD_SECRETS)  # type: ignore[attr-defined]
    settings.BASE_URL = "http://localhost:8000"  # type: ignore[attr-defined]
    with stand(tmp_path) as ready:
        # A new client each time: its breaker has not seen the failures of the call before.
        monkeypatch.setattr(card, "from_settings", lambda: ready.card(timeout_seconds=1.0))
        monkeypatch.setattr(fiscal, "from_settings", lambda: ready.fiscal(timeout_seconds=1.0))
        yield ready
