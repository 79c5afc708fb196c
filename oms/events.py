"""What happened to orders; ids and text only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order_id: int
    number: str
    status: str


@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    """Money or a promise to pay stands: the order may be routed and picked."""

    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    order_id: int
    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderCanceled:
    order_id: int
    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderLinesCanceled:
    order_id: int
    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """`what` names what was changed, for example "street, lines"; `is_replanned`: the plan fell, a fresh one is needed."""

    order_id: int
    number: str
    what: str
    is_replanned: bool


@dataclass(frozen=True, slots=True)
class OrderHeld:
    order_id: int
    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class OrderReleased:
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class OrderRouted:
    order_id: int
    number: str
    decision_id: int


@dataclass(frozen=True, slots=True)
class OrderDispatched:
    order_id: int
    number: str
    is_complete: bool


@dataclass(frozen=True, slots=True)
class OrderReadyForPickup:
    order_id: int
    number: str
    location: str


@dataclass(frozen=True, slots=True)
class OrderDelivered:
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class OrderCompleted:
    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class PromiseChanged:
    order_id: int
    number: str
    before: str
    after: str
    cause: str


@dataclass(frozen=True, slots=True)
class SupplySettled:
    """Nothing of the order is under way to us any more: all of it is here, or is told to be missing."""

    order_id: int
    number: str


@dataclass(frozen=True, slots=True)
class SupplyChanged:
    """Goods that the order waits for come on another day; `after` is empty when nobody knows when. `cause`: MOVED, SHORT, CANCELED."""

    order_id: int
    number: str
    cause: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ReturnRequested:
    order_id: int
    number: str
    return_number: str


@dataclass(frozen=True, slots=True)
class ReturnReceived:
    order_id: int
    number: str
    return_number: str


@dataclass(frozen=True, slots=True)
class ReturnRefunded:
    order_id: int
    number: str
    return_number: str


@dataclass(frozen=True, slots=True)
class ReturnRejected:
    order_id: int
    number: str
    return_number: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExchangeAgreed:
    """What comes back on `return_number` pays for the order `new_number`."""

    order_id: int
    number: str
    return_number: str
    new_number: str
    new_order_id: int


@dataclass(frozen=True, slots=True)
class ExchangeEnded:
    """What was to come back did not come in time, or was not accepted."""

    order_id: int
    number: str
    return_number: str
    new_number: str
    new_order_id: int


@dataclass(frozen=True, slots=True)
class ExceptionOpened:
    exception: str
    kind: str
    order_id: int | None


@dataclass(frozen=True, slots=True)
class ExceptionResolved:
    exception: str
    kind: str
    order_id: int | None


@dataclass(frozen=True, slots=True)
class OrdersImported:
    import_id: int
    file_name: str
    orders: int
    lines: int


@dataclass(frozen=True, slots=True)
class DownloadsReady:
    """Paid files may be fetched; a `version` above 1 says that their links were renewed."""

    order_id: int
    number: str
    version: int


@dataclass(frozen=True, slots=True)
class FileGivenBack:
    """A file that nobody had fetched went back before its download began."""

    order_id: int
    number: str
    sku: str
