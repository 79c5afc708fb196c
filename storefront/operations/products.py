"""Products: written, placed, published, taken off the shelf."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from retail.kernel.context import acting
from retail.kernel.errors import StaleVersion
from retail.kernel.fold import sort_key
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move
from storefront.events import ProductArchived, ProductChanged, ProductCreated, ProductPublished
from storefront.models import Category, Contribution, Contributor, Product, ProductAddress, Variant
from storefront.operations.refusals import (
    InvalidSlug,
    MissingTitle,
    NothingToSell,
    SlugTaken,
    UnknownCategory,
    UnknownProduct,
)
from storefront.rules import search_texts, slug_of, sort_name, words_of
from storefront.states import PRODUCT_MOVES, ContributorRole, ProductKind, ProductStatus

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,198}[a-z0-9])?")
# What `update_product` may change; for the address there is `move_product`, since links to it are out in the world.
EDITABLE = frozenset(
    [
        "title",
        "subtitle",
        "description",
        "language",
        "brand",
        "attributes",
        "released_on",
        "kind",
        "rating",
        "rating_count",
    ]
)


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """A product to be; it starts as a draft that no shopper sees."""

    title: str
    kind: str = ProductKind.OTHER
    slug: str = ""
    subtitle: str = ""
    description: str = ""
    language: str = ""
    brand: str = ""
    authors: tuple[str, ...] = ()
    category_ids: tuple[int, ...] = ()
    main_category_id: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    released_on: date | None = None
    external_ref: str = ""
    rating: Decimal | None = None


@transaction.atomic
def create_product(*, draft: ProductDraft, by: User | None, now: datetime) -> Product:
    """Refuses MissingTitle, InvalidSlug and SlugTaken (when a slug was asked for), UnknownCategory."""
    title = draft.title.strip()
    if not title:
        raise MissingTitle(_("A product has a title."))
    with acting(by=by):
        product = Product.objects.create(
            slug=_free_slug(draft),
            kind=draft.kind,
            title=title,
            subtitle=draft.subtitle,
            description=draft.description,
            language=draft.language,
            brand=draft.brand,
            attributes=dict(draft.attributes),
            released_on=draft.released_on,
            external_ref=draft.external_ref,
            rating=draft.rating,
            sort_title=sort_key(title)[:400],
            created_at=now,
        )
        if draft.authors:
            credit_authors(product, draft.authors)
        if draft.category_ids:
            _place(product, draft.category_ids, draft.main_category_id)
        refresh_search(product.pk)
        announce(ProductCreated(product.pk, product.slug), subject=("product", product.slug))
    return product


@transaction.atomic
def update_product(
    *,
    product_id: int,
    changes: Mapping[str, Any],
    by: User | None,
    now: datetime,
    seen_at: datetime | None = None,
    authors: Iterable[str] | None = None,
) -> Product:
    """Change named fields (EDITABLE) and, when given, the authors. `seen_at` is the `updated_at` that the editor saw.

    Refuses UnknownProduct, StaleVersion, MissingTitle.
    """
    assert set(changes) <= EDITABLE, f"not editable: {set(changes) - EDITABLE}"
    product = lock_product(product_id)
    if seen_at is not None and product.updated_at != seen_at:
        raise StaleVersion(_("The product was changed by somebody else."), slug=product.slug)
    changed = {name for name, value in changes.items() if getattr(product, name) != value}
    if "title" in changed and not str(changes["title"]).strip():
        raise MissingTitle(_("A product has a title."))
    with acting(by=by):
        has_new_authors = authors is not None and credit_authors(product, authors)
        if not changed and not has_new_authors:
            return product
        for name in changed:
            setattr(product, name, changes[name])
        if "title" in changed:
            product.sort_title = sort_key(product.title)[:400]
            changed.add("sort_title")
        product.save(update_fields=[*sorted(changed), "updated_at"])
        refresh_search(product.pk)
        announce(ProductChanged(product.pk, product.slug), subject=("product", product.slug))
    return product


@transaction.atomic
def publish_product(*, product_id: int, by: User | None, now: datetime) -> Product:
    """Shoppers see it from now on. Refuses UnknownProduct, IllegalMove, NothingToSell."""
    product = lock_product(product_id)
    if product.status == ProductStatus.PUBLISHED:
        return product
    check_move(PRODUCT_MOVES, product.status, ProductStatus.PUBLISHED, what=product.title)
    if not Variant.objects.filter(product=product, is_sellable=True).exists():
        raise NothingToSell(_("There is nothing to sell of this product yet."), slug=product.slug)
    with acting(by=by):
        product.status = ProductStatus.PUBLISHED
        product.published_at = product.published_at or now
        product.save(update_fields=["status", "published_at", "updated_at"])
        announce(ProductPublished(product.pk, product.slug), subject=("product", product.slug))
    return product


@transaction.atomic
def archive_product(*, product_id: int, by: User | None, now: datetime) -> Product:
    """Off the shelf; orders keep it. Refuses UnknownProduct, IllegalMove."""
    product = lock_product(product_id)
    if product.status == ProductStatus.ARCHIVED:
        return product
    check_move(PRODUCT_MOVES, product.status, ProductStatus.ARCHIVED, what=product.title)
    with acting(by=by):
        product.status = ProductStatus.ARCHIVED
        product.save(update_fields=["status", "updated_at"])
        announce(ProductArchived(product.pk, product.slug), subject=("product", product.slug))
    return product


@transaction.atomic
def place_in_categories(
    *,
    product_id: int,
    category_ids: Iterable[int],
    by: User | None,
    now: datetime,
    main_category_id: int | None = None,
) -> Product:
    """Exactly these branches, their ancestors included. The main one (default: the first) gives the crumbs.

    Refuses UnknownProduct, UnknownCategory.
    """
    product = lock_product(product_id)
    with acting(by=by):
        if _place(product, tuple(category_ids), main_category_id):
            Product.objects.filter(pk=product.pk).update(updated_at=now)
            announce(ProductChanged(product.pk, product.slug), subject=("product", product.slug))
    product.refresh_from_db()
    return product


@transaction.atomic
def rate_product(*, product_id: int, rating: Decimal | None, count: int) -> None:
    """What buyers think of it, as the room that keeps their reviews says it. The caller has locked the product."""
    Product.objects.filter(pk=product_id).update(
        rating=rating, rating_count=count, is_rated_by_buyers=count > 0
    )


@transaction.atomic
def move_product(*, product_id: int, slug: str, by: User | None, now: datetime) -> Product:
    """Another address; those it had before keep leading here. Refuses UnknownProduct, InvalidSlug, SlugTaken."""
    check_slug(slug)
    product = lock_product(product_id)
    if product.slug == slug:
        return product
    if not is_free_slug(slug, product_id=product_id):
        raise SlugTaken(_("Another product has this address."), slug=slug)
    with acting(by=by):
        ProductAddress.objects.filter(slug=slug, product=product).delete()
        ProductAddress.objects.create(slug=product.slug, product=product, left_at=now)
        product.slug = slug
        product.save(update_fields=["slug", "updated_at"])
        announce(ProductChanged(product.pk, product.slug), subject=("product", product.slug))
    return product


def check_slug(slug: str) -> None:
    if not _SLUG.fullmatch(slug):
        raise InvalidSlug(
            _("An address has small letters a to z, digits and hyphens, 200 at most."), slug=slug
        )


def is_free_slug(slug: str, *, product_id: int = 0) -> bool:
    """Whether this product (or a new one) may have the address: no other has it or had it."""
    others = Product.objects.filter(slug=slug).exclude(pk=product_id)
    past = ProductAddress.objects.filter(slug=slug).exclude(product_id=product_id)
    return not others.exists() and not past.exists()


def lock_product(product_id: int) -> Product:
    product = Product.objects.select_for_update(of=("self",)).filter(pk=product_id).first()
    if product is None:
        raise UnknownProduct(_("There is no such product."), product=product_id)
    return product


def credit_authors(product: Product, names: Iterable[str]) -> bool:
    """The authors in this order; says whether anything changed. Two spellings of one name are one person."""
    wanted = {words_of(name).replace(" ", "-")[:160]: name.strip()[:200] for name in names if words_of(name)}
    known = set(Contributor.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    Contributor.objects.bulk_create(
        (
            Contributor(slug=slug, name=name, sort_name=sort_name(name))
            for slug, name in wanted.items()
            if slug not in known
        ),
        ignore_conflicts=True,
    )
    ids = dict(Contributor.objects.filter(slug__in=wanted).values_list("slug", "id"))
    after = [ids[slug] for slug in wanted]
    credits = Contribution.objects.filter(product=product, role=ContributorRole.AUTHOR)
    if list(credits.order_by("position").values_list("contributor_id", flat=True)) == after:
        return False
    credits.delete()
    Contribution.objects.bulk_create(
        Contribution(product=product, contributor_id=contributor_id, position=position)
        for position, contributor_id in enumerate(after)
    )
    return True


def refresh_search(product_id: int) -> None:
    """The folded texts that search reads, from the rows as they are now."""
    product = Product.objects.get(pk=product_id)
    credits = Contribution.objects.filter(product=product).order_by("position").select_related("contributor")
    codes = [
        code
        for pair in Variant.objects.filter(product=product).values_list("sku", "barcode")
        for code in pair
    ]
    texts = search_texts(
        title=product.title,
        people=[each.contributor.name for each in credits],
        subtitle=product.subtitle,
        brand=product.brand,
        codes=codes,
        subjects=product.attributes.get("subjects", ()),
        description=product.description,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE storefront_product SET search_text = %s, search_vector = %s::tsvector WHERE id = %s",
            [texts.text, texts.vector, product_id],
        )


def _place(product: Product, category_ids: tuple[int, ...], main_category_id: int | None) -> bool:
    chosen = Category.objects.in_bulk(category_ids)
    if missing := [each for each in category_ids if each not in chosen]:
        raise UnknownCategory(_("There is no such category."), categories=missing)
    main = main_category_id or (category_ids[0] if category_ids else None)
    if main is not None and main not in chosen:
        raise UnknownCategory(_("The main category is one of the product's."), categories=[main])
    paths = {
        "/".join(category.path.split("/")[: depth + 1])
        for category in chosen.values()
        for depth in range(category.depth + 1)
    }
    after = set(Category.objects.filter(path__in=paths).values_list("id", flat=True))
    before = set(product.categories.values_list("id", flat=True))
    if before == after and product.main_category_id == main:
        return False
    product.categories.set(after)
    Product.objects.filter(pk=product.pk).update(main_category_id=main)
    return True


def _free_slug(draft: ProductDraft) -> str:
    """The slug that was asked for, or the first free one made of title and author."""
    if draft.slug:
        check_slug(draft.slug)
        if not is_free_slug(draft.slug):
            raise SlugTaken(_("Another product has this address."), slug=draft.slug)
        return draft.slug
    base = slug_of(draft.title, draft.authors[0] if draft.authors else "")
    taken = {
        slug
        for rows in (Product.objects, ProductAddress.objects)
        for slug in rows.filter(slug__startswith=base).values_list("slug", flat=True)
    }
    return (
        base
        if base not in taken
        else next(slug for number in range(2, len(taken) + 3) if (slug := f"{base}-{number}") not in taken)
    )
