"""Use cases of goods that cost money: units, order and ledger move in one transaction."""

from warehouse.workflows.deliveries import deliver, fail_delivery, return_to_sender
from warehouse.workflows.dispatching import dispatch_shipment, hand_over
from warehouse.workflows.no_shows import release_no_shows
from warehouse.workflows.receiving import receive_goods
from warehouse.workflows.shelves import Adjusted, adjust_stock, count_bin, short_pick, write_off

__all__ = [
    "Adjusted",
    "adjust_stock",
    "count_bin",
    "deliver",
    "dispatch_shipment",
    "fail_delivery",
    "hand_over",
    "receive_goods",
    "release_no_shows",
    "return_to_sender",
    "short_pick",
    "write_off",
]
