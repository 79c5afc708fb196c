"""A batch of clean lines into the catalog: COPY into temporary tables, then one statement per table. No loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.db import connection
from django.db.backends.utils import CursorWrapper

from retail.imports.rows import RowError
from storefront.imports.cleaning import CatalogLine, Cleaned
from storefront.imports.mapping import Mapping
from storefront.imports.trees import Tree

# Imports run one batch at a time over the whole house: two of them would fight for slugs and authors.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('storefront.catalog_import'))"

_TYPES = {
    "line": "int",
    "attributes": "jsonb",
    "released_on": "date",
    "rating": "numeric(3,2)",
    **dict.fromkeys(("rating_count", "weight_grams", "length_mm", "width_mm", "height_mm"), "int"),
    "is_estimated_size": "bool",
    "price": "numeric(12,2)",
    "is_sample_price": "bool",
    "search_vector": "tsvector",
}
# What a file says stays as it came; what is found out about a line stands in `mark`, whose rows are short.
_SETUP = f"""
    CREATE TEMP TABLE incoming ({", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in CatalogLine._fields)}, leaf text) ON COMMIT DROP;
    CREATE TEMP TABLE incoming_credit (line int, position smallint, slug text, name text, sort_name text) ON COMMIT DROP;
    CREATE TEMP TABLE incoming_place (line int, path text) ON COMMIT DROP;
    CREATE TEMP TABLE mark (line int, product_id bigint, variant_id bigint, owner_id bigint, leaf_id bigint, slug text,
        is_new bool, has_variant bool, is_changed bool) ON COMMIT DROP;
"""
_DROP = "DROP TABLE IF EXISTS incoming, incoming_credit, incoming_place, mark"

# What is known of each line, found in one pass: keys of rows that stand, keys to be for those that do not, in the order of the lines.
_MARK = """
    WITH found AS (
        SELECT i.line, i.sku, i.base_slug, p.id product_id, v.id variant_id, v.product_id owner_id, c.id leaf_id,
               p.id IS NULL AND v.id IS NULL is_new
          FROM incoming i
          LEFT JOIN storefront_product p ON p.external_ref = i.reference AND p.external_ref <> ''
          LEFT JOIN storefront_variant v ON v.sku = i.sku
          LEFT JOIN storefront_category c ON c.path = i.leaf
    ), named AS (
        SELECT *, CASE WHEN row_number() OVER (PARTITION BY is_new, base_slug ORDER BY line) = 1
                        AND NOT EXISTS (SELECT 1 FROM storefront_product p WHERE p.slug = base_slug)
                        AND NOT EXISTS (SELECT 1 FROM storefront_productaddress a WHERE a.slug = base_slug)
                       THEN base_slug
                       ELSE base_slug || '-' || lower(regexp_replace(sku, '[^0-9A-Za-z]+', '-', 'g')) END slug
          FROM found ORDER BY line
    ), made AS (
        INSERT INTO mark (line, product_id, variant_id, owner_id, leaf_id, slug, is_new, has_variant, is_changed)
        SELECT line, CASE WHEN is_new THEN nextval('storefront_product_id_seq') ELSE product_id END,
               COALESCE(variant_id, nextval('storefront_variant_id_seq')), owner_id, leaf_id, slug, is_new, variant_id IS NOT NULL, false
          FROM named
        RETURNING is_new)
    SELECT count(*) FROM made WHERE NOT is_new
"""
# Lines whose SKU already belongs to something else leave the batch.
_REFUSE = """
    WITH refused AS (
        DELETE FROM mark m
         WHERE NOT m.is_new AND m.owner_id IS DISTINCT FROM m.product_id
           AND (m.owner_id IS NOT NULL OR EXISTS (SELECT 1 FROM storefront_variant v WHERE v.product_id = m.product_id))
        RETURNING m.line, m.owner_id
    ), credits AS (DELETE FROM incoming_credit c USING refused r WHERE c.line = r.line
    ), places AS (DELETE FROM incoming_place c USING refused r WHERE c.line = r.line)
    SELECT line, sku, owner_id FROM refused JOIN incoming USING (line) ORDER BY line
"""

# Which columns of the product a field of the file fills.
_PRODUCT = {
    "title": ("title", "sort_title"),
    "subtitle": ("subtitle",),
    "description": ("description",),
    "released_on": ("released_on",),
    "rating": ("rating",),
    "rating_count": ("rating_count", "popularity"),
    "kind": ("kind",),
    "language": ("language",),
    "brand": ("brand",),
}
_VARIANT = {"barcode": ("barcode",), "format": ("format_name",), "tax_class": ("tax_class",)}
_SIZES = ("weight_grams", "length_mm", "width_mm", "height_mm", "is_estimated_size")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one batch did."""

    created: int
    updated: int
    unchanged: int
    errors: list[RowError]


class Loader:
    """Bound to one mapping and the fields that the file fills; `load` runs inside the caller's transaction."""

    def __init__(self, mapping: Mapping, present: set[str], tree: Tree, price_list_id: int | None) -> None:
        given = present | {
            name for name in ("kind", "language", "brand", "tax_class") if getattr(mapping, name)
        }
        self.mapping = mapping
        self.tree = tree
        self.price_list_id = price_list_id
        self.product_columns = [column for name in _PRODUCT if name in given for column in _PRODUCT[name]]
        self.variant_columns = [column for name in _VARIANT if name in given for column in _VARIANT[name]]
        self.has_authors = "authors" in present
        self.has_categories = "categories" in present
        self._category_ids: dict[str, int] = {}

    def load(self, batch: Sequence[Cleaned], *, now: datetime) -> Loaded:
        with connection.cursor() as cursor:
            cursor.execute(LOCK)
            cursor.execute(_DROP)
            cursor.execute(_SETUP)
            self._copy(cursor, batch)
            if self.has_categories:
                self._make_nodes(cursor, {path for cleaned in batch for path in cleaned.places})
            cursor.execute(_MARK)
            (known,) = cursor.fetchone()
            errors = self._refuse(cursor) if known else []
            if known:
                self._change_products(cursor, now)
                self._change_variants(cursor, now)
            self._products(cursor, now)
            self._variants(cursor, now)
            if self.has_authors:
                self._credits(cursor)
            if self.has_categories:
                self._places(cursor)
            if self.price_list_id is not None:
                self._prices(cursor, now)
            if known:
                self._touch(cursor, now)
            cursor.execute(
                "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE is_changed AND NOT is_new), "
                "count(*) FILTER (WHERE NOT is_changed AND NOT is_new) FROM mark"
            )
            created, updated, unchanged = cursor.fetchone()
        return Loaded(created, updated, unchanged, errors)

    def _copy(self, cursor: CursorWrapper, batch: Sequence[Cleaned]) -> None:
        for table, name in (
            ("incoming", "row"),
            ("incoming_credit", "credit_rows"),
            ("incoming_place", "place_rows"),
        ):
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write("".join(map(attrgetter(name), batch)))
        cursor.execute("ANALYZE incoming (line, reference, sku)")

    def _refuse(self, cursor: CursorWrapper) -> list[RowError]:
        cursor.execute(_REFUSE)
        column = self.mapping.columns["sku"].column
        return [
            RowError(line, column, sku, "SKU_TAKEN", "another title is sold under this SKU")
            if owner
            else RowError(line, column, sku, "SKU_CHANGED", "the title of this reference has another SKU")
            for line, sku, owner in cursor.fetchall()
        ]

    def _change_products(self, cursor: CursorWrapper, now: datetime) -> None:
        columns = [
            *self.product_columns,
            "search_text",
            *(["main_category_id"] if self.has_categories else []),
        ]
        sources = {"popularity": "i.rating_count", "main_category_id": "m.leaf_id"}
        values = [_taken(column, sources.get(column, f"i.{column}")) for column in columns]
        cursor.execute(
            f"""WITH changed AS (
                    UPDATE storefront_product p
                       SET ({", ".join(columns)}, attributes, search_vector, updated_at)
                         = ({", ".join(values)}, p.attributes || i.attributes, i.search_vector, %s)
                      FROM incoming i JOIN mark m USING (line)
                     WHERE p.id = m.product_id AND NOT m.is_new
                       AND (({", ".join(f"p.{column}" for column in columns)}) IS DISTINCT FROM ({", ".join(values)})
                            OR NOT p.attributes @> i.attributes)
                    RETURNING p.id)
                UPDATE mark m SET is_changed = true FROM changed c WHERE m.product_id = c.id""",  # noqa: S608 - our own column names
            [now],
        )

    def _products(self, cursor: CursorWrapper, now: datetime) -> None:
        cursor.execute(
            """INSERT INTO storefront_product (id, external_ref, slug, kind, title, subtitle, description, language, brand, attributes,
                   status, published_at, released_on, rating, rating_count, popularity, search_text, search_vector, sort_title,
                   main_category_id, created_at, updated_at)
               SELECT m.product_id, i.reference, m.slug, i.kind, i.title, i.subtitle, i.description, i.language, i.brand, i.attributes,
                      CASE WHEN %(published)s THEN 'PUBLISHED' ELSE 'DRAFT' END, CASE WHEN %(published)s THEN %(now)s::timestamptz END,
                      i.released_on, i.rating, i.rating_count, i.rating_count, i.search_text, i.search_vector, i.sort_title, m.leaf_id, %(now)s, %(now)s
                 FROM incoming i JOIN mark m USING (line) WHERE m.is_new ORDER BY i.line""",
            {"published": self.mapping.is_published, "now": now},
        )

    def _change_variants(self, cursor: CursorWrapper, now: datetime) -> None:
        same = [f"v.{column} IS DISTINCT FROM i.{column}" for column in self.variant_columns]
        # What somebody has measured is not replaced by an estimate.
        estimate_yields = "(v.is_estimated_size OR NOT i.is_estimated_size)"
        sizes_differ = f"({estimate_yields} AND ({', '.join(f'v.{c}' for c in _SIZES)}) IS DISTINCT FROM ({', '.join(f'i.{c}' for c in _SIZES)}))"
        sets = [f"{column} = i.{column}" for column in self.variant_columns]
        sets += [
            f"{column} = CASE WHEN {estimate_yields} THEN i.{column} ELSE v.{column} END" for column in _SIZES
        ]
        cursor.execute(
            f"""WITH changed AS (
                    UPDATE storefront_variant v SET {", ".join(sets)}, updated_at = %s FROM incoming i JOIN mark m USING (line)
                     WHERE v.id = m.variant_id AND m.has_variant AND ({" OR ".join([*same, sizes_differ])})
                    RETURNING v.id)
                UPDATE mark m SET is_changed = true FROM changed c WHERE m.variant_id = c.id""",  # noqa: S608 - our own column names
            [now],
        )

    def _variants(self, cursor: CursorWrapper, now: datetime) -> None:
        cursor.execute(
            """INSERT INTO storefront_variant (id, product_id, sku, barcode, format_name, options, tax_class, weight_grams, length_mm,
                   width_mm, height_mm, is_estimated_size, is_sellable, is_kit, position, updated_at)
               SELECT m.variant_id, m.product_id, i.sku, i.barcode, i.format_name, '{}'::jsonb, i.tax_class, i.weight_grams, i.length_mm,
                      i.width_mm, i.height_mm, i.is_estimated_size, true, false, 0, %s
                 FROM incoming i JOIN mark m USING (line) WHERE NOT m.has_variant ORDER BY i.line""",
            [now],
        )

    def _credits(self, cursor: CursorWrapper) -> None:
        cursor.execute(
            """INSERT INTO storefront_contributor (slug, name, sort_name)
               SELECT DISTINCT ON (slug) slug, name, sort_name FROM incoming_credit c
                WHERE NOT EXISTS (SELECT 1 FROM storefront_contributor k WHERE k.slug = c.slug)
                ORDER BY slug, line, position
               ON CONFLICT (slug) DO NOTHING"""
        )
        cursor.execute(
            """WITH wanted AS (
                   SELECT m.product_id, k.id contributor_id, c.position, CASE WHEN m.is_new THEN i.rating_count END popularity
                     FROM incoming_credit c JOIN mark m USING (line) JOIN incoming i USING (line) JOIN storefront_contributor k ON k.slug = c.slug
               ), gone AS (
                   DELETE FROM storefront_contribution c USING mark m
                    WHERE c.product_id = m.product_id AND c.role = 'AUTHOR' AND NOT m.is_new
                      AND NOT EXISTS (SELECT 1 FROM wanted w WHERE (w.product_id, w.contributor_id) = (c.product_id, c.contributor_id))
                   RETURNING c.product_id
               ), added AS (
                   INSERT INTO storefront_contribution (product_id, contributor_id, role, position, popularity)
                   SELECT product_id, contributor_id, 'AUTHOR', position, popularity FROM wanted
                   ON CONFLICT (product_id, contributor_id, role) DO UPDATE SET position = EXCLUDED.position
                    WHERE storefront_contribution.position <> EXCLUDED.position
                   RETURNING product_id)
               UPDATE mark m SET is_changed = true
                WHERE NOT m.is_new AND m.product_id IN (SELECT product_id FROM gone UNION ALL SELECT product_id FROM added)"""
        )

    def _places(self, cursor: CursorWrapper) -> None:
        """Product and branch, ancestors included; placements that somebody made outside this tree stay."""
        cursor.execute(
            """WITH wanted AS (
                   SELECT DISTINCT m.product_id, c.id category_id
                     FROM incoming_place w JOIN mark m USING (line) JOIN storefront_category c ON c.path = w.path
               ), gone AS (
                   DELETE FROM storefront_product_categories h USING mark m, storefront_category c
                    WHERE h.product_id = m.product_id AND c.id = h.category_id AND NOT m.is_new
                      AND starts_with(c.external_ref, %s)
                      AND NOT EXISTS (SELECT 1 FROM wanted w WHERE (w.product_id, w.category_id) = (h.product_id, h.category_id))
                   RETURNING h.product_id
               ), added AS (
                   INSERT INTO storefront_product_categories (product_id, category_id)
                   SELECT product_id, category_id FROM wanted ON CONFLICT (product_id, category_id) DO NOTHING
                   RETURNING product_id)
               UPDATE mark m SET is_changed = true
                WHERE NOT m.is_new AND m.product_id IN (SELECT product_id FROM gone UNION ALL SELECT product_id FROM added)""",
            [f"{self.tree.name}:"],
        )

    def _make_nodes(self, cursor: CursorWrapper, paths: set[str]) -> None:
        """Missing branches, parents first: one statement per depth."""
        missing = sorted(path for path in paths if path not in self._category_ids)
        for depth in sorted({path.count("/") for path in missing}):
            nodes = [self.tree.nodes[path] for path in missing if path.count("/") == depth]
            cursor.execute(
                """INSERT INTO storefront_category (parent_id, slug, path, depth, name, name_en, position, external_ref)
                   SELECT p.id, n.slug, n.path, %s, n.name, n.name_en, n.position, %s || n.path
                     FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[])
                          n(slug, path, parent_path, name, name_en, position)
                     LEFT JOIN storefront_category p ON p.path = n.parent_path
                    WHERE NOT EXISTS (SELECT 1 FROM storefront_category c WHERE c.path = n.path)
                   ON CONFLICT (path) DO NOTHING""",
                [
                    depth,
                    f"{self.tree.name}:",
                    [node.slug for node in nodes],
                    [node.path for node in nodes],
                    [node.parent_path for node in nodes],
                    [node.name for node in nodes],
                    [node.name_en for node in nodes],
                    [node.position for node in nodes],
                ],
            )
        if missing:
            cursor.execute("SELECT path, id FROM storefront_category WHERE path = ANY(%s)", [missing])
            self._category_ids.update(cursor.fetchall())

    def _prices(self, cursor: CursorWrapper, now: datetime) -> None:
        """A price that differs closes the open entry and opens the next: history stays."""
        cursor.execute(
            """WITH wanted AS (
                   SELECT m.variant_id, i.price, i.is_sample_price, o.id open_id
                     FROM incoming i JOIN mark m USING (line)
                     LEFT JOIN storefront_price o ON o.variant_id = m.variant_id AND o.price_list_id = %(list)s
                          AND o.minimum_quantity = 1 AND o.valid_to IS NULL
                    WHERE i.price IS NOT NULL AND o.amount IS DISTINCT FROM i.price
               ), closed AS (
                   UPDATE storefront_price p SET valid_to = GREATEST(%(now)s, p.valid_from + interval '1 microsecond')
                     FROM wanted w WHERE p.id = w.open_id
               ), opened AS (
                   INSERT INTO storefront_price (variant_id, price_list_id, amount, minimum_quantity, valid_from, is_sample)
                   SELECT variant_id, %(list)s, price, 1, %(now)s, is_sample_price FROM wanted
                   RETURNING variant_id)
               UPDATE mark m SET is_changed = true FROM opened o WHERE NOT m.is_new AND m.variant_id = o.variant_id""",
            {"list": self.price_list_id, "now": now},
        )

    def _touch(self, cursor: CursorWrapper, now: datetime) -> None:
        """Whoever reads `updated_after` must see a title whose authors, branch, barcode or price changed."""
        cursor.execute(
            """UPDATE storefront_product p SET updated_at = %(now)s FROM mark m
                WHERE p.id = m.product_id AND m.is_changed AND p.updated_at <> %(now)s""",
            {"now": now},
        )
        cursor.execute(
            """UPDATE storefront_variant v SET updated_at = %(now)s FROM mark m
                WHERE v.id = m.variant_id AND m.is_changed AND v.updated_at <> %(now)s""",
            {"now": now},
        )


def _taken(column: str, value: str) -> str:
    """What a changed product takes of the file: buyers know better than a file how good it is."""
    if column not in ("rating", "rating_count"):
        return value
    return f"CASE WHEN p.is_rated_by_buyers THEN p.{column} ELSE {value} END"
