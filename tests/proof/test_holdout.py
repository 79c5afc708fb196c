"""Whether the interval of a campaign's effect is as wide as it says: on real orders, with the campaign's own statement, where the truth is known.

Each seed holds out other customers by the real hash. Nothing was sent to anybody, so the truth is zero; then what the others spent is
raised by a known share, and the truth is that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from crm.rules import HELD_OUT_SQL
from crm.segments import Fragment
from oms.effects import rules, statements
from tests.proof.test_recommendations import Basket, history

__all__ = ["history"]
pytestmark = pytest.mark.django_db

START = datetime(2011, 9, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=56)
SHARE = 10
IS_PROOF = bool(os.environ.get("ONEROW_PROOF"))
# Of so many intervals, 95.0 % hold the truth give or take four standard errors; `make proof` asks a thousand for 92 to 97 %.
SEEDS, WITHIN = (1_000, (0.92, 0.97)) if IS_PROOF else (160, (0.88, 0.99))
HELD_OUT = HELD_OUT_SQL.format(
    slug="current_setting('proof.slug')", customer_id="customer_id", percent=SHARE
).replace("%%", "%")
# The statement asks tables of these names; temporary ones are found first. What members spend after the start is raised for who is not held out.
TABLES = f"""
CREATE TEMP TABLE crm_customer (id bigint PRIMARY KEY, created_at timestamptz) ON COMMIT DROP;
CREATE TEMP TABLE spent (customer_id bigint, due_total numeric, placed_at timestamptz) ON COMMIT DROP;
CREATE TEMP VIEW oms_order AS
    SELECT customer_id, placed_at, 'COMPLETED'::text AS status,
           CASE WHEN placed_at >= '{START.isoformat()}' AND NOT {HELD_OUT}
                THEN due_total * (1 + current_setting('proof.lift')::numeric) ELSE due_total END AS due_total FROM spent;
"""


@dataclass(frozen=True)
class Coverage:
    lift: float
    seeds: int
    cut: float
    plain: float


@pytest.fixture
def shop(history: list[Basket]) -> Iterator[Any]:
    began: dict[int, datetime] = {}
    for basket in history:
        if basket.customer is not None:
            began.setdefault(basket.customer, basket.at)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off")
        cursor.execute("SELECT set_config('proof.slug', '', true), set_config('proof.lift', '0', true)")
        cursor.execute(TABLES)
        with cursor.cursor.copy("COPY crm_customer FROM STDIN") as copy:
            for customer, at in began.items():
                copy.write_row((customer, at))
        with cursor.cursor.copy("COPY spent FROM STDIN") as copy:
            for basket in history:
                if basket.customer is not None and basket.at >= START - timedelta(
                    days=statements.BEFORE_DAYS
                ):
                    copy.write_row((basket.customer, basket.money, basket.at))
        # What neither window holds would only be read a thousand times.
        cursor.execute("DELETE FROM spent WHERE placed_at >= %s", [UNTIL])
        cursor.execute("CREATE INDEX ON spent (customer_id); ANALYZE spent; ANALYZE crm_customer")
        yield cursor


def covered(cursor: Any, *, lift: float, seeds: int) -> Coverage:
    """How often the interval holds the truth: what every member would have spent more, cut as the statement cuts."""
    sql = statements.effect(Fragment("true"))
    spent = _spent(cursor)
    hits = {True: 0, False: 0}
    for seed in range(seeds):
        slug = f"proof-{seed}"
        cursor.execute(
            "SELECT set_config('proof.slug', %s, true), set_config('proof.lift', %s, true)", [slug, str(lift)]
        )
        cursor.execute(sql, {"slug": slug, "percent": SHARE, "start": START, "until": UNTIL})
        for is_cut, _, _, difference, error, _, _, cap in cursor.fetchall():
            truth = _truth(spent, lift, cap if is_cut else None)
            hits[is_cut] += abs(difference - truth) <= rules.Z95 * error
    return Coverage(lift, seeds, hits[True] / seeds, hits[False] / seeds)


def _truth(spent: list[float], lift: float, cap: float | None) -> float:
    """The mean over all members of what the rise adds, each cut at the cap."""
    if cap is None:
        return lift * sum(spent) / len(spent)
    return sum(min(each * (1 + lift), cap) - min(each, cap) for each in spent) / len(spent)


def _spent(cursor: Any) -> list[float]:
    cursor.execute(
        "SELECT COALESCE(sum(s.due_total) FILTER (WHERE s.placed_at >= %s), 0)::float8 FROM crm_customer c "
        "LEFT JOIN spent s ON s.customer_id = c.id WHERE c.created_at <= %s GROUP BY c.id",
        [START, START],
    )
    return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("lift", [0.0, 0.05, 0.2])
def test_the_interval_holds_the_truth_as_often_as_it_says(shop: Any, lift: float) -> None:
    found = covered(shop, lift=lift, seeds=SEEDS)
    sys.stdout.write(
        f"lift {lift:.0%}: {found.cut:.1%} of {found.seeds} intervals hold the truth, {found.plain:.1%} without cutting\n"
    )
    least, most = WITHIN
    assert least <= found.cut <= most
