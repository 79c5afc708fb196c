"""What the page of an account says about it: each question is one statement however much was bought."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from crm import points as point_rules
from crm.models import Consent, Customer, GiftCard, LoyaltyAccount, LoyaltyProgram, Tier
from crm.operations import loyalty
from crm.states import ConsentKind
from finance.models import Payment
from oms.models import Basket, Order
from oms.states import BasketState
from retail.front.charts import BarChart, Series
from retail.front.parts import MoneyCell
from retail.kernel.clock import business_date
from retail.kernel.money import ZERO

MONTHS = 12
BASKETS_SHOWN = 10
CARDS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """What an account is worth to the house, in one currency. Canceled orders count nowhere."""

    currency: str
    orders: int
    ordered: Decimal
    paid: Decimal
    refunded: Decimal
    due: Decimal
    units_sent: int
    units_back: int

    @property
    def lifetime_value(self) -> Decimal:
        """Money that came and stayed."""
        return self.paid - self.refunded

    @property
    def average_basket(self) -> Decimal:
        return self.ordered / self.orders if self.orders else ZERO

    @property
    def return_rate(self) -> Decimal | None:
        """Units that came back of a hundred that left; None: nothing has left yet."""
        return round(Decimal(100 * self.units_back) / self.units_sent, 1) if self.units_sent else None


def figures_of(customer: Customer) -> list[Figures]:
    """A row for each currency, the one with most orders first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH own AS MATERIALIZED (
                   SELECT id, currency, total, captured_total, refunded_total, due_total FROM oms_order
                    WHERE customer_id = %s AND status <> 'CANCELED'
               ), units AS (
                   SELECT o.currency, sum(l.quantity_dispatched) AS sent, sum(l.quantity_returned) AS back
                     FROM own o JOIN oms_orderline l ON l.order_id = o.id AND l.kind IN ('GOODS', 'DIGITAL') GROUP BY 1
               )
               SELECT o.currency, count(*), sum(o.total), sum(o.captured_total), sum(o.refunded_total), sum(o.due_total),
                      COALESCE(max(u.sent), 0), COALESCE(max(u.back), 0)
                 FROM own o LEFT JOIN units u ON u.currency = o.currency GROUP BY 1 ORDER BY 2 DESC""",
            [customer.pk],
        )
        return [Figures(*row) for row in cursor.fetchall()]


def money_cells(figures: list[Figures]) -> list[MoneyCell]:
    """What the account bought, of every channel; each currency in its own row of sums."""
    cells: list[MoneyCell] = []
    for one in figures:
        left = one.due - one.paid + one.refunded
        cells += [
            MoneyCell(pgettext("sum", "Ordered"), one.ordered, one.currency),
            MoneyCell(pgettext("sum", "Paid"), one.paid, one.currency),
            MoneyCell(pgettext("sum", "Returned"), one.refunded, one.currency),
            MoneyCell(
                _("Left to collect") if left >= 0 else _("Left to refund"),
                abs(left),
                one.currency,
                state="even" if left == 0 else "due",
            ),
        ]
    return cells or [MoneyCell(pgettext("sum", "Ordered"), ZERO)]


def spend_chart(customer: Customer, figures: list[Figures], now: datetime) -> BarChart | None:
    """Money that came and stayed, by the month of its order, in the currency that is used most."""
    if not figures:
        return None
    today = business_date(now)
    months = [point_rules.add_months(today.replace(day=1), -back) for back in range(MONTHS - 1, -1, -1)]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT date_trunc('month', placed_at AT TIME ZONE 'Europe/Belgrade')::date, sum(captured_total - refunded_total)
                 FROM oms_order WHERE customer_id = %s AND status <> 'CANCELED' AND currency = %s AND placed_at >= %s GROUP BY 1""",
            [customer.pk, figures[0].currency, months[0]],
        )
        spent: dict[date, Decimal] = dict(cursor.fetchall())
    return BarChart(
        finding=_("Spending of the last 12 months, %(currency)s") % {"currency": figures[0].currency},
        label_head=_("Month"),
        labels=[f"{month.month}/{month:%y}" for month in months],
        bars=Series(pgettext("chart", "spent"), [float(spent.get(month, ZERO)) for month in months]),
    )


@dataclass(frozen=True, slots=True)
class CardOfAccount:
    """A gift card that the account bought, or that paid for an order of it."""

    card: GiftCard
    is_bought: bool
    is_used: bool


def gift_cards_of(customer: Customer) -> list[CardOfAccount]:
    """The newest, one statement."""
    used = Payment.objects.filter(order__customer=customer, gift_card=OuterRef("pk"))
    rows = (
        GiftCard.objects.annotate(is_used=Exists(used))
        .filter(Q(customer=customer) | Q(is_used=True))
        .order_by("-created_at", "-pk")[:CARDS_SHOWN]
    )
    return [CardOfAccount(card, card.customer_id == customer.pk, card.is_used) for card in rows]


