"""The n-th statement fails, and the n-th call to a service outside, n growing until the act passes untouched.

After each fault the doctor finds nothing, an act of one transaction has changed nothing, and doing it again has one effect. `make test`
strikes a part of the places, `make proof` every one (ONEROW_PROOF=1).
"""

from __future__ import annotations

import os

import pytest

from oms.workflows import placing
from tests.finance.sef_world import Seller
from tests.finance.shop import build
from tests.proof import acts
from tests.proof.sweeping import CALL_FAULTS, CallFault, StatementFault, sweep
from tests.proof.trading import outside, trade
from tests.sandbox.stand import Stand

__all__ = ["outside", "trade"]
pytestmark = pytest.mark.django_db
IS_PROOF = bool(os.environ.get("ONEROW_PROOF"))
# A prime, so that the short form is not struck at the same kind of place each time.
STEP = 1 if IS_PROOF else 7


@pytest.fixture
def seller(db: None, outside: Stand) -> Seller:
    return Seller(build(), outside).open()


@pytest.mark.parametrize("act", acts.ACTS)
def test_the_nth_statement_fails(trade: acts.Trade, act: str) -> None:
    step = 1 if act == "placing, cash" else STEP  # two calls and what lies around them
    swept = sweep(acts.ACTS[act](trade), StatementFault, step=step)
    assert swept.rounds >= 2


def test_without_its_transaction_an_order_is_left_half_done(
    trade: acts.Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the sweep finds what the transaction prevents. What is not held in the basket is claimed after the order is written."""
    trade.chain.channel.is_held_in_basket = False
    trade.chain.channel.save()
    unguarded = placing._create_with_claims.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.setattr(placing, "_create_with_claims", unguarded)
    with pytest.raises(AssertionError, match="stock_supply"):
        sweep(acts.placing_cash(trade), StatementFault)


@pytest.mark.parametrize("act", acts.PAPERS)
def test_the_nth_statement_about_papers_fails(seller: Seller, act: str) -> None:
    swept = sweep(acts.PAPERS[act](seller), StatementFault, step=STEP)
    assert swept.rounds >= 2


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
