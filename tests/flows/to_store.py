"""What is handed over in the store of the small chain although it stands elsewhere, step by step."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from oms.models import DeliveryMethod, DeliveryRate, DeliveryZone, Lane, Order
from oms.workflows import routing
from retail.kernel.models import Location
from storefront.models import Variant
from tests.flows.chain import HOURS, NOW, WEEK, Chain
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Bin, Reservation, Shipment, StockItem, Transfer
from warehouse.operations import transfers
from warehouse.operations.transfer_arrivals import ArrivedUnits

# Thursday, 12:30 in Beograd: what was sent on Wednesday is there.
THERE = NOW + timedelta(days=1, hours=2, minutes=30)


def offer_ship_to_store(chain: Chain, *, amount: str = "0.00") -> None:
    """The store stands where carriers of the chain come, and its goods may come from elsewhere."""
    Location.objects.filter(pk=chain.store.pk).update(postal_code="21000")
    method = DeliveryMethod.objects.create(
        code="SHIP_TO_STORE", name="Slanje u knjižaru", is_orderable=True, position=3
    )
    DeliveryRate.objects.create(
        method=method,
        channel=chain.channel,
        amount=Decimal(amount),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
    )


def second_store(chain: Chain) -> Location:
    """Another place that may send goods."""
    found, is_new = Location.objects.get_or_create(
        code="S-002",
        defaults={
            "name": "Beograd, Terazije",
            "kind": "STORE",
            "city": "Beograd",
            "entity": chain.entity,
            "work_days": WEEK,
            "hours": HOURS,
            "cutoff_time": time(15, 0),
            "capacity_units_per_day": 1000,
            "capacity_lines_soft": 500,
        },
    )
    if is_new:
        for code, kind in (("A-01", "STORAGE"), ("R-01", "RECEIVING"), ("P-01", "PACKING")):
            Bin.objects.create(location=found, code=code, kind=kind, is_default=True)
        for zone in DeliveryZone.objects.all():
            for service in chain.services:
                Lane.objects.create(location=found, zone=zone, service=service, lead_days=1)
    return found


def place(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> Order:
    usual = {"delivery_method": "SHIP_TO_STORE", "pickup_location": "S-001", "street": "", "postal_code": ""}
    return chain.place(*wanted, **{**usual, **changes})


def plan(chain: Chain, order: Order, *, now: datetime = NOW) -> list[dict[str, Any]]:
    """Propose and ratify; the plan that holds."""
    decision = routing.propose_routing(order_id=order.pk, now=now)
    assert decision.proposal is not None, decision.plan
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=now)
    order.refresh_from_db()
    found: list[dict[str, Any]] = decision.plan
    return found


def planned(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> tuple[Order, Transfer]:
    """An order of units that one other place sends."""
    order = place(chain, *wanted, **changes)
    plan(chain, order)
    return order, Transfer.objects.get(order=order, status="REQUESTED")


def sent(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> tuple[Order, Transfer]:
    order, transfer = planned(chain, *wanted, **changes)
    return order, send(chain, transfer)


def send(chain: Chain, transfer: Transfer, *, now: datetime = NOW) -> Transfer:
    return transfers.ship_transfer(transfer_id=transfer.pk, by=chain.bojan, now=now)


def receive(
    chain: Chain, transfer: Transfer, *arrived: tuple[Variant, int, int], is_complete: bool = False
) -> Transfer:
    """(variant, good, damaged) as they were counted at the door."""
    return goods.receive_transfer(
        transfer_id=transfer.pk,
        lines=[ArrivedUnits(variant.pk, good, damaged) for variant, good, damaged in arrived],
        is_complete=is_complete,
        by=chain.bojan,
        now=THERE,
    )


def pick_here(chain: Chain, shipment: Shipment) -> None:
    """What stands on the store's own shelf."""
    picks = [
        stock.Pick(claim.variant.sku, claim.stock_item.bin.code, claim.quantity)
        for claim in Reservation.objects.filter(shipment=shipment, state="ALLOCATED").select_related(
            "variant", "stock_item__bin"
        )
    ]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=NOW)


def pack(chain: Chain, order: Order) -> Shipment:
    shipment = Shipment.objects.get(order=order, status="READY")
    return stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(400)], by=chain.bojan, now=THERE)


def claims(order: Order) -> list[tuple[str, str, int, str]]:
    """(place, kind of bin, units, state) of what is claimed for the order."""
    rows = Reservation.objects.filter(
        order_line__order=order, state__in=["HELD", "ALLOCATED", "PICKED", "PACKED"]
    )
    found = rows.order_by("location__code", "stock_item__bin__kind", "quantity").values_list(
        "location__code", "stock_item__bin__kind", "quantity", "state"
    )
    return list(found)


def shelves(variant: Variant) -> dict[str, tuple[int, int]]:
    """By place and kind of bin: (on hand, reserved) where anything is."""
    rows = StockItem.objects.filter(variant=variant).select_related("bin", "location")
    return {
        f"{item.location.code} {item.bin.kind}": (item.on_hand, item.reserved)
        for item in rows
        if item.on_hand or item.reserved
    }
