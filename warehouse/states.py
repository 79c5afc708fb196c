from django.db import models
from django.utils.translation import gettext_lazy as _


class BinKind(models.TextChoices):
    STORAGE = "STORAGE", _("Storage")
    RECEIVING = "RECEIVING", _("Receiving")
    PACKING = "PACKING", _("Packing")
    DAMAGED = "DAMAGED", _("Damaged")
    QUARANTINE = "QUARANTINE", _("Quarantine")
    DISPLAY = "DISPLAY", _("Display")
    TRANSIT = "TRANSIT", _("In transit")


SELLABLE_BINS = (BinKind.STORAGE, BinKind.DISPLAY)


class ReservationState(models.TextChoices):
    HELD = "HELD", _("Held for a basket")
    ALLOCATED = "ALLOCATED", _("Allocated")
    PICKED = "PICKED", _("Picked")
    PACKED = "PACKED", _("Packed")
    DISPATCHED = "DISPATCHED", _("Dispatched")
    RELEASED = "RELEASED", _("Released")


R = ReservationState
RESERVATION_MOVES = {
    R.HELD: {R.ALLOCATED, R.RELEASED},
    R.ALLOCATED: {R.PICKED, R.RELEASED},
    R.PICKED: {R.PACKED, R.RELEASED},
    R.PACKED: {R.DISPATCHED, R.PICKED, R.RELEASED},
}
# States in which the claim counts in StockItem.reserved.
CLAIMING = (R.HELD, R.ALLOCATED, R.PICKED, R.PACKED)
del R


class ShipmentStatus(models.TextChoices):
    READY = "READY", _("Ready")
    DISPATCHED = "DISPATCHED", _("Dispatched")
    DELIVERED = "DELIVERED", _("Delivered")
    UNDELIVERED = "UNDELIVERED", _("Undelivered")
    RETURNED = "RETURNED", _("Returned to sender")
    LOST = "LOST", _("Lost")
    CANCELED = "CANCELED", _("Canceled")


SHIPMENT_MOVES = {
    ShipmentStatus.READY: {ShipmentStatus.DISPATCHED, ShipmentStatus.CANCELED},
    ShipmentStatus.DISPATCHED: {ShipmentStatus.DELIVERED, ShipmentStatus.UNDELIVERED, ShipmentStatus.LOST},
    ShipmentStatus.UNDELIVERED: {
        ShipmentStatus.DISPATCHED,
        ShipmentStatus.DELIVERED,
        ShipmentStatus.RETURNED,
        ShipmentStatus.LOST,
    },
}


class MoveReason(models.TextChoices):
    RECEIPT = "RECEIPT", _("Receipt from supplier")
    PUT_AWAY = "PUT_AWAY", _("Put away")
    PICK = "PICK", _("Pick")
    PUT_BACK = "PUT_BACK", _("Put back")
    DISPATCH = "DISPATCH", _("Dispatch")
    RETURN = "RETURN", _("Return")
    COUNT = "COUNT", _("Count")
    SHORT_PICK = "SHORT_PICK", _("Short pick")
    DAMAGE = "DAMAGE", _("Damage")
    WRITE_OFF = "WRITE_OFF", _("Write-off")
    TRANSFER = "TRANSFER", _("Transfer")
    LOST = "LOST", _("Lost by the carrier")
    OPENING = "OPENING", _("Opening stock")


class SupplyClaimState(models.TextChoices):
    HELD = "HELD", _("Held for a basket")
    ALLOCATED = "ALLOCATED", _("Allocated")
    FILLED = "FILLED", _("Received")
    RELEASED = "RELEASED", _("Released")


# States in which the claim counts in PurchaseOrderLine.quantity_claimed.
CLAIMING_SUPPLY = (SupplyClaimState.HELD, SupplyClaimState.ALLOCATED)


class PurchaseOrderStatus(models.TextChoices):
    OPEN = "OPEN", _("Open")
    PARTLY_RECEIVED = "PARTLY_RECEIVED", _("Partly received")
    RECEIVED = "RECEIVED", _("Received")
    CANCELED = "CANCELED", _("Canceled")


class TransferStatus(models.TextChoices):
    REQUESTED = "REQUESTED", _("Requested")
    SHIPPED = "SHIPPED", _("On its way")
    PARTLY_RECEIVED = "PARTLY_RECEIVED", _("Partly received")
    RECEIVED = "RECEIVED", _("Received")
    CANCELED = "CANCELED", _("Canceled")


T = TransferStatus
TRANSFER_MOVES = {
    T.REQUESTED: {T.SHIPPED, T.CANCELED},
    T.SHIPPED: {T.PARTLY_RECEIVED, T.RECEIVED},
    T.PARTLY_RECEIVED: {T.PARTLY_RECEIVED, T.RECEIVED},
}
# Units have left one place and have not reached the other.
UNDER_WAY = (T.SHIPPED, T.PARTLY_RECEIVED)
del T


class CountStatus(models.TextChoices):
    OPEN = "OPEN", _("Being counted")
    WAITING = "WAITING", _("Waits for approval")
    APPROVED = "APPROVED", _("Being written")
    POSTED = "POSTED", _("Posted")
    CANCELED = "CANCELED", _("Canceled")


COUNT_MOVES = {
    CountStatus.OPEN: {CountStatus.WAITING, CountStatus.APPROVED, CountStatus.CANCELED},
    CountStatus.WAITING: {CountStatus.APPROVED, CountStatus.CANCELED},
    CountStatus.APPROVED: {CountStatus.POSTED, CountStatus.CANCELED},
}
