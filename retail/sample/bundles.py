"""What is cheaper together: a bundle of three titles that are read most, and a price for classes that read one of them."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from django.db.models import OuterRef, Subquery

from retail.kernel.models import User
from storefront import operations as verbs
from storefront.models import Price, PriceList, Product, Variant

SKU = "KOMPLET-1"
PARTS = 3
# Of what the parts cost one by one; and of one piece, from so many on.
BUNDLE_SHARE, CLASS_SHARE, CLASS_FROM = Decimal("0.85"), Decimal("0.90"), 10
WHOLE = Decimal(10)


def exist() -> bool:
    return Variant.objects.filter(sku=SKU).exists()


def make(*, by: User, now: datetime) -> None:
    prices = PriceList.objects.get()
    cost = Price.objects.filter(
        variant=OuterRef("pk"), price_list=prices, minimum_quantity=1, valid_to__isnull=True
    )
    parts = list(
        Variant.objects.select_related("product__main_category")
        .filter(product__kind="BOOK", product__status="PUBLISHED", is_sellable=True)
        .annotate(amount=Subquery(cost.order_by("amount").values("amount")[:1]))
        .filter(amount__isnull=False)
        .order_by("-product__popularity", "pk")[:PARTS]
    )
    bundle, _ = verbs.put_variant(
        sku=SKU,
        data=verbs.VariantData(
            title="Komplet: tri najčitanije",
            description="Tri naslova koja se u našim knjižarama najviše čitaju, zajedno i povoljnije.",
            kind="OTHER",
            category_paths=tuple(
                each.product.main_category.path for each in parts[:1] if each.product.main_category
            ),
            tax_class=parts[0].tax_class,
            weight_grams=sum(each.weight_grams for each in parts),
            price=_round(sum((each.amount for each in parts), Decimal(0)) * BUNDLE_SHARE),
            price_list_id=prices.pk,
            is_published=True,
        ),
        by=by,
        now=now,
    )
    verbs.set_kit(variant_id=bundle.pk, components=[(each.pk, 1) for each in parts], by=by, now=now)
    # Made on the owner's first day, like everything else.
    Variant.objects.filter(pk=bundle.pk).update(updated_at=now)
    Product.objects.filter(pk=bundle.product_id).update(updated_at=now)
    verbs.set_price(
        variant_id=parts[0].pk,
        price_list_id=prices.pk,
        amount=_round(parts[0].amount * CLASS_SHARE),
        minimum_quantity=CLASS_FROM,
        by=by,
        now=now,
    )


def _round(amount: Decimal) -> Decimal:
    """To whole tens, less one dinar."""
    return (amount / WHOLE).quantize(Decimal(1), ROUND_DOWN) * WHOLE - 1