@dataclass(frozen=True, slots=True)
class Promises:
    """Promised days of an account's orders: as first said, whatever was said later."""

    kept: int
    missed: int
    open: int
    moved: int
    late: list[tuple[str, date, date | None]]


LATE_SHOWN = 5


def promises_of(customer: Customer, now: datetime) -> Promises:
    """Kept: all parcels were there on the first promised day. Missed: one was not, or is not yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH own AS (
                   SELECT o.id, o.number, o.placed_at, COALESCE(first.day, o.promised_on) AS day, first.day IS NOT NULL AS is_moved
                     FROM oms_order o
                     LEFT JOIN LATERAL (SELECT COALESCE(c.before->>'date', left(c.before->>'ready_at', 10))::date AS day
                                          FROM oms_promisechange c WHERE c.order_id = o.id ORDER BY c.id LIMIT 1) first ON true
                    WHERE o.customer_id = %(customer)s AND o.status <> 'CANCELED' AND o.promised_on IS NOT NULL AND NOT o.is_imported
               ), done AS (
                   SELECT own.*, s.delivered, s.waiting FROM own, LATERAL (
                       SELECT max(s.delivered_at AT TIME ZONE 'Europe/Belgrade')::date AS delivered,
                              count(*) FILTER (WHERE s.delivered_at IS NULL) AS waiting FROM warehouse_shipment s WHERE s.order_id = own.id) s
               ), judged AS (
                   SELECT id, number, placed_at, day, delivered, is_moved,
                          CASE WHEN delivered > day OR (day < %(today)s AND (waiting > 0 OR delivered IS NULL)) THEN 'missed'
                               WHEN delivered IS NULL OR waiting > 0 THEN 'open' ELSE 'kept' END AS state FROM done
               )
               SELECT count(*) FILTER (WHERE state = 'kept'), count(*) FILTER (WHERE state = 'missed'),
                      count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE is_moved),
                      (array_agg(json_build_array(number, day, delivered) ORDER BY placed_at DESC, id DESC) FILTER (WHERE state = 'missed'))[1:%(shown)s]
                 FROM judged""",
            {"customer": customer.pk, "today": business_date(now), "shown": LATE_SHOWN},
        )
        kept, missed, still_open, moved, late = cursor.fetchone()
    day = date.fromisoformat
    told = [(number, day(said), day(came) if came else None) for number, said, came in late or []]
    return Promises(kept, missed, still_open, moved, told)


def baskets_of(customer: Customer) -> list[Basket]:
    return list(
        Basket.objects.filter(customer=customer, state=BasketState.OPEN)
        .select_related("channel")
        .annotate(units=Sum("lines__quantity"), worth=Sum(F("lines__quantity") * F("lines__price_seen")))
        .filter(units__gt=0)
        .order_by("-touched_at")[:BASKETS_SHOWN]
    )


def consents_of(customer: Customer) -> list[dict[str, Any]]:
    """Per kind the newest word of the customer, and those before it."""
    given: dict[str, list[Consent]] = {}
    for consent in customer.consents.select_related("recorded_by").order_by("-given_at", "-pk"):
        given.setdefault(consent.kind, []).append(consent)
    return [
        {
            "kind": kind.value,
            "label": kind.label,
            "newest": given.get(kind.value, [None])[0],
            "before": given.get(kind.value, [])[1:],
        }
        for kind in ConsentKind
    ]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands: spending in the window, the next tier and what is missing to it, what expires next."""

    spent: Decimal
    currency: str
    window_months: int
    next_tier: Tier | None
    missing: Decimal
    percent: int
    worth: Decimal
    expiring: tuple[int, date] | None


def standing_of(account: LoyaltyAccount | None, now: datetime) -> Standing | None:
    program = LoyaltyProgram.objects.filter(valid_to__isnull=True).first() if account else None
    if account is None or program is None:
        return None
    since = point_rules.add_months(business_date(now), -program.window_months)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE(sum(captured_total - refunded_total), 0) FROM oms_order "
            "WHERE customer_id = %s AND currency = %s AND placed_at >= %s",
            [account.customer_id, program.currency, since],
        )
        spent: Decimal = cursor.fetchone()[0]
    following = (
        Tier.objects.filter(spend_from__gt=max(spent, account.tier.spend_from)).order_by("spend_from").first()
    )
    lots, used = loyalty.lots_of(account)
    return Standing(
        spent=spent,
        currency=program.currency,
        window_months=program.window_months,
        next_tier=following,
        missing=following.spend_from - spent if following else ZERO,
        percent=int(100 * spent / following.spend_from) if following else 100,
        worth=program.point_value * account.points,
        expiring=point_rules.next_to_expire(lots, used=used),
    )


def channels_of(customer: Customer) -> list[tuple[str, int]]:
    rows = Order.objects.filter(customer=customer).order_by().values_list("channel__name")
    return list(rows.annotate(n=Count("pk")).order_by("-n"))
