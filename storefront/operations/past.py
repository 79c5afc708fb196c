"""Articles that were sold once, so that past orders have something to point to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from retail.kernel.fold import sort_key
from storefront.models import Product, Variant
from storefront.rules import search_texts, slug_of
from storefront.states import ProductKind


def add_past_articles(
    *, titles: Mapping[str, str], reference_prefix: str, tax_class: str, now: datetime
) -> dict[str, int]:
    """Ids of the variants with these SKUs; unknown ones become drafts that nobody can buy. `titles` is SKU → what it is called."""
    ids = dict(Variant.objects.filter(sku__in=titles).values_list("sku", "id"))
    missing = sorted(set(titles) - set(ids))
    products = Product.objects.bulk_create(
        _product(titles[sku], sku, f"{reference_prefix}{sku}", now) for sku in missing
    )
    variants = Variant.objects.bulk_create(
        Variant(product=product, sku=sku, tax_class=tax_class, is_sellable=False)
        for sku, product in zip(missing, products, strict=True)
    )
    return ids | {variant.sku: variant.pk for variant in variants}


def _product(title: str, sku: str, reference: str, now: datetime) -> Product:
    # SKUs that differ only in their signs would share a readable address.
    mark = hashlib.sha256(reference.encode()).hexdigest()[:10]
    return Product(
        slug=f"{slug_of(title)}-{mark}",
        kind=ProductKind.OTHER,
        title=title,
        external_ref=reference,
        search_text=search_texts(title=title, codes=[sku]).text,
        sort_title=sort_key(title)[:400],
        created_at=now,
    )
