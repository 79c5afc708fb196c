"""The finance room with its outside: the real stand-ins in this process, and a shop that acts like the warehouse does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from finance.providers import card, fiscal, sef, sef_documents
from retail.doctor.checks import CHECKS
from retail.doctor.examine import examine
from tests.finance.sef_world import Seller
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
    settings.SEF_API_KEY = "sef-key"  # type: ignore[attr-defined]
    with stand(tmp_path) as ready:
        # A new client each time: its breaker has not seen the failures of the call before.
        monkeypatch.setattr(card, "from_settings", lambda: ready.card(timeout_seconds=1.0))
        monkeypatch.setattr(fiscal, "from_settings", lambda: ready.fiscal(timeout_seconds=1.0))
        monkeypatch.setattr(sef, "from_settings", lambda **_: ready.sef_register(timeout_seconds=1.0))
        monkeypatch.setattr(
            sef_documents, "from_settings", lambda *, api_key: ready.sef(timeout_seconds=1.0, api_key=api_key)
        )
        yield ready


@pytest.fixture
def seller(shop: Shop, outside: Stand) -> Seller:
    """The shop with its key at SEF, and a company that is registered there."""
    return Seller(shop, outside).open()


@pytest.fixture(autouse=True)
def healthy_books(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that used a shop, the doctor finds nothing: whatever the verbs did, the books are whole."""
    yield
    if "shop" not in request.fixturenames:
        return
    # These post alone, without the units that the warehouse moves along.
    posts_alone = request.path.stem in ("test_stock_value", "test_statement_counts")
    left_out = {"stock_value_matches_units", "cost_of_order_equals_its_moves"} if posts_alone else set()
    about_money = tuple(
        check.name for check in CHECKS if "finance_" in check.sql and check.name not in left_out
    )
    assert len(about_money) > 15
    broken = {finding.check.name: finding.rows for finding in examine(about_money) if finding.violations}
    assert broken == {}
