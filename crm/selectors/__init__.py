"""Questions about accounts, segments, campaigns and offers that other rooms may ask."""

from crm.selectors.offers import (
    BUDGETS_LEFT,
    CAMPAIGN_IS_ON,
    CARRIED_OFFERS,
    COUPON_IS_USABLE,
    DISCOUNT_AS_TEXT,
    DISCOUNT_ROWS,
    LIVE_DISCOUNTS,
    TYPED_COUPONS,
    LiveDiscount,
    LiveGift,
    LiveTarget,
    live_discount,
)
from crm.selectors.people import addresses_of, default_address
from crm.selectors.segments import SegmentFact, conditions_of, definitions_held, segments_of

__all__ = [
    "BUDGETS_LEFT",
    "CAMPAIGN_IS_ON",
    "CARRIED_OFFERS",
    "COUPON_IS_USABLE",
    "DISCOUNT_AS_TEXT",
    "DISCOUNT_ROWS",
    "LIVE_DISCOUNTS",
    "TYPED_COUPONS",
    "LiveDiscount",
    "LiveGift",
    "LiveTarget",
    "SegmentFact",
    "addresses_of",
    "conditions_of",
    "default_address",
    "definitions_held",
    "live_discount",
    "segments_of",
]
