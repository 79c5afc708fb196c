"""People and offers: who buys, what they carry, and what we say to them."""

from crm.models.campaigns import Campaign, CampaignBudget, CampaignVisit
from crm.models.gift_cards import GiftCard, GiftCardEntry
from crm.models.loyalty import LoyaltyAccount, LoyaltyEntry, LoyaltyProgram, Tier
from crm.models.messages import Message
from crm.models.offers import (
    Coupon,
    CouponBatch,
    CouponRedemption,
    CustomerDiscount,
    Discount,
    DiscountTarget,
    OfferMark,
)
from crm.models.people import (
    Address,
    Consent,
    Customer,
    CustomerMerge,
    CustomerNote,
    CustomerTask,
    PersonalExport,
)
from crm.models.register import RegisteredCompany
from crm.models.segments import Segment, SegmentExport, SegmentVersion
from crm.models.shopping import Alert, Review, Wish
from crm.models.views import ProductView

__all__ = [
    "Address",
    "Alert",
    "Campaign",
    "CampaignBudget",
    "CampaignVisit",
    "Consent",
    "Coupon",
    "CouponBatch",
    "CouponRedemption",
    "Customer",
    "CustomerDiscount",
    "CustomerMerge",
    "CustomerNote",
    "CustomerTask",
    "Discount",
    "DiscountTarget",
    "GiftCard",
    "GiftCardEntry",
    "LoyaltyAccount",
    "LoyaltyEntry",
    "LoyaltyProgram",
    "Message",
    "OfferMark",
    "PersonalExport",
    "ProductView",
    "RegisteredCompany",
    "Review",
    "Segment",
    "SegmentExport",
    "SegmentVersion",
    "Tier",
    "Wish",
]
