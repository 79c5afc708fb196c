"""The product page: everything that the catalog knows of one product, as a part of the page's one statement."""

# ruff: noqa: S608 - the fragments are this package's own and what a later room registered
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from retail.kernel.clock import business_date
from storefront.models import Product, Variant
from storefront.selectors.availability import availability_condition
from storefront.selectors.cards import Card, cards_of_texts, cards_sql
from storefront.selectors.offers import any_offer
from storefront.selectors.pictures import ALL_PICTURES, Picture
from storefront.selectors.prices import CHANNEL_VERSION, PriceCandidate
from storefront.selectors.together import together_sql
from storefront.selectors.tree import Node

RELATED = 6
# Fewer than this do not make a shelf of what is bought together.
TOGETHER_MIN = 3
# In the order of the models' fields; what is not read here is read when it is asked for.
_PRODUCT = (
    *("id", "slug", "kind", "title", "subtitle", "description", "language", "brand", "attributes", "status"),
    *("released_on", "rating", "rating_count", "main_category_id", "updated_at"),
)
_VARIANT = (
    *("id", "product_id", "sku", "barcode", "format_name", "tax_class", "weight_grams"),
    *("length_mm", "width_mm", "height_mm", "is_sellable", "is_kit", "is_digital", "position"),
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
    """`taxes` are the rates of the day by tax class; `related` what is bought together with it and can be had (`is_together`), or,
    where too little is known of that, others by the same authors, then of the same branch. `channel_version` is that of the channel that the question named:
    whoever keeps the channel sees whether it still holds. `has_offers`: some discount may be live for guests.
    `chosen` is the variant with the SKU that was asked for, else the cheapest; None: no such edition.
    """

    product: Product
    variants: tuple[VariantOffer, ...]
    chosen: VariantOffer | None
    contributors: tuple[Credit, ...]
    crumbs: tuple[Node, ...]
    categories: tuple[Node, ...]
    taxes: dict[str, Decimal]
    related: tuple[Card, ...]
    is_together: bool
    pictures: tuple[Picture, ...]
    channel_version: str | None
    has_offers: bool


PARAMETERS = {
    "slug": "text",
    "sku": "text",
    "list": "bigint",
    "now": "timestamptz",
    "day": "date",
    "country": "text",
    "related": "integer",
    "code": "text",
}
RETURNS = (
    *("bigint", "varchar", "varchar", "varchar", "varchar", "text", "varchar", "varchar", "json"),
    *("varchar", "date", "numeric", "integer", "bigint", "timestamptz"),
    *(
        "json",
        "json",
        "json",
        "json",
        "json",
        "text[]",
        "boolean",
        "json",
        "text",
        "boolean",
        "bigint[]",
        "bigint",
    ),
)
_BESIDE, _IS_TOGETHER = len(_PRODUCT) + 6, len(_PRODUCT) + 7
# Where those stand that a statement around this one reads on (counted from one, as the columns of a function are).
HAS_OFFERS, GOODS, CHOSEN = len(RETURNS) - 2, len(RETURNS) - 1, len(RETURNS)
# Other titles, in the order in which they are shown; then the variants of their cards.
VARIABLES = "near bigint[];"


def text() -> str:
    """The steps: they fill the columns, or end without a row."""
    product = ", ".join(f"p.{name}" for name in _PRODUCT).replace("p.attributes", "p.attributes::json")
    variant = ", ".join(f"v.{name}" for name in _VARIANT)
    main_category = f"out_{_PRODUCT.index('main_category_id') + 1}"
    first = [place for place in range(1, CHOSEN + 1) if place not in (_BESIDE, _IS_TOGETHER)]
    return f"""
    WITH shown AS MATERIALIZED (
        SELECT s.* FROM storefront_product s WHERE s.slug = %(slug)s AND s.status = 'PUBLISHED'
    ), sold AS MATERIALIZED (
        SELECT {variant} FROM storefront_variant v WHERE v.product_id = (SELECT id FROM shown) AND v.is_sellable
    ), entries AS MATERIALIZED (
        SELECT DISTINCT ON (r.variant_id, r.minimum_quantity) r.*, l.code, l.name, l.currency
          FROM storefront_price r JOIN storefront_pricelist l ON l.id = r.price_list_id
         WHERE r.price_list_id = %(list)s AND r.variant_id = ANY(ARRAY(SELECT id FROM sold))
           AND r.valid_from <= %(now)s AND (r.valid_to IS NULL OR r.valid_to > %(now)s)
         ORDER BY r.variant_id, r.minimum_quantity, r.amount, r.valid_from DESC, r.id DESC
    )
    SELECT {product},
           (SELECT json_agg(json_build_array({variant}) ORDER BY v.position, v.id) FROM sold v),
           (SELECT json_agg(json_build_array(e.id, e.variant_id, e.code, e.name, e.currency, e.amount::text, e.minimum_quantity,
                                             e.valid_from, e.valid_to) ORDER BY e.variant_id, e.minimum_quantity) FROM entries e),
           (SELECT json_agg(json_build_array(k.name, k.slug, c.role) ORDER BY c.position)
              FROM storefront_contribution c JOIN storefront_contributor k ON k.id = c.contributor_id WHERE c.product_id = p.id),
           (SELECT json_agg(json_build_array(g.id, g.path, g.slug, g.name, g.name_en, g.depth) ORDER BY g.depth, g.path)
              FROM storefront_product_categories m JOIN storefront_category g ON g.id = m.category_id WHERE m.product_id = p.id),
           (SELECT json_agg(json_build_array(t.tax_class, t.rate::text) ORDER BY t.valid_from) FROM storefront_taxrate t
             WHERE t.country = %(country)s AND t.valid_from <= %(day)s AND (t.valid_to IS NULL OR t.valid_to >= %(day)s)),
           {ALL_PICTURES}, ({CHANNEL_VERSION}), {any_offer()}, ARRAY(SELECT id FROM sold),
           (SELECT v.id FROM sold v LEFT JOIN entries e ON e.variant_id = v.id AND e.minimum_quantity = 1
             WHERE %(sku)s IN ('', v.sku) ORDER BY e.amount IS NULL, v.is_digital, e.amount, v.position, v.id LIMIT 1)
      INTO {", ".join(f"out_{place}" for place in first)}
      FROM shown p;
    IF NOT FOUND THEN RETURN; END IF;
    near := ARRAY(
        SELECT n.id FROM ({together_sql("out_1")}) n JOIN storefront_product o ON o.id = n.id AND o.status = 'PUBLISHED'
         WHERE EXISTS (SELECT 1 FROM storefront_variant e
                        WHERE e.product_id = n.id AND e.is_sellable AND {availability_condition("e.id")})
         ORDER BY n.score DESC, n.id LIMIT %(related)s);
    out_{_IS_TOGETHER} := cardinality(near) >= {TOGETHER_MIN};
    IF NOT out_{_IS_TOGETHER} THEN
        near := ARRAY(
            SELECT best.id FROM storefront_contribution mine CROSS JOIN LATERAL (
                   SELECT o.id, other.popularity FROM storefront_contribution other
                     JOIN storefront_product o ON o.id = other.product_id AND o.status = 'PUBLISHED'
                    WHERE other.contributor_id = mine.contributor_id AND other.product_id <> out_1
                    ORDER BY other.popularity DESC, other.product_id LIMIT %(related)s) best
             WHERE mine.product_id = out_1 GROUP BY best.id ORDER BY max(best.popularity) DESC, best.id LIMIT %(related)s);
        IF cardinality(near) < %(related)s THEN
            near := near || ARRAY(
                SELECT o.id FROM storefront_product o
                 WHERE o.main_category_id = {main_category} AND o.id <> out_1 AND o.id <> ALL(near) AND o.status = 'PUBLISHED'
                 ORDER BY o.popularity DESC, o.id LIMIT %(related)s - cardinality(near));
        END IF;
    END IF;
    SELECT c.* INTO out_{_BESIDE}, near FROM ({cards_sql("unnest(near) WITH ORDINALITY wanted(id, place)", as_array=True)}) c;
    out_{GOODS} := out_{GOODS} || near;"""


def values(
    slug: str, price_list_id: int, now: datetime, sku: str, country: str, related: int, channel: str
) -> dict[str, Any]:
    return {
        "slug": slug,
        "sku": sku,
        "list": price_list_id,
        "now": now,
        "day": business_date(now),
        "country": country,
        "related": related,
        "code": channel,
    }


def page_of_row(row: Sequence[Any]) -> ProductPage:
    width = len(_PRODUCT)
    variants, entries, credits, branches, taxes, near, is_together, *others = row[width:]
    pictures, version, has_offers, _, chosen = others
    product = _model(Product, _PRODUCT, row[:width])
    candidates = _candidates(entries)
    nodes = {branch[0]: Node(*branch) for branch in branches or ()}
    offers = tuple(
        _offer(_model(Variant, _VARIANT, values), candidates.get(values[0], ()), product)
        for values in variants or ()
    )
    return ProductPage(
        product=product,
        variants=offers,
        chosen=next((each for each in offers if each.variant.pk == chosen), None),
        contributors=tuple(Credit(*credit) for credit in credits or ()),
        crumbs=_crumbs(nodes, product.main_category_id),
        categories=tuple(nodes.values()),
        taxes={tax_class: Decimal(rate) for tax_class, rate in taxes or ()},
        related=cards_of_texts(near),
        is_together=is_together,
        pictures=tuple(Picture(*picture) for picture in pictures or ()),
        channel_version=version,
        has_offers=has_offers,
    )


def _model(model: type[Any], names: Sequence[str], values: Sequence[Any]) -> Any:
    return model.from_db(DEFAULT_DB_ALIAS, names, values)


def _candidates(rows: Sequence[Sequence[Any]] | None) -> dict[int, tuple[PriceCandidate, ...]]:
    found: dict[int, tuple[PriceCandidate, ...]] = {}
    for price_id, variant_id, code, name, currency, amount, quantity, since, until in rows or ():
        candidate = PriceCandidate(
            *(price_id, variant_id, code, name, currency, Decimal(amount), quantity),
            datetime.fromisoformat(since),
            datetime.fromisoformat(until) if until else None,
        )
        found[variant_id] = (*found.get(variant_id, ()), candidate)
    return found


def _offer(variant: Variant, candidates: tuple[PriceCandidate, ...], product: Product) -> VariantOffer:
    variant.product = product  # known already: a quote asks each line for its title
    amount = next((each.amount for each in candidates if each.minimum_quantity == 1), None)
    return VariantOffer(variant, amount, candidates)


def _crumbs(nodes: dict[int, Node], main_category_id: int | None) -> tuple[Node, ...]:
    """The way to the main category; its ancestors are placements too."""
    leaf = nodes.get(main_category_id or 0)
    if leaf is None:
        return ()
    above = {"/".join(leaf.path.split("/")[: depth + 1]) for depth in range(leaf.depth + 1)}
    return tuple(node for node in nodes.values() if node.path in above)
