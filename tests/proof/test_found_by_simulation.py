"""What simulated days have found: each mistake once more, by itself."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from finance.models import JournalLine
from oms.models import Order
from oms.workflows import returns
from tests.flows.chain import Chain
from tests.proof.guards import broken
from tests.proof.story import Teller
from warehouse import workflows as goods

pytestmark = pytest.mark.django_db(transaction=True)


def cost(order: Order, account: str) -> Decimal:
    lines = JournalLine.objects.filter(entry__order_number=order.number, account__code=account)
    return sum((line.debit - line.credit for line in lines), Decimal("0.00"))


def test_lost_parcel_loses_only_what_nobody_brought_back(chain: Chain) -> None:
    """Two of three units were brought to a store; then the carrier says that it lost the parcel."""
    now = timezone.now()
    teller = Teller(chain, now)
    book = chain.variant(price="1100.00", stock=10)
    order = teller.place("lost", (book, 3))
    shipment = teller.send(order)
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(book.sku, 2, "DAMAGED")],
        by=None,
        now=now,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    arrived = [returns.Arrived(book.sku, 2, "RESTOCK")]
    returns.receive_return(number=asked.number, location_code="S-001", lines=arrived, by=chain.bojan, now=now)
    assert (cost(order, "501"), cost(order, "577")) == (Decimal("400.00"), Decimal("0.00"))

    goods.fail_delivery(shipment_id=shipment.pk, reason="LOST", by=None, now=now)

    assert (cost(order, "501"), cost(order, "577")) == (Decimal("0.00"), Decimal("400.00"))
    assert order.lines.get(kind="GOODS").quantity_returned == 3
    assert broken() == {}
