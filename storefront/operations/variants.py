"""Variants, the sellable units: changed one by one, or put whole by an integrator."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from retail.kernel.context import acting
from retail.kernel.identifiers import parse_barcode
from retail.kernel.models import User
from retail.kernel.outbox import announce
from storefront.events import VariantChanged
from storefront.models import Category, DigitalFile, KitComponent, Product, Variant
from storefront.operations.prices import set_price
from storefront.operations.products import (
    ProductDraft,
    archive_product,
    create_product,
    move_product,
    place_in_categories,
    publish_product,
    refresh_search,
    update_product,
)
from storefront.operations.refusals import (
    FileMissing,
    InvalidBarcode,
    InvalidSku,
    KitInKit,
    MissingTitle,
    UnknownCategory,
    UnknownVariant,
)
from storefront.states import ProductKind, ProductStatus

SKU = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,39}")
SIZES = ("weight_grams", "length_mm", "width_mm", "height_mm")
EDITABLE = frozenset(["barcode", "format_name", "options", "tax_class", "is_sellable", "position", *SIZES])
_PRODUCT_FIELDS = ("title", "subtitle", "description", "language", "brand", "released_on", "kind")


@dataclass(frozen=True, slots=True)
class VariantData:
    """A variant with its product as an integrator writes it; what is None is left as it is."""

    title: str | None = None
    slug: str | None = None
    subtitle: str | None = None
    description: str | None = None
    language: str | None = None
    brand: str | None = None
    kind: str | None = None
    released_on: date | None = None
    authors: tuple[str, ...] | None = None
    category_paths: tuple[str, ...] | None = None
    barcode: str | None = None
    format_name: str | None = None
    tax_class: str | None = None
    weight_grams: int | None = None
    length_mm: int | None = None
    width_mm: int | None = None
    height_mm: int | None = None
    is_sellable: bool | None = None
    is_published: bool | None = None
    price: Decimal | None = None
    price_list_id: int | None = None


@transaction.atomic
def put_variant(
    *, sku: str, data: VariantData, by: User | None, now: datetime, seen_at: datetime | None = None
) -> tuple[Variant, bool]:
    """Create or change a variant with its product, price and places, whole or not at all. True: it is new.

    A new one needs a title. Refuses InvalidSku, MissingTitle, InvalidBarcode, InvalidPrice, UnknownCategory, StaleVersion,
    InvalidSlug, SlugTaken.
    """
    if not SKU.fullmatch(sku):
        raise InvalidSku(_("A SKU has letters, digits and . _ / - only, 40 at most."), sku=sku)
    variant = Variant.objects.select_related("product").filter(sku=sku).first()
    is_new = variant is None
    if variant is None:
        variant = _create(sku, data, by, now)
    else:
        changes = {name: value for name in _PRODUCT_FIELDS if (value := getattr(data, name)) is not None}
        update_product(
            product_id=variant.product_id,
            changes=changes,
            by=by,
            now=now,
            seen_at=seen_at,
            authors=data.authors,
        )
    if data.slug is not None:
        move_product(product_id=variant.product_id, slug=data.slug, by=by, now=now)
    changes = {name: value for name in EDITABLE if (value := getattr(data, name, None)) is not None}
    update_variant(variant_id=variant.pk, changes=changes, by=by, now=now)
    if data.category_paths is not None:
        ids = _category_ids(data.category_paths)
        place_in_categories(product_id=variant.product_id, category_ids=ids, by=by, now=now)
    if data.price is not None:
        assert data.price_list_id is not None, "the caller names the list of a price"
        set_price(variant_id=variant.pk, price_list_id=data.price_list_id, amount=data.price, by=by, now=now)
    _set_published(variant.product_id, data.is_published, by, now)
    return Variant.objects.select_related("product").get(pk=variant.pk), is_new


@transaction.atomic
def update_variant(*, variant_id: int, changes: Mapping[str, Any], by: User | None, now: datetime) -> Variant:
    """Change named fields (EDITABLE). A measured size is no longer an estimate. Refuses UnknownVariant, InvalidBarcode, FileMissing."""
    assert set(changes) <= EDITABLE, f"not editable: {set(changes) - EDITABLE}"
    variant = Variant.objects.select_for_update(of=("self",)).filter(pk=variant_id).first()
    if variant is None:
        raise UnknownVariant(_("There is no such variant."), variant=variant_id)
    wanted = dict(changes)
    if wanted.get("barcode"):
        wanted["barcode"] = _barcode(wanted["barcode"])
    if wanted.keys() & set(SIZES):
        wanted["is_estimated_size"] = False
    if wanted.get("is_sellable") and variant.is_digital and not DigitalFile.objects.filter(variant=variant):
        raise FileMissing(_("An electronic edition is sold when there is a file to send."), sku=variant.sku)
    changed = {name for name, value in wanted.items() if getattr(variant, name) != value}
    if not changed:
        return variant
    with acting(by=by):
        for name in changed:
            setattr(variant, name, wanted[name])
        variant.save(update_fields=[*sorted(changed), "updated_at"])
        if "barcode" in changed:
            refresh_search(variant.product_id)
        announce(VariantChanged(variant.pk, variant.sku), subject=("variant", variant.sku))
    return variant


@transaction.atomic
def set_kit(
    *, variant_id: int, components: Sequence[tuple[int, int]], by: User | None, now: datetime
) -> Variant:
    """Make a variant a kit of these (variant, quantity), or a plain variant again with none. Refuses UnknownVariant, KitInKit."""
    variant = Variant.objects.select_for_update(of=("self",)).filter(pk=variant_id).first()
    found = Variant.objects.in_bulk([each for each, _quantity in components])
    if variant is None or len(found) != len(components):
        raise UnknownVariant(_("There is no such variant."))
    is_part = KitComponent.objects.filter(component_id=variant_id).exists()
    if (
        variant_id in found
        or any(each.is_kit or each.is_digital for each in found.values())
        or variant.is_digital
        or (components and is_part)
    ):
        raise KitInKit(_("A kit is made of plain variants."), sku=variant.sku)
    with acting(by=by):
        KitComponent.objects.filter(kit=variant).delete()
        KitComponent.objects.bulk_create(
            KitComponent(kit=variant, component_id=component_id, quantity=quantity)
            for component_id, quantity in components
        )
        variant.is_kit = bool(components)
        variant.save(update_fields=["is_kit", "updated_at"])
        announce(VariantChanged(variant.pk, variant.sku), subject=("variant", variant.sku))
    return variant


def _create(sku: str, data: VariantData, by: User | None, now: datetime) -> Variant:
    if not (data.title or "").strip():
        raise MissingTitle(_("A product has a title."))
    product = create_product(
        draft=ProductDraft(
            title=data.title or "",
            slug=data.slug or "",
            kind=data.kind or ProductKind.OTHER,
            subtitle=data.subtitle or "",
            description=data.description or "",
            language=data.language or "",
            brand=data.brand or "",
            authors=data.authors or (),
            released_on=data.released_on,
        ),
        by=by,
        now=now,
    )
    with acting(by=by):
        variant = Variant.objects.create(product=product, sku=sku, is_estimated_size=True)
        refresh_search(product.pk)
    return variant


def _set_published(product_id: int, is_published: bool | None, by: User | None, now: datetime) -> None:
    if is_published:
        publish_product(product_id=product_id, by=by, now=now)
    elif is_published is False:
        status = Product.objects.values_list("status", flat=True).get(pk=product_id)
        if status == ProductStatus.PUBLISHED:
            archive_product(product_id=product_id, by=by, now=now)


def _category_ids(paths: Sequence[str]) -> list[int]:
    ids = dict(Category.objects.filter(path__in=paths).values_list("path", "id"))
    if missing := [path for path in paths if path not in ids]:
        raise UnknownCategory(_("There is no such category."), categories=missing)
    return [ids[path] for path in paths]


def _barcode(text: str) -> str:
    code = parse_barcode(text)
    if code is None:
        raise InvalidBarcode(_("The check digit of this barcode does not fit."), barcode=text)
    return code
