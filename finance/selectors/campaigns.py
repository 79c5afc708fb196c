"""What a campaign brought: by its orders and papers, and by the ledger, from one snapshot.

The way is a join: campaign → line discount → order line → line of a paper → journal line. Both sides are asked in the same statement, so
they see the same moment, also while orders come in; amounts are without VAT unless said.
"""

# ruff: noqa: S608 - fragments of our own
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from retail.kernel.money import ZERO

CURRENCY = "RSD"
# What undoes a sale: the goods came back, could not be delivered, or were lost.
BACK = ("return", "undelivered", "lost")
REVENUE_ACCOUNTS = ("604", "614", "579", "679")

# The lines that discounts of the campaigns priced, and what papers and books say of them. {campaigns} is a condition on `d`.
_ROWS = """
given AS MATERIALIZED (
    SELECT d.id, d.campaign_id, d.line_id, d.amount, d.amount - d.tax_share AS net, l.order_id, l.kind, l.quantity, l.quantity_canceled,
           l.total, o.status, o.paper
      FROM oms_linediscount d JOIN oms_orderline l ON l.id = d.line_id JOIN oms_order o ON o.id = l.order_id
     WHERE {campaigns}
), lines AS MATERIALIZED (
    SELECT DISTINCT campaign_id, line_id, order_id, kind, quantity, quantity_canceled, total, status FROM given
), orders AS MATERIALIZED (
    SELECT DISTINCT order_id, paper FROM given
), papers AS (
    SELECT (i ->> 'order_line')::bigint AS line_id, r.order_id, r.transaction = 'REFUND' AS is_back, i ->> 'tax_rate' AS rate,
           (i ->> 'quantity')::int AS units, (i ->> 'total')::numeric - (i ->> 'tax')::numeric AS net
      FROM orders o JOIN finance_fiscalreceipt r ON r.order_id = o.order_id AND r.kind = 'NORMAL'
     CROSS JOIN LATERAL jsonb_array_elements(r.items) i WHERE o.paper <> 'SEF'
    UNION ALL
    SELECT p.order_line_id, v.order_id, v.kind = 'CREDIT_NOTE', p.tax_rate::text, p.quantity, p.net
      FROM orders o JOIN finance_invoice v ON v.order_id = o.order_id AND v.replaces_id IS NULL
      JOIN finance_invoiceline p ON p.invoice_id = v.id LEFT JOIN finance_invoice c ON c.id = v.credits_id
     WHERE o.paper = 'SEF' AND (v.kind = 'INVOICE' OR v.kind = 'CREDIT_NOTE' AND c.kind = 'INVOICE')
), by_rate AS (
    SELECT line_id, rate, COALESCE(sum(units) FILTER (WHERE NOT is_back), 0) AS units, COALESCE(sum(units) FILTER (WHERE is_back), 0) AS units_back,
           COALESCE(sum(net) FILTER (WHERE NOT is_back), 0) AS net, COALESCE(sum(net) FILTER (WHERE is_back), 0) AS net_back
      FROM papers GROUP BY line_id, rate
), paper_lines AS MATERIALIZED (
    -- A fee that is split over the rates of the goods counts once.
    SELECT line_id, max(units) AS units, max(units_back) AS units_back, max(units - units_back) AS units_out,
           sum(net) AS net, sum(net_back) AS net_back FROM by_rate GROUP BY line_id
), sold_orders AS (
    SELECT DISTINCT order_id FROM papers WHERE NOT is_back
), moves AS (
    SELECT m.order_line_id AS line_id, sum(CASE WHEN m.to_bin_id IS NULL THEN m.value ELSE -m.value END) AS cost
      FROM warehouse_stockmove m
     WHERE m.order_line_id IN (SELECT line_id FROM lines) AND m.entry_id IS NOT NULL AND (m.to_bin_id IS NULL OR m.from_bin_id IS NULL)
     GROUP BY m.order_line_id
), by_papers AS (
    SELECT l.campaign_id, count(DISTINCT l.order_id) FILTER (WHERE l.status <> 'CANCELED') AS orders,
           COALESCE(sum(l.quantity - l.quantity_canceled) FILTER (WHERE l.kind IN ('GOODS', 'DIGITAL')), 0) AS units,
           COALESCE(sum(round(l.total * (l.quantity - l.quantity_canceled) / l.quantity, 2)), 0) AS ordered,
           COALESCE(sum(p.units) FILTER (WHERE l.kind IN ('GOODS', 'DIGITAL')), 0) AS units_sold,
           COALESCE(sum(p.units_back) FILTER (WHERE l.kind IN ('GOODS', 'DIGITAL')), 0) AS units_back,
           COALESCE(sum(p.net), 0) AS sold, COALESCE(sum(p.net_back), 0) AS returned, COALESCE(sum(m.cost), 0) AS cost
      FROM lines l LEFT JOIN paper_lines p USING (line_id) LEFT JOIN moves m USING (line_id) GROUP BY l.campaign_id
), discounts AS (
    SELECT g.campaign_id, sum(round(g.amount * (g.quantity - g.quantity_canceled) / g.quantity, 2)) AS promised,
           sum(round(g.net * CASE WHEN g.kind NOT IN ('GOODS', 'DIGITAL') AND g.total = 0 THEN CASE WHEN s.order_id IS NULL THEN 0 ELSE g.quantity END
                                  ELSE COALESCE(p.units_out, 0) END / g.quantity, 2)) AS given
      FROM given g LEFT JOIN paper_lines p USING (line_id) LEFT JOIN sold_orders s ON s.order_id = g.order_id GROUP BY g.campaign_id
), entries AS MATERIALIZED (
    SELECT l.campaign_id, j.id AS journal_line_id, a.code, e.document_kind, j.source_kind, j.debit, j.credit,
           j.source_kind = 'line_discount' AND EXISTS (SELECT 1 FROM given g WHERE g.campaign_id = l.campaign_id AND g.id::text = j.source_key)
               AS is_own_discount
      FROM lines l JOIN finance_journalline j ON j.order_line_id = l.line_id
      JOIN finance_ledgeraccount a ON a.id = j.account_id JOIN finance_journalentry e ON e.id = j.entry_id
), by_ledger AS (
    SELECT campaign_id,
           COALESCE(sum(credit - debit) FILTER (WHERE code IN ('604', '614', '579', '679') AND document_kind NOT IN ('return', 'undelivered', 'lost', 'digital_return')), 0)
               AS sold,
           COALESCE(sum(debit - credit) FILTER (WHERE code IN ('604', '614', '579', '679') AND document_kind IN ('return', 'undelivered', 'lost', 'digital_return')), 0)
               AS returned,
           COALESCE(sum(debit - credit) FILTER (WHERE code = '501'), 0) AS cost,
           COALESCE(sum(debit - credit) FILTER (WHERE is_own_discount), 0) AS given
      FROM entries GROUP BY campaign_id
)"""

