"""What an order takes of offers while it is placed: gifts that can be had, coupons, budgets, and the frozen reasons of each line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from crm.operations import Taken
from oms import selectors as oms
from oms.models import LineDiscount, OrderLine
from oms.offers import Offers
from oms.pricing import AppliedDiscount, Priced, PricedLine
from oms.pricing.points import POINTS_CODE
from warehouse import selectors as warehouse


def with_gifts_that_can_be_had(quote: oms.Quote, *, channel_id: int, now: datetime) -> oms.Quote:
    """A gift that is out of stock is left out, and its explanation says so. Asks only when a gift is given."""
    wanted = {line.key: gift_of(quote.offers, line) for line in quote.priced.lines if line.is_gift}
    while wanted:
        free = warehouse.availability(
            variant_ids=[variant_id for _, variant_id, _ in wanted.values()], channel_id=channel_id, now=now
        )
        missing = [code for code, variant_id, units in wanted.values() if free.get(variant_id, 0) < units]
        if not missing:
            return quote
        quote = quote.without(f"gift:{code}" for code in missing)
        # Without the best gift of a group another one may be given.
        wanted = {line.key: gift_of(quote.offers, line) for line in quote.priced.lines if line.is_gift}
    return quote


def gift_of(offers: Offers, line: PricedLine) -> tuple[str, int, int]:
    """The discount's code, the variant and the units of a gift line."""
    code = line.discounts[0].code
    gift = offers.by_code[code].row.gift
    assert gift is not None, "a gift line comes of a gift"
    return code, gift.variant_id, gift.quantity


def taken_of(priced: Priced, offers: Offers) -> Taken:
    """What an order at this price takes."""
    rules = offers.by_code
    coupons: set[int] = set()
    carried: set[int] = set()
    campaigns: dict[int, Decimal] = {}
    for line in priced.lines:
        for each in line.discounts:
            if each.code == POINTS_CODE:
                continue  # the member's own, and counted in the account
            row = rules[each.code].row
            coupon = offers.coupon_of(row.id) if row.audience == "COUPON" else None
            if coupon is not None:
                coupons.add(coupon.coupon_id)
            if row.audience == "ACCOUNT" and row.id in offers.carried:
                carried.add(offers.carried[row.id])
            if row.campaign_id is not None:
                campaigns[row.campaign_id] = campaigns.get(row.campaign_id, Decimal("0.00")) + each.amount
    return Taken(sorted(coupons), campaigns, sorted(carried))


def line_discounts(
    sold: Iterable[tuple[OrderLine, Sequence[AppliedDiscount]]], offers: Offers, now: datetime
) -> list[LineDiscount]:
    """A row for what each discount took off each line, with why, as it was at this moment."""
    rules = offers.by_code
    return [
        _row(line, applied, rules[applied.code].row.id, offers, now)
        for line, taken in sold
        for applied in taken
        if applied.code != POINTS_CODE
    ]


def _row(
    line: OrderLine, applied: AppliedDiscount, discount_id: int, offers: Offers, now: datetime
) -> LineDiscount:
    row = offers.by_code[applied.code].row
    coupon = offers.coupon_of(discount_id) if row.audience == "COUPON" else None
    segment = offers.segment_of(row)
    return LineDiscount(
        line=line,
        discount_id=discount_id,
        campaign_id=row.campaign_id,
        coupon_id=coupon.coupon_id if coupon else None,
        offer_id=offers.carried.get(discount_id) if row.audience == "ACCOUNT" else None,
        code=row.code,
        name=row.name,
        kind=row.kind,
        discount_version=row.version,
        segment_slug=segment.slug if segment else "",
        segment_version=segment.version if segment else None,
        segment_definition=segment.definition if segment else "",
        amount=applied.amount,
        tax_share=applied.tax_share,
        created_at=now,
    )
