"""People and offers: who buys, what they carry, and what we say to them."""

from crm.models.campaigns import Campaign, CampaignBudget, CampaignVisit
from crm.models.loyalty import LoyaltyAccount, LoyaltyEntry, Tier
from crm.models.messages import Message
from crm.models.offers import (
    Coupon,
    CouponBatch,
    CouponRedemption,
    CustomerDiscount,
    Discount,
    DiscountTarget,
)
from crm.models.people import Address, Consent, Customer
from crm.models.segments import Segment, SegmentExport, SegmentVersion

__all__ = [
    "Address",
    "Campaign",
    "CampaignBudget",
    "CampaignVisit",
    "Consent",
    "Coupon",
    "CouponBatch",
    "CouponRedemption",
    "Customer",
    "CustomerDiscount",
    "Discount",
    "DiscountTarget",
    "LoyaltyAccount",
    "LoyaltyEntry",
    "Message",
    "Segment",
    "SegmentExport",
    "SegmentVersion",
    "Tier",
]
