"""What placing an order reads and what it writes: one call of the database each, put together from the pieces of the rooms.

No rule lives here. The first call locks the basket and answers everything that the decision is made of; the second writes what
Python has decided, in the order of locks: order, basket, account, claims. Keys of new rows are taken by the first call, so that
Python knows the whole order, the payment, its events and the answer before anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection

from crm import operations as crm
from crm.models import Customer
from crm.operations.people import FIND_GUEST
from finance.models import Payment
from oms import selectors as oms
from oms.known_offers import KNOWN, KnownOffers, known_offers
from oms.models import LineDiscount, Order, OrderLine
from oms.workflows.tenders import TENDERS, Tender, tenders_from
from retail.kernel import idempotency
from retail.kernel.clock import business_date
from retail.kernel.context import current
from retail.kernel.models import OutboxEvent
from retail.kernel.outbox import FILLED
from retail.kernel.prepared import Steps, with_variables
from retail.kernel.rows import as_json, insertion, told
from storefront.models import Channel
from warehouse.operations.allocations import ALLOCATE
from warehouse.selectors import promise_rows

_TARIFF = with_variables(
    oms.TARIFF.sql,
    {
        "price_list": "v_channel.price_list_id",
        "variants": "v_variants",
        "country": "v_country",
        "basket": "v_basket.id",
        "customer": "v_basket.customer_id",
        "scoped": "false",
        "channel": "v_channel.id",
    },
)
# The tariff has read the delivery rates: they are its third column.
_LIVE = with_variables(
    promise_rows.LIVE.sql.replace(promise_rows.RATES, "out_6"),
    {
        "variants": "v_variants",
        "channel": "v_channel.id",
        "postal_code": "v_postcode",
        "basket": "v_basket.id",
        "order": "NULL::bigint",
    },
)
_READ = Steps(
    "order_read",
    f"""
    PERFORM set_config('retail.actor', %(actor)s, true), set_config('retail.label', %(label)s, true),
            set_config('retail.request_id', %(request_id)s, true), set_config('retail.reason', %(reason)s, true);
    IF %(key)s <> '' THEN
        IF NOT {idempotency.IS_FREE} THEN
            out_1 := 'IN_FLIGHT'; RETURN NEXT; RETURN;
        END IF;
        {idempotency.CLAIM};
        IF NOT FOUND THEN
            out_1 := 'KEPT'; RETURN NEXT; RETURN;
        END IF;
    END IF;
    SELECT b.* INTO v_basket FROM oms_basket b WHERE b.token = %(token)s AND b.state <> 'MERGED' FOR UPDATE;
    IF v_basket.id IS NULL THEN
        RETURN;
    END IF;
    SELECT c.* INTO v_channel FROM storefront_channel c WHERE c.id = v_basket.channel_id;
    out_1 := v_basket.state;
    out_2 := json_build_array(v_basket.id, v_basket.customer_id, v_basket.language, v_basket.postal_code, to_json(v_channel),
                              CASE WHEN v_basket.has_gift_cards THEN ({TENDERS}) END, v_basket.points_wanted);
    IF v_basket.state = 'OPEN' THEN
        SELECT COALESCE(json_agg(json_build_array(l.id, l.public_id, l.quantity, v.is_sellable AND p.status = 'PUBLISHED', v.id, v.sku, p.title, v.tax_class, v.weight_grams, v.is_digital, l.is_preorder)
                                 ORDER BY l.id), '[]'), array_agg(l.variant_id ORDER BY l.id)
          INTO out_3, v_variants
          FROM oms_basketline l JOIN storefront_variant v ON v.id = l.variant_id JOIN storefront_product p ON p.id = v.product_id
         WHERE l.basket_id = v_basket.id;
        IF v_variants IS NOT NULL THEN
            SELECT e.country INTO v_country FROM kernel_legalentity e WHERE e.id = v_channel.entity_id;
            v_postcode := replace(COALESCE(NULLIF(%(postal_code)s, ''), v_basket.postal_code), ' ', '');
            SELECT t.* INTO out_4, out_5, out_6, out_7, out_8 FROM ({_TARIFF}) t;
            SELECT t.* INTO out_9, out_10, out_11, out_12, out_13, out_14, out_15 FROM ({_LIVE}) t;
            IF %(mailbox)s <> '' THEN
                {FIND_GUEST.replace("SELECT id", "SELECT id INTO out_16")};
            END IF;
            out_17 := 'ORD-' || %(year)s || '-' || lpad(nextval('oms_order_number')::text, 6, '0');
            out_18 := array[nextval('oms_order_id_seq'), nextval('finance_payment_id_seq')]
                || CASE WHEN out_16 IS NULL AND %(mailbox)s <> '' THEN ARRAY[nextval('crm_customer_id_seq')] ELSE ARRAY[]::bigint[] END
                || ARRAY(SELECT nextval('oms_orderline_id_seq') FROM generate_series(0, cardinality(v_variants)));
            out_19 := statement_timestamp();
        END IF;
    END IF;
    RETURN NEXT;
    """,  # noqa: S608 - texts of our own
    {
        "actor": "text",
        "label": "text",
        "request_id": "text",
        "reason": "text",
        "caller": "text",
        "key": "text",
        "request_hash": "text",
        "leased_until": "timestamptz",
        "now": "timestamptz",
        "day": "date",
        "year": "text",
        "token": "text",
        "postal_code": "text",
        "mailbox": "text",
        **KNOWN,
    },
    # state, basket, lines, tariff (5), promise (7), guest, number, keys, moment
    (
        "text",
        "json",
        "json",
        *oms.TARIFF.returns,
        *promise_rows.LIVE.returns,
        "bigint",
        "text",
        "bigint[]",
        "timestamptz",
    ),
    variables="v_basket oms_basket; v_channel storefront_channel; v_country text; v_postcode text; v_variants bigint[];",
)

_ALLOCATE = with_variables(ALLOCATE.sql, {"state": "%(claim_state)s"})
_WRITE = Steps(
    "order_write",
    f"""
    {crm.SPEND_IN_BLOCK.format(gone="out_1 := NULL; RETURN NEXT; RETURN;")}
    IF %(customer)s IS NOT NULL THEN
        {insertion(Customer, "%(customer)s")};
    END IF;
    {insertion(Order, "%(order)s")};
    UPDATE oms_basket SET state = 'ORDERED', customer_id = %(customer_id)s WHERE id = %(basket)s;
    {insertion(OrderLine, "%(lines)s")};
    IF %(discounts)s IS NOT NULL THEN
        {insertion(LineDiscount, "%(discounts)s", without=("id",))};
    END IF;
    IF %(is_claimed)s THEN
        RETURN QUERY {_ALLOCATE};
    END IF;
    {insertion(Payment, "%(payment)s")};
    {insertion(OutboxEvent, "%(events)s", without=FILLED)};
    IF %(key)s <> '' THEN
        {idempotency.STORE};
    END IF;
    """,  # noqa: S608 - texts of our own
    {
        "customer": "json",
        "order": "json",
        "basket": "bigint",
        "customer_id": "bigint",
        "lines": "json",
        "discounts": "json",
        "coupons": "bigint[]",
        "campaigns": "bigint[]",
        "amounts": "numeric[]",
        "orders": "integer[]",
        "offers": "bigint[]",
        "is_claimed": "boolean",
        "basket_lines": "bigint[]",
        "order_lines": "bigint[]",
        "claim_state": "character varying",
        "expires_at": "timestamptz",
        "payment": "json",
        "events": "json",
        "caller": "text",
        "key": "text",
        "status": "smallint",
        "body": "jsonb",
        "subject": "text",
    },
    ALLOCATE.returns,
    writes=True,
    variables=crm.SPEND_VARIABLES,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the basket; `key` names it to the shopper and to the price."""

    pk: int
    key: str
    quantity: int
    goods: oms.Goods
    # Still in the catalog; what was taken out of it since is told, not sold.
    is_sold: bool = True
    # Ordered ahead: its units are claimed of what is under way.
    is_preorder: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that placing decides on, and the keys of what it will write. Lines, tariff and the rest only of an open basket."""

    state: str
    basket_id: int
    # Who the basket belongs to, where that is known: prices may ask.
    customer_id: int | None
    language: str
    postal_code: str
    channel: Channel
    lines: Sequence[Line] = ()
    tariff: oms.Tariff | None = None
    live: promise_rows.Live | None = None
    guest_id: int | None = None
    is_new_guest: bool = False
    number: str = ""
    order_id: int = 0
    payment_id: int = 0
    line_ids: Sequence[int] = ()
    moment: datetime | None = None
    tenders: Sequence[Tender] = ()
    points_wanted: int = 0


class KeyKept(Exception):
    """The key was claimed before: look what was answered."""


def read(
    *, token: str, postal_code: str, mailbox: str, claim: idempotency.Claim | None, now: datetime
) -> Desk | None:
    """The basket, locked, with everything about it; None where there is none. `mailbox` asks for a guest's account.

    Claims the key first. Raises KeyKept, refuses KeyInFlight.
    """
    who, day, known = current(), business_date(now), known_offers(now)
    rows = _READ.rows(
        {
            "actor": "" if who.actor_id is None else str(who.actor_id),
            "label": who.actor_label,
            "request_id": who.request_id,
            "reason": who.reason,
            "caller": claim.caller if claim else "",
            "key": claim.key if claim else "",
            "request_hash": claim.request_hash if claim else "",
            "leased_until": now + idempotency.LEASE,
            "now": now,
            "day": day,
            "year": str(day.year),
            "token": token,
            "postal_code": postal_code,
            "mailbox": mailbox.lower(),
            **known.values,
        }
    )
    connection.was_told(who)  # type: ignore[attr-defined] # of our own backend
    return _desk(rows[0], known, has_mailbox=bool(mailbox)) if rows else None


def _desk(row: Sequence[Any], known: KnownOffers, *, has_mailbox: bool) -> Desk:
    state, basket, lines, *rest = row
    if state == "IN_FLIGHT":
        raise idempotency.in_flight()
    if state == "KEPT":
        raise KeyKept
    basket_id, customer_id, language, postal_code, channel, cards, points_wanted = basket
    desk = Desk(
        state,
        basket_id,
        customer_id,
        language,
        postal_code,
        Channel(**channel),
        tenders=tenders_from(cards),
        points_wanted=points_wanted,
    )
    if not lines:
        return desk
    guest_id, number, keys, moment = rest[12:]
    is_new = has_mailbox and guest_id is None
    order_id, payment_id, *more = keys
    return replace(
        desk,
        lines=[
            Line(pk, key, quantity, oms.Goods(*goods), is_sold, is_preorder)
            for pk, key, quantity, is_sold, *goods, is_preorder in lines
        ],
        tariff=oms.tariff_of(rest[:5], known, channel_id=desk.channel.pk, customer_id=customer_id),
        live=promise_rows.live_of(rest[5:12]),
        guest_id=more[0] if is_new else guest_id,
        is_new_guest=is_new,
        number=number,
        order_id=order_id,
        payment_id=payment_id,
        line_ids=more[1:] if is_new else more,
        moment=moment,
    )


def line_keys(desk: Desk, count: int) -> list[int]:
    """Keys for so many order lines: a discount may add lines that the basket does not have."""
    missing = count - len(desk.line_ids)
    if missing <= 0:
        return list(desk.line_ids)
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('oms_orderline_id_seq') FROM generate_series(1, %s)", [missing])
        return [*desk.line_ids, *(key for (key,) in cursor.fetchall())]


def write(
    *,
    basket_id: int,
    customer: Customer | None,
    order: Order,
    lines: Sequence[OrderLine],
    discounts: Sequence[LineDiscount],
    taken: crm.Taken,
    claims: Mapping[int, int] | None,
    claim_state: str,
    payment: Payment,
    events: Sequence[OutboxEvent],
    claim: idempotency.Claim | None,
    answer: idempotency.Answer | None,
) -> bool:
    """All of it. `claims` of the shelf go from basket line to order line; False when one of them is lost, then none has moved.

    Refuses OfferGone when others took what is `taken`.
    """
    kept = claim if answer is not None else None
    moved = _WRITE.rows(
        {
            "customer": told([customer]) if customer else None,
            "order": told([order]),
            "basket": basket_id,
            "customer_id": order.customer_id,
            "lines": told(lines),
            "discounts": told(discounts) if discounts else None,
            **crm.spending_values(taken),
            "is_claimed": bool(claims),
            "basket_lines": list(claims or ()),
            "order_lines": list((claims or {}).values()),
            "claim_state": claim_state,
            "expires_at": order.payment_deadline,
            "payment": told([payment]),
            "events": told(events),
            "caller": kept.caller if kept else "",
            "key": kept.key if kept else "",
            "status": answer.status if answer else 0,
            "body": as_json(answer.body) if answer else None,
            "subject": "",
        }
    )
    if moved and moved[0][0] is None:
        raise crm.offer_gone()
    return not claims or (bool(moved) and all(is_moved for is_moved, *_ in moved))
