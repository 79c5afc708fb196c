"""Files of past orders for tests: small CSVs in the shape of a public data set, with every oddity that it has."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oms.imports import SHELF, ImportReport, import_orders
from retail.imports.rows import OnError, RowError

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
HEADER = [
    "invoice",
    "stock_code",
    "description",
    "quantity",
    "invoice_date",
    "unit_price",
    "customer_id",
    "country",
]
Row = tuple[str, str, str, str, str, str, str, str]


def row(
    invoice: str,
    sku: str = "85048",
    quantity: int | str = 1,
    price: str = "6.95",
    *,
    customer: str = "13085",
    title: str = "GLASS BALL",
    day: int | str = 1,
    country: str = "United Kingdom",
) -> Row:
    moment = f"2009-12-{day:02d}T07:45:00" if isinstance(day, int) else day
    return invoice, sku, title, str(quantity), moment, price, customer, country


# What the data set really has, one of each: sums are in the tests.
ODD: list[Row] = [
    row("489434", "85048", 12),
    row("489434", "POST", 1, "18.00", title="POSTAGE"),
    row("489435", "85048", 5, day=2),
    # A credit of the newest sale that has enough left, one of the sale before, one of more than was ever bought.
    row("C489436", "85048", -3, day=3),
    row("C489437", "85048", -4, day=4),
    row("C489438", "85048", -100, day=4),
    # Nobody knows whose it was: it cannot be matched.
    row("C489439", "85048", -1, customer="", day=5),
    # Stock thrown away, written as a sale of nothing.
    row("489440", "21000", -7, "0.0", customer="", title="damaged", day=5),
    row("489440", "21000", 2, "1.5", customer="", title="BIRD HOUSE", day=5),
    # Prices with three decimals: 0.001 and 0.007 become 0.00 and 0.01.
    row("489441", "22000", 1, "0.001", customer="", title="nan", day=5),
    row("489441", "22000", 7, "0.001", customer="", title="", day=5),
    row("A489442", "B", 1, "-53594.36", customer="", title="Adjust bad debt", day=6),
    # The same line twice in one invoice is two lines.
    row("489443", "79323p", 2, "0.85", customer="17850", country="EIRE", title="PINK LIGHTS", day=7),
    row("489443", "79323P ", 2, "0.85", customer="17850", country="EIRE", title="PINK LIGHTS", day=7),
    row("489443", "gift_0001_20", 1, "20.00", customer="17850", country="EIRE", title="Voucher", day=7),
    row("C489444", "M", 1, "373.57", customer="17850", country="Unspecified", title="Manual", day=8),
    row("C489445", "m", -1, "5.00", customer="17850", title="Manual", day=8),
    # A line of an invoice that was left long ago.
    row("489434", "79323P", 1, "0.85", day=9, title="PINK LIGHTS"),
]


def write(path: Path, rows: Sequence[Row]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def read(path: Path, *, now: datetime = NOW, **options: Any) -> tuple[ImportReport, list[RowError]]:
    """Import by batches and collect the row errors."""
    errors: list[RowError] = []
    report = import_orders(
        path=path,
        by=None,
        now=now,
        mapping=SHELF.load("online_retail"),
        **{"on_error": OnError.SKIP, "on_row_error": errors.append, **options},
    )
    return report, errors


def counts(report: ImportReport) -> tuple[int, int, int, int, int, int]:
    """Lines made, known and refused; orders made; credits matched and standing alone."""
    return (
        report.created,
        report.unchanged,
        report.rejected,
        report.orders,
        report.returns,
        report.credits,
    )
