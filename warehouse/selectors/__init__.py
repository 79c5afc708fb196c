"""Questions about goods that other rooms may ask."""

from warehouse.selectors.claims import (
    ClaimRow,
    Hold,
    basket_holds,
    hold_expiry,
    item_claims,
    order_claims,
    shipment_claims,
)
from warehouse.selectors.network import Place, PromiseNetwork, promise_network
from warehouse.selectors.promise import Option, promise_options
from warehouse.selectors.shipments import Contents, shipment_contents
from warehouse.selectors.stock import (
    IN_STOCK,
    StockRow,
    availability,
    availability_by_location,
    stock_rows,
)

__all__ = [
    "IN_STOCK",
    "ClaimRow",
    "Contents",
    "Hold",
    "Option",
    "Place",
    "PromiseNetwork",
    "StockRow",
    "availability",
    "availability_by_location",
    "basket_holds",
    "hold_expiry",
    "item_claims",
    "order_claims",
    "promise_network",
    "promise_options",
    "shipment_claims",
    "shipment_contents",
    "stock_rows",
]
