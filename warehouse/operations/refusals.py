"""How the warehouse says no. Each refusal has changed nothing."""

from retail.kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal


class OutOfStock(Refusal):
    """`available` is how many units of the line could be had in all, with what it already holds."""

    code = "OUT_OF_STOCK"


class HoldLimit(Refusal):
    """One client may hold so many units of one variant and no more."""

    code = "HOLD_LIMIT"


class HoldLost(Refusal):
    """Units that the basket held are gone: their time was over and somebody else wanted them."""

    code = "HOLD_LOST"


class TooEarly(Refusal):
    """The buyer chose the day, and the goods would be there before it."""

    code = "TOO_EARLY"


class TargetTaken(Refusal):
    """A location of a routing plan cannot serve its part any more: the plan is out of date."""

    code = "TARGET_TAKEN"


class BelowClaims(Refusal):
    """The shelf would hold less than is promised; `claims` lists who would lose."""

    code = "BELOW_CLAIMS"


class NotEnoughUnits(Refusal):
    """More units were to be taken than lie there free."""

    code = "NOT_ENOUGH_UNITS"


class StockBusy(Refusal):
    """The same units are being changed by too many at once; asking again helps."""

    code = "STOCK_BUSY"
    status = 503


class WrongBin(Refusal):
    code = "WRONG_BIN"


class WrongUnit(Refusal):
    """The scanned unit is not asked for here."""

    code = "WRONG_UNIT"


class NotPicked(Refusal):
    code = "NOT_PICKED"


class NotPacked(Refusal):
    code = "NOT_PACKED"


class WrongCode(NotAllowed):
    code = "WRONG_CODE"


class NotPaid(Refusal):
    """The goods wait for their money."""

    code = "NOT_PAID"


class OrderNotReady(Refusal):
    """The order is held, canceled or waits for payment: its goods stay where they are."""

    code = "ORDER_NOT_READY"


class RestIsComing(Refusal):
    """Units of the same order are still on their way to the store: it is handed over whole."""

    code = "REST_IS_COMING"


class UnknownShipment(NotFound):
    code = "UNKNOWN_SHIPMENT"


class UnknownClaim(NotFound):
    code = "UNKNOWN_CLAIM"


class UnknownBin(NotFound):
    code = "UNKNOWN_BIN"


class UnknownPurchaseOrder(NotFound):
    code = "UNKNOWN_PURCHASE_ORDER"


class NotOnPurchaseOrder(Refusal):
    """The supplier sent something that this purchase order does not name."""

    code = "NOT_ON_PURCHASE_ORDER"


class InvalidQuantity(InvalidInput):
    code = "INVALID_QUANTITY"


class InvalidParcel(InvalidInput):
    code = "INVALID_PARCEL"


class UnknownReason(InvalidInput):
    code = "UNKNOWN_REASON"
