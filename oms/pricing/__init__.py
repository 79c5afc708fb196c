"""The one price engine of every channel; pure: no rows, no clock, no settings."""

from oms.pricing.answer import AppliedDiscount, Outcome, Priced, PricedLine, Step, discounts_in
from oms.pricing.engine import DELIVERY_KEY, Pricing, price
from oms.pricing.lists import Unpriced
from oms.pricing.question import (
    BadBasket,
    BadDiscount,
    DeliveryQuote,
    Discount,
    DiscountKind,
    DiscountSet,
    Gift,
    LineKind,
    MinimumBasis,
    PriceEntry,
    PricingInput,
    PricingLine,
    Scope,
    Tier,
)
from oms.pricing.words import in_words

__all__ = [
    "DELIVERY_KEY",
    "AppliedDiscount",
    "BadBasket",
    "BadDiscount",
    "DeliveryQuote",
    "Discount",
    "DiscountKind",
    "DiscountSet",
    "Gift",
    "LineKind",
    "MinimumBasis",
    "Outcome",
    "PriceEntry",
    "Priced",
    "PricedLine",
    "Pricing",
    "PricingInput",
    "PricingLine",
    "Scope",
    "Step",
    "Tier",
    "Unpriced",
    "discounts_in",
    "in_words",
    "price",
]