# Staff bound to companies see what theirs sold.
_SEEN = "(%(entities)s::bigint[] IS NULL OR o.entity_id = ANY(%(entities)s::bigint[]))"
_REPORT = f"""
WITH {_ROWS.format(campaigns=f"d.campaign_id = ANY(%(campaigns)s::bigint[]) AND {_SEEN}")}
SELECT c.id, b.orders, b.units, b.ordered, d.promised, b.units_sold, b.units_back,
       b.sold, b.returned, b.cost, d.given, l.sold, l.returned, l.cost, l.given,
       (SELECT count(*) FROM crm_campaignvisit v WHERE v.campaign_id = c.id),
       (SELECT count(DISTINCT v.visit_hash) FROM crm_campaignvisit v WHERE v.campaign_id = c.id),
       (SELECT count(*) FROM (SELECT visit_hash, min(at) AS at FROM crm_campaignvisit
                               WHERE campaign_id = c.id AND visit_hash <> '' GROUP BY visit_hash) v
          JOIN oms_basket b ON b.client_hash = v.visit_hash AND b.touched_at >= v.at)
  FROM unnest(%(campaigns)s::bigint[]) c(id)
  LEFT JOIN by_papers b ON b.campaign_id = c.id LEFT JOIN discounts d ON d.campaign_id = c.id LEFT JOIN by_ledger l ON l.campaign_id = c.id"""

