"""Past orders from a file: what they become, what their sums are, what a second or a killed run does."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Sum

from audit.models import LogEntry
from crm.models import Customer
from oms.imports import SHELF, import_orders
from oms.imports.loading import Loader, SumsDiffer
from oms.imports.matching import Credit, Match, Sale, match_credits
from oms.imports.run import UnknownChannel
from oms.models import Order, OrderImport, OrderLine, Return, ReturnLine
from retail.doctor.examine import examine, imported_rows
from retail.imports.mappings import BadMapping
from retail.imports.reading import CsvFile, MissingColumns
from retail.imports.rows import OnError, RowError, RowsRejected
from retail.kernel.models import OutboxEvent
from storefront.models import Product, Variant
from tests.factories import make_channel, make_entity, make_location, make_user
from tests.oms.past import LATER, NOW, ODD, counts, read, row, write
from tests.storefront.catalogs import real
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def channel() -> Any:
    entity = make_entity()
    make_location(entity)
    return make_channel(entity, code="api")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    return write(tmp_path / "odd.csv", ODD)


def d(text: str) -> Decimal:
    return Decimal(text)


def stored_total() -> Decimal:
    """What the rows hold, asked without the importer."""
    lines = OrderLine.objects.aggregate(total=Sum("total"))["total"] or Decimal(0)
    returned = ReturnLine.objects.aggregate(total=Sum("refund_amount"))["total"] or Decimal(0)
    return lines - returned


# -- What becomes of the lines ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_lines", [1, 2, 5, 1000])
def test_the_sums_of_every_oddity_are_exact(odd: Path, batch_lines: int) -> None:
    """Wherever the batches end, the rows are the same."""
    report, errors = read(odd, batch_lines=batch_lines)
    assert (counts(report), errors) == ((18, 0, 0, 10, 2, 3), [])
    # 83.40 + 18.00 + 34.75 - 20.85 - 27.80 - 695.00 - 6.95 + 3.00 + 0.008 - 53594.36 + 3.40 + 20.00 + 373.57 - 5.00 + 0.85
    assert report.exact_total == d("-53812.982")
    assert report.stored_total == stored_total() == d("-53812.98")
    assert report.rounding_remainder == d("-0.002")
    kept = {order.number: order for order in Order.objects.all()}
    assert {number: (order.total, order.due_total, order.captured_total, order.refunded_total, order.payment_status)
            for number, order in kept.items()} == {
        "UCI-489434": (d("102.25"), d("74.45"), d("102.25"), d("27.80"), "PARTLY_REFUNDED"),
        "UCI-489435": (d("34.75"), d("13.90"), d("34.75"), d("20.85"), "PARTLY_REFUNDED"),
        "UCI-C489438": (d("-695.00"), d("0.00"), d("0.00"), d("0.00"), "REFUNDED"),
        "UCI-C489439": (d("-6.95"), d("0.00"), d("0.00"), d("0.00"), "REFUNDED"),
        "UCI-489440": (d("3.00"), d("3.00"), d("3.00"), d("0.00"), "PAID"),
        "UCI-489441": (d("0.01"), d("0.01"), d("0.01"), d("0.00"), "PAID"),
        "UCI-A489442": (d("-53594.36"), d("0.00"), d("0.00"), d("0.00"), "REFUNDED"),
        "UCI-489443": (d("23.40"), d("23.40"), d("23.40"), d("0.00"), "PAID"),
        "UCI-C489444": (d("373.57"), d("373.57"), d("373.57"), d("0.00"), "PAID"),
        "UCI-C489445": (d("-5.00"), d("0.00"), d("0.00"), d("0.00"), "REFUNDED"),
    }  # fmt: skip


def test_an_order_and_its_lines_say_what_the_file_says(odd: Path, channel: Any) -> None:
    read(odd)
    order = Order.objects.select_related("customer").get(number="UCI-489434")
    assert order.customer is not None
    assert (order.external_ref, order.is_imported, order.status, order.fulfillment_status) == (
        "online-retail-ii:489434",
        True,
        "COMPLETED",
        "DELIVERED",
    )
    assert (order.channel_id, order.entity_id, order.currency, order.country) == (
        channel.pk,
        channel.entity_id,
        "GBP",
        "GB",
    )
    assert (order.customer.external_ref, order.customer.name, order.name) == (
        "online-retail-ii:13085",
        "Customer 13085",
        "Customer 13085",
    )
    assert order.placed_at == order.customer.created_at == datetime(2009, 12, 1, 7, 45, tzinfo=UTC)
    assert (order.goods_total, order.delivery_total) == (d("84.25"), d("18.00"))
    assert list(
        order.lines.values_list(
            "position", "kind", "sku", "title", "quantity", "unit_price", "total", "quantity_returned"
        )
    ) == [
        (1, "GOODS", "85048", "GLASS BALL", 12, d("6.95"), d("83.40"), 4),
        (2, "DELIVERY", "POST", "POSTAGE", 1, d("18.00"), d("18.00"), 0),
        (3, "GOODS", "79323P", "PINK LIGHTS", 1, d("0.85"), d("0.85"), 0),
    ]
    assert len(order.token) >= 43


def test_the_hour_is_that_of_the_place_where_it_was_sold(tmp_path: Path) -> None:
    read(
        write(
            tmp_path / "a.csv",
            [row("1", day="2010-07-01T12:00:00"), row("2", day="2010-07-01T12:00:00+02:00")],
        )
    )
    assert list(Order.objects.order_by("number").values_list("placed_at", flat=True)) == [
        datetime(2010, 7, 1, 11, 0, tzinfo=UTC),
        datetime(2010, 7, 1, 10, 0, tzinfo=UTC),
    ]


def test_credits_come_back_to_their_sale_or_stand_alone(odd: Path) -> None:
    read(odd)
    assert list(
        ReturnLine.objects.order_by("parent__number").values_list(
            "parent__number",
            "parent__status",
            "order_line__order__number",
            "quantity_received",
            "refund_amount",
        )
    ) == [
        ("UCI-C489436-1", "REFUNDED", "UCI-489435", 3, d("20.85")),
        ("UCI-C489437-1", "REFUNDED", "UCI-489434", 4, d("27.80")),
    ]
    alone = Order.objects.filter(fulfillment_status="RETURNED").order_by("number")
    assert list(alone.values_list("number", "customer__external_ref", "lines__quantity", "lines__total")) == [
        ("UCI-C489438", "online-retail-ii:13085", -100, d("-695.00")),
        ("UCI-C489439", None, -1, d("-6.95")),
        ("UCI-C489445", "online-retail-ii:17850", -1, d("-5.00")),
    ]


def test_a_credit_takes_the_newest_earlier_sale_that_covers_it() -> None:
    price, other = d("6.95"), d("7.95")
    day = [datetime(2010, 1, number, tzinfo=UTC) for number in range(1, 8)]
    sales = [
        Sale(1, 11, 7, "A", price, 12, day[0]),
        Sale(2, 12, 7, "A", price, 5, day[1]),
        Sale(3, 13, 7, "A", price, 50, day[6]),
        Sale(4, 14, 8, "A", price, 50, day[1]),
        Sale(5, 15, 7, "A", other, 50, day[1]),
    ]
    credits = [
        Credit(100, 7, "A", price, 3, day[2]),
        Credit(101, 7, "A", price, 4, day[3]),
        Credit(102, 7, "A", price, 2, day[3]),
        Credit(103, 7, "A", price, 9, day[4]),
        Credit(104, 7, "B", price, 1, day[4]),
        Credit(105, 9, "A", price, 1, day[4]),
    ]
    assert match_credits(credits, sales) == [Match(100, 2, 12, 3), Match(101, 1, 11, 4), Match(102, 2, 12, 2)]


def test_articles_are_made_once_and_cannot_be_bought(odd: Path) -> None:
    known = Variant.objects.create(
        product=Product.objects.create(slug="kugla", title="Kugla", status="PUBLISHED"), sku="85048"
    )
    read(odd)
    assert set(OrderLine.objects.filter(sku="85048").values_list("variant_id", flat=True)) == {known.pk}
    made = Variant.objects.exclude(pk=known.pk).select_related("product").order_by("sku")
    # Named by the first sale: what was thrown away is not called `damaged`, what has no words by its number.
    assert [(v.sku, v.product.title, v.is_sellable, v.product.status) for v in made] == [
        ("21000", "BIRD HOUSE", False, "DRAFT"),
        ("22000", "22000", False, "DRAFT"),
        ("79323P", "PINK LIGHTS", False, "DRAFT"),
    ]
    kinds = (
        OrderLine.objects.filter(variant=None).order_by("sku", "kind").values_list("sku", "kind").distinct()
    )
    assert list(kinds) == [("B", "FEE"), ("GIFT_0001_20", "GIFT_CARD"), ("M", "FEE"), ("POST", "DELIVERY")]
    assert list(Order.objects.filter(number="UCI-C489444").values_list("country", flat=True)) == ["ZZ"]


def test_history_is_outside_the_invariants_and_counted(odd: Path) -> None:
    read(odd)
    assert [finding.check.name for finding in examine() if finding.violations] == []
    assert imported_rows() == {"orders": 10, "order_lines": 16, "stock_moves": 0}


# -- Again, and changed --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_lines", [3, 1000])
def test_the_second_run_changes_nothing(odd: Path, batch_lines: int) -> None:
    first, _ = read(odd, batch_lines=4)
    for on_error in OnError:
        with nothing_changes():
            again, errors = read(odd, now=LATER, batch_lines=batch_lines, on_error=on_error)
        assert (counts(again), errors) == ((0, 18, 0, 0, 0, 0), [])
        assert (again.exact_total, again.stored_total) == (first.exact_total, first.stored_total)


def test_a_longer_file_adds_only_what_is_new(tmp_path: Path) -> None:
    read(write(tmp_path / "a.csv", ODD[:6]))
    report, _ = read(write(tmp_path / "b.csv", ODD), now=LATER)
    assert counts(report) == (12, 6, 0, 7, 0, 2)
    assert stored_total() == d("-53812.98")


def test_history_is_not_rewritten(tmp_path: Path, odd: Path) -> None:
    read(odd)
    changed = list(ODD)
    changed[0] = row("489434", "85048", 13)
    changed[3] = row("C489436", "85048", -2, day=3)
    with nothing_changes(), pytest.raises(RowsRejected):
        read(write(tmp_path / "b.csv", changed), on_error=OnError.REJECT)
    before = stored_total()
    report, errors = read(write(tmp_path / "b.csv", changed))
    assert counts(report) == (0, 16, 2, 0, 0, 0)
    assert [(error.line, error.column, error.value, error.code) for error in errors] == [
        (2, "invoice", "UCI-489434", "HISTORY_DIFFERS"),
        (5, "invoice", "UCI-C489436", "HISTORY_DIFFERS"),
    ]
    assert stored_total() == before


# -- Errors ----------------------------------------------------------------------------------------------------------------------------

BAD = [
    row("1", quantity=2),
    row("1", quantity="two"),
    row("1", quantity=0),
    row("2", price="free"),
    row("2", price="1e12"),
    row("", quantity=1),
    row("3", day="yesterday"),
    row("3", country="Atlantis"),
    row("4", sku=""),
    row("5" * 30),
    row("1", quantity=3),
]
COMPLAINTS = [
    '3,quantity,two,NOT_A_QUANTITY,"a whole number up to 10,000,000, either sign"',
    "4,quantity,0,ZERO_QUANTITY,a line of nothing",
    "5,unit_price,free,NOT_A_NUMBER,a number such as 1299.00",
    '6,unit_price,1e12,OUT_OF_RANGE,"below a billion, with at most six decimal places"',
    "7,invoice,,REQUIRED,must not be empty",
    "8,invoice_date,yesterday,NOT_A_MOMENT,a moment such as 2011-12-09T12:50:00",
    '9,country,Atlantis,UNKNOWN_COUNTRY,"a code of two letters, or a name that the mapping knows"',
    "10,stock_code,,REQUIRED,must not be empty",
    f"11,invoice,{'5' * 30},TOO_LONG,longer than 14 characters",
]


def test_bad_rows_stay_behind_in_a_file_of_their_own(tmp_path: Path) -> None:
    errors = tmp_path / "errors.csv"
    call_command("import_orders", str(write(tmp_path / "a.csv", BAD)), on_error="skip", errors=errors)
    assert errors.read_text().splitlines() == ["line,column,value,code,reason", *COMPLAINTS]
    # The places of the refused lines stay free, so that they fit in when they are put right.
    lines = OrderLine.objects.order_by("position").values_list("order__number", "position", "quantity")
    assert list(lines) == [("UCI-1", 1, 2), ("UCI-1", 4, 3)]
    mended = [*BAD[:1], row("1", quantity=5), row("1", quantity=6), BAD[-1]]
    report, _ = read(write(tmp_path / "b.csv", mended))
    assert counts(report) == (2, 2, 0, 0, 0, 0)
    assert Order.objects.get().total == d("111.20")


def test_one_bad_row_refuses_the_whole_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BAD)
    with nothing_changes(), pytest.raises(CommandError) as failure:
        call_command("import_orders", str(path), errors=tmp_path / "e.csv")
    assert str(failure.value) == "ROWS_REJECTED: 9 rows of a.csv are wrong; nothing was changed."
    assert len((tmp_path / "e.csv").read_text().splitlines()) == 10


def test_a_number_that_somebody_else_has_is_an_error_of_its_rows(tmp_path: Path) -> None:
    read(write(tmp_path / "a.csv", [row("1")]))
    Order.objects.update(external_ref="another:1")
    with nothing_changes():
        report, errors = read(write(tmp_path / "b.csv", [row("1", quantity=2)]), is_dry_run=True)
    assert (counts(report)[:3], errors[0].code) == ((0, 0, 1), "NUMBER_TAKEN")


def test_a_dry_run_says_what_would_be_and_changes_nothing(odd: Path, capsys: Any) -> None:
    with nothing_changes():
        report, errors = read(odd, is_dry_run=True, batch_lines=5)
        call_command("import_orders", str(odd), dry_run=True)
    assert (counts(report), errors, report.stored_total) == ((18, 0, 0, 10, 2, 3), [], d("-53812.98"))
    told = capsys.readouterr().out
    assert (
        "18 lines would be created in 10 orders, 2 credits matched with their sale, 3 standing alone" in told
    )
    assert (
        "-53,812.982 in the file, -53,812.98 stored line by line; -0.002 is the remainder of rounding" in told
    )


def test_refused_files_and_places(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [row("1")])
    with nothing_changes(), pytest.raises(UnknownChannel):
        read(path, channel="moon")
    with nothing_changes(), pytest.raises(MissingColumns):
        import_orders(path=path, by=None, now=NOW, mapping=SHELF.load("columns"))
    own = tmp_path / "own.toml"
    own.write_text('reference_prefix = "x:"\nzone = "Mars/Olympus"\n[columns]\n'
                   'order = "a"\nsku = "b"\nquantity = "c"\nunit_price = "d"\nordered_at = "e"\n')  # fmt: skip
    with pytest.raises(BadMapping, match="no time zone Mars/Olympus"):
        SHELF.load(str(own))


def test_a_mapping_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("racun;sifra;kom;cena;dan\nR1;77;2;10.50;2020-01-02\n", encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text('reference_prefix = "stari:"\nnumber_prefix = "ST-"\ntax_class = "BOOKS"\ntax_rate = "10.00"\n[columns]\n'
                   'order = "racun"\nsku = "sifra"\nquantity = "kom"\nunit_price = "cena"\nordered_at = "dan"\n')  # fmt: skip
    call_command("import_orders", str(path), map=str(own))
    line = OrderLine.objects.select_related("order", "variant").get()
    assert line.variant is not None
    assert (line.order.number, line.order.currency, line.total, line.tax_rate, line.variant.tax_class) == (
        "ST-R1",
        "RSD",
        d("21.00"),
        d("10.00"),
        "BOOKS",
    )


def test_rows_that_do_not_hold_what_was_read_are_noticed(odd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof can fail: lines that lose a para on their way roll their batch back."""
    usual = Loader._write

    def spoiling(self: Loader, cursor: Any, step: int, now: datetime) -> Any:
        done = usual(self, cursor, step, now)
        cursor.execute("UPDATE oms_orderline SET total = total - 0.01 WHERE sku = 'POST'")
        return done

    monkeypatch.setattr(Loader, "_write", spoiling)
    with nothing_changes(), pytest.raises(SumsDiffer):
        read(odd, on_error=OnError.REJECT)


