"""Orders that are with their buyers, to be exchanged."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from finance import workflows as money
from finance.models import Payment
from oms.models import Order, Return
from oms.workflows import exchanges, returns
from storefront.models import Variant
from tests.flows.chain import NOW, Chain
from tests.flows.test_lifecycle import send
from warehouse import workflows as goods

PAYER = "160-0000000012345-95"


def credited(order: Order, amount: Decimal, *, now: datetime = NOW) -> None:
    """The buyer's transfer is on the statement."""
    payment = Payment.objects.filter(order=order, method="BANK_TRANSFER").latest("attempt")
    heads = "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose"
    row = f"{payment.public_id},2026-12-02,{amount},RSD,{payment.reference},Ana,{PAYER},"
    report = money.import_bank_statement(
        account="265-1660310005042-68", text=f"{heads}\n{row}\n", by=None, now=now
    )
    assert report is not None
    order.refresh_from_db()


def bought(chain: Chain, *wanted: tuple[Variant, int], now: datetime = NOW, **changes: Any) -> Order:
    """Paid by transfer, sent and delivered."""
    order = chain.place(*wanted, now=now, payment_method="BANK_TRANSFER", **changes)
    credited(order, order.total, now=now)
    for shipment in send(chain, order):
        if shipment.status == "DISPATCHED":
            goods.deliver(shipment_id=shipment.pk, by=None, now=now)
    order.refresh_from_db()
    return order


def swap(
    back: Variant, instead: Variant, *, units: int = 1, method: str = "", **more: Any
) -> exchanges.Wanted:
    usual: dict[str, Any] = {"buyer_id_kind": "20", "buyer_id": "012345678"}
    return exchanges.Wanted(
        back=[returns.Asked(back.sku, units, "OTHER")],
        instead=[(instead.sku, units)],
        payment_method=method,
        **{**usual, **more},
    )


def agreed(order: Order, wanted: exchanges.Wanted, *, now: datetime = NOW, **more: Any) -> exchanges.Agreed:
    return exchanges.exchange(order_id=order.pk, wanted=wanted, by=None, now=now, **more)


def arrives(chain: Chain, returned: Return, *, now: datetime = NOW) -> Return:
    """Everything of a return is here, fit for the shelf."""
    rows = returned.lines.select_related("order_line")
    return returns.receive_return(
        number=returned.number,
        location_code="S-001",
        lines=[returns.Arrived(row.order_line.sku, row.quantity, "RESTOCK") for row in rows],
        by=chain.bojan,
        now=now,
    )
