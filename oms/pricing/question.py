"""What the price engine is asked: lines with candidate prices, discounts, facts about the shopper, a delivery quote."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Self

from retail.kernel.errors import InvalidInput
from retail.kernel.money import HUNDRED, in_paras
from retail.kernel.records import record


def _derived() -> Any:
    return field(init=False, repr=False, compare=False)


class LineKind(StrEnum):
    GOODS = "GOODS"
    DELIVERY = "DELIVERY"
    FEE = "FEE"
    GIFT_CARD = "GIFT_CARD"


class DiscountKind(StrEnum):
    """What `Discount.value` means for each kind."""

    PERCENT = "PERCENT"  # percent off every line in scope
    AMOUNT = "AMOUNT"  # money off: of the whole scope, or of each unit with `is_per_unit`
    FIXED_PRICE = "FIXED_PRICE"  # the unit price, when that is lower
    N_FOR_M = "N_FOR_M"  # of every `take` units the cheapest `take - pay` are this percent off (100 = free)
    CHEAPEST_FREE = "CHEAPEST_FREE"  # the cheapest of the `take` dearest units is this percent off, once
    TIERED = "TIERED"  # the best tier reached; `value` is not used
    FREE_SHIPPING = "FREE_SHIPPING"  # percent off the delivery fee (100 = free)
    GIFT_LINE = "GIFT_LINE"  # the gift is added for nothing; `value` is not used


class MinimumBasis(StrEnum):
    """Which amount of the scope a minimum is compared with."""

    AFTER_DISCOUNTS = "AFTER_DISCOUNTS"  # what is left after the groups before this one
    BEFORE_DISCOUNTS = "BEFORE_DISCOUNTS"  # the price list amount


class BadDiscount(InvalidInput):
    """A discount whose numbers make no sense; caught where a discount is saved, long before a basket."""

    code = "BAD_DISCOUNT"


class BadBasket(ValueError):
    """Lines with the same key, or a quantity below one: our own mistake, not the shopper's."""

    code = "BAD_BASKET"


@record
class PriceEntry:
    """One candidate price of a line: gross unit amount, list and validity (from included, to excluded)."""

    amount: Decimal
    list_code: str
    list_name: str = ""
    priority: int = 0
    minimum_quantity: int = 1
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class PricingLine:
    """One basket or order line. `floor` is the lowest unit price that discounts may reach."""

    key: str
    sku: str
    quantity: int
    entries: tuple[PriceEntry, ...]
    tax_rate: Decimal
    name: str = ""
    categories: frozenset[str] = frozenset()
    floor: Decimal | None = None
    kind: LineKind = LineKind.GOODS

    @property
    def is_discountable(self) -> bool:
        return self.kind == LineKind.GOODS


@dataclass(frozen=True, slots=True)
class Scope:
    """Which goods a discount may touch; an empty scope is every line. Exclusions win."""

    skus: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    excluded_skus: frozenset[str] = frozenset()
    excluded_categories: frozenset[str] = frozenset()

    def covers(self, line: PricingLine) -> bool:
        if not line.is_discountable or line.sku in self.excluded_skus:
            return False
        if line.categories & self.excluded_categories:
            return False
        if not self.skus and not self.categories:
            return True
        return line.sku in self.skus or bool(line.categories & self.categories)


@dataclass(frozen=True, slots=True)
class Tier:
    """From this amount or quantity of the scope on: a percent, or money off the whole scope."""

    minimum_amount: Decimal = Decimal(0)
    minimum_quantity: int = 0
    percent: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)


class WholeTier(NamedTuple):
    """A tier in whole paras and hundredths of a percent."""

    minimum_paras: int
    minimum_quantity: int
    percent_hundredths: int
    paras: int


