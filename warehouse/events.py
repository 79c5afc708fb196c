"""What happened to goods; ids and text only. Holds of baskets announce nothing: the trace has them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShipmentCreated:
    shipment_id: int
    number: str
    order_id: int
    location: str


@dataclass(frozen=True, slots=True)
class ShipmentCanceled:
    shipment_id: int
    number: str
    order_id: int


@dataclass(frozen=True, slots=True)
class UnitsPicked:
    shipment_id: int
    number: str
    order_id: int
    units: int


@dataclass(frozen=True, slots=True)
class UnitsPutBack:
    order_id: int
    location: str
    sku: str
    units: int


@dataclass(frozen=True, slots=True)
class ShipmentPacked:
    shipment_id: int
    number: str
    order_id: int
    parcels: int


@dataclass(frozen=True, slots=True)
class ShipmentReadyForPickup:
    shipment_id: int
    number: str
    order_id: int
    location: str


@dataclass(frozen=True, slots=True)
class ShipmentDispatched:
    shipment_id: int
    number: str
    order_id: int


@dataclass(frozen=True, slots=True)
class ShipmentDelivered:
    shipment_id: int
    number: str
    order_id: int


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """`reason`: REFUSED, UNDELIVERABLE or LOST."""

    shipment_id: int
    number: str
    order_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class ShipmentReturned:
    shipment_id: int
    number: str
    order_id: int
    location: str


@dataclass(frozen=True, slots=True)
class ClaimsDisplaced:
    """Units of an order were not where they were claimed: claimed elsewhere (`is_rerouted`), or nowhere."""

    order_id: int
    number: str
    cause: str
    units: int
    is_rerouted: bool


@dataclass(frozen=True, slots=True)
class PurchaseOrderCreated:
    purchase_order_id: int
    number: str
    location: str


@dataclass(frozen=True, slots=True)
class PurchaseOrderMoved:
    """What is still to come, comes on another day."""

    purchase_order_id: int
    number: str
    expected_on: str


@dataclass(frozen=True, slots=True)
class PurchaseOrderCanceled:
    purchase_order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class GoodsReceived:
    receipt_id: int
    number: str
    purchase_order: str
    location: str
    units_good: int
    units_damaged: int


@dataclass(frozen=True, slots=True)
class UnitsMoved:
    sku: str
    location: str
    from_bin: str
    to_bin: str
    units: int


@dataclass(frozen=True, slots=True)
class StockAdjusted:
    sku: str
    location: str
    bin: str
    delta: int
    reason: str
    reference: str


@dataclass(frozen=True, slots=True)
class TransferRequested:
    transfer_id: int
    number: str
    source: str
    target: str
    units: int


@dataclass(frozen=True, slots=True)
class TransferShipped:
    transfer_id: int
    number: str
    source: str
    target: str
    units: int


@dataclass(frozen=True, slots=True)
class TransferReceived:
    """All units that came so far; `is_complete`: nothing is under way any more."""

    transfer_id: int
    number: str
    source: str
    target: str
    units_good: int
    units_damaged: int
    units_lost: int
    is_complete: bool


@dataclass(frozen=True, slots=True)
class TransferCanceled:
    transfer_id: int
    number: str
    source: str
    target: str
    units: int


@dataclass(frozen=True, slots=True)
class OrderUnitsSent:
    """Units of an order left one place for the store where its shopper collects them; `expected_on` is a date or empty."""

    order_id: int
    number: str
    transfer: str
    source: str
    target: str
    units: int
    expected_on: str


@dataclass(frozen=True, slots=True)
class OrderUnitsArrived:
    """Units of an order are in its store; `units_missing` of this transfer will not come."""

    order_id: int
    number: str
    transfer: str
    target: str
    units: int
    units_missing: int


@dataclass(frozen=True, slots=True)
class StockCounted:
    """A count was written: how many titles differed."""

    count_id: int
    number: str
    location: str
    bin: str
    differences: int
