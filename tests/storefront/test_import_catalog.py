"""What an import writes, what it leaves alone, and how it goes on after being killed."""

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import LogEntry
from retail.imports.reading import FileRefused
from retail.imports.rows import ImportOvertaken, RowsRejected
from retail.kernel.models import OutboxEvent
from storefront import operations as catalog
from storefront.imports import SHELF, import_catalog
from storefront.imports.run import UnknownPriceList, _CatalogRun
from storefront.models import CatalogImport, Category, Contributor, Price, Product, Variant
from tests.factories import make_user
from tests.storefront.catalogs import (
    LATER,
    NOW,
    counts,
    make_category,
    make_price_list,
    read,
    row,
    skipping,
    write,
)
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def price_list() -> Any:
    return make_price_list()


def test_a_title_comes_in_whole(tmp_path: Path) -> None:
    path = write(
        tmp_path / "one.csv",
        [
            row(
                1,
                title="Žetva u oktobru",
                authors="Đurđa Plavšin; Relja Vodenik",
                barcode="0-00-200588-3",
                pages="320",
                price="1299.00",
            )
        ],
    )
    report, errors = read(path)
    assert (counts(report), errors) == ((1, 0, 0, 0), [])
    product = Product.objects.get()
    variant = Variant.objects.get()
    assert (product.slug, product.status, product.published_at) == (
        "zetva-u-oktobru-djurdja-plavsin",
        "PUBLISHED",
        NOW,
    )
    assert (product.external_ref, product.search_text) == (
        "r1",
        "zetva u oktobru djurdja plavsin relja vodenik",
    )
    assert list(product.contributions.values_list("contributor__name", "position", "role")) == [
        ("Đurđa Plavšin", 0, "AUTHOR"),
        ("Relja Vodenik", 1, "AUTHOR"),
    ]
    assert (variant.sku, variant.barcode, variant.is_estimated_size) == ("SKU-1", "9780002005883", True)
    assert (variant.weight_grams, variant.length_mm, variant.width_mm, variant.height_mm) == (
        423,
        200,
        130,
        18,
    )
    assert product.main_category is not None and product.main_category.path == "romani/price"
    assert sorted(product.categories.values_list("path", flat=True)) == ["romani", "romani/price"]
    assert list(
        Price.objects.values_list("amount", "minimum_quantity", "valid_from", "valid_to", "is_sample")
    ) == [(Decimal("1299.00"), 1, NOW, None, False)]


def test_a_title_without_a_price_has_no_price_row(tmp_path: Path) -> None:
    read(write(tmp_path / "a.csv", [row(1, price="")]))
    assert Variant.objects.count() == 1
    assert not Price.objects.exists()


def test_the_second_run_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [row(number) for number in range(1, 8)])
    assert counts(skipping(path)[0]) == (7, 0, 0, 0)
    with nothing_changes():
        assert counts(skipping(path, now=LATER)[0]) == (0, 0, 7, 0)
    with nothing_changes():
        assert counts(read(path, now=LATER)[0]) == (0, 0, 7, 0)


def test_only_changed_rows_of_a_changed_file_change(tmp_path: Path) -> None:
    rows = [row(number) for number in range(1, 6)]
    read(write(tmp_path / "a.csv", rows))
    before = dict(Variant.objects.values_list("sku", "updated_at"))
    rows[0]["title"] = "Drugi naslov"
    rows[1]["authors"] = "Vuk Timarac"
    rows[2]["price"] = "1090.00"
    rows[3]["categories"] = "Romani"
    report, _ = read(write(tmp_path / "b.csv", rows), now=LATER)
    assert counts(report) == (0, 4, 1, 0)
    product = {each.external_ref: each for each in Product.objects.all()}
    assert (product["r1"].title, product["r1"].slug) == ("Drugi naslov", "naslov-1-iskra-podunavac")
    assert product["r2"].search_text == "naslov 2 vuk timarac"
    assert list(product["r4"].categories.values_list("path", flat=True)) == ["romani"]
    assert {ref: each.updated_at == LATER for ref, each in product.items()} == {
        "r1": True,
        "r2": True,
        "r3": True,
        "r4": True,
        "r5": False,
    }
    after = dict(Variant.objects.values_list("sku", "updated_at"))
    assert [sku for sku in sorted(after) if after[sku] != before[sku]] == ["SKU-1", "SKU-2", "SKU-3", "SKU-4"]
    assert list(
        Price.objects.filter(variant__sku="SKU-3")
        .order_by("valid_from")
        .values_list("amount", "valid_from", "valid_to")
    ) == [
        (Decimal("990.00"), NOW, LATER),
        (Decimal("1090.00"), LATER, None),
    ]


