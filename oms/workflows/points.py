"""Paying with points: how many a basket wants to use, what they take off, and the points themselves when the order is written.

Points lower the price of the goods (docs/decisions/0010): the order's lines say so as they say it of discounts, and whoever sends goods
back gets the share of the points with the share of the money.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext

from crm import operations as crm
from crm.models import Discount, LoyaltyAccount
from crm.states import DiscountKind, DiscountState
from finance.workflows import loyalty
from oms import selectors as oms
from oms.models import LineDiscount, Order, OrderLine
from oms.pricing import PricedLine
from oms.pricing.points import POINTS_CODE, PointsOffer, lowered, points_off
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User


class PointsGone(Refusal):
    """The points were used elsewhere a moment ago."""

    code = "POINTS_GONE"


class NotForCompanies(InvalidInput):
    """Points are a person's; an order of a company is not paid with them."""

    code = "POINTS_NOT_FOR_COMPANIES"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member may do with points for these goods."""

    balance: int
    usable: int
    used: int
    value: Decimal
    least: int


def offer_of(*, wanted: int, customer_id: int | None, currency: str, now: datetime) -> PointsOffer | None:
    """The member's points under today's program; None for who has none."""
    account = (
        LoyaltyAccount.objects.filter(customer_id=customer_id).first() if customer_id is not None else None
    )
    program = loyalty.program_at(currency=currency, moment=now) if account is not None else None
    if account is None or program is None:
        return None
    return PointsOffer(
        wanted=wanted,
        balance=account.points,
        value=program.point_value,
        least=program.burn_points_min,
        percent_max=program.burn_percent_max,
        name=gettext("Loyalty points"),
    )


def wanted_by(*, wanted: int, holder_id: int | None, orderer_id: int | None) -> int:
    """Points are a person's: a basket in the hands of anybody but their owner uses none."""
    return wanted if holder_id == orderer_id else 0


def paid_with_points(
    quote: oms.Quote, *, wanted: int, customer_id: int | None, currency: str, now: datetime
) -> oms.Quote:
    """The quote with the points taken off; it asks only when points are wanted. The last step of every price."""
    if not wanted:
        return quote
    offer = offer_of(wanted=wanted, customer_id=customer_id, currency=currency, now=now)
    return replace(quote, points=offer, priced=lowered(quote.priced, offer)) if offer else quote


def standing_of(
    *, quote: oms.Quote, customer_id: int | None, currency: str, now: datetime
) -> Standing | None:
    """What the page offers to a member; None for everybody else."""
    offer = quote.points or offer_of(wanted=0, customer_id=customer_id, currency=currency, now=now)
    if offer is None:
        return None
    goods = quote.priced.goods_total + points_off(quote.priced)
    return Standing(offer.balance, offer.usable(goods), offer.used(goods), offer.value, offer.least)


# At placing


def burn(*, order: Order, quote: oms.Quote, by: User | None, now: datetime) -> None:
    """The points go, with their journal entries: after the account, before any coupon. Refuses PointsGone, NotForCompanies."""
    off = points_off(quote.priced)
    if not off or quote.points is None:
        return
    if order.company_name:
        raise NotForCompanies("Points do not pay for an order of a company.")
    try:
        loyalty.burn_points(order=order, points=int(off / quote.points.value), by=by, now=now)
    except (crm.NoMember, crm.NotEnoughPoints) as refusal:
        raise PointsGone("The points were used elsewhere a moment ago.") from refusal


def reasons(sold: Sequence[tuple[OrderLine, PricedLine]], now: datetime) -> list[LineDiscount]:
    """What points took off each line, frozen like every other discount."""
    taken = [
        (line, each)
        for line, priced_line in sold
        for each in priced_line.discounts
        if each.code == POINTS_CODE
    ]
    if not taken:
        return []
    rule = _rule()
    return [
        LineDiscount(
            line=line,
            discount=rule,
            code=POINTS_CODE,
            name=each.name,
            kind=each.kind,
            discount_version=rule.version,
            amount=each.amount,
            tax_share=each.tax_share,
            created_at=now,
        )
        for line, each in taken
    ]


def _rule() -> Discount:
    """The row that lines paid with points name; it is over, so it lowers no price by itself."""
    rule, _ = Discount.objects.get_or_create(
        code=POINTS_CODE,
        defaults={
            "name": "Poeni lojalnosti",
            "name_en": "Loyalty points",
            "kind": DiscountKind.AMOUNT,
            "value": 0,
            "state": DiscountState.ENDED,
        },
    )
    return rule
