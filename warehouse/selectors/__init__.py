"""Questions about goods that other rooms may ask."""

from oms.promise import HORIZON_DAYS
from warehouse.selectors.claims import (
    ClaimRow,
    Hold,
    basket_holds,
    hold_expiry,
    item_claims,
    missing_units,
    order_claims,
    shipment_claims,
)
from warehouse.selectors.delivery_days import DayChoice, WantedDay
from warehouse.selectors.network import Place, PromiseNetwork, Slot, promise_network
from warehouse.selectors.picking import (
    PickTask,
    PutAwayTask,
    PutBackTask,
    ShipmentTask,
    pick_queue,
    put_away_queue,
    put_back_queue,
    scanned_bin,
    scanned_shipment,
    scanned_variant,
    shipment_queue,
)
from warehouse.selectors.promise import Availability, available_ways, promise_options
from warehouse.selectors.promise_rows import Coming
from warehouse.selectors.promise_ways import Option
from warehouse.selectors.reach import Reach, reach
from warehouse.selectors.shipments import Contents, shipment_contents
from warehouse.selectors.stock import (
    IN_STOCK,
    STOCK_OF_SKU,
    StockRow,
    availability,
    availability_by_location,
    stock_rows,
)
from warehouse.selectors.supply import Awaited, awaited_by_basket, awaited_by_order, coming_days
from warehouse.selectors.waterfall import Holder, Incoming, PlaceTerms, Waterfall, explain_availability

__all__ = [
    "HORIZON_DAYS",
    "IN_STOCK",
    "STOCK_OF_SKU",
    "Availability",
    "Awaited",
    "ClaimRow",
    "Coming",
    "Contents",
    "DayChoice",
    "Hold",
    "Holder",
    "Incoming",
    "Option",
    "PickTask",
    "Place",
    "PlaceTerms",
    "PromiseNetwork",
    "PutAwayTask",
    "PutBackTask",
    "Reach",
    "ShipmentTask",
    "Slot",
    "StockRow",
    "WantedDay",
    "Waterfall",
    "availability",
    "availability_by_location",
    "available_ways",
    "awaited_by_basket",
    "awaited_by_order",
    "basket_holds",
    "coming_days",
    "explain_availability",
    "hold_expiry",
    "item_claims",
    "missing_units",
    "order_claims",
    "pick_queue",
    "promise_network",
    "promise_options",
    "put_away_queue",
    "put_back_queue",
    "reach",
    "scanned_bin",
    "scanned_shipment",
    "scanned_variant",
    "shipment_claims",
    "shipment_contents",
    "shipment_queue",
    "stock_rows",
]
