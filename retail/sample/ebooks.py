"""Electronic editions of the titles that are read most: a small EPUB for each, made by code."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from django.db.models import OuterRef, Subquery

from retail.kernel.models import User
from retail.sample.epub import make_epub
from storefront import operations as verbs
from storefront.models import Price, PriceList, Product, TaxClass, Variant

TITLES = 24
FORMAT = "E-knjiga (EPUB)"
# Of what the cheapest printed edition costs.
SHARE, WHOLE = Decimal("0.60"), Decimal(10)


def exist() -> bool:
    return Variant.objects.filter(is_digital=True).exists()


def make(*, by: User, now: datetime) -> None:
    prices = PriceList.objects.get()
    cost = Price.objects.filter(
        variant__product=OuterRef("pk"), price_list=prices, minimum_quantity=1, valid_to__isnull=True
    )
    titles = list(
        Product.objects.filter(kind="BOOK", status="PUBLISHED")
        .annotate(amount=Subquery(cost.order_by("amount").values("amount")[:1]))
        .filter(amount__isnull=False)
        .order_by("-popularity", "pk")[:TITLES]
    )
    for number, product in enumerate(titles, start=1):
        variant = Variant.objects.create(
            product=product,
            sku=f"EPUB-{number:04d}",
            format_name=FORMAT,
            tax_class=TaxClass.EBOOKS,
            is_sellable=False,
            position=90,
        )
        amount = (product.amount * SHARE / WHOLE).quantize(Decimal(1), ROUND_DOWN) * WHOLE + 9
        verbs.set_price(variant_id=variant.pk, price_list_id=prices.pk, amount=amount, by=by, now=now)
        content = make_epub(name=variant.sku, title=product.title, text=product.description[:2000])
        verbs.keep_file(variant_id=variant.pk, content=content, by=by, now=now)
    # Made on the owner's first day, like everything else.
    Variant.objects.filter(is_digital=True).update(updated_at=now)
