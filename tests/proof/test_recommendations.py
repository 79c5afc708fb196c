"""What the recommendations are worth, on two years of real orders with a split in time, by the very statements that the shop runs."""

from __future__ import annotations

import csv
import gzip
import random
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from oms.recommendations import statements

pytestmark = pytest.mark.django_db

ORDERS = Path(settings.BASE_DIR).parent / "shared" / "data" / "orders" / "online_retail_ii.csv.gz"
SPLIT = datetime(2011, 10, 1, tzinfo=UTC)
AT = 10
# Tables of the names that the statements ask; temporary ones are found first.
TABLES = """
CREATE TEMP TABLE oms_order (id bigint PRIMARY KEY, customer_id bigint, placed_at timestamptz, status text NOT NULL DEFAULT 'COMPLETED')
    ON COMMIT DROP;
CREATE TEMP TABLE oms_orderline (order_id bigint, kind text NOT NULL DEFAULT 'GOODS', variant_id bigint, quantity int,
                                 quantity_canceled int NOT NULL DEFAULT 0, ordered_at timestamptz) ON COMMIT DROP;
CREATE TEMP TABLE storefront_variant (id bigint PRIMARY KEY, product_id bigint) ON COMMIT DROP;
CREATE TEMP TABLE storefront_product_categories (product_id bigint, category_id bigint) ON COMMIT DROP;
CREATE TEMP TABLE oms_neighbour (product_id bigint, other_id bigint, score float, orders int) ON COMMIT DROP;
CREATE TEMP TABLE oms_bestseller (category_id bigint, product_id bigint, orders bigint, units bigint, place bigint) ON COMMIT DROP;
"""


@dataclass
class Basket:
    customer: int | None
    at: datetime
    titles: dict[int, int]
    money: float = 0.0


