"""Units sent from one place to another: claimed, in transit, received as they are counted; each refusal changes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from finance.models import JournalEntry, JournalLine, StockValue
from oms.models import OrderException
from retail.doctor.examine import examine
from retail.kernel.errors import IllegalMove, InvalidInput
from retail.kernel.models import LegalEntity, Location, OutboxEvent
from storefront.models import Variant
from tests.flows.chain import NOW, Chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.models import Reservation, StockItem, StockMove, Transfer
from warehouse.operations import transfers
from warehouse.operations.transfer_arrivals import ArrivedUnits
from warehouse.operations.transfers import WantedUnits

pytestmark = pytest.mark.django_db


def asked(chain: Chain, *wanted: tuple[Variant, int], **more: object) -> Transfer:
    given = {"source_id": chain.warehouse.pk, "target_id": chain.store.pk, "by": chain.bojan, "now": NOW}
    lines = [WantedUnits(variant.pk, units) for variant, units in wanted]
    return transfers.request_transfer(lines=lines, **{**given, **more})  # type: ignore[arg-type]


def sent(chain: Chain, *wanted: tuple[Variant, int]) -> Transfer:
    transfer = asked(chain, *wanted)
    return transfers.ship_transfer(transfer_id=transfer.pk, by=chain.bojan, now=NOW)


def received(chain: Chain, transfer: Transfer, *arrived: ArrivedUnits, is_complete: bool = False) -> Transfer:
    return goods.receive_transfer(
        transfer_id=transfer.pk, lines=arrived, is_complete=is_complete, by=chain.bojan, now=NOW
    )


def shelves(variant: Variant) -> dict[str, tuple[int, int]]:
    """By place and kind of bin: (on hand, reserved) where anything is."""
    rows = StockItem.objects.filter(variant=variant).select_related("bin", "location")
    return {
        f"{item.location.code} {item.bin.kind}": (item.on_hand, item.reserved)
        for item in rows
        if item.on_hand or item.reserved
    }


def line_of(transfer: Transfer, variant: Variant) -> tuple[int, ...]:
    """(asked, shipped, good, damaged, lost, over)"""
    line = transfer.lines.get(variant=variant)
    return (
        line.quantity,
        line.quantity_shipped,
        line.quantity_good,
        line.quantity_damaged,
        line.quantity_lost,
        line.quantity_over,
    )


def healthy() -> bool:
    return [finding.check.name for finding in examine() if finding.violations] == []


def test_units_are_claimed_sent_and_received_without_touching_the_ledger(chain: Chain) -> None:
    book = chain.variant(stock=10)
    entries = JournalEntry.objects.count()

    transfer = asked(chain, (book, 4))
    assert (transfer.status, transfer.number[:3]) == ("REQUESTED", "TR-")
    assert shelves(book) == {"WH-1 STORAGE": (10, 4)}
    assert warehouse.availability(variant_ids=[book.pk], channel_id=chain.channel.pk, now=NOW) == {book.pk: 6}
    assert healthy()

    transfers.ship_transfer(transfer_id=transfer.pk, by=chain.bojan, now=NOW)
    assert shelves(book) == {"WH-1 STORAGE": (6, 0), "S-001 TRANSIT": (4, 0)}
    assert warehouse.availability(variant_ids=[book.pk], channel_id=chain.channel.pk, now=NOW) == {book.pk: 6}
    assert healthy()

    done = received(chain, transfer, ArrivedUnits(book.pk, 4))
    assert (done.status, line_of(done, book)) == ("RECEIVED", (4, 4, 4, 0, 0, 0))
    assert shelves(book) == {"WH-1 STORAGE": (6, 0), "S-001 RECEIVING": (4, 0)}
    assert JournalEntry.objects.count() == entries
    assert StockValue.objects.get(variant=book).value == Decimal("4000.00")
    moves = StockMove.objects.filter(document_kind="transfer", document_key=transfer.number).order_by("pk")
    assert [(m.reason, m.quantity, m.by_id) for m in moves] == [("TRANSFER", 4, chain.bojan.pk)] * 2
    told = OutboxEvent.objects.filter(subject_key=transfer.number).order_by("sequence")
    assert [event.topic for event in told] == [
        "warehouse.transfer_requested",
        "warehouse.transfer_shipped",
        "warehouse.transfer_received",
    ]
    assert healthy()


def test_over_short_and_damaged_are_written_as_they_came(chain: Chain) -> None:
    book, other = chain.variant(stock=10), chain.variant(stock=10)
    transfer = sent(chain, (book, 5), (other, 2))

    received(chain, transfer, ArrivedUnits(book.pk, 2, 1), ArrivedUnits(other.pk, 3))
    transfer.refresh_from_db()
    assert transfer.status == "PARTLY_RECEIVED"
    assert line_of(transfer, book) == (5, 5, 2, 1, 0, 0)
    assert line_of(transfer, other) == (2, 2, 2, 0, 0, 1)
    assert healthy()

    received(chain, transfer, is_complete=True)
    transfer.refresh_from_db()
    assert (transfer.status, line_of(transfer, book)) == ("RECEIVED", (5, 5, 2, 1, 2, 0))
    assert shelves(book) == {"WH-1 STORAGE": (5, 0), "S-001 RECEIVING": (2, 0), "S-001 DAMAGED": (1, 0)}
    assert shelves(other) == {"WH-1 STORAGE": (8, 0), "S-001 RECEIVING": (3, 0)}
    # Two units of 400 are written off; one unit of 400 was found.
    lines = JournalLine.objects.filter(entry__document_key=transfer.number).order_by("entry_id", "id")
    assert [(line.account.code, line.debit, line.credit) for line in lines if line.account.code == "134"] == [
        ("134", Decimal("400.00"), Decimal("0.00")),
        ("134", Decimal("0.00"), Decimal("800.00")),
    ]
    assert healthy()


def test_fewer_are_sent_and_the_rest_is_free_again(chain: Chain) -> None:
    book = chain.variant(stock=10)
    transfer = asked(chain, (book, 6))
    transfers.ship_transfer(transfer_id=transfer.pk, lines=[WantedUnits(book.pk, 4)], by=chain.bojan, now=NOW)
    assert shelves(book) == {"WH-1 STORAGE": (6, 0), "S-001 TRANSIT": (4, 0)}
    assert line_of(transfer, book) == (6, 4, 0, 0, 0, 0)
    states = Reservation.objects.filter(transfer_line__transfer=transfer).order_by("pk")
    assert sorted((claim.state, claim.quantity) for claim in states) == [("DISPATCHED", 4), ("RELEASED", 2)]
    assert healthy()


def test_a_canceled_transfer_gives_its_units_back(chain: Chain) -> None:
    book = chain.variant(stock=3)
    transfer = asked(chain, (book, 3))
    transfers.cancel_transfer(transfer_id=transfer.pk, by=chain.bojan, now=NOW)
    assert shelves(book) == {"WH-1 STORAGE": (3, 0)}
    with nothing_changes(), pytest.raises(IllegalMove):
        transfers.ship_transfer(transfer_id=transfer.pk, by=chain.bojan, now=NOW)
    assert healthy()


def test_refusals_change_nothing(chain: Chain) -> None:
    book, other = chain.variant(stock=3), chain.variant(stock=3)
    chain.place((book, 1))
    elsewhere = Location.objects.create(
        code="X-1",
        name="Tuđe",
        kind="STORE",
        entity=LegalEntity.objects.create(code="other", name="Drugi d.o.o.", pib="100000024"),
    )
    with nothing_changes(), pytest.raises(stock.NotEnoughUnits) as short:
        asked(chain, (other, 1), (book, 3))
    assert short.value.details["available"] == 2
    with nothing_changes(), pytest.raises(transfers.OtherEntity):
        asked(chain, (book, 1), target_id=elsewhere.pk)
    with nothing_changes(), pytest.raises(InvalidInput):
        asked(chain, (book, 1), target_id=chain.warehouse.pk)
    with nothing_changes(), pytest.raises(InvalidInput):
        asked(chain, (book, 1), (book, 1))
    for units in (0, -1, 10_000):
        with nothing_changes(), pytest.raises(stock.InvalidQuantity):
            asked(chain, (book, units))
    with nothing_changes(), pytest.raises(stock.InvalidQuantity):
        asked(chain)

    transfer = asked(chain, (book, 2))
    ship: dict[str, Any] = {"transfer_id": transfer.pk, "by": chain.bojan, "now": NOW}
    with nothing_changes(), pytest.raises(transfers.NotOnTransfer):
        transfers.ship_transfer(lines=[WantedUnits(other.pk, 1)], **ship)
    with nothing_changes(), pytest.raises(stock.NotEnoughUnits):
        transfers.ship_transfer(lines=[WantedUnits(book.pk, 3)], **ship)
    with nothing_changes(), pytest.raises(transfers.NothingToShip):
        transfers.ship_transfer(lines=[WantedUnits(book.pk, 0)], **ship)
    with nothing_changes(), pytest.raises(IllegalMove):
        received(chain, transfer, ArrivedUnits(book.pk, 1))

    transfers.ship_transfer(**ship)
    with nothing_changes(), pytest.raises(IllegalMove):
        transfers.cancel_transfer(transfer_id=transfer.pk, by=chain.bojan, now=NOW)
    with nothing_changes(), pytest.raises(transfers.NotOnTransfer):
        received(chain, transfer, ArrivedUnits(other.pk, 1))
    with nothing_changes(), pytest.raises(stock.InvalidQuantity):
        received(chain, transfer, ArrivedUnits(book.pk, -1))
    with nothing_changes(), pytest.raises(stock.InvalidQuantity):
        received(chain, transfer)


def test_a_count_below_the_claims_takes_from_the_transfer_before_the_orders(chain: Chain) -> None:
    book = chain.variant(stock=5)
    order = chain.place((book, 2))
    transfer = asked(chain, (book, 3))

    chain_bin = StockItem.objects.get(variant=book).bin_id
    done = goods.count_bin(
        bin_id=chain_bin, variant_id=book.pk, counted=3, reference="c", by=chain.bojan, now=NOW
    )
    assert done is not None
    assert (done.displaced.orders, done.displaced.basket_units) == ([], 0)
    assert not OrderException.objects.filter(order=order).exists()
    transfers.ship_transfer(transfer_id=transfer.pk, by=chain.bojan, now=NOW)
    assert line_of(transfer, book) == (3, 1, 0, 0, 0, 0)
    assert shelves(book) == {"WH-1 STORAGE": (2, 2), "S-001 TRANSIT": (1, 0)}
    assert healthy()


@pytest.mark.usefixtures("in_english")
def test_a_transfer_is_asked_for_and_sent_on_its_pages_and_received_on_the_handheld(
    chain: Chain, store: Client
) -> None:
    book = chain.variant(stock=5)
    lead = client_of(make_staff("OPS_LEAD", name="Mara"))
    asked_for = {"source": "WH-1", "target": "S-001", "sku_0": book.sku, "units_0": "9"}
    with nothing_changes():
        refused = lead.post("/ops/transfers/new/", asked_for)
    assert (refused.status_code, "Fewer units lie there" in refused.content.decode()) == (422, True)

    assert lead.post("/ops/transfers/new/", {**asked_for, "units_0": "3"}).status_code == 302
    transfer = Transfer.objects.get()
    page = f"/ops/transfers/{transfer.number}/"
    line = transfer.lines.get()
    assert transfer.number in lead.get("/ops/transfers/").content.decode()
    assert transfer.number in lead.get(f"/ops/stock/?sku={book.sku}").content.decode()
    assert f'name="units_{line.pk}"' in lead.get(page).content.decode()
    assert lead.post(f"{page}ship/", {f"units_{line.pk}": "3"}).status_code == 302
    assert f'name="good_{line.pk}"' in lead.get(page).content.decode()

    assert transfer.number in store.get("/scan/receive/").content.decode()
    scan = f"/scan/receive/{transfer.number}/"
    assert store.post(scan, {"code": book.sku, "quantity": "2"}).status_code == 200
    counted = {f"good_{book.pk}": "2", f"damaged_{book.pk}": "0", "is_complete": "1"}
    assert store.post(f"{scan}finish/", counted).status_code == 302
    assert line_of(transfer, book) == (3, 3, 2, 0, 1, 0)
    assert healthy()
