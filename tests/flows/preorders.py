"""Purchase orders under way and orders that are placed ahead of them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from oms.models import Order
from oms.workflows import baskets, placing
from retail.kernel.models import Location
from storefront.models import Variant
from tests.flows.chain import NOW, Chain
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import PurchaseOrder, PurchaseOrderLine, Receipt, SupplyClaim

# A Thursday, eight days ahead; put away on Friday, at the door on Saturday.
COMES, AT_THE_DOOR = date(2026, 12, 10), date(2026, 12, 12)


def bought(
    chain: Chain, *wanted: tuple[Variant, int], on: date | None = COMES, now: datetime = NOW
) -> PurchaseOrder:
    supplier, _ = Location.objects.get_or_create(
        code="SUP-1", defaults={"name": "Izdavač", "kind": "SUPPLIER", "entity": chain.entity}
    )
    return stock.create_purchase_order(
        supplier_id=supplier.pk,
        location_id=chain.warehouse.pk,
        lines=[stock.OrderedLine(variant.pk, units, Decimal(400)) for variant, units in wanted],
        expected_on=on,
        by=chain.dragan,
        now=now,
    )


def came(
    purchase: PurchaseOrder,
    chain: Chain,
    variant: Variant,
    good: int,
    damaged: int = 0,
    *,
    now: datetime = NOW,
    is_complete: bool = False,
) -> Receipt:
    return goods.receive_goods(
        purchase_order_id=purchase.pk,
        lines=[stock.ReceivedLine(variant.pk, good, damaged)],
        by=chain.bojan,
        now=now,
        is_complete=is_complete,
    )


def ahead(chain: Chain, variant: Variant, units: int = 1, *, now: datetime = NOW, **changes: Any) -> Order:
    basket = chain.basket(now=now)
    baskets.add_line(token=basket.token, sku=variant.sku, quantity=units, now=now, is_preorder=True)
    return placing.place_order(checkout=chain.checkout(basket, **changes), by=None, now=now).order


def claims(variant: Variant) -> list[tuple[int, str]]:
    rows = SupplyClaim.objects.filter(purchase_order_line__variant=variant).order_by("pk")
    return list(rows.values_list("quantity", "state"))


def claimed(variant: Variant) -> int:
    return sum(PurchaseOrderLine.objects.filter(variant=variant).values_list("quantity_claimed", flat=True))
