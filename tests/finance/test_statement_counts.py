"""Posting costs the same number of statements for one line and for twenty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance import operations as finance
from finance import workflows as money
from oms.models import Order
from tests.factories import NOW, Sells, goods_of, make_return, make_shipment, make_variant
from tests.factories import money as amount
from tests.finance.shop import Shop, all_of
from warehouse import operations as stock

pytestmark = pytest.mark.django_db


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        act()
    return len([one for one in caught if "SAVEPOINT" not in one["sql"]])


def sent(shop: Shop, lines: int) -> tuple[Order, int]:
    order = shop.order(
        *[Sells(2, "1100.00")] * lines, method="CASH_ON_DELIVERY", status="PLACED", delivery="300.00"
    )
    shop.cod_payment(order)
    shipment = make_shipment(order, shop.location, tracking=f"T{lines}")
    goods, sold = goods_of(all_of(order))
    return order, statements(
        lambda: money.post_dispatch(shipment_id=shipment.pk, goods=goods, sold=sold, by=None, now=NOW)
    )


def test_dispatch(shop: Shop) -> None:
    (_, one), (_, twenty) = sent(shop, 1), sent(shop, 20)

    assert one == twenty
    assert one <= 16


def test_return(shop: Shop) -> None:
    counts = []
    for lines in (1, 20):
        order = shop.order(*[Sells(2, "1100.00")] * lines, method="CASH_ON_DELIVERY", status="PLACED")
        shop.cod_payment(order)
        shop.dispatch(order, all_of(order), tracking=f"R{lines}")
        made = make_return(order, all_of(order))
        goods, sold = goods_of(all_of(order))

        def receive() -> None:
            money.post_return(return_id=made.pk, goods=goods, sold=sold, by=None, now=NOW)  # noqa: B023 - called at once

        counts.append(statements(receive))

    assert counts[0] == counts[1]
    assert counts[0] <= 18


def test_goods_receipt_and_stock_difference(shop: Shop) -> None:
    def receive(units: int) -> int:
        variants = [make_variant().pk for _ in range(units)]
        items = [(variant, 3, amount("100.00")) for variant in variants]
        first = statements(
            lambda: finance.post_goods_receipt(
                entity_id=shop.entity.pk, document_key=f"P{units}", items=items, by=None, now=NOW
            )
        )
        return first * 100 + statements(
            lambda: finance.post_stock_difference(
                entity_id=shop.entity.pk,
                document_kind="count",
                document_key=f"C{units}",
                reason="COUNT",
                items=[(variant, -1) for variant in variants],
                by=None,
                now=NOW,
            )
        )

    receive(2)  # the first entry of a month makes the month
    one, twenty = receive(1), receive(20)

    assert one == twenty


def test_the_first_attempt_to_pay_asks_nothing(shop: Shop) -> None:
    order = shop.order(Sells(1, "1100.00"), method="CASH_ON_DELIVERY")

    first = statements(
        lambda: finance.first_payment(payment_id=1, order=order, method="CASH_ON_DELIVERY", now=NOW)
    )

    assert first == 0


def held(order: Order) -> Order:
    """With the claims that placing it would have left."""
    stock.claim_for_order_lines(
        demands=[
            (line.pk, line.variant_id, line.quantity, None) for line in order.lines.all() if line.variant_id
        ],
        channel_id=order.channel_id,
        state="HELD",
        expires_at=NOW + timedelta(days=3),
        now=NOW,
    )
    return order


def test_bank_statement(shop: Shop) -> None:
    """Lines that name their orders are taken together: match, book, paper, confirm, all at once."""

    def read(lines: int) -> int:
        paid = [held(shop.order(Sells(1, "1100.00"), method="BANK_TRANSFER")) for _ in range(lines)]
        rows = [
            {
                "line_key": order.number,
                "amount": "1100.00",
                "reference": shop.transfer_payment(order).reference,
            }
            for order in paid
        ]
        count = statements(lambda: shop.statement(*rows))
        assert {order.status for order in Order.objects.filter(pk__in=[one.pk for one in paid])} == {"PLACED"}
        return count

    read(1)  # the first entry of a month makes the month
    one, twenty = read(1), read(20)

    # Companies, orders, transfers, lines, what is known, claims, order lines, entries, receipts, captures, orders, events, places.
    assert (one, twenty) == (13, 13)


def test_unidentified_lines_share_their_entries(shop: Shop) -> None:
    def read(lines: int) -> int:
        rows = [
            {
                "line_key": f"{lines}-{number}",
                "amount": "5.00",
                "reference": finance.reference_of(f"ORD-2019-{lines:03}{number:03}"),
            }
            for number in range(lines)
        ]
        return statements(lambda: shop.statement(*rows))

    read(2)  # the first entry of a month makes the month
    one, eleven = read(1), read(11)

    # Each opens a case of its own: asked for, written, told.
    assert (one, eleven) == (5 + 3, 5 + 11 * 3)
