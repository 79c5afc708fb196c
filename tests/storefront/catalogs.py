"""Catalog files and titles for tests: small CSVs with one thing about them."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from retail.imports.rows import OnError, RowError
from storefront import operations as catalog
from storefront.imports import SHELF, ImportReport, import_catalog
from storefront.models import Category, PriceList, TaxRate, Variant

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
HEADER = ["reference", "sku", "barcode", "title", "authors", "categories", "pages", "price"]


def real(name: str) -> Path:
    """A public data set beside the repository; tests that need it are skipped where it is not."""
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"needs ../shared/data/{name}")
    return path


def row(number: int, **values: Any) -> dict[str, Any]:
    usual = {
        "reference": f"r{number}",
        "sku": f"SKU-{number}",
        "title": f"Naslov {number}",
        "authors": "Iskra Podunavac",
        "categories": "Romani > Priče",
        "pages": 200,
        "price": "990.00",
    }
    return {**usual, **values}


def write(path: Path, rows: Sequence[dict[str, Any]], header: Sequence[str] = HEADER) -> Path:
    """As CSV, packed when the name ends in .gz."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(header), restval="")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def read(
    path: Path, *, now: datetime = NOW, mapping: str = "columns", **options: Any
) -> tuple[ImportReport, list[RowError]]:
    """Import and collect the row errors."""
    errors: list[RowError] = []
    report = import_catalog(
        path=path, by=None, now=now, mapping=SHELF.load(mapping), on_row_error=errors.append, **options
    )
    return report, errors


def skipping(path: Path, **options: Any) -> tuple[ImportReport, list[RowError]]:
    return read(path, on_error=OnError.SKIP, **options)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.created, report.updated, report.unchanged, report.rejected


def stock_shelf(folder: Path, rows: Sequence[dict[str, Any]]) -> dict[str, Variant]:
    """Many published titles at once, by the import: SKU → variant."""
    make_price_list()
    header = [*HEADER, "brand", "language", "format", "released_on", "rating", "rating_count"]
    read(write(folder / "shelf.csv", [{"reference": each["sku"], **each} for each in rows], header))
    return {variant.sku: variant for variant in Variant.objects.select_related("product")}


def make_price_list() -> PriceList:
    TaxRate.objects.get_or_create(
        tax_class="BOOKS", valid_from="2014-01-01", defaults={"rate": Decimal("10.00")}
    )
    return PriceList.objects.get_or_create(code="rs", defaults={"name": "Cenovnik Srbija"})[0]


def make_category(path: str, name: str = "", name_en: str = "") -> Category:
    above, _, slug = path.rpartition("/")
    return Category.objects.create(
        parent=Category.objects.get(path=above) if above else None,
        slug=slug,
        path=path,
        depth=path.count("/"),
        name=name or slug.title(),
        name_en=name_en,
    )


def make_title(
    sku: str, title: str, *, price: str | None = "990.00", popularity: int = 0, **values: Any
) -> Variant:
    """A published title through the verbs."""
    price_list = make_price_list()
    variant, _ = catalog.put_variant(
        sku=sku,
        data=catalog.VariantData(
            title=title,
            is_published=True,
            price=Decimal(price) if price else None,
            price_list_id=price_list.pk,
            **values,
        ),
        by=None,
        now=NOW,
    )
    if popularity:
        type(variant.product).objects.filter(pk=variant.product_id).update(popularity=popularity)
    return variant
