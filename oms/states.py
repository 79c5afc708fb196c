"""States of orders and the table of legal moves."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class BasketState(models.TextChoices):
    OPEN = "OPEN", _("Open")
    ORDERED = "ORDERED", _("Ordered")
    MERGED = "MERGED", _("Merged")


class OrderStatus(models.TextChoices):
    PENDING_PAYMENT = "PENDING_PAYMENT", _("Waiting for payment")
    PLACED = "PLACED", _("Placed")
    ON_HOLD = "ON_HOLD", _("On hold")
    IN_FULFILLMENT = "IN_FULFILLMENT", _("In fulfillment")
    COMPLETED = "COMPLETED", _("Completed")
    CANCELED = "CANCELED", _("Canceled")


# Somebody still has to do something about it.
OPEN_STATUSES = (
    OrderStatus.PENDING_PAYMENT,
    OrderStatus.PLACED,
    OrderStatus.ON_HOLD,
    OrderStatus.IN_FULFILLMENT,
)

ORDER_MOVES = {
    OrderStatus.PENDING_PAYMENT: {OrderStatus.PLACED, OrderStatus.CANCELED},
    OrderStatus.PLACED: {OrderStatus.ON_HOLD, OrderStatus.IN_FULFILLMENT, OrderStatus.CANCELED},
    OrderStatus.ON_HOLD: {OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT, OrderStatus.CANCELED},
    OrderStatus.IN_FULFILLMENT: {
        OrderStatus.PLACED,
        OrderStatus.ON_HOLD,
        OrderStatus.COMPLETED,
        OrderStatus.CANCELED,
    },
    OrderStatus.COMPLETED: {OrderStatus.IN_FULFILLMENT},
    # Money that comes after the deadline revives an order that was canceled only for lack of it, if everything can be had.
    OrderStatus.CANCELED: {OrderStatus.PLACED},
}


class PaymentStatus(models.TextChoices):
    NONE = "NONE", _("Not paid")
    AUTHORIZED = "AUTHORIZED", _("Authorized")
    PARTLY_PAID = "PARTLY_PAID", _("Partly paid")
    PAID = "PAID", _("Paid")
    OVERPAID = "OVERPAID", _("Overpaid")
    PARTLY_REFUNDED = "PARTLY_REFUNDED", _("Partly refunded")
    REFUNDED = "REFUNDED", _("Refunded")


class FulfillmentStatus(models.TextChoices):
    UNROUTED = "UNROUTED", _("No plan yet")
    ROUTED = "ROUTED", _("Routed")
    PICKING = "PICKING", _("Being picked")
    PACKED = "PACKED", _("Packed")
    PARTLY_DISPATCHED = "PARTLY_DISPATCHED", _("Partly dispatched")
    DISPATCHED = "DISPATCHED", _("Dispatched")
    READY_FOR_PICKUP = "READY_FOR_PICKUP", _("Ready for pickup")
    DELIVERED = "DELIVERED", _("Delivered")
    RETURNED = "RETURNED", _("Returned")


class LineKind(models.TextChoices):
    GOODS = "GOODS", _("Goods")
    DELIVERY = "DELIVERY", _("Delivery")
    FEE = "FEE", _("Fee")
    GIFT_CARD = "GIFT_CARD", _("Gift card")
    # A file: it leaves with its money, by a link.
    DIGITAL = "DIGITAL", _("Electronic edition")


# What a title is sold as; the other kinds come with it.
SOLD_KINDS = (LineKind.GOODS, LineKind.DIGITAL)


class PaymentMethod(models.TextChoices):
    CARD = "CARD", _("Card")
    CASH_ON_DELIVERY = "CASH_ON_DELIVERY", _("Cash on delivery")
    BANK_TRANSFER = "BANK_TRANSFER", _("Bank transfer")
    # Not chosen but spent: what an order is paid by when gift cards cover all of it.
    GIFT_CARD = "GIFT_CARD", _("Gift card")
    # The money of goods that come back, for those that replace them.
    EXCHANGE = "EXCHANGE", _("Exchange")


# What a shopper chooses for what is left to pay.
CHOSEN_METHODS = (PaymentMethod.CARD, PaymentMethod.CASH_ON_DELIVERY, PaymentMethod.BANK_TRANSFER)


class PaperKind(models.TextChoices):
    """Which paper the order's goods leave with; decided at placement, checked again at issue."""

    FISCAL = "FISCAL", _("Fiscal receipt")
    FISCAL_COMPANY = "FISCAL_COMPANY", _("Fiscal receipt with company and invoice")
    SEF = "SEF", _("e-Invoice")