# For `doctor`: campaigns of which papers and books say different things.
DISAGREEING = f"""
WITH {_ROWS.format(campaigns="d.campaign_id IS NOT NULL")}
SELECT b.campaign_id, b.sold, l.sold AS sold_in_ledger, b.returned, l.returned AS returned_in_ledger, b.cost, l.cost AS cost_in_ledger,
       d.given, l.given AS given_in_ledger
  FROM by_papers b JOIN discounts d USING (campaign_id) LEFT JOIN by_ledger l USING (campaign_id)
 WHERE (b.sold, b.returned, b.cost, d.given)
       IS DISTINCT FROM (COALESCE(l.sold, 0), COALESCE(l.returned, 0), COALESCE(l.cost, 0), COALESCE(l.given, 0))"""


class Side(NamedTuple):
    """Money without VAT: what papers (or the ledger) say was sold, came back, cost, and was given away."""

    sold: Decimal
    returned: Decimal
    cost: Decimal
    given: Decimal

    @property
    def revenue(self) -> Decimal:
        return self.sold - self.returned

    @property
    def margin(self) -> Decimal:
        return self.revenue - self.cost


@dataclass(frozen=True, slots=True)
class CampaignFigures:
    """`ordered` and `promised` are gross, of what was ordered and not canceled; the two sides are what papers and books made of it."""

    campaign_id: int
    views: int
    visitors: int
    baskets: int
    orders: int
    units: int
    ordered: Decimal
    promised: Decimal
    units_sold: int
    units_back: int
    papers: Side
    ledger: Side

    @property
    def difference(self) -> Decimal:
        """The largest one of any figure; zero, or `doctor` speaks."""
        return max(
            (abs(one - other) for one, other in zip(self.papers, self.ledger, strict=True)), default=ZERO
        )


def campaign_figures(
    *, campaign_ids: Iterable[int], entity_ids: Iterable[int] | None = None
) -> dict[int, CampaignFigures]:
    """Both sides of every campaign asked for, in one statement; of the orders of these companies (None: of all)."""
    asked = {"campaigns": sorted(set(campaign_ids)), "entities": _entities(entity_ids)}
    return {row[0]: _figures(row) for row in _asked(_REPORT, asked)}


def _figures(row: tuple[Any, ...]) -> CampaignFigures:
    number, orders, units, ordered, promised, units_sold, units_back = row[:7]
    money = [value if value is not None else ZERO for value in row[7:15]]
    views, visitors, baskets = row[15:]
    return CampaignFigures(
        campaign_id=number,
        views=views,
        visitors=visitors,
        baskets=baskets,
        orders=orders or 0,
        units=units or 0,
        ordered=ordered if ordered is not None else ZERO,
        promised=promised if promised is not None else ZERO,
        units_sold=units_sold or 0,
        units_back=units_back or 0,
        papers=Side(*money[:4]),
        ledger=Side(*money[4:]),
    )


class Booked(NamedTuple):
    """What one account says of one kind of document."""

    account: str
    name: str
    name_en: str
    document_kind: str
    is_discount: bool
    lines: int
    debit: Decimal
    credit: Decimal


def campaign_accounts(*, campaign_id: int, entity_ids: Iterable[int] | None = None) -> list[Booked]:
    """The ledger's side by account and document: each row opens its journal lines."""
    asked = {"campaign": campaign_id, "entities": _entities(entity_ids)}
    return [Booked(*row) for row in _asked(_ACCOUNTS, asked)]


_ACCOUNTS = f"""
SELECT a.code, a.name, a.name_en, e.document_kind, j.source_kind = 'line_discount', count(*), sum(j.debit), sum(j.credit)
  FROM (SELECT DISTINCT d.line_id FROM oms_linediscount d JOIN oms_orderline x ON x.id = d.line_id JOIN oms_order o ON o.id = x.order_id
         WHERE d.campaign_id = %(campaign)s AND {_SEEN}) l
  JOIN finance_journalline j ON j.order_line_id = l.line_id
  JOIN finance_ledgeraccount a ON a.id = j.account_id JOIN finance_journalentry e ON e.id = j.entry_id
 GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 4, 5"""


class Day(NamedTuple):
    day: date
    orders: int
    ordered: Decimal
    promised: Decimal
    views: int


