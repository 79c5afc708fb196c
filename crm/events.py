from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CustomerCreated:
    customer: str


@dataclass(frozen=True, slots=True)
class CustomerChanged:
    """Another system wrote to the account; `fields` names what differs now."""

    customer: str
    fields: list[str]


@dataclass(frozen=True, slots=True)
class MessageQueued:
    message_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class SegmentChanged:
    segment: str
    version: int
    state: str


@dataclass(frozen=True, slots=True)
class CouponBatchCreated:
    batch_id: int
    discount: str
    count: int


@dataclass(frozen=True, slots=True)
class CouponBatchStopped:
    batch_id: int


@dataclass(frozen=True, slots=True)
class CouponsExported:
    """The codes left the house in a file."""

    batch_id: int
    by: str
    count: int


@dataclass(frozen=True, slots=True)
class OfferWritten:
    offer_id: int
    customer: str
    discount: str


@dataclass(frozen=True, slots=True)
class OfferWithdrawn:
    offer_id: int
    customer: str
    discount: str


@dataclass(frozen=True)
class ReviewWritten:
    review_id: int
    product_id: int


@dataclass(frozen=True)
class ReviewDecided:
    review_id: int
    product_id: int
    state: str


@dataclass(frozen=True, slots=True)
class ReviewAnswered:
    """The shop has said something to it, or has taken that back."""

    review_id: int
    product_id: int


@dataclass(frozen=True)
class AlertAsked:
    alert_id: int
    kind: str


@dataclass(frozen=True)
class AlertTold:
    alert_id: int
    kind: str


@dataclass(frozen=True)
class ConsentChanged:
    customer: str
    kind: str
    is_given: bool


@dataclass(frozen=True, slots=True)
class CampaignRatified:
    campaign: str
    slug: str


@dataclass(frozen=True, slots=True)
class CampaignEnded:
    campaign: str
    slug: str


@dataclass(frozen=True, slots=True)
class GiftCardSent:
    card: str
    order: str


@dataclass(frozen=True, slots=True)
class GiftCardBlocked:
    card: str
    reason: str


@dataclass(frozen=True, slots=True)
class GiftCardUnblocked:
    card: str
    reason: str
