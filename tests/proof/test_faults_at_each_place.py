"""The n-th statement fails, and the n-th call to a service outside, n growing until the act passes untouched.

After each fault the doctor finds nothing, an act of one transaction has changed nothing, and doing it again has one effect. `make test`
strikes a part of the places, `make proof` every one (ONEROW_PROOF=1).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from finance.providers import card, fiscal, sef, sef_documents
from oms.carriers import client as carriers
from oms.workflows import placing
from tests.finance.sef_world import Seller
from tests.finance.shop import build
from tests.flows.chain import make_chain
from tests.proof import acts
from tests.proof.sweeping import CALL_FAULTS, CallFault, StatementFault, sweep
from tests.sandbox.stand import CARD_SECRETS, Stand, stand

pytestmark = pytest.mark.django_db
IS_PROOF = bool(os.environ.get("ONEROW_PROOF"))
# A prime, so that the short form is not struck at the same kind of place each time.
STEP = 1 if IS_PROOF else 11


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: object) -> Iterator[Stand]:
    settings.CARD_PROVIDER_SECRETS = list(CARD_SECRETS)  # type: ignore[attr-defined]
    settings.API_REQUESTS_PER_MINUTE = 1_000_000  # type: ignore[attr-defined]
    with stand(tmp_path) as ready:
        # A new client each time: its breaker has not seen the failures of the call before.
        monkeypatch.setattr(card, "from_settings", lambda: ready.card())
        monkeypatch.setattr(fiscal, "from_settings", lambda: ready.fiscal())
        monkeypatch.setattr(sef, "from_settings", lambda: ready.sef_register())
        monkeypatch.setattr(sef_documents, "from_settings", lambda: ready.sef())
        monkeypatch.setattr(carriers, "from_settings", lambda: ready.carrier())
        yield ready


@pytest.fixture
def trade(db: None, outside: Stand) -> acts.Trade:
    return acts.Trade(make_chain(), outside, acts.now())


@pytest.fixture
def seller(db: None, outside: Stand) -> Seller:
    return Seller(build(), outside).open()


@pytest.mark.parametrize("act", acts.ACTS)
def test_the_nth_statement_fails(trade: acts.Trade, act: str) -> None:
    swept = sweep(acts.ACTS[act](trade), StatementFault, step=STEP)
    assert swept.rounds >= 3


def test_without_its_transaction_an_order_is_left_half_done(
    trade: acts.Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the sweep finds what the transaction prevents."""
    unguarded = placing._create_with_claims.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.setattr(placing, "_create_with_claims", unguarded)
    with pytest.raises(AssertionError, match="oms_order"):
        sweep(acts.placing_cash(trade), StatementFault)


@pytest.mark.parametrize("act", acts.PAPERS)
def test_the_nth_statement_about_papers_fails(seller: Seller, act: str) -> None:
    swept = sweep(acts.PAPERS[act](seller), StatementFault, step=STEP)
    assert swept.rounds >= 3


@pytest.mark.parametrize("kind", CALL_FAULTS)
@pytest.mark.parametrize(
    ("act", "calls"), [("placing, card", 1), ("dispatching", 1), ("receiving a return", 1)]
)
def test_the_nth_call_outside_fails(trade: acts.Trade, act: str, calls: int, kind: str) -> None:
    swept = sweep(acts.ACTS[act](trade), lambda at: CallFault(at, kind))
    assert swept.rounds >= calls


@pytest.mark.parametrize("kind", CALL_FAULTS)
def test_the_nth_call_to_sef_fails(seller: Seller, kind: str) -> None:
    swept = sweep(acts.PAPERS["submitting"](seller), lambda at: CallFault(at, kind))
    assert swept.rounds >= 2