# -- The trace ---------------------------------------------------------------------------------------------------------------------------


def test_a_batch_is_traced_by_count_and_digest(odd: Path) -> None:
    ceca = make_user("Ceca")
    import_orders(path=odd, by=ceca, now=NOW, mapping=SHELF.load("online_retail"))
    entries = LogEntry.objects.filter(batch="import odd.csv").select_related("content_type")
    inserted: dict[str, int] = {}
    for entry in entries.filter(action=0):
        inserted[entry.content_type.model] = inserted.get(entry.content_type.model, 0) + entry.row_count
    assert {
        name: inserted[name] for name in ("order", "orderline", "return", "returnline", "customer", "variant")
    } == {
        "order": 10,
        "orderline": 16,
        "return": 2,
        "returnline": 2,
        "customer": 2,
        "variant": 4,
    }
    assert {(entry.actor_id, entry.reason) for entry in entries} == {(ceca.pk, "import odd.csv")}
    assert all(len(entry.changes["digest"][1]) == 64 for entry in entries.filter(action=0))
    event = OutboxEvent.objects.get(topic="oms.orders_imported")
    assert (event.payload["orders"], event.payload["lines"]) == (10, 18)


# -- Killed in the middle -------------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
import django
django.setup()
from django.utils import timezone
from oms.imports import SHELF, import_orders
from retail.imports.rows import OnError
batches = 0
def on_progress(done, total):
    global batches
    batches += 1
    if batches == 3:
        os.kill(os.getpid(), signal.SIGKILL)