def test_columns_that_the_file_lacks_are_left_alone(tmp_path: Path) -> None:
    read(write(tmp_path / "a.csv", [row(1)]))
    variant = Variant.objects.get()
    catalog.update_product(
        product_id=variant.product_id,
        changes={"description": "Naše reči", "brand": "Modri list"},
        by=None,
        now=NOW,
    )
    catalog.update_variant(variant_id=variant.pk, changes={"weight_grams": 512}, by=None, now=NOW)
    report, _ = read(write(tmp_path / "b.csv", [row(1, title="Novi naslov", pages="600")]), now=LATER)
    assert counts(report) == (0, 1, 0, 0)
    variant = Variant.objects.select_related("product").get()
    assert (variant.product.description, variant.product.brand) == ("Naše reči", "Modri list")
    # Somebody weighed the book; an estimate from its pages is worth less.
    assert (variant.weight_grams, variant.is_estimated_size) == (512, False)


def test_places_that_people_chose_stay(tmp_path: Path) -> None:
    read(write(tmp_path / "a.csv", [row(1)]))
    product = Product.objects.get()
    product.categories.add(make_category("jesen"))
    read(write(tmp_path / "b.csv", [row(1, categories="Drama")]), now=LATER)
    assert sorted(product.categories.values_list("path", flat=True)) == ["drama", "jesen"]


def test_spellings_of_one_author_are_one_person(tmp_path: Path) -> None:
    read(
        write(
            tmp_path / "a.csv",
            [row(1, authors="J. K. Rowling"), row(2, authors="J.K. Rowling"), row(3, authors="j k rowling")],
        )
    )
    assert list(Contributor.objects.values_list("slug", "name")) == [("j-k-rowling", "J. K. Rowling")]
    assert Product.objects.filter(contributors__slug="j-k-rowling").count() == 3


def test_equal_titles_get_addresses_of_their_own(tmp_path: Path) -> None:
    read(write(tmp_path / "a.csv", [row(1, title="Most"), row(2, title="Most")]))
    read(write(tmp_path / "b.csv", [row(3, title="Most")]))
    assert sorted(Product.objects.values_list("slug", flat=True)) == [
        "most-iskra-podunavac",
        "most-iskra-podunavac-sku-2",
        "most-iskra-podunavac-sku-3",
    ]


# -- Errors ----------------------------------------------------------------------------------------------------------------------

SOME_BAD = [
    row(1),
    row(2, price="free"),
    row(3, reference="r1"),
    row(4, sku="SKU-1"),
    row(5, title=""),
    row(6),
]
COMPLAINTS = [
    (3, "price", "free", "NOT_A_NUMBER"),
    (4, "reference", "r1", "DOUBLED"),
    (5, "sku", "SKU-1", "DOUBLED"),
    (6, "title", "", "REQUIRED"),
]


def told(errors: list[Any]) -> list[tuple[int, str, str, str]]:
    return [(error.line, error.column, error.value, error.code) for error in errors]


def test_skip_leaves_the_bad_rows_behind(tmp_path: Path) -> None:
    report, errors = skipping(write(tmp_path / "a.csv", SOME_BAD))
    assert counts(report) == (2, 0, 0, 4)
    assert told(errors) == COMPLAINTS
    assert list(Variant.objects.order_by("sku").values_list("sku", flat=True)) == ["SKU-1", "SKU-6"]


def test_reject_leaves_nothing_and_names_every_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", SOME_BAD)
    errors: list[Any] = []
    with nothing_changes(), pytest.raises(RowsRejected) as refusal:
        import_catalog(
            path=path,
            by=None,
            now=NOW,
            mapping=SHELF.load("columns"),
            on_row_error=errors.append,
            batch_lines=2,
        )
    assert refusal.value.details == {"rejected": 4}
    assert told(errors) == COMPLAINTS


def test_a_dry_run_says_what_would_be_and_changes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", SOME_BAD)
    with nothing_changes():
        report, errors = skipping(path, is_dry_run=True)
    assert counts(report) == (2, 0, 0, 4)
    assert told(errors) == COMPLAINTS


def test_a_sku_that_is_taken_is_an_error_of_its_row(tmp_path: Path) -> None:
    read(write(tmp_path / "a.csv", [row(1), row(2)]))
    report, errors = skipping(
        write(tmp_path / "b.csv", [row(3, sku="SKU-1"), row(2, sku="SKU-22"), row(4)]), now=LATER
    )
    assert counts(report) == (1, 0, 0, 2)
    assert told(errors) == [(2, "sku", "SKU-1", "SKU_TAKEN"), (3, "sku", "SKU-22", "SKU_CHANGED")]
    assert sorted(Variant.objects.values_list("sku", flat=True)) == ["SKU-1", "SKU-2", "SKU-4"]


def test_prices_need_a_list(tmp_path: Path, price_list: Any) -> None:
    path = write(tmp_path / "a.csv", [row(1)])
    with nothing_changes(), pytest.raises(UnknownPriceList):
        read(path, price_list="eu")
    type(price_list).objects.create(code="b2b", name="Druga lista")
    with nothing_changes(), pytest.raises(UnknownPriceList):
        read(path)
    read(path, price_list="b2b")
    assert Price.objects.get().price_list.code == "b2b"


