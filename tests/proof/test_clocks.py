"""Clocks that go wrong and years that end: the numbers of papers stay gapless in each series and year, and the year is Beograd's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from finance.models import DocumentCounter, Invoice, JournalEntry
from finance.providers import card, fiscal, sef, sef_documents
from oms.workflows import baskets
from retail.doctor.examine import examine
from retail.kernel.clock import business_date
from retail.kernel.models import Location
from tests.factories import Sells
from tests.finance.sef_world import Seller
from tests.finance.shop import build
from tests.flows.chain import Chain, make_chain
from tests.proof.acts import ABOUT_MONEY
from tests.sandbox.stand import Stand, stand
from warehouse import workflows as goods
from warehouse.models import Bin, Reservation
from warehouse.operations import transfers
from warehouse.operations.goods import OrderedLine, create_purchase_order
from warehouse.operations.holds import release_expired_holds

pytestmark = pytest.mark.django_db
BELGRADE = ZoneInfo("Europe/Belgrade")
NEW_YEAR = datetime(2027, 1, 1, tzinfo=BELGRADE)
SKEW = timedelta(minutes=10)
# Three machines whose clocks are ten minutes apart, around midnight: what each of them reads, one act after the other.
READINGS = [
    NEW_YEAR + minutes * timedelta(minutes=1) + skew
    for minutes in (-12, -3, 4, 15)
    for skew in (-SKEW, timedelta(0), SKEW)
]


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    with stand(tmp_path) as ready:
        monkeypatch.setattr(card, "from_settings", lambda: ready.card())
        monkeypatch.setattr(fiscal, "from_settings", lambda: ready.fiscal())
        monkeypatch.setattr(sef, "from_settings", lambda: ready.sef_register())
        monkeypatch.setattr(sef_documents, "from_settings", lambda **_: ready.sef())
        yield ready


@pytest.fixture
def seller(db: None, outside: Stand) -> Seller:
    return Seller(build(), outside).open()


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def test_numbers_are_gapless_in_the_year_of_beograd_whatever_the_clocks_read(seller: Seller) -> None:
    """In UTC the year ends an hour later: a paper of half past midnight belongs to the new year all the same."""
    issued: dict[int, list[str]] = defaultdict(list)
    for reading in READINGS:
        seller.now = reading.astimezone(UTC)
        _, einvoice = seller.sent_order(Sells(1, "1200.00", "STANDARD"))
        issued[business_date(reading).year].append(einvoice.invoice.number)

    code = seller.shop.entity.code[:12].upper()
    assert {year: len(numbers) for year, numbers in issued.items()} == {2026: 6, 2027: 6}
    for year, numbers in issued.items():
        # In the order in which they were given, whichever clock gave them.
        assert numbers == [f"{code}-R-{year}-{place:06d}" for place in range(1, len(numbers) + 1)]
    counters = DocumentCounter.objects.filter(kind="INVOICE").values_list("year", "next_number")
    assert dict(counters) == {2026: 7, 2027: 7}
    for invoice in Invoice.objects.all():
        assert str(invoice.issued_on.year) in invoice.number
    days = JournalEntry.objects.filter(document_kind="dispatch").values_list("date", flat=True)
    assert set(days) == {date(2026, 12, 31), date(2027, 1, 1)}
    assert [found.check.name for found in examine(ABOUT_MONEY) if found.violations] == []


def test_orders_and_papers_of_goods_carry_the_year_of_beograd(chain: Chain) -> None:
    book = chain.variant(stock=50)
    supplier = Location.objects.create(code="SUP-1", name="Laguna", kind="SUPPLIER", entity=chain.entity)
    shelf = Bin.objects.get(location=chain.store, code="A-01")
    for moment, year in ((NEW_YEAR - SKEW, 2026), (NEW_YEAR + SKEW, 2027)):
        now = moment.astimezone(UTC)
        assert now.year == 2026, "the case is about the hour in which the two years differ"
        numbers = [
            chain.place((book, 1), now=now).number,
            create_purchase_order(
                supplier_id=supplier.pk,
                location_id=chain.warehouse.pk,
                lines=[OrderedLine(book.pk, 1, Decimal("400.00"))],
                by=None,
                now=now,
            ).number,
            transfers.request_transfer(
                source_id=chain.warehouse.pk,
                target_id=chain.store.pk,
                lines=[transfers.WantedUnits(book.pk, 1)],
                by=chain.bojan,
                now=now,
            ).number,
        ]
        count = goods.start_count(bin_id=shelf.pk, by=chain.bojan, now=now)
        numbers.append(count.number)
        goods.cancel_count(count_id=count.pk, by=chain.bojan, now=now)
        assert [number.split("-")[1] for number in numbers] == [str(year)] * 4


@pytest.mark.parametrize("skew", [-SKEW, SKEW])
def test_a_clock_that_is_wrong_neither_holds_for_ever_nor_takes_away_twice(
    chain: Chain, skew: timedelta
) -> None:
    """The basket was filled on a machine whose clock is ten minutes off; the sweep runs on one that is right."""
    book, now = chain.variant(stock=1), NEW_YEAR.astimezone(UTC)
    basket = chain.basket((book, 1), now=now + skew)
    hold = Reservation.objects.get(basket_line__basket=basket)
    until = hold.expires_at
    assert until == now + skew + timedelta(minutes=20)

    release_expired_holds(now=until - timedelta(seconds=1))
    assert baskets.read_basket(basket=basket, now=now).lines[0].quantity == 1
    assert release_expired_holds(now=until + timedelta(seconds=1)) == 1
    assert release_expired_holds(now=until + timedelta(seconds=1)) == 0
    other = chain.basket((book, 1), now=until + timedelta(seconds=2))
    assert other.pk != basket.pk