import_orders(path=Path(sys.argv[1]), by=None, now=timezone.now(), mapping=SHELF.load("online_retail"),
              on_error=OnError.SKIP, batch_lines=5, on_progress=on_progress)
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_goes_on_where_it_was(odd: Path) -> None:
    """kill -9 while the third batch is being written: two batches are there, the third is not, the next run does the rest."""
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(odd)],
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
    record = OrderImport.objects.get()
    assert (record.lines_read, record.created_count, record.is_finished) == (11, 10, False)
    assert OrderLine.objects.count() + Return.objects.count() == 10

    report, errors = read(odd)
    assert (report.resumed_after_line, counts(report), errors) == (11, (8, 0, 0, 4, 0, 1), [])
    # The proof is of the whole file.
    assert (report.exact_total, report.stored_total) == (d("-53812.982"), stored_total())
    assert stored_total() == d("-53812.98")
    record.refresh_from_db()
    assert (
        record.lines_read,
        record.created_count,
        record.orders_count,
        record.returns_count,
        record.credits_count,
    ) == (
        19,
        18,
        10,
        2,
        3,
    )
    assert (record.is_finished, record.exact_total, record.stored_total) == (
        True,
        d("-53812.982"),
        d("-53812.98"),
    )
    assert (Order.objects.count(), Customer.objects.count(), Variant.objects.count()) == (10, 2, 4)


# -- The real thing -----------------------------------------------------------------------------------------------------------------------


def test_a_slice_of_the_real_file(tmp_path: Path) -> None:
    """Its first invoices, with the sum worked out here from the text."""
    path, errors = tmp_path / "slice.csv", list[RowError]()
    with CsvFile(real("orders/online_retail_ii.csv.gz")) as file:
        cells = [record.cells for record in islice(file, 4000)]
    exact = sum((int(each[3]) * Decimal(each[5]) for each in cells), Decimal(0))
    write(path, [tuple(each) for each in cells])  # type: ignore[misc]
    report, errors = read(path, batch_lines=1500)
    assert (report.created, report.rejected, errors) == (4000, 0, [])
    assert (report.exact_total, report.stored_total) == (exact, stored_total())
    invoices = {each[0] for each in cells}
    assert Order.objects.filter(is_imported=True).count() + len(
        {number.rsplit("-", 1)[0] for number in Return.objects.values_list("number", flat=True)}
        - set(Order.objects.values_list("number", flat=True))
    ) == len(invoices)
