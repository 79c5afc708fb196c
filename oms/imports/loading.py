"""A batch of past lines into the order rows: COPY into a temporary table, then one statement per table. No loop over rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from crm import operations as crm
from oms.imports import statements
from oms.imports.cleaning import PastLine, title_of
from oms.imports.mapping import Mapping
from oms.imports.matching import Credit, Sale, match_credits
from oms.models import new_token
from oms.states import LineKind
from retail.imports.rows import RowError
from storefront import operations as catalog
from storefront.models import Channel, TaxClass

_plain_of = attrgetter(*statements.PLAIN)
REFUSALS = {
    "NUMBER_TAKEN": "another order has this number",
    "HISTORY_DIFFERS": "this line was imported with other figures; history is not rewritten",
}


class SumsDiffer(AssertionError):
    """What stands in the rows is not what was read: a mistake of ours, and nothing of the batch is kept."""


@dataclass(slots=True)
class Loaded:
    """What one batch did. The totals are of all its lines that stand in the rows now, known before or not."""

    created: int = 0
    unchanged: int = 0
    orders: int = 0
    returns: int = 0
    credits: int = 0
    exact_total: Decimal = Decimal(0)
    stored_total: Decimal = Decimal(0)
    errors: list[RowError] = field(default_factory=list)


class Loader:
    """Bound to one mapping and channel; `load` runs inside the caller's transaction."""

    def __init__(self, mapping: Mapping, channel: Channel) -> None:
        self.mapping = mapping
        self.head: dict[str, int | str] = {
            "channel": channel.pk,
            "entity": channel.entity_id,
            "currency": mapping.currency or channel.currency,
            "language": channel.language,
            "delivery_method": mapping.delivery_method,
            "payment_method": mapping.payment_method,
        }
        self.tax: dict[str, str | Decimal] = {"tax_class": mapping.tax_class, "tax_rate": mapping.tax_rate}
        self._customers: dict[str, int] = {}
        self._variants: dict[str, int] = {}

    def load(self, lines: Sequence[PastLine], *, now: datetime) -> Loaded:
        loaded = Loaded()
        if not lines:
            return loaded
        with connection.cursor() as cursor:
            cursor.execute(statements.LOCK)
            self._find_people_and_articles(lines, now)
            self._copy(cursor, lines)
            loaded.errors = self._refuse(cursor)
            cursor.execute(statements.COUNT_KNOWN)
            loaded.unchanged = cursor.fetchone()[0]
            loaded.orders, loaded.created = self._write(cursor, statements.SALE, now)
            loaded.returns = self._take_back(cursor)
            standing, loaded.credits = self._write(cursor, statements.CREDIT, now)
            loaded.orders += standing
            loaded.created += loaded.returns + loaded.credits
            loaded.exact_total, loaded.stored_total = self._prove(cursor, lines, loaded.errors)
        return loaded

    def _find_people_and_articles(self, lines: Sequence[PastLine], now: datetime) -> None:
        """Ids of customers and articles, made where they are new; each is asked for once in a run."""
        people: dict[str, PastLine] = {}
        articles: dict[str, str] = {}
        for line in lines:
            if line.customer and line.customer not in self._customers:
                people.setdefault(line.customer, line)
            if line.kind == LineKind.GOODS and line.sku not in self._variants:
                known = articles.get(line.sku)
                if known is None or (known == line.sku and line.quantity > 0):
                    articles[line.sku] = title_of(line)
        if people:
            prefix = self.mapping.reference_prefix
            ids = crm.add_past_customers(
                people=[
                    crm.PastCustomer(
                        f"{prefix}{key}", f"{self.mapping.customer_name} {key}", people[key].ordered_at
                    )
                    for key in sorted(people)
                ],
                language=str(self.head["language"]),
            )
            self._customers |= {key: ids[f"{prefix}{key}"] for key in people}
        if articles:
            self._variants |= catalog.add_past_articles(
                titles=articles,
                reference_prefix=self.mapping.reference_prefix,
                tax_class=self.mapping.tax_class or TaxClass.STANDARD,
                now=now,
            )

    def _copy(self, cursor: CursorWrapper, lines: Sequence[PastLine]) -> None:
        cursor.execute(statements.SETUP)
        with cursor.copy(statements.COPY) as copy:
            for line in lines:
                copy.write_row(
                    (
                        *_plain_of(line),
                        statements.CREDIT if line.is_credit else statements.SALE,
                        self._customers.get(line.customer),
                        f"{self.mapping.customer_name} {line.customer}" if line.customer else "",
                        self._variants.get(line.sku) if line.kind == LineKind.GOODS else None,
                        new_token() if line.position == 1 else "",
                    )
                )
        cursor.execute(statements.RESOLVE)

    def _refuse(self, cursor: CursorWrapper) -> list[RowError]:
        """Lines that would rewrite history, or stand under a number of somebody else's; they leave the batch."""
        columns = self.mapping.columns
        errors = []
        for code, statement, column in (
            ("NUMBER_TAKEN", statements.REFUSE_TAKEN, columns["order"]),
            ("HISTORY_DIFFERS", statements.REFUSE_DIFFERING, columns["order"]),
        ):
            cursor.execute(statement)
            errors += [RowError(line, column, number, code, REFUSALS[code]) for line, number in cursor]
        return sorted(errors, key=lambda error: error.line)

    def _write(self, cursor: CursorWrapper, step: int, now: datetime) -> tuple[int, int]:
        """Orders and their lines of one step; how many of each are new."""
        values: dict[str, int | str | Decimal | datetime] = {
            **self.head,
            **self.tax,
            "step": step,
            "now": now,
        }
        cursor.execute(statements.INSERT_ORDERS, values)
        cursor.execute(statements.COUNT_NEW_ORDERS, values)
        orders = cursor.fetchone()[0]
        cursor.execute(statements.INSERT_LINES, values)
        lines = cursor.rowcount
        cursor.execute(statements.GROW_ORDERS, values)
        return orders, lines

    def _take_back(self, cursor: CursorWrapper) -> int:
        """Credits that match a sale become a return of it; the others stay for the next step."""
        cursor.execute(statements.CREDITS)
        credits = [Credit(*row) for row in cursor.fetchall()]
        if not credits:
            return 0
        cursor.execute(statements.SALES_OF_CREDITS)
        matches = match_credits(credits, (Sale(*row) for row in cursor.fetchall()))
        if not matches:
            return 0
        cursor.execute(statements.SETUP_MATCHES, _columns(matches))
        for statement in statements.TAKE_BACK:
            cursor.execute(statement)
        return len(matches)

    def _prove(
        self, cursor: CursorWrapper, lines: Sequence[PastLine], errors: list[RowError]
    ) -> tuple[Decimal, Decimal]:
        """The sum of the file's lines, exact, and the sum of what the rows hold of them, which must be their rounded sum."""
        cursor.execute(statements.STORED)
        count, stored = cursor.fetchone()
        refused = {error.line for error in errors}
        taken = [line for line in lines if line.line not in refused]
        rounded = sum((line.total for line in taken), Decimal(0))
        if (count, stored) != (len(taken), rounded):
            raise SumsDiffer(f"{len(taken)} lines of {rounded} were read, {count} of {stored} are stored")
        return sum((line.exact for line in taken), Decimal(0)), stored


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
