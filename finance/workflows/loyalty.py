"""Points of members in step with what they bought, and what the books owe for them in step with the points.

Earning takes the value of the points out of the revenue (6049) into deferred income (495); used, expired or taken back points release
it again. The points and their journal entry are one transaction. Why 495 and not an advance: docs/decisions/0010-points-are-deferred-income.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal

from django.db import connection, transaction
from django.db.models import Q, Sum

from crm import points as rules
from crm.models import LoyaltyAccount, LoyaltyEntry, LoyaltyProgram
from crm.operations import loyalty as crm
from finance.chart import CAPITAL, POINTS, POINTS_REVENUE
from finance.operations.ledger import Draft, credit, debit, post_entries
from oms.models import Order
from oms.states import SOLD_KINDS, OrderStatus
from retail.kernel.clock import business_date
from retail.kernel.models import User
from retail.kernel.money import ZERO, rounded

DOCUMENT = "points"


def program_at(*, currency: str, moment: datetime) -> LoyaltyProgram | None:
    """The numbers that held then; None: there was no program."""
    valid = Q(valid_to__isnull=True) | Q(valid_to__gt=moment)
    return LoyaltyProgram.objects.filter(valid, currency=currency, valid_from__lte=moment).first()


@transaction.atomic
def settle_points(*, order_id: int, now: datetime, by: User | None = None) -> list[LoyaltyEntry]:
    """Make the points of an order what its goods and its money say now. It may run any number of times, from any event.

    Earned: on goods that left, did not come back and are paid, after discounts. Burned: of what was canceled or came back, the share
    is given back. Who is no member gets nothing, now or later for this order's past.
    """
    customer_id = Order.objects.filter(pk=order_id).values_list("customer_id", flat=True).first()
    account = crm.lock_member(customer_id=customer_id) if customer_id is not None else None
    if account is None:
        return []
    # Read under the lock: of two handlers of one order the second sees what the first has written.
    order = Order.objects.get(pk=order_id)
    if order.is_imported or order.placed_at.date() < account.joined_on:
        return []
    state = _state_of(order)
    written = _give_back(account, order, state, now)
    written += _earn(account, order, state, now)
    _post(written, order_number=order.number, by=by, now=now)
    retier(now=now, currency=order.currency, customer_id=account.customer_id)
    return written


@dataclass(frozen=True, slots=True)
class _State:
    """What the order's points are now, and what its lines say that they should be."""

    earned: int
    burned: int
    released: int
    rate: Decimal | None
    number: int
    kept: Decimal
    burned_kept: int


def _state_of(order: Order) -> _State:
    lines = list(order.lines.filter(kind__in=SOLD_KINDS))
    sums: dict[str, int] = {}
    entries = list(LoyaltyEntry.objects.filter(order_number=order.number).order_by("pk"))
    for entry in entries:
        sums[entry.reason] = sums.get(entry.reason, 0) + entry.points
    out = sum(
        (line.total * (line.quantity_dispatched - line.quantity_returned) / line.quantity for line in lines),
        ZERO,
    )
    burned = -sums.get(crm.BURNED, 0)
    share = rules.kept_share(
        (line.total, line.quantity, line.quantity - line.quantity_canceled - line.quantity_returned)
        for line in lines
    )
    if order.status == OrderStatus.CANCELED:
        share = Decimal(0)
    return _State(
        earned=sums.get(crm.EARNED, 0) + sums.get(crm.REVERSED, 0),
        burned=burned,
        released=sums.get(crm.RELEASED, 0),
        rate=next((entry.rate for entry in entries if entry.rate is not None), None),
        number=len(entries),
        kept=min(out, order.captured_total - order.refunded_total),
        burned_kept=int(rounded(burned * share).to_integral_value(ROUND_DOWN)),
    )


def _give_back(account: LoyaltyAccount, order: Order, state: _State, now: datetime) -> list[LoyaltyEntry]:
    points = state.burned - state.burned_kept - state.released
    if points <= 0:
        return []
    return crm.give_back_points(
        account=account,
        points=points,
        reason=crm.RELEASED,
        source=("order", f"{order.number}#{state.number}"),
        now=now,
        order_number=order.number,
    )


def _earn(account: LoyaltyAccount, order: Order, state: _State, now: datetime) -> list[LoyaltyEntry]:
    program = program_at(currency=order.currency, moment=order.placed_at)
    if program is None:
        return []
    # An order keeps the terms on which its first points were earned.
    rate = state.rate or (account.tier.earn_factor / program.spend_per_point)
    rate = rate.quantize(Decimal("0.000001"))
    due = rules.points_for(state.kept, rate) - state.earned
    source = ("order", f"{order.number}#{state.number + 1}")
    if due < 0:
        # What was spent in the meantime cannot be taken back.
        return crm.use_points(
            account=account,
            points=min(-due, account.points),
            reason=crm.REVERSED,
            source=source,
            now=now,
            order_number=order.number,
        )
    terms = crm.Terms(
        source=source,
        rate=rate,
        point_value=program.point_value,
        entity_id=order.entity_id,
        expires_on=rules.add_months(business_date(now), program.expiry_months),
        order_number=order.number,
    )
    entry = crm.earn_points(account=account, points=due, terms=terms, now=now)
    return [entry] if entry else []


@transaction.atomic
def burn_points(*, order: Order, points: int, by: User | None, now: datetime) -> list[LoyaltyEntry]:
    """Points pay for a part of this order; once for an order. What they are worth has lowered its total already.

    Inside the placing transaction, after the customer's row. Refuses NoMember, NotEnoughPoints.
    """
    account = crm.lock_member(customer_id=order.customer_id) if order.customer_id is not None else None
    if account is None:
        raise crm.NoMember("Only a member can pay with points.")
    entries = crm.use_points(
        account=account,
        points=points,
        reason=crm.BURNED,
        source=("order", order.number),
        now=now,
        order_number=order.number,
    )
    _post(entries, order_number=order.number, by=by, now=now)
    return entries


