"""What the segment language may ask of orders, of every channel, imported history included.

A line counts for what was ordered and not canceled: a canceled order has all its lines canceled, so none of it was bought, spent or
ordered. What came back stays bought (`returned` asks for it) and is no longer spent. Credits of imported history that matched no sale
are lines below zero: they are never bought and are no orders, and they lower what was spent.
Every condition looks at the moment of asking and before, so the same words can be asked of a day that is past.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.models import Campaign, Discount
from crm.segment_conditions import PERIOD, campaigns
from crm.segment_goods import GOODS, exists_in, of_goods
from crm.segments import EQUAL, ORDERED, Condition, Fragment, Kind, Leaf, Name, register
from crm.segments.tree import Money, Value
from crm.segments.writing import among, exists, is_negative, moment, negated, one_of, period, plain, summed
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.models import Location
from storefront.models import Channel

_BUYING = _("Buying")
_LIVE_ORDER = "o.status <> 'CANCELED' AND o.total >= 0"


def register_conditions() -> None:
    items = {
        **GOODS,
        "campaign": Kind("text", _("in the campaign"), suggest=campaigns, exists=exists_in(Campaign, "slug")),
    }
    channel = Kind("text", _("by the channel"), choices=_channels)
    money = Kind("money", _("amount"))
    register(
        Condition(
            name="bought",
            words=_("Bought"),
            help=_("Ordered and not canceled, also what came back later."),
            group=_BUYING,
            arguments={**items, **PERIOD, "at_least": Kind("number", _("at least units"), most=1_000_000)},
            compile=_bought,
            has_history=True,
        ),
        Condition(
            name="returned",
            words=_("Returned"),
            help=_("Goods that came back."),
            group=_BUYING,
            arguments={**items, **PERIOD},
            compile=_returned,
            has_history=True,
        ),
        Condition(
            name="spent",
            words=_("Spent"),
            help=_("What the orders cost with delivery, less what was canceled and came back."),
            group=_BUYING,
            value=money,
            operators=ORDERED,
            arguments={**PERIOD, "channel": channel},
            compile=_spent,
        ),
        Condition(
            name="orders",
            words=_("Number of orders"),
            help=_("Canceled ones left out."),
            group=_BUYING,
            value=Kind("number", most=1_000_000),
            operators=ORDERED,
            arguments={**PERIOD, "channel": channel},
            compile=_orders,
        ),
        Condition(
            name="average_basket",
            words=_("Average order"),
            help=_("Of those who have ordered; canceled orders left out."),
            group=_BUYING,
            value=money,
            operators=ORDERED,
            arguments={**PERIOD, "channel": channel},
            compile=_average_basket,
        ),
        Condition(
            name="last_order",
            words=_("Last order"),
            help=_("When the newest order was placed."),
            group=_BUYING,
            arguments={**PERIOD, "over": Kind("duration", _("longer ago than"))},
            needed=(*PERIOD, "over"),
            compile=_last_order,
        ),
        Condition(
            name="channel",
            words=_("Ordered by channel"),
            help=_("At least one order came this way."),
            group=_BUYING,
            value=Kind("text", choices=_channels),
            operators=EQUAL,
            arguments=PERIOD,
            compile=_channel,
        ),
        Condition(
            name="store",
            words=_("Store of pickup"),
            help=_("At least one order was picked up there."),
            group=_BUYING,
            value=Kind("text", suggest=_stores, exists=exists_in(Location, "code")),
            operators=EQUAL,
            arguments=PERIOD,
            compile=_store,
        ),
        Condition(
            name="coupon_used",
            words=_("Used a coupon"),
            help=_("On an order that was not canceled."),
            group=_BUYING,
            arguments={
                "campaign": items["campaign"],
                "discount": Kind(
                    "text", _("of the discount"), suggest=_discounts, exists=exists_in(Discount, "code")
                ),
                "code": Kind("text", _("with the code")),
                **PERIOD,
            },
            compile=_coupon_used,
        ),
        Condition(
            name="abandoned_basket",
            words=_("Abandoned basket"),
            help=_("Goods in an open basket that nobody has touched for an hour."),
            group=_BUYING,
            arguments=PERIOD,
            compile=_abandoned_basket,
        ),
        Condition(
            name="wishlist",
            words=_("Wishes"),
            help=_("Keeps it on the list of wishes now; what was taken off it is not known any more."),
            group=_BUYING,
            arguments={**GOODS, **PERIOD},
            compile=_wishlist,
        ),
    )


# --- lines


def _bought(leaf: Leaf, now: datetime) -> Fragment:
    rows = _lines(leaf, period("l.ordered_at", leaf, now, BUSINESS_ZONE), now)
    units = leaf.argument("at_least")
    if units is None:
        return exists(rows, "l.customer_id")
    ids = (
        f"SELECT l.customer_id AS id {rows.sql} AND l.customer_id IS NOT NULL GROUP BY l.customer_id "
        "HAVING sum(l.quantity - l.quantity_canceled) >= %s"
    )
    return Fragment(
        f"EXISTS (SELECT 1 FROM ({ids}) s WHERE s.id = c.id)", (*rows.params, plain(units)), ids, is_once=True
    )


def _returned(leaf: Leaf, now: datetime) -> Fragment:
    """History that was imported without a paper of the return counts on the day of the order."""
    came_back = (
        "COALESCE((SELECT max(r.received_at) FROM oms_returnline b JOIN oms_return r ON r.id = b.parent_id "
        "WHERE b.order_line_id = l.id AND r.status IN ('RECEIVED', 'REFUNDED')), l.ordered_at)"
    )
    dated = period(came_back, leaf, now, BUSINESS_ZONE)
    rows = _lines(leaf, Fragment(f" AND l.quantity_returned > 0{dated.sql}", dated.params), now)
    return exists(rows, "l.customer_id")


def _lines(leaf: Leaf, more: Fragment, now: datetime) -> Fragment:
    """Lines that were ordered and not canceled, of the goods that the arguments name."""
    goods = [_ITEMS[each.name](each.value) for each in leaf.arguments if each.name in _ITEMS]
    if not goods:
        goods = [Fragment("l.kind IN ('GOODS', 'DIGITAL')")]
    return Fragment(
        "FROM oms_orderline l WHERE l.quantity > l.quantity_canceled AND l.ordered_at <= %s"
        f"{more.sql} AND {' AND '.join(each.sql for each in goods)}",
        (now, *more.params, *(value for each in goods for value in each.params)),
    )


def _of_campaign(value: Value) -> Fragment:
    """One of the campaign's discounts priced the line."""
    return Fragment(
        "l.id IN (SELECT d.line_id FROM crm_campaign g JOIN oms_linediscount d ON d.campaign_id = g.id WHERE g.slug = %s)",
        (plain(value),),
    )


