"""When and where an order is promised while it is placed: the option that the shopper chose, as it can be had now."""

from datetime import datetime
from typing import Any

from oms import selectors as oms
from oms.states import DeliveryKind
from oms.workflows.checkout import Checkout, MethodNotAvailable
from oms.workflows.order_supply import can_be_paid_with
from oms.workflows.placing_claims import hold_all
from oms.workflows.placing_rows import Desk
from retail.kernel.clock import business_date
from retail.kernel.models import Location
from warehouse import selectors as warehouse


def chosen_option(desk: Desk, checkout: Checkout, quote: oms.Quote, now: datetime) -> warehouse.Option:
    """The option that the shopper chose, as it can be had now."""
    place_ids = None
    if checkout.pickup_location:
        place_ids = list(
            Location.objects.filter(code=checkout.pickup_location, has_pickup=True).values_list(
                "pk", flat=True
            )
        )
        if not place_ids:
            raise MethodNotAvailable(
                "There is no such pickup location.", location=checkout.pickup_location[:20]
            )
    options = warehouse.promise_options(
        lines=[(line.goods.pk, line.quantity) for line in desk.lines],
        channel_id=desk.channel.pk,
        now=now,
        postal_code=checkout.postal_code or desk.postal_code or None,
        pickup_location_ids=place_ids,
        basket_id=desk.basket_id,
        goods_total=quote.priced.goods_total,
        method_code=checkout.delivery_method,
        known=desk.live,
        wanted=wanted_day(checkout.delivery_method, checkout.wanted),
        locker_code=checkout.locker,
    )
    chosen = [
        o
        for o in options
        if o.method == checkout.delivery_method
        and (
            not checkout.pickup_location
            or (o.location is not None and o.location.code == checkout.pickup_location)
        )
    ]
    option = chosen[0] if chosen else None
    if (
        option is None
        or not option.is_orderable
        or option.reason
        or (checkout.delivery_method not in quote.fees and option.method != DeliveryKind.DIGITAL)
    ):
        if option is not None and option.reason == "OUT_OF_STOCK":
            hold_all(desk, now)  # refuses by line, with what can be had
        raise MethodNotAvailable(
            "This delivery method cannot be had for the basket.",
            method=checkout.delivery_method,
            reason=option.reason if option is not None and option.reason else "NOT_OFFERED",
        )
    return option


def check_payment(desk: Desk, checkout: Checkout, option: warehouse.Option, now: datetime) -> None:
    """A card that would not outlive the waiting for goods under way is refused by name."""
    if not any(line.is_preorder for line in desk.lines):
        return
    if not can_be_paid_with(checkout.payment_method, arrives_on=option.date, today=business_date(now)):
        raise MethodNotAvailable(
            "A card cannot be charged so much later: choose a transfer, or pay when it is brought.",
            method=checkout.payment_method,
            reason="CARD_TOO_EARLY",
        )


def wanted_day(method: str, wanted: warehouse.WantedDay | None) -> warehouse.WantedDay | None:
    """A courier can be told when to come; a store keeps its hours."""
    return wanted if method == DeliveryKind.HOME_DELIVERY else None


def promise_json(option: warehouse.Option) -> dict[str, Any]:
    slot = option.slot
    hours = {"slot": [f"{slot.begins:%H:%M}", f"{slot.ends:%H:%M}"]} if slot is not None else {}
    return {
        "method": option.method,
        "date": option.date.isoformat() if option.date else None,
        "ready_at": option.ready_at.isoformat() if option.ready_at else None,
        "carrier": option.carrier_code,
        "locations": list(option.locations),
        **hours,
    }
