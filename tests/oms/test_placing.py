"""Placing: one transaction, exact rows, the same key once, refusals that change nothing."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm import operations as crm
from crm.operations import InvalidPib
from oms.models import Basket, Order
from oms.workflows import baskets, placing
from oms.workflows.checkout import (
    BasketOrdered,
    Company,
    EmptyBasket,
    InvalidContact,
    MethodNotAvailable,
    PriceChanged,
)
from retail.kernel.models import OutboxEvent
from tests.flows.chain import NOW, Chain, make_chain
from tests.unchanged import nothing_changes
from warehouse.models import Reservation, StockItem
from warehouse.operations import OutOfStock

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def test_cash_on_delivery_writes_one_order_with_its_claims(chain: Chain) -> None:
    first, second = chain.variant(price="1299.00"), chain.variant(price="450.00")
    order = chain.place((first, 2), (second, 1))
    assert (order.status, order.payment_status, order.fulfillment_status) == ("PLACED", "NONE", "UNROUTED")
    assert (order.goods_total, order.delivery_total, order.total, order.due_total) == (
        Decimal("3048.00"),
        Decimal("290.00"),
        Decimal("3338.00"),
        Decimal("3338.00"),
    )
    lines = list(order.lines.values_list("kind", "sku", "quantity", "unit_price", "total", "tax_rate"))
    assert lines == [
        ("GOODS", first.sku, 2, Decimal("1299.00"), Decimal("2598.00"), Decimal("10.00")),
        ("GOODS", second.sku, 1, Decimal("450.00"), Decimal("450.00"), Decimal("10.00")),
        ("DELIVERY", "", 1, Decimal("290.00"), Decimal("290.00"), Decimal("10.00")),
    ]
    claims: list[tuple[object, ...]] = list(
        Reservation.objects.filter(order_line__order=order)
        .values_list("state", "quantity", "expires_at", "basket_line")
        .order_by("quantity")
    )
    assert claims == [("ALLOCATED", 1, None, None), ("ALLOCATED", 2, None, None)]
    assert StockItem.objects.get(variant=first).reserved == 2
    assert order.promised_on is not None
    assert order.promised_on.isoformat() == "2026-12-03"
    assert OutboxEvent.objects.filter(topic="oms.order_placed", subject_key=order.number).count() == 1
    assert order.basket is not None
    assert Basket.objects.get(pk=order.basket.pk).state == "ORDERED"


def test_delivery_is_free_from_its_threshold(chain: Chain) -> None:
    order = chain.place((chain.variant(price="2000.00"), 2))
    assert (order.goods_total, order.delivery_total) == (Decimal("4000.00"), Decimal("0.00"))


def test_bank_transfer_waits_until_the_end_of_the_third_working_day(chain: Chain) -> None:
    order = chain.place((chain.variant(), 1), payment_method="BANK_TRANSFER")
    assert order.status == "PENDING_PAYMENT"
    assert order.payment_deadline is not None
    assert order.payment_deadline.isoformat() == "2026-12-07T23:59:59+01:00"
    claim = Reservation.objects.get(order_line__order=order)
    assert (claim.state, claim.expires_at) == ("HELD", order.payment_deadline)


def test_pickup_takes_the_stores_own_stock(chain: Chain) -> None:
    variant = chain.variant(stock=5, store_stock=2)
    order = chain.place((variant, 2), delivery_method="STORE_PICKUP", pickup_location="S-001")
    claim = Reservation.objects.get(order_line__order=order, state="ALLOCATED")
    assert (claim.location_id, claim.quantity) == (chain.store.pk, 2)
    assert order.promised_at is not None
    assert order.promised_at.isoformat() == "2026-12-02T12:00:00+01:00"


def test_pickup_of_more_than_the_store_has_is_refused(chain: Chain) -> None:
    basket = chain.basket((chain.variant(stock=5, store_stock=1), 2))
    checkout = chain.checkout(basket, delivery_method="STORE_PICKUP", pickup_location="S-001")
    with nothing_changes(), pytest.raises(MethodNotAvailable):
        placing.place_order(checkout=checkout, by=None, now=NOW)


def test_same_key_gives_the_same_order_and_another_key_is_refused(chain: Chain) -> None:
    basket = chain.basket((chain.variant(), 1))
    checkout = chain.checkout(basket, idempotency_key="k")
    first = placing.place_order(checkout=checkout, by=None, now=NOW)
    with nothing_changes():
        again = placing.place_order(checkout=checkout, by=None, now=NOW)
    assert again.order.pk == first.order.pk
    with nothing_changes(), pytest.raises(BasketOrdered):
        placing.place_order(checkout=chain.checkout(basket, idempotency_key="other"), by=None, now=NOW)
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": "ana at example"}, ["email"]),
        ({"phone": "123"}, ["phone"]),
        ({"name": "  "}, ["name"]),
        ({"street": "", "city": ""}, ["city", "street"]),
        ({"delivery_method": "STORE_PICKUP"}, ["pickup_location"]),
        ({"delivery_method": "TELEPORT"}, ["delivery"]),
        ({"payment_method": "GOLD"}, ["payment"]),
    ],
)
def test_wrong_fields_are_named_and_nothing_changes(
    chain: Chain, changes: dict[str, str], fields: list[str]
) -> None:
    basket = chain.basket((chain.variant(), 1))
    with nothing_changes(), pytest.raises(InvalidContact) as refusal:
        placing.place_order(checkout=chain.checkout(basket, **changes), by=None, now=NOW)
    assert refusal.value.details["fields"] == fields


@pytest.mark.parametrize("pib", ["", "123456789", "11191120", "111911207", "abc"])
def test_malformed_pib_is_refused(chain: Chain, pib: str) -> None:
    basket = chain.basket((chain.variant(), 1))
    checkout = chain.checkout(basket, company=Company("Firma d.o.o.", pib))
    with nothing_changes(), pytest.raises(InvalidPib):
        placing.place_order(checkout=checkout, by=None, now=NOW)


def test_company_buys_with_its_own_account_and_paper(chain: Chain) -> None:
    order = chain.place((chain.variant(), 1), company=Company("Firma d.o.o.", "101134702", "17862146"))
    assert (order.paper, order.company_pib, order.customer and order.customer.kind) == (
        "FISCAL_COMPANY",
        "101134702",
        "COMPANY",
    )


def a_company_at_sef(registration_number: str) -> None:
    company = crm.find_or_create_company(
        name="Firma d.o.o.",
        pib="101134702",
        registration_number=registration_number,
        email="nabavka@firma.example",
        phone="+38111222333",
        language="sr-latn",
        now=NOW,
    )
    crm.record_sef_registration(customer_id=company.pk, is_registered=True, now=NOW)


def test_company_at_sef_says_its_registration_number_while_it_is_there(chain: Chain) -> None:
    """SEF refuses an invoice without it, and then the goods are gone already."""
    a_company_at_sef("")
    basket = chain.basket((chain.variant(), 1))
    checkout = chain.checkout(basket, company=Company("Firma d.o.o.", "101134702"))
    with nothing_changes(), pytest.raises(InvalidContact) as refusal:
        placing.place_order(checkout=checkout, by=None, now=NOW)
    assert refusal.value.details["fields"] == ["registration_number"]
    told = replace(checkout, company=Company("Firma d.o.o.", "101134702", "17862146"))
    order = placing.place_order(checkout=told, by=None, now=NOW).order
    assert (order.paper, order.company_registration_number) == ("SEF", "17862146")


def test_the_registration_number_that_is_known_need_not_be_said_again(chain: Chain) -> None:
    a_company_at_sef("17862146")
    order = chain.place((chain.variant(), 1), company=Company("Firma d.o.o.", "101134702"))
    assert (order.paper, order.company_registration_number) == ("SEF", "17862146")


def test_changed_total_is_told_before_paying(chain: Chain) -> None:
    basket = chain.basket((chain.variant(price="1000.00"), 1))
    checkout = chain.checkout(basket, expected_total=Decimal("999.00"))
    with nothing_changes(), pytest.raises(PriceChanged) as refusal:
        placing.place_order(checkout=checkout, by=None, now=NOW)
    assert refusal.value.details["total"] == "1290.00"


def test_unoffered_method_and_unknown_place_are_refused(chain: Chain) -> None:
    basket = chain.basket((chain.variant(), 1))
    for changes in (
        {"delivery_method": "SHIP_TO_STORE", "pickup_location": "S-001"},
        {"delivery_method": "STORE_PICKUP", "pickup_location": "S-999"},
        {"postal_code": "99999"},
    ):
        with nothing_changes(), pytest.raises(MethodNotAvailable):
            placing.place_order(checkout=chain.checkout(basket, **changes), by=None, now=NOW)


def test_empty_and_foreign_baskets_are_refused(chain: Chain) -> None:
    empty = baskets.create_basket(channel_code="web-rs", now=NOW)
    with nothing_changes(), pytest.raises(EmptyBasket):
        placing.place_order(checkout=chain.checkout(empty), by=None, now=NOW)
    with nothing_changes(), pytest.raises(baskets.BasketNotFound):
        placing.place_order(checkout=chain.checkout(empty, basket_token="guess"), by=None, now=NOW)


def test_expired_hold_is_claimed_again_when_it_can_be_had(chain: Chain) -> None:
    variant = chain.variant(stock=3)
    basket = chain.basket((variant, 2))
    later = NOW + timedelta(hours=2)
    order = placing.place_order(checkout=chain.checkout(basket), by=None, now=later).order
    assert StockItem.objects.get(variant=variant).reserved == 2
    assert order.status == "PLACED"


def test_expired_hold_that_another_took_is_refused_by_line(chain: Chain) -> None:
    variant = chain.variant(stock=3)
    basket = chain.basket((variant, 2))
    later = NOW + timedelta(hours=2)
    chain.place((variant, 2), now=later)
    with pytest.raises(OutOfStock) as refusal:
        placing.place_order(checkout=chain.checkout(basket), by=None, now=later)
    assert refusal.value.details["sku"] == variant.sku
    assert Order.objects.count() == 1


def statements_of_placing(chain: Chain, lines: int) -> list[str]:
    basket = chain.basket(*[(chain.variant(price="100.00"), 1) for _ in range(lines)])
    checkout = chain.checkout(basket, email=f"{basket.token[:12]}@example.com".lower())
    with CaptureQueriesContext(connection) as captured:
        placing.place_order(checkout=checkout, by=None, now=NOW)
    return [q["sql"] for q in captured if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]


def test_statements_do_not_grow_with_lines(chain: Chain) -> None:
    statements_of_placing(chain, 1)  # what a process reads once
    one, twenty = statements_of_placing(chain, 1), statements_of_placing(chain, 20)
    assert len(one) == len(twenty), "\n".join(twenty)
    assert len(one) == 2, "\n".join(one)