def expire_points(*, now: datetime, limit: int = 1_000) -> int:
    """Points past their last day go, each member in a short transaction of their own; returns how many members lost some."""
    today = business_date(now)
    lost = 0
    for customer_id in _with_old_lots(now, limit):
        with transaction.atomic():
            account = crm.lock_member(customer_id=customer_id)
            assert account is not None, "its lots were just read"
            lots, used = crm.lots_of(account)
            points = min(rules.expired_points(lots, used=used, today=today), account.points)
            if points:
                entries = crm.use_points(
                    account=account,
                    points=points,
                    reason=crm.EXPIRED,
                    source=("expiry", f"{account.number}:{today:%Y-%m-%d}"),
                    now=now,
                )
                _post(entries, by=None, now=now)
                lost += 1
    return lost


def _with_old_lots(now: datetime, limit: int) -> list[int]:
    """Members whose used points are fewer than the points of their lots past the last day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH lots AS (
                   SELECT e.account_id, sum(e.points) AS points, sum(e.points) FILTER (WHERE e.expires_on < %s) AS old
                     FROM crm_loyaltyentry e
                    WHERE e.points > 0 AND e.expires_on IS NOT NULL
                      AND e.account_id IN (SELECT o.account_id FROM crm_loyaltyentry o WHERE o.expires_on < %s)
                      AND NOT EXISTS (SELECT 1 FROM crm_loyaltyentry u WHERE e.source_kind = 'merge' AND u.source_kind = 'merge undone'
                                         AND u.source_key = e.source_key AND u.reason = 'MERGED_OUT')
                    GROUP BY 1
               )
               SELECT a.customer_id FROM lots JOIN crm_loyaltyaccount a ON a.id = lots.account_id
                WHERE a.points > 0 AND lots.old > lots.points - a.points ORDER BY a.id LIMIT %s""",
            [business_date(now), business_date(now), limit],
        )
        return [row[0] for row in cursor.fetchall()]


# The tier of a member is the highest whose spending they reached in the window: money that came and stayed.
RULED_TIERS = """
SELECT a.id, a.tier_id, t.id AS ruled_id
  FROM crm_loyaltyaccount a
  LEFT JOIN LATERAL (SELECT sum(o.captured_total - o.refunded_total) AS spent FROM oms_order o
                      WHERE o.customer_id = a.customer_id AND o.placed_at >= {since} AND o.currency = {currency}) s ON true
  JOIN LATERAL (SELECT t.id FROM crm_tier t
                 WHERE t.spend_from <= COALESCE(s.spent, 0) OR t.spend_from = (SELECT min(spend_from) FROM crm_tier)
                 ORDER BY t.spend_from DESC, t.rank DESC LIMIT 1) t ON true
"""


def retier(*, now: datetime, currency: str = "RSD", customer_id: int | None = None) -> int:
    """Put members into the tier that their spending gives, all in one statement; returns how many moved."""
    program = program_at(currency=currency, moment=now)
    if program is None:
        return 0
    since = rules.add_months(business_date(now), -program.window_months)
    ruled = RULED_TIERS.format(since="%(since)s", currency="%(currency)s")
    mine = "AND a.customer_id = %(customer)s" if customer_id is not None else ""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE crm_loyaltyaccount a SET tier_id = r.ruled_id FROM ({ruled} WHERE a.tier_id <> t.id {mine}) r "  # noqa: S608
            "WHERE r.id = a.id",
            {"since": since, "currency": currency, "customer": customer_id},
        )
        moved: int = cursor.rowcount
    return moved


def post_opening_points(
    *, entity_id: int, value: Decimal, document_key: str, by: User | None, now: datetime
) -> None:
    """What is owed for points that members brought along: earned before these books began."""
    post_entries(
        [
            Draft(
                entity_id,
                business_date(now),
                DOCUMENT,
                document_key,
                "Početno stanje poena",
                [debit(CAPITAL, value), credit(POINTS, value)],
            )
        ],
        by=by,
    )


def post_points(
    entries: Sequence[LoyaltyEntry], *, by: User | None, now: datetime, order_number: str = ""
) -> None:
    """The journal entries of points entries, in the same transaction; points whose books owe nothing need none."""
    _post(entries, by=by, now=now, order_number=order_number)


def _post(entries: Iterable[LoyaltyEntry], *, by: User | None, now: datetime, order_number: str = "") -> None:
    drafts = [
        Draft(
            entry.entity_id,
            business_date(now),
            DOCUMENT,
            str(entry.pk),
            f"{_MEMOS[entry.reason]} {order_number}".strip(),
            [debit(POINTS_REVENUE, entry.value), credit(POINTS, entry.value)],
            order_number=order_number,
        )
        for entry in entries
        if entry.entity_id is not None and entry.value
    ]
    if drafts:
        post_entries(drafts, by=by)


_MEMOS = {
    crm.EARNED: "Poeni stečeni",
    crm.BURNED: "Poeni iskorišćeni",
    crm.RELEASED: "Poeni vraćeni",
    crm.REVERSED: "Poeni oduzeti",
    crm.EXPIRED: "Poeni istekli",
    crm.MERGED_IN: "Poeni sa spojenog naloga",
    crm.MERGED_OUT: "Poeni na spojeni nalog",
}


def points_owed(*, entity_id: int) -> Decimal:
    """What the points ledger says that the books of this company owe."""
    return LoyaltyEntry.objects.filter(entity_id=entity_id).aggregate(s=Sum("value"))["s"] or ZERO
