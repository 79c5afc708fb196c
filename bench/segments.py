"""Segments at their own size: accounts and order lines by COPY-like bulk writes in a database of their own, against hand-written SQL.

The reference is `examples/bench/seg.sql` as it is (scaled when a smaller size is asked for). Our rows are made of its rows: the same
accounts buy in the same categories at the same moments, so both sides must count the same members.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench.growing import take_down
from bench.persons import people

DATABASE = "segments"
ACCOUNTS, LINES = 1_000_000, 5_000_000
CATEGORIES, TITLES = 200, 50
RUNS, ASKED = 7, 200
# A large, a middling and a small category of the reference's skew.
CHOSEN = (1, 20, 150)
COMPARED = (*map(str, CHOSEN), "not", "spent")

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


def fill(connection: Any, references: Path, *, accounts: int, lines: int) -> None:
    """Superuser's connection: no triggers, no keys asked, the indexes that count kept."""
    for statement in _reference(references, accounts, lines):
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


def _reference(references: Path, accounts: int, lines: int) -> list[str]:
    """The statements of seg.sql; psql's own lines left out, the size as asked."""
    text = re.sub(r"^\\.*$", "", (references / "seg.sql").read_text(), flags=re.MULTILINE)
    text = re.sub(r"--.*$", "", text, flags=re.MULTILINE)
    text = text.replace("5000000", str(lines)).replace("1000000", str(accounts))
    return [each.strip() for each in text.split(";") if each.strip()]


def measure() -> dict[str, float]:
    """Milliseconds inside the database; each pair counts the same members."""
    from django.db import connection

    from crm.segments import where

    now = datetime.now(UTC)
    found: dict[str, float] = {}

    def counted(name: str, words: str, sql: str, params: list[Any]) -> None:
        fragment = where(words, now)
        ours = f"SELECT count(*) FROM crm_customer c WHERE {fragment.sql}"
        mine, theirs = _best(ours, list(fragment.params)), _best(sql, params)
        assert mine[1] == theirs[1], (name, words, mine[1], theirs[1])
        found[f"{name}_ms"], found[f"{name}_raw_ms"] = mine[0], theirs[0]

    bought = (
        "SELECT count(*) FROM s_acct a WHERE a.tier = 2 AND EXISTS (SELECT 1 FROM s_line l WHERE l.account_id = a.id "
        "AND l.category_id = %s AND l.ordered_at >= %s AND l.ordered_at <= %s)"
    )
    since = _days_before(now, 90)
    for category in CHOSEN:
        words = f'tier = 12 and bought(category: "bench-{category}", within: 90 days)'
        counted(f"count_{category}", words, bought, [category, since, now])
    counted(
        "count_not",
        'tier = 12 and not bought(category: "bench-1", within: 90 days)',
        bought.replace("AND EXISTS", "AND NOT EXISTS"),
        [1, since, now],
    )
    spent = (
        "SELECT count(*) FROM (SELECT customer_id FROM oms_order WHERE customer_id IS NOT NULL AND status <> 'CANCELED' AND placed_at >= %s "
        "AND placed_at <= %s GROUP BY customer_id HAVING sum(due_total) >= 500) s"
    )
    counted("count_spent", "spent(within: 365 days) >= 500 RSD", spent, [_days_before(now, 365), now])
    found |= _membership(now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crm_customer")
        found["accounts"] = cursor.fetchone()[0]
    return found


def _membership(now: datetime) -> dict[str, float]:
    """One account in one segment, and in twenty of them, planning included; the busiest account too."""
    from crm.selectors import segments as module

    one = ['tier = 12 and bought(category: "bench-20", within: 90 days)']
    twenty = [
        f'tier = {11 + n % 3} and bought(category: "bench-{1 + n * 7}", within: 90 days)' for n in range(20)
    ]
    found = {}
    for name, definitions in (("membership", one), ("membership_of_20", twenty)):
        columns, params = module._columns(module._leaves(definitions, now))
        sql = f"SELECT {columns} FROM crm_customer c WHERE c.id = %s"
        times = [_explained(sql, [*params, 1 + account * 997 % 900_000]) for account in range(ASKED)]
        found[f"{name}_ms"] = median(run for _, run in times)
        found[f"{name}_p95_ms"] = sorted(run for _, run in times)[int(len(times) * 0.95)]
        found[f"{name}_planning_ms"] = median(plan for plan, _ in times)
    columns, params = module._columns(module._leaves(one, now))
    found["membership_busiest_ms"] = median(
        _explained(f"SELECT {columns} FROM crm_customer c WHERE c.id = %s", [*params, 1])[1]
        for _ in range(RUNS)
    )
    return found


def _explained(sql: str, params: list[Any]) -> tuple[float, float]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
        told = cursor.fetchone()[0]
    told = json.loads(told) if isinstance(told, str) else told
    return float(told[0]["Planning Time"]), float(told[0]["Execution Time"])


def _best(sql: str, params: list[Any]) -> tuple[float, int]:
    """The median of some runs after the first, in milliseconds, and what was counted."""
    from django.db import connection

    times: list[float] = []
    count = 0
    with connection.cursor() as cursor:
        for _ in range(RUNS + 1):
            began = time.perf_counter()
            cursor.execute(sql, params)
            count = int(cursor.fetchone()[0])
            times.append((time.perf_counter() - began) * 1_000)
    return median(times[1:]), count


def _days_before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
