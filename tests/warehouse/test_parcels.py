"""A carrier's messages: twice, late, out of order, for one parcel of several."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from oms.carriers.client import CarrierParcel, ParcelRequest
from oms.models import CarrierService, OrderException
from retail.kernel.outside import ProviderTimeout, ProviderUnavailable
from tests.unchanged import nothing_changes
from tests.warehouse.test_shipments import pick, service, shipped
from tests.warehouse.world import NOW, World
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Parcel, Shipment

__all__ = ["service"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(committed_world: World, service: CarrierService) -> Shipment:
    world = committed_world
    book = world.variant()
    world.stock(book, "WH-1", 5)
    shipment = shipped(world, service, (book, 2))
    pick(world, shipment, (book, 2))
    stock.pack(
        shipment_id=shipment.pk,
        parcels=[stock.ParcelSpec(640), stock.ParcelSpec(310)],
        by=None,
        now=NOW,
    )
    return goods.dispatch_shipment(shipment_id=shipment.pk, by=None, now=NOW)


@pytest.fixture
def world(committed_world: World) -> World:
    return committed_world


def told(shipment: Shipment, place: int, status: str) -> str:
    number = Parcel.objects.filter(shipment=shipment).order_by("id")[place].number
    return goods.follow_parcel(reference=number, status=status, now=NOW)


def status_of(shipment: Shipment) -> str:
    shipment.refresh_from_db()
    return shipment.status


def test_a_shipment_is_delivered_with_its_last_parcel(sent: Shipment) -> None:
    assert told(sent, 0, "IN_TRANSIT") == "NOTED"
    assert (told(sent, 0, "DELIVERED"), status_of(sent)) == ("NOTED", "DISPATCHED")
    assert (told(sent, 1, "DELIVERED"), status_of(sent)) == ("DELIVERED", "DELIVERED")
    with nothing_changes():
        assert told(sent, 1, "DELIVERED") == "NOTED"


def test_a_late_message_takes_nothing_back(sent: Shipment) -> None:
    told(sent, 0, "OUT_FOR_DELIVERY")
    with nothing_changes():
        assert told(sent, 0, "PICKED_UP") == "LATE"
        assert told(sent, 0, "TELEPORTED") == "LATE"


def test_the_first_parcel_that_fails_makes_a_case_and_a_second_attempt_delivers(sent: Shipment) -> None:
    assert (told(sent, 0, "UNDELIVERABLE"), status_of(sent)) == ("UNDELIVERABLE", "UNDELIVERED")
    told(sent, 1, "UNDELIVERABLE")
    assert OrderException.objects.filter(kind="DELIVERY_FAILED", state="OPEN").count() == 1
    told(sent, 0, "DELIVERED")
    assert (told(sent, 1, "DELIVERED"), status_of(sent)) == ("DELIVERED", "DELIVERED")


def test_an_unknown_parcel_is_refused(sent: Shipment) -> None:
    with nothing_changes(), pytest.raises(stock.UnknownShipment):
        goods.follow_parcel(reference="SHP-1999-000001-1-P1", status="DELIVERED", now=NOW)


@dataclass
class Carrier:
    """Does not answer about one parcel; or is away."""

    stuck: str
    is_away: bool = False

    def announce(self, *, parcel: ParcelRequest) -> CarrierParcel:
        return self._answer(parcel.reference, "ANNOUNCED")

    def fetch(self, *, reference: str) -> CarrierParcel:
        return self._answer(reference, "DELIVERED")

    def _answer(self, reference: str, status: str) -> CarrierParcel:
        if self.is_away:
            raise ProviderUnavailable("carrier", "any", "HTTP_503", status=503)
        if reference == self.stuck:
            raise ProviderTimeout("carrier", "any", "TIMEOUT")
        return CarrierParcel(reference, "pe", f"T{reference}", "0", status, None, "RSD", ())


def test_a_parcel_without_an_answer_does_not_hold_up_the_others(sent: Shipment) -> None:
    first, second = Parcel.objects.filter(shipment=sent).order_by("id")
    carrier = Carrier(stuck=first.number)
    assert goods.announce_parcels(now=NOW, client=carrier) == 1  # type: ignore[arg-type]
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.announced_at, second.announced_at) == (None, NOW)

    carrier.stuck = ""
    assert goods.announce_parcels(now=NOW, client=carrier) == 1  # type: ignore[arg-type]
    carrier.stuck = first.number
    late = NOW + timedelta(days=1)
    assert goods.refresh_parcels(now=late, client=carrier) == 1  # type: ignore[arg-type]
    second.refresh_from_db()
    assert (second.tracking_status, status_of(sent)) == ("DELIVERED", "DISPATCHED")
    carrier.stuck = ""
    assert goods.refresh_parcels(now=late, client=carrier) == 1  # type: ignore[arg-type]
    assert status_of(sent) == "DELIVERED"


def test_a_carrier_that_is_away_is_asked_once(sent: Shipment) -> None:
    with nothing_changes():
        assert goods.announce_parcels(now=NOW, client=Carrier(stuck="", is_away=True)) == 0  # type: ignore[arg-type]


def test_a_parcel_that_cannot_be_followed_does_not_hold_up_the_others(
    sent: Shipment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Parcel.objects.filter(shipment=sent).order_by("id")
    goods.announce_parcels(now=NOW, client=Carrier(stuck=""))  # type: ignore[arg-type]
    real = goods.follow_parcel

    def follow(*, reference: str, **rest: object) -> str:
        if reference == first.number:
            raise RuntimeError("a row that nobody foresaw")
        return real(reference=reference, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr("warehouse.workflows.parcels.follow_parcel", follow)
    assert goods.refresh_parcels(now=NOW + timedelta(days=1), client=Carrier(stuck="")) == 1  # type: ignore[arg-type]
    second.refresh_from_db()
    assert second.tracking_status == "DELIVERED"