_ITEMS = {**of_goods, "campaign": _of_campaign}


# --- orders


def _spent(leaf: Leaf, now: datetime) -> Fragment:
    """Credits that matched no sale are orders below zero; nothing else makes `due_total` more than what was kept."""
    rows = _order_rows(leaf, now, "o.status <> 'CANCELED'", leaf.values[0])
    return summed(
        rows,
        account="o.customer_id",
        value="sum(CASE WHEN o.total < 0 THEN o.total ELSE o.due_total END)",
        leaf=leaf,
    )


def _orders(leaf: Leaf, now: datetime) -> Fragment:
    return summed(_order_rows(leaf, now, _LIVE_ORDER), account="o.customer_id", value="count(*)", leaf=leaf)


def _average_basket(leaf: Leaf, now: datetime) -> Fragment:
    rows = _order_rows(leaf, now, _LIVE_ORDER, leaf.values[0])
    return summed(rows, account="o.customer_id", value="avg(o.due_total)", leaf=leaf, is_zero_without=False)


def _order_rows(leaf: Leaf, now: datetime, condition: str, amount: Value | None = None) -> Fragment:
    """The orders of accounts in the period; money is summed in one currency: the amount's own, or that of the house."""
    dated = period("o.placed_at", leaf, now, BUSINESS_ZONE)
    sql = f"FROM oms_order o WHERE o.customer_id IS NOT NULL AND {condition} AND o.placed_at <= %s{dated.sql}"
    params: list[Any] = [now, *dated.params]
    if (channel := leaf.argument("channel")) is not None:
        named = _of_channels([channel])
        sql += f" AND {named.sql}"
        params.extend(named.params)
    if isinstance(amount, Money):
        sql += " AND o.currency = %s"
        params.append(amount.currency)
    elif amount is not None:
        sql += " AND o.currency = (SELECT e.currency FROM kernel_legalentity e ORDER BY e.id LIMIT 1)"
    return Fragment(sql, tuple(params))


def _last_order(leaf: Leaf, now: datetime) -> Fragment:
    """There is an order in the period, and none after it."""
    parts, values = [_LIVE_ORDER], []
    for name, sign in (("within", ">="), ("since", ">="), ("until", "<"), ("over", "<")):
        if (value := leaf.argument(name)) is not None:
            parts.append(f"o.placed_at {sign} %s")
            values.append(moment(value, now, BUSINESS_ZONE))
    rows = Fragment(f"FROM oms_order o WHERE o.placed_at <= %s AND {' AND '.join(parts)}", (now, *values))
    found = exists(rows, "o.customer_id")
    ends = [moment(v, now, BUSINESS_ZONE) for n in ("until", "over") if (v := leaf.argument(n)) is not None]
    if not ends:
        return found
    return Fragment(
        f"{found.sql} AND NOT EXISTS (SELECT 1 FROM oms_order o WHERE o.customer_id = c.id AND o.placed_at <= %s "
        f"AND {_LIVE_ORDER} AND o.placed_at >= %s)",
        (*found.params, now, min(ends)),
    )


