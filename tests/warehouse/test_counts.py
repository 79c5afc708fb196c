"""Counts: differences are written once, with their value; what is worth much waits for another person; sales meanwhile are no difference."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from finance.models import JournalLine
from oms.models import OrderException
from retail.doctor.examine import examine
from retail.kernel.errors import IllegalMove, InvalidInput
from retail.kernel.models import OutboxEvent
from storefront.models import Variant
from tests.flows.chain import NOW, Chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Bin, StockCount, StockItem
from warehouse.workflows import CountedUnits
from warehouse.workflows.counts import BinIsCounted, OwnCount

pytestmark = pytest.mark.django_db


def shelf_of(chain: Chain) -> Bin:
    return Bin.objects.get(location=chain.warehouse, code="A-01")


def started(chain: Chain) -> StockCount:
    return goods.start_count(bin_id=shelf_of(chain).pk, by=chain.bojan, now=NOW)


def counted(
    chain: Chain, count: StockCount, *units: tuple[Variant, int], is_whole: bool = False
) -> StockCount:
    return goods.record_count(
        count_id=count.pk,
        counted=[CountedUnits(variant.pk, number) for variant, number in units],
        is_whole=is_whole,
        by=chain.bojan,
        now=NOW,
    )


def on_hand(variant: Variant) -> int:
    return StockItem.objects.get(variant=variant, bin__code="A-01").on_hand


def healthy() -> bool:
    return [finding.check.name for finding in examine() if finding.violations] == []


def test_small_differences_are_written_at_once_with_their_value(chain: Chain) -> None:
    fewer, more, right = (chain.variant(stock=5) for _ in range(3))
    count = counted(chain, started(chain), (fewer, 3), (more, 6), (right, 5))

    assert (count.status, count.value) == ("POSTED", Decimal("1200.00"))
    assert [on_hand(one) for one in (fewer, more, right)] == [3, 6, 5]
    lines = JournalLine.objects.filter(entry__document_key=count.number, account__code="134")
    assert sorted((line.debit, line.credit) for line in lines) == [
        (Decimal("0.00"), Decimal("800.00")),
        (Decimal("400.00"), Decimal("0.00")),
    ]
    assert OutboxEvent.objects.get(subject_key=count.number).payload["differences"] == 2
    with nothing_changes(), pytest.raises(IllegalMove):
        counted(chain, count, (fewer, 3))
    assert healthy()


def test_what_was_not_seen_is_missing_only_when_the_whole_shelf_was_counted(chain: Chain) -> None:
    seen, unseen = chain.variant(stock=2), chain.variant(stock=2)
    part = counted(chain, started(chain), (seen, 2))
    assert (part.lines.get(variant=unseen).counted, on_hand(unseen)) == (None, 2)
    whole = counted(chain, started(chain), (seen, 2), is_whole=True)
    assert (whole.lines.get(variant=unseen).counted, on_hand(unseen)) == (0, 0)
    assert healthy()


def test_differences_above_the_limit_wait_for_another_person(chain: Chain, settings: Any) -> None:
    settings.COUNT_APPROVAL_ABOVE = 1199
    book = chain.variant(stock=5)
    count = counted(chain, started(chain), (book, 2))
    assert (count.status, count.value, on_hand(book)) == ("WAITING", Decimal("1200.00"), 5)

    with nothing_changes(), pytest.raises(OwnCount):
        goods.approve_count(count_id=count.pk, by=chain.bojan, now=NOW)
    with nothing_changes(), pytest.raises(BinIsCounted):
        started(chain)

    # One unit is sold while the count waits: the difference stays three.
    shelf, packing = shelf_of(chain), Bin.objects.get(location=chain.warehouse, code="P-01")
    stock.move_units(
        variant_id=book.pk, from_bin_id=shelf.pk, to_bin_id=packing.pk, quantity=1, by=None, now=NOW
    )
    done = goods.approve_count(count_id=count.pk, by=chain.dragan, now=NOW)
    assert (done.status, done.approved_by, on_hand(book)) == ("POSTED", chain.dragan, 1)
    assert healthy()


def test_promised_units_that_are_not_there_become_a_case(chain: Chain) -> None:
    book = chain.variant(stock=3)
    order = chain.place((book, 3))
    count = counted(chain, started(chain), (book, 1))
    assert count.lines.get(variant=book).displaced == 2
    assert OrderException.objects.get(order=order).kind == "DISPLACED_CLAIM"
    assert on_hand(book) == 1
    assert healthy()


def test_a_refused_title_stops_the_count_and_it_can_be_taken_up_or_dropped(
    chain: Chain, settings: Any
) -> None:
    settings.COUNT_APPROVAL_ABOVE = 1
    first, second = chain.variant(stock=5), chain.variant(stock=5)
    count = counted(chain, started(chain), (first, 4), (second, 0))
    shelf, packing = shelf_of(chain), Bin.objects.get(location=chain.warehouse, code="P-01")
    moved: dict[str, Any] = {"variant_id": second.pk, "quantity": 1, "by": None, "now": NOW}
    stock.move_units(from_bin_id=shelf.pk, to_bin_id=packing.pk, **moved)

    with pytest.raises(stock.NotEnoughUnits):
        goods.approve_count(count_id=count.pk, by=chain.dragan, now=NOW)
    count.refresh_from_db()
    assert (count.status, on_hand(first), on_hand(second)) == ("APPROVED", 4, 4)

    stock.move_units(from_bin_id=packing.pk, to_bin_id=shelf.pk, **moved)
    goods.write_count(count_id=count.pk, by=chain.dragan, now=NOW)
    count.refresh_from_db()
    assert (count.status, on_hand(first), on_hand(second)) == ("POSTED", 4, 0)
    assert healthy()


def test_refusals_change_nothing(chain: Chain) -> None:
    book = chain.variant(stock=5)
    packing = Bin.objects.get(location=chain.warehouse, code="P-01")
    with nothing_changes(), pytest.raises(stock.UnknownBin):
        goods.start_count(bin_id=packing.pk, by=chain.bojan, now=NOW)
    count = started(chain)
    with nothing_changes(), pytest.raises(stock.InvalidQuantity):
        counted(chain, count, (book, -1))
    with nothing_changes(), pytest.raises(InvalidInput):
        counted(chain, count, (book, 1), (book, 2))
    goods.cancel_count(count_id=count.pk, by=chain.bojan, now=NOW)
    with nothing_changes(), pytest.raises(IllegalMove):
        counted(chain, count, (book, 1))
    assert on_hand(book) == 5


@pytest.mark.usefixtures("in_english")
def test_the_page_shows_the_difference_and_lets_another_person_write_it(chain: Chain, settings: Any) -> None:
    settings.COUNT_APPROVAL_ABOVE = 1
    book = chain.variant(stock=5)
    count = counted(chain, started(chain), (book, 3))
    lead: Client = client_of(make_staff("OPS_LEAD", name="Mara"))

    assert count.number in lead.get("/ops/counts/").content.decode()
    page = lead.get(f"/ops/counts/{count.number}/").content.decode()
    assert "−2" in page and "800.00" in page
    assert (
        client_of(make_staff("PICKER", name="Pera")).post(f"/ops/counts/{count.number}/approve/").status_code
        == 403
    )
    assert lead.post(f"/ops/counts/{count.number}/approve/").status_code == 302
    assert on_hand(book) == 3
