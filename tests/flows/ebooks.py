"""Electronic editions for tests: a variant with its file, an order that is paid, its link."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from finance.workflows.digital import deliver_digital
from oms.models import DownloadGrant, Order
from oms.workflows.electronic import upload_file
from retail.sample.epub import make_epub
from storefront.models import Variant
from tests.flows.chain import NOW, Chain
from tests.flows.gift_cards import pay


def make_ebook(chain: Chain, *, price: str = "699.00", now: datetime = NOW) -> Variant:
    variant = chain.variant(price=price, stock=0)
    content = make_epub(name=variant.sku, title=variant.product.title)
    upload_file(sku=variant.sku, content=content, by=None, now=now)
    variant.refresh_from_db()
    return variant


def order_ebook(chain: Chain, *wanted: Variant, now: datetime = NOW, **changes: Any) -> Order:
    """Only files: no address, no parcel, paid by transfer."""
    usual: dict[str, Any] = {
        "delivery_method": "DIGITAL",
        "payment_method": "BANK_TRANSFER",
        "street": "",
        "city": "",
        "postal_code": "",
        "phone": "",
        "has_withdrawal_consent": True,
    }
    return chain.place(*((each, 1) for each in wanted), now=now, **{**usual, **changes})


def paid_ebook(
    chain: Chain, *wanted: Variant, now: datetime = NOW, **changes: Any
) -> tuple[Order, DownloadGrant]:
    order = pay(order_ebook(chain, *wanted, now=now, **changes), now=now)
    assert deliver_digital(order_id=order.pk, now=now) == "DELIVERED"
    order.refresh_from_db()
    return order, DownloadGrant.objects.filter(line__order=order).order_by("pk")[0]