@dataclass(frozen=True, slots=True)
class Gift:
    sku: str
    name: str
    unit_price: Decimal
    tax_rate: Decimal
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class Discount:
    """One rule. `needs` are facts that must all hold (`segment:tier-2`, `coupon:JESEN`, `offer:17`).

    Groups add up, lowest `priority` first; in a group a line takes one discount, the best. Without a group a
    discount is a group of its own. An exclusive one is the only discount of the basket or none of it.
    `reduction_max` caps what it takes off the whole basket.
    """

    code: str
    kind: DiscountKind
    value: Decimal = HUNDRED
    name: str = ""
    campaign: str = ""
    scope: Scope = Scope()
    group: str = ""
    priority: int = 100
    is_exclusive: bool = False
    needs: frozenset[str] = frozenset()
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    minimum_amount: Decimal = Decimal(0)
    minimum_quantity: int = 0
    minimum_basis: MinimumBasis = MinimumBasis.AFTER_DISCOUNTS
    reduction_max: Decimal | None = None
    is_per_unit: bool = False
    take: int = 0
    pay: int = 0
    tiers: tuple[Tier, ...] = ()
    gift: Gift | None = None
    delivery_methods: frozenset[str] = frozenset()
    # What follows from the above, worked out once: one discount prices many baskets.
    order: tuple[int, str] = _derived()
    group_name: str = _derived()
    is_of_goods: bool = _derived()
    # What it takes off a line depends on that line alone.
    is_line_by_line: bool = _derived()
    # A percent in hundredths, or money in paras.
    value_hundredths: int = _derived()
    reduction_paras_max: int | None = _derived()
    least_quantity: int = _derived()
    least_paras: int = _derived()
    whole_tiers: tuple[WholeTier, ...] = _derived()
    # Most have no period of their own and no minimum: nothing is asked of those.
    is_timed: bool = _derived()
    has_minimum: bool = _derived()

    def __post_init__(self) -> None:
        for complaint, is_wrong in self._complaints():
            if is_wrong:
                raise BadDiscount(f"{self.code}: {complaint}")
        for name, value in self._derivations().items():
            object.__setattr__(self, name, value)

    def _derivations(self) -> dict[str, object]:
        is_set = self.kind in (DiscountKind.N_FOR_M, DiscountKind.CHEAPEST_FREE)
        is_by_line = self.kind in (DiscountKind.PERCENT, DiscountKind.FIXED_PRICE) or (
            self.kind == DiscountKind.AMOUNT and self.is_per_unit
        )
        least_quantity = max(self.minimum_quantity, self.take) if is_set else self.minimum_quantity
        return {
            "order": (self.priority, self.code),
            "group_name": self.group or f"={self.code}",
            "is_of_goods": self.kind not in (DiscountKind.FREE_SHIPPING, DiscountKind.GIFT_LINE),
            "is_line_by_line": is_by_line and self.reduction_max is None,
            "value_hundredths": in_paras(self.value),
            "reduction_paras_max": None if self.reduction_max is None else in_paras(self.reduction_max),
            "least_quantity": least_quantity,
            "least_paras": in_paras(self.minimum_amount),
            "whole_tiers": tuple(map(_whole, self.tiers)),
            "is_timed": self.valid_from is not None or self.valid_to is not None,
            "has_minimum": least_quantity > 1 or self.minimum_amount > 0 or bool(self.tiers),
        }

    def _complaints(self) -> list[tuple[str, bool]]:
        percents = [tier.percent for tier in self.tiers]
        amounts = [self.minimum_amount, *(tier.amount for tier in self.tiers)]
        amounts += [tier.minimum_amount for tier in self.tiers]
        if self.kind in (DiscountKind.AMOUNT, DiscountKind.FIXED_PRICE):
            amounts.append(self.value)
        else:
            percents.append(self.value)
        if self.reduction_max is not None:
            amounts.append(self.reduction_max)
        is_set = self.kind in (DiscountKind.N_FOR_M, DiscountKind.CHEAPEST_FREE)
        return [
            ("a percent lies between 0 and 100, in hundredths", not all(map(_is_percent, percents))),
            ("an amount is not negative and has two places", not all(map(_is_amount, amounts))),
            ("take must be above pay", is_set and not 0 <= self.pay < self.take),
            ("the cheapest of fewer than one", self.kind == DiscountKind.CHEAPEST_FREE and self.take < 1),
            ("tiers and TIERED go together", (self.kind == DiscountKind.TIERED) != bool(self.tiers)),
            ("a gift and GIFT_LINE go together", (self.kind == DiscountKind.GIFT_LINE) != bool(self.gift)),
        ]


