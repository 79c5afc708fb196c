"""What discounts took off the lines of an order, kept as it was when the order was priced."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from crm.operations import Taken
from oms.models import LineDiscount, Order
from retail.kernel.rows import insert


def record_line_discounts(rows: Sequence[LineDiscount]) -> None:
    """One statement for all lines; none when nothing was taken off."""
    insert(rows)


def taken_by(order: Order) -> Taken:
    """The coupons, money of campaigns and offers that the order holds."""
    coupons: set[int] = set()
    offers: set[int] = set()
    campaigns: dict[int, Decimal] = {}
    held = LineDiscount.objects.filter(line__order=order)
    for coupon, campaign, offer, amount in held.values_list("coupon_id", "campaign_id", "offer_id", "amount"):
        if coupon is not None:
            coupons.add(coupon)
        if offer is not None:
            offers.add(offer)
        if campaign is not None:
            campaigns[campaign] = campaigns.get(campaign, Decimal("0.00")) + amount
    return Taken(sorted(coupons), campaigns, sorted(offers))
