"""Making a variant electronic: only what lies on no shelf and was never sold as goods becomes a file."""

from datetime import datetime

from django.db import transaction

from oms.models import OrderLine
from oms.states import LineKind
from retail.kernel.errors import Refusal
from retail.kernel.models import User
from storefront import operations as catalog
from storefront.models import DigitalFile, Variant
from warehouse.models import PurchaseOrderLine, StockItem


class SoldAsGoods(Refusal):
    """Units of it are on shelves, expected, or were sold: a file gets a SKU of its own."""

    code = "SOLD_AS_GOODS"


def upload_file(*, sku: str, content: bytes, by: User | None, now: datetime) -> DigitalFile:
    """Keep the file and sell it under this SKU. Refuses UnknownVariant, SoldAsGoods, InvalidFile."""
    with transaction.atomic():
        variant = Variant.objects.select_for_update(of=("self",)).filter(sku=sku).first()
        if variant is None:
            raise catalog.UnknownVariant("There is no such variant.", sku=sku[:40])
        if not variant.is_digital and _is_goods(variant):
            raise SoldAsGoods("Units of this SKU are or were goods. Give the file a SKU of its own.", sku=sku)
        return catalog.keep_file(variant_id=variant.pk, content=content, by=by, now=now)


def _is_goods(variant: Variant) -> bool:
    return (
        StockItem.objects.filter(variant=variant).exists()
        or PurchaseOrderLine.objects.filter(variant=variant).exists()
        or OrderLine.objects.filter(variant=variant, kind=LineKind.GOODS).exists()
    )