@pytest.fixture(scope="module")
def history() -> list[Basket]:
    if not ORDERS.is_file():
        pytest.skip("the real orders (shared/data/orders) are not beside this repository")
    numbers: dict[str, int] = {}
    found: dict[str, Basket] = {}
    with gzip.open(ORDERS, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            code, units = row["stock_code"], int(row["quantity"])
            # Goods have numbers of five digits; credit notes begin with C; the rest is postage and the like.
            if row["invoice"].startswith("C") or units <= 0 or not code[:5].isdigit():
                continue
            at = datetime.fromisoformat(row["invoice_date"]).replace(tzinfo=UTC)
            basket = found.setdefault(
                row["invoice"], Basket(int(row["customer_id"]) if row["customer_id"] else None, at, {})
            )
            title = numbers.setdefault(code.upper(), len(numbers) + 1)
            basket.titles[title] = basket.titles.get(title, 0) + units
            basket.money += units * float(row["unit_price"])
    return sorted(found.values(), key=lambda basket: basket.at)


class Shop:
    """The history in tables of a transaction, and what the night before the split learned of it."""

    def __init__(self, history: list[Basket]) -> None:
        self.cursor = connection.cursor()
        self.cursor.execute(TABLES)
        self._copy(history)
        self.cursor.execute(statements.NEIGHBOURS, {"now": SPLIT})
        self.cursor.execute(statements.BESTSELLERS, {"now": SPLIT})
        self.cursor.execute(
            "CREATE INDEX ON oms_neighbour (product_id); ANALYZE oms_neighbour; ANALYZE oms_bestseller"
        )
        self.neighbours: dict[int, list[int]] = defaultdict(list)
        for product, other in self._rows(
            "SELECT product_id, other_id FROM oms_neighbour ORDER BY score DESC, other_id"
        ):
            self.neighbours[product].append(other)
        best = self._rows("SELECT product_id FROM oms_bestseller WHERE category_id IS NULL ORDER BY place")
        self.bestsellers: list[int] = [row[0] for row in best]

    def beside(self, title: int) -> list[int]:
        """The product page: bought together, filled up with bestsellers."""
        return self._first([*self.neighbours[title], *self.bestsellers], {title})

    def best(self, without: set[int]) -> list[int]:
        return self._first(self.bestsellers, without)

    def for_customer(self, customer: int, *, is_new_only: bool) -> list[int]:
        rows = self._rows(
            f"""SELECT id FROM (SELECT DISTINCT ON (id) id, tier, score FROM ({statements.FOR_CUSTOMER}) f ORDER BY id, tier, score DESC) b
                 ORDER BY tier, score DESC, id LIMIT {AT}""",
            {"customer": customer, "is_new_only": is_new_only, "now": SPLIT},
        )
        return [row[0] for row in rows]

    def _first(self, titles: list[int], without: set[int]) -> list[int]:
        return list(dict.fromkeys(title for title in titles if title not in without))[:AT]

    def _rows(self, sql: str, values: dict[str, Any] | None = None) -> list[Any]:
        self.cursor.execute(sql, values)
        return list(self.cursor.fetchall())

    def _copy(self, history: list[Basket]) -> None:
        titles = sorted({title for basket in history for title in basket.titles})
        self._put("storefront_variant (id, product_id)", ((title, title) for title in titles))
        self._put(
            "oms_order (id, customer_id, placed_at)",
            ((number, basket.customer, basket.at) for number, basket in enumerate(history)),
        )
        self._put(
            "oms_orderline (order_id, variant_id, quantity, ordered_at)",
            (
                (number, title, units, basket.at)
                for number, basket in enumerate(history)
                for title, units in basket.titles.items()
            ),
        )
        self.cursor.execute(
            "CREATE INDEX ON oms_order (customer_id); CREATE INDEX ON oms_orderline (order_id);"
            "ANALYZE oms_order; ANALYZE oms_orderline; ANALYZE storefront_variant"
        )

    def _put(self, target: str, rows: Iterable[tuple[Any, ...]]) -> None:
        with self.cursor.cursor.copy(f"COPY {target} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


@dataclass(frozen=True)
class Worth:
    """Ours and the bestsellers', over the same questions."""

    questions: int
    ours: float
    bestsellers: float

    @property
    def ratio(self) -> float:
        return self.ours / self.bestsellers


def next_baskets(history: list[Basket]) -> list[Basket]:
    """The first order of each known customer after the split."""
    seen: dict[int, Basket] = {}
    for basket in history:
        if basket.at >= SPLIT and basket.customer is not None:
            seen.setdefault(basket.customer, basket)
    return list(seen.values())


def on_the_product_page(shop: Shop, history: list[Basket]) -> Worth:
    """HR@10: one title of the next basket is looked at; does the page show another one of it?"""
    choose = random.Random(0)
    asked = [basket for basket in next_baskets(history) if len(basket.titles) > 1]
    ours = theirs = 0
    for basket in asked:
        title = choose.choice(sorted(basket.titles))
        others = set(basket.titles) - {title}
        ours += bool(others & set(shop.beside(title)))
        theirs += bool(others & set(shop.best({title})))
    return Worth(len(asked), ours / len(asked), theirs / len(asked))


def on_a_page_for_somebody(shop: Shop, history: list[Basket], *, is_new_only: bool) -> Worth:
    """Recall@10 of the next basket; `is_new_only`: of the titles in it that this customer had never bought."""
    had: dict[int, set[int]] = defaultdict(set)
    for basket in history:
        if basket.at < SPLIT and basket.customer is not None:
            had[basket.customer] |= set(basket.titles)
    ours, theirs = [], []
    for basket in next_baskets(history):
        known = had[basket.customer] if basket.customer is not None else set()
        wanted = set(basket.titles) - (known if is_new_only else set())
        if not known or not wanted:
            continue
        assert basket.customer is not None
        shown = shop.for_customer(basket.customer, is_new_only=is_new_only)
        ours.append(len(wanted & set(shown)) / len(wanted))
        theirs.append(len(wanted & set(shop.best(known if is_new_only else set()))) / len(wanted))
    return Worth(len(ours), mean(ours), mean(theirs))


def test_they_are_worth_more_than_bestsellers(history: list[Basket]) -> None:
    shop = Shop(history)
    page = on_the_product_page(shop, history)
    new = on_a_page_for_somebody(shop, history, is_new_only=True)
    basket = on_a_page_for_somebody(shop, history, is_new_only=False)
    named = {"product page, HR@10": page, "new titles, recall@10": new, "next basket, recall@10": basket}
    sys.stdout.writelines(
        f"{name}: {worth.ours:.4f} against {worth.bestsellers:.4f} = {worth.ratio:.2f} ({worth.questions} questions)\n"
        for name, worth in named.items()
    )
    assert page.questions > 1000
    assert page.ratio >= 1.3
    assert new.ratio >= 1.3
    assert basket.ratio >= 2


def test_nothing_after_the_split_is_read(history: list[Basket]) -> None:
    """Later orders are in the tables; without them the same is learned."""
    early = [basket for basket in history if basket.at < SPLIT]
    late = [
        Basket(basket.customer, basket.at, dict.fromkeys((1, 2, 3), 1))
        for basket in history
        if basket.at >= SPLIT
    ]
    with transaction.atomic():
        alone = Shop(early)
        transaction.set_rollback(True)
    crowded = Shop([*early, *late])
    assert crowded.neighbours == alone.neighbours
    assert crowded.bestsellers == alone.bestsellers
    assert len(alone.neighbours) > 2000
