"""What members of a segment spent, with and without a campaign, as SQL.

Everyone counts who was in the segment when the campaign began, whether the offer reached them or not (intent to treat): what was chosen by
chance is compared, nothing else. CUPED takes away what the year before tells; the largest hundredth is cut to the 99th percentile, since a
few very large orders would otherwise decide (in a web shop the plain interval covers 82 to 88 %, this one 92 to 97: docs/holdout.md).
"""

# ruff: noqa: S608 - fragments of our own; the segment compiles through its allow-list

from __future__ import annotations

from typing import Any

from crm.rules import HELD_OUT_SQL
from crm.segments import Fragment

BEFORE_DAYS = 364

# Money with VAT, less what was canceled and came back; `x` in the 52 weeks before the start, `y` from the start on.
_SPENT = f"""
spent AS (
    SELECT o.customer_id, sum(o.due_total) FILTER (WHERE o.placed_at >= %(start)s)::float8 AS y,
           sum(o.due_total) FILTER (WHERE o.placed_at < %(start)s)::float8 AS x
      FROM oms_order o
     WHERE o.customer_id IN (SELECT id FROM members) AND o.status <> 'CANCELED'
       AND o.placed_at >= %(start)s - interval '{BEFORE_DAYS} days' AND o.placed_at < %(until)s
     GROUP BY o.customer_id
), told AS MATERIALIZED (
    SELECT m.is_treated, COALESCE(s.y, 0) AS y, COALESCE(s.x, 0) AS x FROM members m LEFT JOIN spent s ON s.customer_id = m.id
), caps AS (
    -- Where fewer than a hundredth bought at all, of those who did.
    SELECT COALESCE(NULLIF(percentile_cont(0.99) WITHIN GROUP (ORDER BY y), 0), percentile_cont(0.99) WITHIN GROUP (ORDER BY y) FILTER (WHERE y > 0), 0) AS y,
           COALESCE(NULLIF(percentile_cont(0.99) WITHIN GROUP (ORDER BY x), 0), percentile_cont(0.99) WITHIN GROUP (ORDER BY x) FILTER (WHERE x > 0), 0) AS x
      FROM told
), measured AS MATERIALIZED (
    SELECT true AS is_cut, is_treated, LEAST(t.y, c.y) AS y, LEAST(t.x, c.x) AS x FROM told t CROSS JOIN caps c
    UNION ALL SELECT false, is_treated, y, x FROM told
)"""

_EFFECT = f"""
WITH members AS MATERIALIZED (
    SELECT c.id, NOT {{held_out}} AS is_treated FROM crm_customer c WHERE c.created_at <= %(start)s AND {{segment}}
), {_SPENT}, slopes AS (
    SELECT is_cut, COALESCE(regr_slope(y, x), 0) AS slope, avg(x) AS x FROM measured GROUP BY is_cut
), adjusted AS (
    SELECT m.is_cut, m.is_treated, m.y, m.y - s.slope * (m.x - s.x) AS v FROM measured m JOIN slopes s USING (is_cut)
), arms AS (
    SELECT is_cut, is_treated, count(*) AS n, avg(v) AS mean, avg(y) AS spent, var_samp(v) / count(*) AS error FROM adjusted GROUP BY 1, 2
)
SELECT t.is_cut, t.n, c.n, t.mean - c.mean, sqrt(t.error + c.error), t.spent, c.spent, (SELECT y FROM caps)
  FROM arms t JOIN arms c ON c.is_cut = t.is_cut AND NOT c.is_treated WHERE t.is_treated ORDER BY t.is_cut DESC"""

_HISTORY = f"""
WITH members AS MATERIALIZED (
    SELECT c.id, true AS is_treated FROM crm_customer c WHERE c.created_at <= %(start)s AND {{segment}}
), {_SPENT}
SELECT count(*), COALESCE(avg(y), 0), COALESCE(stddev_samp(y) / NULLIF(avg(y), 0), 0), COALESCE(corr(y, x), 0) FROM measured WHERE is_cut"""

EVERYONE = Fragment("true")


def effect(segment: Fragment) -> str:
    """Named parameters slug, percent, start, until, and those of the segment put in by `named`."""
    held_out = HELD_OUT_SQL.format(slug="%(slug)s::text", customer_id="c.id", percent="%(percent)s")
    return _EFFECT.format(held_out=held_out, segment=segment.sql)


def history(segment: Fragment) -> str:
    """Named parameters start and until, and those of the segment."""
    return _HISTORY.format(segment=segment.sql)


def named(fragment: Fragment) -> tuple[Fragment, dict[str, Any]]:
    """The fragment with names instead of places, so that it can stand in a statement that has names."""
    parts = fragment.sql.replace("%%", "\0").split("%s")
    assert len(parts) == len(fragment.params) + 1, "every place has its value"
    sql = parts[0] + "".join(f"%(segment_{n})s{part}" for n, part in enumerate(parts[1:]))
    return Fragment(sql.replace("\0", "%%")), {
        f"segment_{n}": value for n, value in enumerate(fragment.params)
    }