def test_a_file_that_breaks_in_the_middle_keeps_what_was_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [row(number) for number in range(1, 5)])
    path.write_bytes(path.read_bytes() + b"r9,S-9,\xff\xfe\n")
    with pytest.raises(FileRefused) as refusal:
        skipping(path, batch_lines=2)
    assert refusal.value.code == "WRONG_ENCODING"
    record = CatalogImport.objects.get()
    assert (record.is_finished, record.lines_read, record.created_count) == (False, 5, 4)


# -- The trace ---------------------------------------------------------------------------------------------------------------------


def test_one_audit_row_for_each_statement(tmp_path: Path) -> None:
    mila = make_user("Mila")
    path = write(tmp_path / "jesen.csv", [row(number) for number in range(1, 41)])
    import_catalog(path=path, by=mila, now=NOW, mapping=SHELF.load("columns"))
    entries = LogEntry.objects.filter(batch="import jesen.csv")
    by_model = {
        (entry.content_type.model, entry.action): entry.row_count
        for entry in entries.select_related("content_type")
    }
    assert by_model[("product", 0)] == 40
    assert by_model[("variant", 0)] == 40
    assert by_model[("price", 0)] == 40
    assert {(entry.actor_id, entry.reason) for entry in entries} == {(mila.pk, "import jesen.csv")}
    assert entries.count() < 20


def test_the_import_is_announced_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [row(1), row(2)])
    skipping(path)
    skipping(path, now=LATER)
    event = OutboxEvent.objects.get(topic="storefront.catalog_imported")
    assert (event.payload["created"], event.payload["updated"]) == (2, 0)


# -- The command ---------------------------------------------------------------------------------------------------------------------


def test_the_command_writes_the_errors_row_by_row(tmp_path: Path, capsys: Any) -> None:
    path, errors = write(tmp_path / "a.csv", SOME_BAD), tmp_path / "errors.csv"
    call_command("import_catalog", str(path), on_error="skip", errors=errors)
    assert errors.read_text().splitlines() == [
        "line,column,value,code,reason",
        "3,price,free,NOT_A_NUMBER,a number such as 1299.00",
        "4,reference,r1,DOUBLED,stands on line 2 already",
        "5,sku,SKU-1,DOUBLED,stands on line 2 already",
        "6,title,,REQUIRED,must not be empty",
    ]
    call_command("import_catalog", str(write(path, [row(1)])), errors=errors)
    assert not errors.exists()


def test_the_command_fails_honestly(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", SOME_BAD)
    with nothing_changes(), pytest.raises(CommandError) as failure:
        call_command("import_catalog", str(path), errors=tmp_path / "e.csv")
    assert str(failure.value) == "ROWS_REJECTED: 4 rows of a.csv are wrong; nothing was changed."
    with pytest.raises(CommandError, match="FILE_MISSING"):
        call_command("import_catalog", str(tmp_path / "nothing.csv"))
    with pytest.raises(CommandError, match="UNKNOWN_MAPPING"):
        call_command("import_catalog", str(path), map="nothing")


# -- Killed in the middle --------------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import django
django.setup()
from django.utils import timezone
from retail.imports.rows import OnError
from storefront.imports import SHELF, import_catalog
batches = 0
def on_progress(done, total):
    global batches
    batches += 1
    if batches == 3:
        os.kill(os.getpid(), signal.SIGKILL)
import_catalog(path=Path(sys.argv[1]), by=None, now=timezone.now(), mapping=SHELF.load("columns"),
               on_error=OnError.SKIP, batch_lines=10, on_progress=on_progress)
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_goes_on_where_it_was(tmp_path: Path) -> None:
    """kill -9 while the third batch is being written: two batches are there, the third is not, the next run does the rest."""
    rows = [row(number) for number in range(1, 46)]
    rows[4]["price"] = "free"
    path = write(tmp_path / "long.csv", rows)
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "retail.settings",
            "ONEROW_ENV": "local",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    record = CatalogImport.objects.get()
    assert (record.lines_read, record.created_count, record.rejected_count, record.is_finished) == (
        21,
        19,
        1,
        False,
    )
    assert Variant.objects.count() == 19

    report, errors = skipping(path)
    assert report.resumed_after_line == 21
    assert counts(report) == (25, 0, 0, 0)
    assert told(errors) == [(6, "price", "free", "NOT_A_NUMBER")]
    record.refresh_from_db()
    assert (record.lines_read, record.created_count, record.rejected_count, record.is_finished) == (
        46,
        44,
        1,
        True,
    )
    assert (Product.objects.count(), Price.objects.count(), Category.objects.count()) == (44, 44, 2)


def test_two_runs_of_one_file_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else moved the same import on: this run stops instead of skipping what it has not written."""
    path = write(tmp_path / "a.csv", [row(number) for number in range(1, 7)])
    began: list[int] = []
    usual = _CatalogRun._mark_batch

    def overtaken(run: _CatalogRun) -> None:
        began.append(1)
        if len(began) == 2:
            CatalogImport.objects.update(lines_read=5)
        usual(run)

    monkeypatch.setattr(_CatalogRun, "_mark_batch", overtaken)
    with pytest.raises(ImportOvertaken):
        skipping(path, batch_lines=2)
    assert Variant.objects.count() == 2
