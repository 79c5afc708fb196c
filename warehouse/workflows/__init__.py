"""Use cases of goods that cost money: units, order and ledger move in one transaction."""

from warehouse.workflows.counts import (
    CountedUnits,
    approve_count,
    cancel_count,
    record_count,
    start_count,
    write_count,
)
from warehouse.workflows.deliveries import deliver, fail_delivery, return_to_sender
from warehouse.workflows.dispatching import dispatch_shipment, hand_over
from warehouse.workflows.no_shows import release_no_shows
from warehouse.workflows.parcels import (
    announce_parcels,
    follow_parcel,
    receive_carrier_event,
    refresh_parcels,
)
from warehouse.workflows.purchase_changes import cancel_purchase_order, move_purchase_order
from warehouse.workflows.receiving import receive_goods
from warehouse.workflows.shelves import Adjusted, ShortPicked, adjust_stock, count_bin, short_pick, write_off
from warehouse.workflows.transfers import receive_transfer, report_missing

__all__ = [
    "Adjusted",
    "CountedUnits",
    "ShortPicked",
    "adjust_stock",
    "announce_parcels",
    "approve_count",
    "cancel_count",
    "cancel_purchase_order",
    "count_bin",
    "deliver",
    "dispatch_shipment",
    "fail_delivery",
    "follow_parcel",
    "hand_over",
    "move_purchase_order",
    "receive_carrier_event",
    "receive_goods",
    "receive_transfer",
    "record_count",
    "refresh_parcels",
    "release_no_shows",
    "report_missing",
    "return_to_sender",
    "short_pick",
    "start_count",
    "write_count",
    "write_off",
]
