from django.db import models
from django.utils.translation import gettext_lazy as _


class CustomerKind(models.TextChoices):
    PERSON = "PERSON", _("Person")
    COMPANY = "COMPANY", _("Company")


class ConsentKind(models.TextChoices):
    NEWSLETTER = "NEWSLETTER", _("Newsletter")
    SMS = "SMS", _("Text messages")
    PROFILING = "PROFILING", _("Personal offers")


class MessageState(models.TextChoices):
    QUEUED = "QUEUED", _("Queued")
    SENT = "SENT", _("Sent")
    FAILED = "FAILED", _("Failed")


class SegmentState(models.TextChoices):
    DRAFT = "DRAFT", _("Draft")
    ACTIVE = "ACTIVE", _("In use")
    RETIRED = "RETIRED", _("Retired")


SEGMENT_MOVES = {
    SegmentState.DRAFT: {SegmentState.ACTIVE, SegmentState.RETIRED},
    SegmentState.ACTIVE: {SegmentState.RETIRED},
    SegmentState.RETIRED: {SegmentState.ACTIVE},
}


class CampaignState(models.TextChoices):
    DRAFT = "DRAFT", _("Draft")
    SUBMITTED = "SUBMITTED", _("Waiting for ratification")
    RATIFIED = "RATIFIED", _("Ratified")
    ENDED = "ENDED", _("Ended")


CAMPAIGN_MOVES = {
    CampaignState.DRAFT: {CampaignState.SUBMITTED},
    CampaignState.SUBMITTED: {CampaignState.DRAFT, CampaignState.RATIFIED},
    CampaignState.RATIFIED: {CampaignState.ENDED},
}


class BudgetKind(models.TextChoices):
    MONEY = "MONEY", _("Money given away")
    USES = "USES", _("Orders with a discount")


class DiscountKind(models.TextChoices):
    """The actions of the price engine (oms.pricing), with their words."""

    PERCENT = "PERCENT", _("Percent off")
    AMOUNT = "AMOUNT", _("Amount off")
    FIXED_PRICE = "FIXED_PRICE", _("Fixed price")
    N_FOR_M = "N_FOR_M", _("N for M")
    CHEAPEST_FREE = "CHEAPEST_FREE", _("The cheapest free")
    TIERED = "TIERED", _("Tiers")
    FREE_SHIPPING = "FREE_SHIPPING", _("Free shipping")
    GIFT_LINE = "GIFT_LINE", _("Gift")


class MinimumBasis(models.TextChoices):
    AFTER_DISCOUNTS = "AFTER_DISCOUNTS", _("After the discounts before it")
    BEFORE_DISCOUNTS = "BEFORE_DISCOUNTS", _("Before discounts")


class Audience(models.TextChoices):
    EVERYONE = "EVERYONE", _("Everyone")
    SEGMENT = "SEGMENT", _("Members of a segment")
    COUPON = "COUPON", _("Holders of a coupon")
    ACCOUNT = "ACCOUNT", _("Accounts that carry it")


class DiscountState(models.TextChoices):
    DRAFT = "DRAFT", _("Draft")
    ACTIVE = "ACTIVE", _("Active")
    ENDED = "ENDED", _("Ended")


DISCOUNT_MOVES = {
    DiscountState.DRAFT: {DiscountState.ACTIVE, DiscountState.ENDED},
    DiscountState.ACTIVE: {DiscountState.ENDED},
}


class ReviewState(models.TextChoices):
    PENDING = "PENDING", _("Waits to be read")
    PUBLISHED = "PUBLISHED", _("Shown")
    REJECTED = "REJECTED", _("Not shown")


REVIEW_MOVES = {
    ReviewState.PENDING: {ReviewState.PUBLISHED, ReviewState.REJECTED},
    ReviewState.PUBLISHED: {ReviewState.REJECTED},
    ReviewState.REJECTED: {ReviewState.PUBLISHED},
}


class AlertKind(models.TextChoices):
    BACK_IN_STOCK = "BACK_IN_STOCK", _("When it is there again")
    PRICE_DROP = "PRICE_DROP", _("When it costs less")


class AlertState(models.TextChoices):
    UNCONFIRMED = "UNCONFIRMED", _("Waits for the address to be confirmed")
    WAITING = "WAITING", _("Waits")
    TOLD = "TOLD", _("Told")
    ENDED = "ENDED", _("Ended")


class GiftCardReason(models.TextChoices):
    ISSUED = "ISSUED", _("Paid for")
    SPENT = "SPENT", _("Paid with")
    GIVEN_BACK = "GIVEN_BACK", _("Given back")
    REFUNDED = "REFUNDED", _("Card returned")
    EXPIRED = "EXPIRED", _("Expired")
