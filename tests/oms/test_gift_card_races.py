"""One gift card in many baskets at once. The race has a twin without the guards, which must spend more than is on it."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from crm import operations as crm
from crm.models import GiftCard, GiftCardEntry
from oms.models import Basket, Order
from oms.workflows import baskets, placing, tenders
from retail.doctor.examine import examine
from retail.kernel.errors import Refusal
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.gift_cards import make_card

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]
BUYERS = 12


@pytest.fixture
def chain(transactional_db: None) -> Chain:
    return make_chain()


def filled(chain: Chain, code: str) -> list[Basket]:
    """Baskets of one book, 1,290.00 with its delivery, all with the same card."""
    variant = chain.variant(price="1000.00", stock=BUYERS + 5)
    made = []
    for _ in range(BUYERS):
        basket = baskets.create_basket(channel_code="web-rs", now=NOW, postal_code="21000")
        baskets.add_line(token=basket.token, sku=variant.sku, quantity=1, now=NOW)
        tenders.apply_gift_card(token=basket.token, code=code, now=NOW)
        made.append(basket)
    return made


def place(chain: Chain, basket: Basket, number: int) -> str:
    checkout = chain.checkout(basket, email=f"kupac{number}@example.com", expected_rest=Decimal("0.00"))
    try:
        placing.place_order(checkout=checkout, by=None, now=NOW)
    except Refusal as refusal:
        return refusal.code
    return "PLACED"


def spent() -> Decimal:
    taken = GiftCardEntry.objects.filter(reason="SPENT").aggregate(s=Sum("amount"))["s"] or Decimal(0)
    return -taken


def test_a_balance_is_spent_once_by_many_baskets(chain: Chain, run_together: Together) -> None:
    card, code = make_card(chain, "2600")
    made = filled(chain, code)
    answers = run_together(BUYERS, lambda n: place(chain, made[n], n))
    # Two orders of 1,290.00 fit into 2,600.00.
    assert Counter(answers) == {"PLACED": 2, "TENDER_CHANGED": BUYERS - 2}
    card.refresh_from_db()
    assert (card.balance, spent(), Order.objects.filter(has_gift_cards=True).count()) == (
        Decimal("20.00"),
        Decimal("2580.00"),
        2,
    )
    assert {f.check.name for f in examine() if f.violations and f.check.name != "outbox_drains"} == set()


def unguarded(*, spends: Sequence[crm.CardChange], order_number: str, now: datetime) -> list[GiftCardEntry]:
    """Read, think, write: what a shop does that trusts what it has read."""
    for one in spends:
        if GiftCard.objects.get(pk=one.card_id).balance < one.amount:
            raise crm.GiftCardGone("spent")
    return GiftCardEntry.objects.bulk_create(
        GiftCardEntry(
            card_id=one.card_id,
            amount=-one.amount,
            reason="SPENT",
            source_kind=one.source[0],
            source_key=one.source[1],
            order_number=order_number,
            created_at=now,
        )
        for one in spends
    )


def test_twin_without_the_guards_spends_more_than_there_is(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, code = make_card(chain, "2600")
    made = filled(chain, code)
    monkeypatch.setattr(crm, "spend_cards", unguarded)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_giftcard DROP CONSTRAINT gift_card_never_below_zero")
    run_together(BUYERS, lambda n: place(chain, made[n], n))
    assert spent() > Decimal("2600.00")


def test_database_alone_refuses_what_the_verb_lets_through(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second wall: the trigger locks the card, the constraint refuses the sum."""
    card, code = make_card(chain, "2600")
    made = filled(chain, code)
    monkeypatch.setattr(crm, "spend_cards", unguarded)

    def attempt(number: int) -> str:
        try:
            return place(chain, made[number], number)
        except Exception as error:
            return type(error).__name__

    answers = run_together(BUYERS, attempt)
    assert answers.count("PLACED") == 2
    card.refresh_from_db()
    assert (card.balance, spent()) == (Decimal("20.00"), Decimal("2580.00"))
