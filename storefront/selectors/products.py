"""Products and variants: what a page shows, what may be sold, what a scanner read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q, QuerySet

from retail.kernel.identifiers import parse_barcode
from retail.kernel.rows import Question
from retail.kernel.script import to_latin
from storefront.models import Product, ProductAddress, Variant
from storefront.states import ProductStatus

_SELLABLE = Question(lambda sku: _sellable().filter(sku=sku), "?sku")


def sellable_variant(sku: str) -> Variant | None:
    """The variant with its product, if it may be sold at all; whether it has a price says `price_candidates`."""
    return _SELLABLE.first(sku.strip())


def sellable_variants(skus: Iterable[str]) -> dict[str, Variant]:
    return {variant.sku: variant for variant in _sellable().filter(sku__in=list(skus))}


def variants_by_id(variant_ids: Iterable[int]) -> dict[int, Variant]:
    return Variant.objects.select_related("product").in_bulk(list(variant_ids))


def present_slug(past: str) -> str | None:
    """Where a published product stands that had this address before."""
    return (
        ProductAddress.objects.filter(slug=past, product__status=ProductStatus.PUBLISHED)
        .values_list("product__slug", flat=True)
        .first()
    )


def variant_by_code(code: str) -> Variant | None:
    """A variant by what a scanner or a person typed: SKU or barcode, hyphens and ISBN-10 included, whatever its state."""
    typed = code.strip()
    if not typed:
        return None
    codes = {typed, typed.upper(), to_latin(typed).upper()}
    if barcode := parse_barcode(typed):
        codes.add(barcode)
    found = Variant.objects.select_related("product").filter(Q(sku__in=codes) | Q(barcode__in=codes))
    # An exact SKU wins over a barcode that several editions may share.
    return min(
        found[:8],
        key=lambda variant: (variant.sku not in codes, not variant.is_sellable, variant.pk),
        default=None,
    )


def category_paths(product_ids: Iterable[int]) -> dict[int, list[str]]:
    """Every branch a product stands in, ancestors included."""
    placed = Product.categories.through.objects.filter(product_id__in=list(product_ids))
    paths: dict[int, list[str]] = defaultdict(list)
    for product_id, path in placed.order_by("category__path").values_list("product_id", "category__path"):
        paths[product_id].append(path)
    return dict(paths)


def _sellable() -> QuerySet[Variant]:
    return Variant.objects.select_related("product").filter(
        is_sellable=True, product__status=ProductStatus.PUBLISHED
    )
