"""Products and variants: what a page shows, what may be sold, what a scanner read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Q, QuerySet

from retail.kernel.identifiers import parse_barcode
from retail.kernel.rows import Question
from retail.kernel.script import to_latin
from storefront.models import Category, Contribution, Product, Variant
from storefront.selectors.availability import availability_condition
from storefront.selectors.prices import PriceCandidate, price_candidates
from storefront.selectors.tree import Node, node_of
from storefront.states import ProductStatus

_SELLABLE = Question(lambda sku: _sellable().filter(sku=sku), "?sku")
_PUBLISHED = Question(lambda slug: Product.objects.filter(slug=slug, status=ProductStatus.PUBLISHED), "?slug")
_VARIANTS = Question(lambda product_id: Variant.objects.filter(product_id=product_id, is_sellable=True), -1)
_CREDITS = Question(
    lambda product_id: (
        Contribution.objects.filter(product_id=product_id).order_by("position").select_related("contributor")
    ),
    -1,
)
_BRANCHES = Question(
    lambda product_id: Category.objects.filter(products=product_id).order_by("depth", "path"), -1
)


@dataclass(frozen=True, slots=True)
class Credit:
    name: str
    slug: str
    role: str


@dataclass(frozen=True, slots=True)
class VariantOffer:
    """A variant with its price list entries; `amount` is the price of one unit before discounts, None: not sold."""

    variant: Variant
    amount: Decimal | None
    candidates: tuple[PriceCandidate, ...]


@dataclass(frozen=True, slots=True)
class ProductPage:
    product: Product
    variants: tuple[VariantOffer, ...]
    contributors: tuple[Credit, ...]
    crumbs: tuple[Node, ...]
    categories: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A product in a list. The variant is its cheapest sellable one; `price` is None when nothing of it has a price.

    `is_available` is None while nobody has registered what is available.
    """

    product_id: int
    variant_id: int
    sku: str
    barcode: str
    slug: str
    title: str
    subtitle: str
    brand: str
    kind: str
    authors: tuple[str, ...]
    rating: Decimal | None
    rating_count: int
    released_on: date | None
    format_name: str
    tax_class: str
    price: Decimal | None
    price_is_from: bool
    is_available: bool | None


def sellable_variant(sku: str) -> Variant | None:
    """The variant with its product, if it may be sold at all; whether it has a price says `price_candidates`."""
    return _SELLABLE.first(sku.strip())


def sellable_variants(skus: Iterable[str]) -> dict[str, Variant]:
    return {variant.sku: variant for variant in _sellable().filter(sku__in=list(skus))}


def variants_by_id(variant_ids: Iterable[int]) -> dict[int, Variant]:
    return Variant.objects.select_related("product").in_bulk(list(variant_ids))


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


def product_page(slug: str, price_list_id: int, now: datetime) -> ProductPage | None:
    """Everything about one published product that the catalog knows; the same few statements for any number of variants."""
    product = _PUBLISHED.first(slug)
    if product is None:
        return None
    variants = _VARIANTS.rows(product.pk)
    candidates = price_candidates([variant.pk for variant in variants], price_list_id, now)
    offers = tuple(_offer(variant, candidates.get(variant.pk, ())) for variant in variants)
    credits = _CREDITS.rows(product.pk)
    nodes = {category.pk: node_of(category) for category in _BRANCHES.rows(product.pk)}
    return ProductPage(
        product=product,
        variants=offers,
        contributors=tuple(
            Credit(each.contributor.name, each.contributor.slug, each.role) for each in credits
        ),
        crumbs=_crumbs(nodes, product.main_category_id),
        categories=tuple(nodes.values()),
    )


def related_products(product_id: int, price_list_id: int, now: datetime, limit: int = 6) -> tuple[Card, ...]:
    """Others by the same authors first, then the most read of the same branch."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id FROM (
                   (SELECT p.id, 0 tier, p.popularity FROM storefront_contribution mine
                      JOIN storefront_contribution other USING (contributor_id) JOIN storefront_product p ON p.id = other.product_id
                     WHERE mine.product_id = %(id)s AND p.id <> %(id)s AND p.status = 'PUBLISHED'
                     ORDER BY p.popularity DESC, p.id LIMIT %(limit)s)
                   UNION ALL
                   (SELECT p.id, 1, p.popularity FROM storefront_product p
                     WHERE p.main_category_id = (SELECT main_category_id FROM storefront_product WHERE id = %(id)s)
                       AND p.id <> %(id)s AND p.status = 'PUBLISHED'
                     ORDER BY p.popularity DESC, p.id LIMIT %(limit)s)) near
                GROUP BY id ORDER BY min(tier), max(popularity) DESC, id LIMIT %(limit)s""",
            {"id": product_id, "limit": limit},
        )
        ids = [row[0] for row in cursor.fetchall()]
    return cards(ids, price_list_id, now)


def cards(product_ids: Sequence[int], price_list_id: int, now: datetime) -> tuple[Card, ...]:
    """Cards of these products in this order, in one statement."""
    if not product_ids:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT p.id, v.id, v.sku, v.barcode, p.slug, p.title, p.subtitle, p.brand, p.kind,
                       ARRAY(SELECT k.name FROM storefront_contribution c JOIN storefront_contributor k ON k.id = c.contributor_id
                              WHERE c.product_id = p.id AND c.role = 'AUTHOR' ORDER BY c.position),
                       p.rating, p.rating_count, p.released_on, v.format_name, v.tax_class, v.amount, v.others > 0, {availability_condition("v.id")}
                  FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY wanted(id, place)
                  JOIN storefront_product p ON p.id = wanted.id
                  CROSS JOIN LATERAL (
                       SELECT each.*, o.amount, count(*) FILTER (WHERE o.amount IS NOT NULL) OVER () - 1 others
                         FROM storefront_variant each
                         LEFT JOIN LATERAL (
                              SELECT min(amount) amount FROM storefront_price
                               WHERE variant_id = each.id AND price_list_id = %(list)s AND minimum_quantity = 1
                                 AND valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s)) o ON true
                        WHERE each.product_id = p.id AND each.is_sellable
                        ORDER BY o.amount NULLS LAST, each.position, each.id LIMIT 1) v
                 ORDER BY wanted.place""",  # noqa: S608 - the fragment is registered by our own code
            {"ids": list(product_ids), "list": price_list_id, "now": now},
        )
        return tuple(Card(*[*row[:9], tuple(row[9]), *row[10:]]) for row in cursor.fetchall())


def _sellable() -> QuerySet[Variant]:
    return Variant.objects.select_related("product").filter(
        is_sellable=True, product__status=ProductStatus.PUBLISHED
    )


def _offer(variant: Variant, candidates: tuple[PriceCandidate, ...]) -> VariantOffer:
    amount = next((each.amount for each in candidates if each.minimum_quantity == 1), None)
    return VariantOffer(variant, amount, candidates)


def _crumbs(nodes: dict[int, Node], main_category_id: int | None) -> tuple[Node, ...]:
    """The way to the main category; its ancestors are placements too."""
    leaf = nodes.get(main_category_id or 0)
    if leaf is None:
        return ()
    above = {"/".join(leaf.path.split("/")[: depth + 1]) for depth in range(leaf.depth + 1)}
    return tuple(node for node in nodes.values() if node.path in above)
