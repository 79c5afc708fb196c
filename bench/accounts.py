"""A million accounts with five million order lines, made with bulk statements in a database of their own: where segments and finding are measured.

The reference is `examples/bench/seg.sql` as it is (scaled when a smaller size is asked for). Our rows are made of its rows: the same
accounts buy in the same categories at the same moments, so both sides must count the same members.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bench.growing import take_down
from bench.persons import people

DATABASE = "segments"
ACCOUNTS, LINES_EACH = 1_000_000, 5
CATEGORIES, TITLES = 200, 50
# A large, a middling and a small category of the reference's skew; and what is counted of them and beside them.
CHOSEN = (1, 20, 150)
COMPARED = (*map(str, CHOSEN), "not", "or", "alone", "spent")

# Nobody measures these here, and filling them would take most of the time.
_UNUSED = (
    "order_search",
    "order_updated",
    "order_fulfillment",
    "order_payment",
    "order_status",
)
_FILL = """
INSERT INTO crm_tier (code, rank, name, spend_from, earn_factor) SELECT 'bench-' || n, 10 + n, 'Bench ' || n, n, 1 FROM generate_series(1, 3) n;
INSERT INTO crm_customer (id, public_id, kind, name, email, phone, language, pib, registration_number, jbkjs, external_ref, created_at, updated_at)
    SELECT id, 'bench-' || id, CASE WHEN pib = '' THEN 'PERSON' ELSE 'COMPANY' END, name, p.email, phone, 'sr-latn', pib, '', '', '', created, created
      FROM ({people}) p JOIN s_acct USING (id);
INSERT INTO crm_loyaltyaccount (customer_id, number, tier_id, points, joined_on)
    SELECT a.id, 'B' || a.id, t.id, 0, a.created FROM s_acct a JOIN crm_tier t ON t.rank = 10 + a.tier;
INSERT INTO storefront_category (id, slug, path, depth, name, name_en, position, external_ref)
    SELECT 900000 + n, 'bench-' || n, 'bench-' || n, 0, 'Bench ' || n, '', n, '' FROM generate_series(1, {categories}) n;
INSERT INTO storefront_product (id, slug, kind, title, subtitle, description, language, brand, attributes, status, rating_count, popularity,
        external_ref, search_text, sort_title, created_at, updated_at)
    SELECT 900000 + n, 'bench-' || n, 'BOOK', 'Bench ' || n, '', '', '', '', '{{}}', 'PUBLISHED', 0, 0, '', '', '', now(), now()
      FROM generate_series(1, {categories} * {titles}) n;
INSERT INTO storefront_product_categories (product_id, category_id)
    SELECT 900000 + n, 900001 + (n - 1) / {titles} FROM generate_series(1, {categories} * {titles}) n;
INSERT INTO storefront_variant (id, product_id, sku, barcode, format_name, options, tax_class, weight_grams, length_mm, width_mm, height_mm,
        is_estimated_size, is_sellable, is_kit, position, updated_at)
    SELECT 900000 + n, 900000 + n, 'BENCH-' || n, '', '', '{{}}', 'BOOKS', 0, 0, 0, 0, false, true, false, 0, now()
      FROM generate_series(1, {categories} * {titles}) n;
INSERT INTO oms_order (id, number, token, channel_id, entity_id, customer_id, status, payment_status, fulfillment_status, currency, language,
        email, phone, name, street, city, postal_code, country, company_name, company_pib, company_registration_number, note, delivery_method,
        payment_method, paper, goods_total, delivery_total, total, due_total, authorized_total, captured_total, refunded_total, promise,
        hold_reason, cancel_reason, placed_at, updated_at, version, idempotency_caller, idempotency_key, external_ref, is_imported)
    SELECT order_id, 'B-' || order_id, 'bench-' || order_id, 1, 1, min(account_id), 'COMPLETED', 'PAID', 'DELIVERED', 'RSD', 'sr-latn',
           '', '', '', '', '', '', 'RS', '', '', '', '', 'HOME_DELIVERY', 'CARD', 'FISCAL', sum(amount_minor) / 100.0, 0, sum(amount_minor) / 100.0,
           sum(amount_minor) / 100.0, 0, sum(amount_minor) / 100.0, 0, '{{}}', '', '', min(ordered_at), now(), 1, '', '', '', true
      FROM s_line GROUP BY order_id;
INSERT INTO oms_orderline (order_id, customer_id, position, kind, variant_id, sku, title, quantity, unit_price, total, tax_class, tax_rate,
        weight_grams, quantity_canceled, quantity_dispatched, quantity_returned, explanation, ordered_at, is_imported)
    SELECT order_id, account_id, row_number() OVER (PARTITION BY order_id), 'GOODS', 900000 + (category_id - 1) * {titles} + 1 + (amount_minor % {titles}),
           '', 'Bench', 1, amount_minor / 100.0, amount_minor / 100.0, 'BOOKS', 10, 0, 0, 1, 0, '[]', ordered_at, true FROM s_line;
"""
_ANALYZED = (
    "crm_customer", "crm_loyaltyaccount", "crm_tier", "oms_order", "oms_orderline", "storefront_variant", "storefront_product_categories",
    "storefront_category", "storefront_product",
)  # fmt: skip


def fill(connection: Any, references: Path, *, count: int) -> None:
    """Superuser's connection: no triggers, no keys asked, the indexes that count kept."""
    connection.execute("SET maintenance_work_mem = '1GB'")
    connection.execute("SET work_mem = '256MB'")
    for statement in _reference(references, count):
        connection.execute(statement)
    connection.execute("SET session_replication_role = replica")
    for index in _UNUSED:
        connection.execute(f"DROP INDEX IF EXISTS {index}")
    kept = [
        each
        for table in ("crm_customer", "oms_orderline", "oms_order")
        for each in take_down(connection, table)
    ]
    for statement in _FILL.format(categories=CATEGORIES, titles=TITLES, people=people("s_acct")).split(";\n"):
        if statement.strip():
            connection.execute(statement)
    for definition in kept:
        connection.execute(definition)
    for table in _ANALYZED:
        connection.execute(f"VACUUM ANALYZE {table}")
    connection.execute("GRANT SELECT ON s_acct, s_line TO onerow")


def _reference(references: Path, count: int) -> list[str]:
    """The statements of seg.sql; psql's own lines left out, the size as asked."""
    text = re.sub(r"^\\.*$", "", (references / "seg.sql").read_text(), flags=re.MULTILINE)
    text = re.sub(r"--.*$", "", text, flags=re.MULTILINE)
    text = text.replace("5000000", str(count * LINES_EACH)).replace("1000000", str(count))
    return [each.strip() for each in text.split(";") if each.strip()]
