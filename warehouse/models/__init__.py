"""Goods: where units lie, who has a claim on them, how they move and leave."""

from warehouse.models.inside import StockCount, StockCountLine, Transfer, TransferLine
from warehouse.models.stock import (
    Bin,
    Parcel,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
    Reservation,
    SafetyStock,
    Shipment,
    StockItem,
    StockMove,
    StockPool,
)
from warehouse.models.supply import SupplyClaim

__all__ = [
    "Bin",
    "Parcel",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "Receipt",
    "ReceiptLine",
    "Reservation",
    "SafetyStock",
    "Shipment",
    "StockCount",
    "StockCountLine",
    "StockItem",
    "StockMove",
    "StockPool",
    "SupplyClaim",
    "Transfer",
    "TransferLine",
]
