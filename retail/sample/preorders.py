"""Titles that are announced and not printed yet: none on a shelf, a delivery under way with its day, so that they are ordered ahead."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from retail.kernel.clock import business_date
from retail.kernel.models import Location, User
from storefront import operations as verbs
from storefront.models import Category, PriceList, Product, Variant
from warehouse import operations as goods
from warehouse.models import PurchaseOrder

NUMBER = "PO-NAJAVA"
SUPPLIER, WAREHOUSE = "SUP-1", "WH-1"


class _Announced(NamedTuple):
    sku: str
    title: str
    author: str
    price: int
    days: int
    units: int


TITLES = (
    _Announced("9788699998013", "Pisma sa donje obale", "Danica Relić", 1290, 12, 40),
    _Announced("9788699998020", "Kuća na Vračaru", "Gavrilo Stamenov", 1490, 19, 30),
    _Announced("9788699998037", "Zima u Kotoru", "Ljubica Perović", 1190, 26, 25),
    _Announced("9788699998044", "Mali atlas vetrova", "Ognjen Dragaš", 1690, 40, 15),
)


def exist() -> bool:
    return PurchaseOrder.objects.filter(number__startswith=NUMBER).exists()


def make(*, by: User, now: datetime) -> None:
    read_most = Product.objects.filter(kind="BOOK", status="PUBLISHED").order_by("-popularity", "pk")[0]
    branch = Category.objects.filter(path="romani").first() or read_most.main_category
    places = dict(Location.objects.filter(code__in=(SUPPLIER, WAREHOUSE)).values_list("code", "pk"))
    prices = PriceList.objects.get()
    for place, each in enumerate(TITLES, start=1):
        comes = business_date(now) + timedelta(days=each.days)
        variant, _ = verbs.put_variant(
            sku=each.sku,
            data=verbs.VariantData(
                title=each.title,
                barcode=each.sku,
                description="Najavljeni naslov. Poručite ga unapred: šaljemo ga čim stigne u magacin.",
                kind="BOOK",
                language="sr",
                brand="Prelist",
                authors=(each.author,),
                category_paths=(branch.path,) if branch else (),
                format_name="Tvrd povez",
                weight_grams=420,
                released_on=comes,
                price=Decimal(each.price),
                price_list_id=prices.pk,
                is_published=True,
            ),
            by=by,
            now=now,
        )
        goods.create_purchase_order(
            number=f"{NUMBER}-{place}",
            supplier_id=places[SUPPLIER],
            location_id=places[WAREHOUSE],
            lines=[goods.OrderedLine(variant.pk, each.units, Decimal(each.price) / 2)],
            expected_on=comes,
            by=by,
            now=now,
        )
    # Made on the owner's first day, like everything else.
    skus = [each.sku for each in TITLES]
    Variant.objects.filter(sku__in=skus).update(updated_at=now)
    Product.objects.filter(variants__sku__in=skus).update(updated_at=now)