def _channel(leaf: Leaf, now: datetime) -> Fragment:
    return _an_order(leaf, now, _of_channels(leaf.values))


def _store(leaf: Leaf, now: datetime) -> Fragment:
    return _an_order(leaf, now, _coded("o.pickup_location_id", "kernel_location", leaf.values))


def _of_channels(values: Sequence[Value]) -> Fragment:
    return _coded("o.channel_id", "storefront_channel", values)


def _coded(column: str, table: str, values: Sequence[Value]) -> Fragment:
    """The column is a row of the table that goes by one of these codes."""
    codes = among("h.code", [plain(value) for value in values])
    return one_of(column, f"SELECT h.id FROM {table} h WHERE {codes.sql}", *codes.params)


def _an_order(leaf: Leaf, now: datetime, named: Fragment) -> Fragment:
    dated = period("o.placed_at", leaf, now, BUSINESS_ZONE)
    rows = Fragment(
        f"FROM oms_order o WHERE {_LIVE_ORDER} AND o.placed_at <= %s{dated.sql} AND {named.sql}",
        (now, *dated.params, *named.params),
    )
    return negated(exists(rows, "o.customer_id"), is_negative(leaf))


def _coupon_used(leaf: Leaf, now: datetime) -> Fragment:
    """Redemptions of canceled orders are released, so they do not count."""
    parts, values = ["r.released_at IS NULL", "r.redeemed_at <= %s"], [now]
    for name, condition in _COUPONS.items():
        if (value := leaf.argument(name)) is not None:
            parts.append(condition)
            values.append(
                plain(value).upper().replace(" ", "").replace("-", "") if name == "code" else plain(value)
            )
    dated = period("r.redeemed_at", leaf, now, BUSINESS_ZONE)
    rows = Fragment(
        "FROM crm_couponredemption r JOIN crm_coupon k ON k.id = r.coupon_id JOIN crm_couponbatch b ON b.id = k.batch_id "
        f"JOIN crm_discount d ON d.id = b.discount_id WHERE {' AND '.join(parts)}{dated.sql}",
        (*values, *dated.params),
    )
    return exists(rows, "r.customer_id")


_COUPONS = {
    "campaign": "d.campaign_id IN (SELECT g.id FROM crm_campaign g WHERE g.slug = %s)",
    "discount": "d.code = %s",
    "code": "k.code = %s",
}


def _abandoned_basket(leaf: Leaf, now: datetime) -> Fragment:
    dated = period("b.touched_at", leaf, now, BUSINESS_ZONE)
    rows = Fragment(
        "FROM oms_basket b WHERE b.state = 'OPEN' "
        f"AND b.touched_at <= %s::timestamptz - interval '1 hour'{dated.sql} "
        "AND EXISTS (SELECT 1 FROM oms_basketline n WHERE n.basket_id = b.id)",
        (now, *dated.params),
    )
    return exists(rows, "b.customer_id")


def _wishlist(leaf: Leaf, now: datetime) -> Fragment:
    """The goods are named as those of order lines, so the wish takes the alias of a line."""
    goods = [_ITEMS[each.name](each.value) for each in leaf.arguments if each.name in _ITEMS]
    dated = period("l.added_at", leaf, now, BUSINESS_ZONE)
    named = "".join(f" AND {each.sql}" for each in goods)
    rows = Fragment(
        f"FROM crm_wish l WHERE l.added_at <= %s{dated.sql}{named}",
        (now, *dated.params, *(value for each in goods for value in each.params)),
    )
    return exists(rows, "l.customer_id")


# --- names


def _discounts(typed: str, limit: int) -> list[Name]:
    found = Discount.objects.filter(name__icontains=typed) | Discount.objects.filter(code__icontains=typed)
    return [Name(each.code, each.name) for each in found.order_by("-pk")[:limit]]


def _channels() -> list[Name]:
    return [Name(each.code, each.name) for each in Channel.objects.order_by("code")]


def _stores(typed: str, limit: int) -> list[Name]:
    places = Location.objects.filter(has_pickup=True)
    found = places.filter(name__icontains=typed) | places.filter(code__istartswith=typed)
    return [Name(each.code, each.name) for each in found.order_by("name")[:limit]]
