"""A shop of 100,000 titles with a million orders: the rows of the large database many times over, in a database of their own.

What is copied differs from what it was copied of in its keys, its addresses and its moments, so every index gets its share of new entries.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql

DATABASE = "huge"
PRODUCTS, ORDERS = 100_000, 1_000_000
# Keys of copies begin here, far above those of what is there.
APART = 10_000_000
# Pages of bench/measures.py that are compared over it.
PAGES = (
    "product_page", "home", "listing", "listing_newest", "listing_cheapest", "listing_by_title", "listing_best_rated", "listing_available",
    "search", "suggestions", "orders_list", "orders_filtered", "orders_late", "orders_found", "customers_list", "stock_lookup",
)  # fmt: skip

# What differs in the copy number n of a row; keys move by themselves.
_KEYS = {
    "storefront_contributor": ("id",),
    "storefront_product": ("id",),
    "storefront_product_categories": ("id", "product_id"),
    "storefront_contribution": ("id", "product_id", "contributor_id"),
    "storefront_variant": ("id", "product_id"),
    "storefront_price": ("id", "variant_id"),
    "warehouse_stockitem": ("id", "variant_id"),
    "oms_order": ("id",),
    "oms_orderline": ("id", "order_id"),
}
_CHANGED = {
    "storefront_contributor": {"slug": "slug || '-' || n", "name": "name || ' ' || n"},
    "storefront_product": {
        "slug": "slug || '-' || n",
        "title": "title || ' ' || n",
        "sort_title": "sort_title || n",
        "search_text": "search_text || ' ' || n",
        "external_ref": "''",
        "published_at": "published_at - n * interval '1 hour'",
        "popularity": "popularity + n",
    },
    "storefront_contribution": {"popularity": "popularity + n"},
    "storefront_variant": {"sku": "sku || '-' || n", "barcode": "''"},
    "oms_order": {
        "number": "number || '-' || n",
        "token": "token || n",
        "basket_id": "NULL",
        "idempotency_key": "''",
        "external_ref": "''",
        "placed_at": "placed_at - n * interval '7 minutes'",
    },
    "oms_orderline": {"ordered_at": "ordered_at - n * interval '7 minutes'"},
}
_CATALOG = tuple(table for table in _KEYS if not table.startswith("oms_"))


def grow(connection: Any) -> None:
    """Superuser's connection: no triggers, no keys asked; indexes that keep no rule are made after the rows."""
    connection.execute("SET session_replication_role = replica")
    for table, keys in _KEYS.items():
        goal, counted = (PRODUCTS, "storefront_product") if table in _CATALOG else (ORDERS, "oms_order")
        (there,) = connection.execute(
            sql.SQL("SELECT count(*) FROM {} WHERE id < %s").format(sql.Identifier(counted)), [APART]
        ).fetchone()
        kept = take_down(connection, table)
        _copy(connection, table, keys, -(-(goal - there) // there))
        for definition in kept:
            connection.execute(definition)
    for table in _KEYS:
        connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(table)))


def _copy(connection: Any, table: str, keys: tuple[str, ...], times: int) -> None:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND is_generated = 'NEVER'",
        [table],
    ).fetchall()
    columns = [name for (name,) in rows]
    said = {
        **{key: f"{key} + n * {APART}" for key in keys},
        **_CHANGED.get(table, {}),
    }
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}, generate_series(1, {}) n").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(
                sql.SQL(said[name]) if name in said else sql.Identifier(name) for name in columns
            ),
            sql.Identifier(table),
            sql.Literal(times),
        )
    )
    connection.execute(
        sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT max(id) FROM {}))").format(
            sql.Literal(table), sql.Identifier(table)
        )
    )


def take_down(connection: Any, table: str) -> list[str]:
    """Plain indexes of a table are made after its rows; the ones that keep a rule stay."""
    rows = connection.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i "
        "WHERE i.indrelid = %s::regclass AND NOT i.indisunique",
        [table],
    ).fetchall()
    for name, _ in rows:
        connection.execute(f"DROP INDEX {name}")
    return [definition for _, definition in rows]
