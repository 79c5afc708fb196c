"""A bundle on its page: its parts, and what it saves against buying them by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from oms import selectors as oms
from retail.front import quick
from storefront import selectors as catalog
from storefront.models import Channel, Variant


@dataclass(frozen=True, slots=True)
class Part:
    """`url` is empty for what the shop does not show by itself."""

    sku: str
    title: str
    brand: str
    quantity: int
    url: str
    total: Decimal | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """`total` is what all parts cost without the bundle; None when one of them is not sold by itself."""

    parts: tuple[Part, ...]
    total: Decimal | None
    saving: Decimal | None
    percent: int = 0


def bundle_of(
    variant: Variant, *, channel: Channel, price: Decimal | None, now: datetime, customer_id: int | None
) -> Bundle | None:
    """Two statements for a kit, none for anything else; the parts are priced as the basket would price them together."""
    rows = catalog.kit_parts(variant.pk) if variant.is_kit else []
    if not rows:
        return None
    quote = oms.quote(
        channel=channel,
        wanted=[oms.Wanted(row.component.sku, row.component, row.quantity) for row in rows],
        now=now,
        customer_id=customer_id,
    )
    totals = {line.sku: line.total for line in quote.priced.lines if line.key == line.sku}
    parts = tuple(
        Part(
            sku=row.component.sku,
            title=row.component.product.title,
            brand=row.component.product.brand,
            quantity=row.quantity,
            url=quick.here("shop:product", row.component.product.slug)
            if row.component.product.status == "PUBLISHED" and row.component.is_sellable
            else "",
            total=totals.get(row.component.sku),
        )
        for row in rows
    )
    if quote.unpriced or price is None:
        return Bundle(parts, None, None)
    total = sum(totals.values(), Decimal(0))
    saving = total - price
    if saving <= 0:
        return Bundle(parts, total, None)
    return Bundle(parts, total, saving, int((saving * 100 / total).quantize(Decimal(1))))