def campaign_days(
    *, campaign_id: int, since: date, until: date, entity_ids: Iterable[int] | None = None
) -> list[Day]:
    """Orders, what they ordered and what they were given, and page views, by day of the business; days without any are there too."""
    asked = {"campaign": campaign_id, "since": since, "until": until, "entities": _entities(entity_ids)}
    return [Day(*row) for row in _asked(_DAYS, asked)]


_DAYS = f"""
WITH given AS (
    SELECT d.line_id, d.amount, l.order_id, l.total, (d.created_at AT TIME ZONE 'Europe/Belgrade')::date AS day
      FROM oms_linediscount d JOIN oms_orderline l ON l.id = d.line_id JOIN oms_order o ON o.id = l.order_id
     WHERE d.campaign_id = %(campaign)s AND o.status <> 'CANCELED' AND {_SEEN}
), ordered AS (
    SELECT day, sum(total) AS total FROM (SELECT DISTINCT day, line_id, total FROM given) x GROUP BY day
), promised AS (
    SELECT day, count(DISTINCT order_id) AS orders, sum(amount) AS amount FROM given GROUP BY day
), views AS (
    SELECT (at AT TIME ZONE 'Europe/Belgrade')::date AS day, count(*) AS n FROM crm_campaignvisit WHERE campaign_id = %(campaign)s GROUP BY 1
)
SELECT g.day::date, COALESCE(p.orders, 0), COALESCE(o.total, 0), COALESCE(p.amount, 0), COALESCE(v.n, 0)
  FROM generate_series(%(since)s::date, %(until)s::date, interval '1 day') g(day)
  LEFT JOIN ordered o ON o.day = g.day LEFT JOIN promised p ON p.day = g.day LEFT JOIN views v ON v.day = g.day ORDER BY 1"""


class LineRow(NamedTuple):
    """One order line that the campaign priced, with its papers and its books."""

    line_id: int
    order_number: str
    placed_at: datetime
    status: str
    title: str
    quantity: int
    total: Decimal
    discount: Decimal
    given: Decimal
    revenue: Decimal
    cost: Decimal


def campaign_lines(
    *, campaign_id: int, after: int = 0, limit: int = 100, entity_ids: Iterable[int] | None = None
) -> list[LineRow]:
    """Newest first, `after` is the line id of the page before. Money beside the discount is what the ledger says."""
    asked = {
        "campaign": campaign_id,
        "after": after or 2**62,
        "limit": limit,
        "entities": _entities(entity_ids),
    }
    return [LineRow(*row) for row in _asked(_LINES, asked)]


_LINES = f"""
SELECT l.id, o.number, o.placed_at, o.status, l.title, l.quantity, l.total, g.amount,
       COALESCE(j.given, 0), COALESCE(j.revenue, 0), COALESCE(j.cost, 0)
  FROM (SELECT d.line_id, sum(d.amount) AS amount
          FROM oms_linediscount d JOIN oms_orderline x ON x.id = d.line_id JOIN oms_order o ON o.id = x.order_id
         WHERE d.campaign_id = %(campaign)s AND d.line_id < %(after)s AND {_SEEN}
         GROUP BY d.line_id ORDER BY d.line_id DESC LIMIT %(limit)s) g
  JOIN oms_orderline l ON l.id = g.line_id JOIN oms_order o ON o.id = l.order_id
  LEFT JOIN LATERAL (
       SELECT sum(j.debit - j.credit) FILTER (WHERE j.source_kind = 'line_discount' AND j.source_key IN (
                  SELECT d.id::text FROM oms_linediscount d WHERE d.line_id = l.id AND d.campaign_id = %(campaign)s)) AS given,
              sum(j.credit - j.debit) FILTER (WHERE a.code IN ('604', '614', '579', '679')) AS revenue,
              sum(j.debit - j.credit) FILTER (WHERE a.code = '501') AS cost
         FROM finance_journalline j JOIN finance_ledgeraccount a ON a.id = j.account_id WHERE j.order_line_id = l.id) j ON true
 ORDER BY l.id DESC"""


def _entities(entity_ids: Iterable[int] | None) -> list[int] | None:
    return None if entity_ids is None else sorted(entity_ids)


def _asked(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