class DiscountSet(tuple[Discount, ...]):
    """Discounts in the order in which the engine tries them, with what they cover by its names: made once for many baskets."""

    def __new__(cls, discounts: Iterable[Discount] = ()) -> Self:
        made = super().__new__(cls, sorted(discounts, key=lambda each: each.order))
        if len({each.code for each in made}) != len(made):
            raise BadBasket("two discounts share a code")
        return made

    @cached_property
    def by_sku(self) -> dict[str, list[int]]:
        return self._named(lambda scope: scope.skus)

    @cached_property
    def by_category(self) -> dict[str, list[int]]:
        return self._named(lambda scope: scope.categories)

    @cached_property
    def of_everything(self) -> list[int]:
        return [place for place, each in enumerate(self) if not each.scope.skus and not each.scope.categories]

    @cached_property
    def with_exclusions(self) -> list[int]:
        scopes = [each.scope for each in self]
        return [
            place for place, scope in enumerate(scopes) if scope.excluded_skus or scope.excluded_categories
        ]

    @cached_property
    def group_ranks(self) -> dict[str, tuple[int, int, str]]:
        """The order of groups: of all discounts, so that it does not depend on the basket."""
        ranks: dict[str, tuple[int, int, str]] = {}
        for discount in self:
            if discount.is_exclusive:
                continue
            name = discount.group_name
            over_lines = int(discount.is_of_goods and not discount.is_line_by_line)
            stage, priority, _ = ranks.get(name, (0, discount.priority, name))
            ranks[name] = (max(stage, over_lines), min(priority, discount.priority), name)
        return ranks

    def _named(self, names: Callable[[Scope], Iterable[str]]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, discount in enumerate(self):
            for name in names(discount.scope):
                found.setdefault(name, []).append(place)
        return found


@dataclass(frozen=True, slots=True)
class DeliveryQuote:
    """The gross fee of the chosen delivery method, before free shipping."""

    method: str
    amount: Decimal
    tax_rate: Decimal
    name: str = ""


@dataclass(frozen=True, slots=True)
class PricingInput:
    """Everything a price depends on. `facts` hold for this shopper at this moment; `at` is the moment."""

    lines: tuple[PricingLine, ...]
    currency: str
    at: datetime
    discounts: tuple[Discount, ...] = ()
    facts: frozenset[str] = frozenset()
    delivery: DeliveryQuote | None = None

    def __post_init__(self) -> None:
        keys = [line.key for line in self.lines]
        if len(set(keys)) != len(keys):
            raise BadBasket("two lines share a key")
        if any(line.quantity < 1 for line in self.lines):
            raise BadBasket("a quantity is below one")
        if not isinstance(self.discounts, DiscountSet):
            object.__setattr__(self, "discounts", DiscountSet(self.discounts))

    @property
    def discount_set(self) -> DiscountSet:
        assert isinstance(self.discounts, DiscountSet), "made one when the question was"
        return self.discounts


def _whole(tier: Tier) -> WholeTier:
    return WholeTier(
        in_paras(tier.minimum_amount), tier.minimum_quantity, in_paras(tier.percent), in_paras(tier.amount)
    )


def _is_percent(value: Decimal) -> bool:
    return value.is_finite() and 0 <= value <= HUNDRED and value == round(value, 2)


def _is_amount(value: Decimal) -> bool:
    return value.is_finite() and value >= 0 and value == round(value, 2)
