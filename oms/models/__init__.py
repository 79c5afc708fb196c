"""Orders: baskets (may be wrong), orders (may not), how they travel, what was decided and why."""

from oms.models.after import Exchange, Return, ReturnLine
from oms.models.baskets import (
    Basket,
    BasketCoupon,
    BasketGiftCard,
    BasketLine,
    BasketShare,
    SavedLine,
    new_token,
)
from oms.models.delivery import (
    Carrier,
    CarrierService,
    CarrierTariff,
    DeliveryMethod,
    DeliveryPostcode,
    DeliveryRate,
    DeliverySlot,
    DeliveryZone,
    Lane,
    ParcelLocker,
)
from oms.models.downloads import DownloadGrant, WithdrawalConsent
from oms.models.orders import LineDiscount, Order, OrderException, OrderLine, OrderNote, PromiseChange
from oms.models.records import Bestseller, Neighbour, OrderImport, SavedView
from oms.models.routing import RoutingDecision, RoutingRule

__all__ = [
    "Basket",
    "BasketCoupon",
    "BasketGiftCard",
    "BasketLine",
    "BasketShare",
    "Bestseller",
    "Carrier",
    "CarrierService",
    "CarrierTariff",
    "DeliveryMethod",
    "DeliveryPostcode",
    "DeliveryRate",
    "DeliverySlot",
    "DeliveryZone",
    "DownloadGrant",
    "Exchange",
    "Lane",
    "LineDiscount",
    "Neighbour",
    "Order",
    "OrderException",
    "OrderImport",
    "OrderLine",
    "OrderNote",
    "ParcelLocker",
    "PromiseChange",
    "Return",
    "ReturnLine",
    "RoutingDecision",
    "RoutingRule",
    "SavedLine",
    "SavedView",
    "WithdrawalConsent",
    "new_token",
]
