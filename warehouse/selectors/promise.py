"""When and where it can be had: every delivery method with date and price, from live stock, or why not.

One statement: the stock with everything live about it, and the delivery rates. Nothing live is ever kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from oms import promise as engine
from oms.rules import delivery_fee
from oms.states import DeliveryKind
from retail.kernel.clock import business_date
from warehouse.selectors.delivery_days import WantedDay
from warehouse.selectors.network import promise_network
from warehouse.selectors.promise_rows import Coming, Live, read_live
from warehouse.selectors.promise_ways import NOT_OFFERED, Asked, Option
from warehouse.selectors.stock import DIGITAL_UNITS

# Of the parcel lockers, the nearest.
LOCKERS_SHOWN = 8
# Of the stores that goods can be sent to, the nearest; all of them only where one is chosen.
SENT_TO_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Availability:
    """One variant: the ways to get it, and the units that each place can serve, by its code. From the same rows.

    `here` is where the postcode lies: latitude and longitude.
    """

    options: list[Option]
    units: dict[str, int]
    here: tuple[float | None, float | None]
    # With nothing here: what can be ordered ahead.
    coming: Coming | None = None


def promise_options(
    *,
    lines: Sequence[tuple[int, int]],
    channel_id: int,
    now: datetime,
    postal_code: str | None = None,
    pickup_location_ids: Iterable[int] | None = None,
    basket_id: int | None = None,
    order_id: int | None = None,
    goods_total: Decimal | None = None,
    currency: str = "RSD",
    method_code: str = "",
    known: Live | None = None,
    are_days_wanted: bool = False,
    wanted: WantedDay | None = None,
    locker_code: str = "",
) -> list[Option]:
    """Options for (variant, quantity) together: home delivery, then pickup by nearness, then what is not offered yet.

    Without `pickup_location_ids` every store that has all of it is an option; named stores are answered even when they have not.
    `are_days_wanted` says the days of delivery that may be chosen; `wanted` promises home delivery for such a day, or says that it cannot be.
    Of parcel lockers the nearest are answered, or the one that `locker_code` names.
    `method_code` asks for that method alone; `known` is what was read to order it now: then nobody asks until when it could be.
    """
    live = known or read_live(lines, channel_id, now, postal_code, basket_id, order_id)
    return _options(
        lines,
        live,
        now,
        postal_code,
        pickup_location_ids,
        goods_total,
        currency,
        method_code=method_code,
        is_deadline_wanted=known is None,
        are_days_wanted=are_days_wanted,
        wanted=wanted,
        locker_code=locker_code,
    )


def available_ways(
    *,
    variant_id: int,
    quantity: int = 1,
    channel_id: int,
    now: datetime,
    postal_code: str | None = None,
    basket_id: int | None = None,
    goods_total: Decimal | None = None,
    currency: str = "RSD",
    pickups_max: int | None = None,
    known: Live | None = None,
) -> Availability:
    """The same for one variant, with the units of each place; of the pickups that can be had only the nearest when `pickups_max` says so."""
    lines = [(variant_id, quantity)]
    live = known or read_live(lines, channel_id, now, postal_code, basket_id, None)
    options = _options(lines, live, now, postal_code, None, goods_total, currency, pickups_max=pickups_max)
    units = {"": DIGITAL_UNITS} if variant_id in live.digital else live.served(variant_id)
    coming = None
    if not any(live.offered().get(variant_id, {}).values()):
        today = promise_network(live.version).network.local(now).date()
        coming = live.coming(variant_id, quantity, today)
    return Availability(options, units, (live.latitude, live.longitude), coming)


def _options(
    lines: Sequence[tuple[int, int]],
    live: Live,
    now: datetime,
    postal_code: str | None,
    pickup_location_ids: Iterable[int] | None,
    goods_total: Decimal | None,
    currency: str,
    *,
    method_code: str = "",
    pickups_max: int | None = None,
    is_deadline_wanted: bool = True,
    are_days_wanted: bool = False,
    wanted: WantedDay | None = None,
    locker_code: str = "",
) -> list[Option]:
    kept, rates = promise_network(live.version), live.rates
    if live.digital:
        goods = [line for line in lines if line[0] not in live.digital]
        if lines and not goods:
            return [_at_once(now, currency)]
        lines = goods  # the files ride along
    asked = Asked(lines, live, kept, now, is_deadline_wanted=is_deadline_wanted)
    if not asked.is_known:
        reason = engine.Reason.OUT_OF_STOCK.value
        return [Option(method.code, False, currency=currency, reason=reason) for method in kept.methods]
    weight = sum(live.weights.get(variant_id, 0) * quantity for variant_id, quantity in lines)
    options: list[Option] = []
    for method in kept.methods:
        if method_code and method.code != method_code:
            continue
        price = delivery_fee(
            rates=rates, method=method.code, goods_total=goods_total or Decimal(0), weight_grams=weight
        )
        if method.code == DeliveryKind.HOME_DELIVERY and postal_code:
            home = asked.home(method, postal_code, price, rates, currency)
            if (are_days_wanted or wanted is not None) and home.is_orderable:
                home = asked.on_a_day(home, wanted)
            options.append(home)
        elif method.code == DeliveryKind.STORE_PICKUP:
            options += asked.pickups(method, pickup_location_ids, price, currency, pickups_max)
        elif method.code == DeliveryKind.SHIP_TO_STORE and method.is_orderable:
            # A page about one title needs to know only the nearest; where something is chosen, any may be.
            at_most = 1 if pickups_max is not None else None if are_days_wanted else SENT_TO_SHOWN
            options += asked.sent_to_stores(method, pickup_location_ids, price, currency, at_most)
        elif method.code == DeliveryKind.PARCEL_LOCKER and method.is_orderable:
            # A page about one title needs to know only that there is one nearby.
            at_most = LOCKERS_SHOWN if pickups_max is None else 1
            options += asked.lockers(method, locker_code, price, currency, weight, at_most)
        elif not method.is_orderable and method.code != DeliveryKind.DIGITAL:
            options.append(Option(method.code, is_orderable=False, currency=currency, reason=NOT_OFFERED))
    return options


def _at_once(now: datetime, currency: str) -> Option:
    """Only files: nothing has to be brought, they are there with the money."""
    return Option(
        DeliveryKind.DIGITAL,
        is_orderable=True,
        date=business_date(now),
        ready_at=now,
        price=Decimal(0),
        currency=currency,
    )