class DeliveryKind(models.TextChoices):
    HOME_DELIVERY = "HOME_DELIVERY", _("Home delivery")
    STORE_PICKUP = "STORE_PICKUP", _("Pickup in store")
    SHIP_TO_STORE = "SHIP_TO_STORE", _("Shipped to store")
    PARCEL_LOCKER = "PARCEL_LOCKER", _("Parcel locker")
    DIGITAL = "DIGITAL", _("Digital")


# Handed over in a store: what stands on its shelves, or what other places send there.
IN_STORE = (DeliveryKind.STORE_PICKUP, DeliveryKind.SHIP_TO_STORE)


class DecisionState(models.TextChoices):
    PROPOSED = "PROPOSED", _("Proposed")
    RATIFIED = "RATIFIED", _("Ratified")
    REJECTED = "REJECTED", _("Rejected")
    STALE = "STALE", _("Out of date")
    UNROUTABLE = "UNROUTABLE", _("Unroutable")


class ReturnStatus(models.TextChoices):
    REQUESTED = "REQUESTED", _("Requested")
    RECEIVED = "RECEIVED", _("Received")
    REFUNDED = "REFUNDED", _("Refunded")
    REJECTED = "REJECTED", _("Rejected")


RETURN_MOVES = {
    ReturnStatus.REQUESTED: {ReturnStatus.RECEIVED, ReturnStatus.REJECTED},
    ReturnStatus.RECEIVED: {ReturnStatus.REFUNDED},
}


class ExchangeState(models.TextChoices):
    WAITING = "WAITING", _("Waits for what comes back")
    PAID = "PAID", _("Exchanged")
    ENDED = "ENDED", _("Not exchanged")


EXCHANGE_MOVES = {
    ExchangeState.WAITING: {ExchangeState.PAID, ExchangeState.ENDED},
    # Goods that were sent ahead and come late after all still pay for what went out.
    ExchangeState.ENDED: {ExchangeState.PAID},
}


class Disposition(models.TextChoices):
    RESTOCK = "RESTOCK", _("Back to stock")
    DAMAGED = "DAMAGED", _("Damaged")
    QUARANTINE = "QUARANTINE", _("Quarantine")


class ExceptionKind(models.TextChoices):
    UNROUTABLE = "UNROUTABLE", _("Cannot be routed")
    PAYMENT_MISMATCH = "PAYMENT_MISMATCH", _("Payment does not match")
    SHORT_PICK = "SHORT_PICK", _("Short pick")
    DISPLACED_CLAIM = "DISPLACED_CLAIM", _("Claim displaced")
    OVERPAID = "OVERPAID", _("Overpaid")
    LATE_PLAN = "LATE_PLAN", _("Late plan")
    AUTHORIZATION_EXPIRED = "AUTHORIZATION_EXPIRED", _("Card authorization expired")
    PAPER_FAILED = "PAPER_FAILED", _("Paper could not be issued")
    DELIVERY_FAILED = "DELIVERY_FAILED", _("Not delivered")


class ExceptionState(models.TextChoices):
    OPEN = "OPEN", _("Open")
    RESOLVED = "RESOLVED", _("Resolved")
