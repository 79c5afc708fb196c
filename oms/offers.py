"""Live discounts as the price engine takes them, and the facts about a shopper that they ask for.

A fact is a short text: `segment:<slug>`, `coupon:<discount>`, `offer:<discount>`, `treated:<campaign>` (not held out),
`budget:<campaign>` (something is left of it), `gift:<discount>` (the gift has a price and can be had).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from crm import rules as crm_rules
from crm import selectors as crm
from oms.pricing import (
    BadDiscount,
    Discount,
    DiscountKind,
    DiscountSet,
    Gift,
    MinimumBasis,
    Priced,
    Pricing,
    PricingInput,
    Scope,
    Tier,
)
from retail.kernel.money import ZERO

logger = logging.getLogger("onerow.prices")
MONEY_BUDGET = "MONEY"


@dataclass(frozen=True, slots=True)
class TypedCoupon:
    """A code in a basket; one that is not usable is used up, ended, or somebody else's."""

    coupon_id: int
    code: str
    discount_id: int
    is_usable: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of a campaign: money, or a number of orders."""

    kind: str
    left: Decimal

    @property
    def is_open(self) -> bool:
        return self.left > 0 if self.kind == MONEY_BUDGET else self.left >= 1


@dataclass(frozen=True, slots=True)
class Rule:
    """A discount row and what the engine makes of it; a gift gets its price with the basket."""

    row: crm.LiveDiscount
    discount: Discount


class RuleSet(tuple[Rule, ...]):
    """Rules with what is worked out of them once, for all the prices that they make.

    `singles` keeps what they make of one unit by itself (`oms/unit_prices.py`); only rules that are on for as long as they are handed out
    have it, so no clock stands in it.
    """

    singles: dict[Any, Any] | None = None

    @cached_property
    def by_code(self) -> Mapping[str, Rule]:
        return {rule.row.code: rule for rule in self}

    @cached_property
    def segment_ids(self) -> frozenset[int]:
        return frozenset(each for rule in self for each in rule.row.segment_ids)

    @cached_property
    def of_campaigns(self) -> Sequence[crm.LiveDiscount]:
        return [rule.row for rule in self if rule.row.campaign_id is not None]

    @cached_property
    def with_gift(self) -> Sequence[crm.LiveDiscount]:
        return [rule.row for rule in self if rule.row.gift is not None]

    @cached_property
    def _bare(self) -> DiscountSet:
        return DiscountSet(rule.discount for rule in self)

    def discounts(self, gifts: Mapping[int, tuple[Decimal, Decimal]]) -> DiscountSet:
        """As the engine takes them, with gifts at these prices."""
        if not gifts or not self.with_gift:
            return self._bare
        return DiscountSet(_with_gift(rule, gifts) for rule in self)


def _with_gift(rule: Rule, gifts: Mapping[int, tuple[Decimal, Decimal]]) -> Discount:
    gift = rule.row.gift
    if gift is None or gift.variant_id not in gifts:
        return rule.discount
    amount, rate = gifts[gift.variant_id]
    return replace(rule.discount, gift=Gift(gift.sku, gift.title, amount, rate, gift.quantity))


@dataclass(frozen=True, slots=True)
class Offers:
    """What a price may be lowered by: rules, the facts that hold, and what has to be written when an order takes it."""

    rules: tuple[Rule, ...] = ()
    facts: frozenset[str] = frozenset()
    segments: Mapping[int, crm.SegmentFact] = field(default_factory=dict)
    coupons: tuple[TypedCoupon, ...] = ()
    # Discount → the offer on the account.
    carried: Mapping[int, int] = field(default_factory=dict)
    # Campaign → what is left.
    budgets: Mapping[int, Budget] = field(default_factory=dict)
    # Variant → price and tax rate of a gift.
    gifts: Mapping[int, tuple[Decimal, Decimal]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.rules, RuleSet):
            object.__setattr__(self, "rules", RuleSet(self.rules))

    @property
    def rule_set(self) -> RuleSet:
        assert isinstance(self.rules, RuleSet), "made one when the offers were"
        return self.rules

    @property
    def discounts(self) -> DiscountSet:
        return self.rule_set.discounts(self.gifts)

    @property
    def by_code(self) -> Mapping[str, Rule]:
        return self.rule_set.by_code

    def without(self, facts: Iterable[str]) -> Offers:
        return replace(self, facts=self.facts - frozenset(facts))

    def coupon_of(self, discount_id: int) -> TypedCoupon | None:
        return next((c for c in self.coupons if c.discount_id == discount_id and c.is_usable), None)

    def segment_of(self, row: crm.LiveDiscount) -> crm.SegmentFact | None:
        """The discount's own, else its campaign's."""
        return next((self.segments[each] for each in row.segment_ids if each in self.segments), None)


NO_OFFERS = Offers()


@lru_cache(maxsize=4096)
def rule_of(text: str) -> Rule | None:
    """None when the row makes no sense as a discount: it then lowers no price, and doctor names it."""
    row = crm.live_discount(text)
    try:
        return Rule(row, _engine_discount(row))
    except (BadDiscount, ValueError, KeyError, ArithmeticError):
        logger.exception("discount %s cannot be priced with", row.code)
        return None


def engine_discount(text: str) -> Discount:
    """Refuses BadDiscount with the engine's own words."""
    return _engine_discount(crm.live_discount(text))


def _engine_discount(row: crm.LiveDiscount) -> Discount:
    kind = DiscountKind(row.kind)
    # Priced when the basket is: the gift's own price and tax are not part of the discount.
    gift = Gift(row.gift.sku, row.gift.title, ZERO, ZERO, row.gift.quantity) if row.gift else None
    if kind == DiscountKind.GIFT_LINE and gift is None:
        gift = Gift("", "", ZERO, ZERO)  # no longer sold: its fact never holds
    return Discount(
        code=row.code,
        name=row.name,
        campaign=row.campaign_slug or "",
        kind=kind,
        value=row.value,
        scope=_scope(row.targets),
        group=row.group,
        priority=row.priority,
        is_exclusive=row.is_exclusive,
        needs=frozenset(_needs(row)),
        valid_from=_moment(row.valid_from),
        valid_to=_moment(row.valid_to),
        minimum_amount=row.minimum_amount,
        minimum_quantity=row.minimum_quantity,
        minimum_basis=MinimumBasis(row.minimum_basis),
        reduction_max=row.reduction_max,
        is_per_unit=row.is_per_unit,
        take=row.take,
        pay=row.pay,
        tiers=tuple(_tier(each) for each in row.tiers),
        gift=gift if kind == DiscountKind.GIFT_LINE else None,
        delivery_methods=frozenset(row.delivery_methods),
    )


def _scope(targets: Collection[crm.LiveTarget]) -> Scope:
    def skus(is_excluded: bool) -> frozenset[str]:
        return frozenset(sku for t in targets if t.is_excluded == is_excluded for sku in t.skus)

    def paths(is_excluded: bool) -> frozenset[str]:
        return frozenset(t.category_path for t in targets if t.is_excluded == is_excluded and t.category_path)

    # A product without articles still is a target: the discount must not widen to everything.
    is_narrow = any(not t.is_excluded for t in targets)
    named = skus(False) or (frozenset({""}) if is_narrow and not paths(False) else frozenset())
    return Scope(named, paths(False), skus(True), paths(True))


def _tier(row: Mapping[str, Any]) -> Tier:
    return Tier(
        minimum_amount=Decimal(str(row.get("minimum_amount", 0))),
        minimum_quantity=int(row.get("minimum_quantity", 0)),
        percent=Decimal(str(row.get("percent", 0))),
        amount=Decimal(str(row.get("amount", 0))),
    )


def _needs(row: crm.LiveDiscount) -> list[str]:
    needs = []
    if row.audience == "SEGMENT" and row.segment_slug:
        needs.append(f"segment:{row.segment_slug}")
    if row.audience == "COUPON":
        needs.append(f"coupon:{row.code}")
    if row.audience == "ACCOUNT":
        needs.append(f"offer:{row.code}")
    if row.campaign_segment_slug:
        needs.append(f"segment:{row.campaign_segment_slug}")
    if row.holdout_percent:
        needs.append(f"treated:{row.campaign_slug}")
    if row.budget_kind:
        needs.append(f"budget:{row.campaign_slug}")
    if row.kind == DiscountKind.GIFT_LINE:
        needs.append(f"gift:{row.code}")
    return needs


def facts_of(offers: Offers, *, customer_id: int | None) -> frozenset[str]:
    """What holds for this shopper now; guests are in no segment and never held out."""
    facts = {f"segment:{fact.slug}" for fact in offers.segments.values()}
    if offers.coupons or offers.carried:
        for rule in offers.rules:
            if offers.coupon_of(rule.row.id) is not None:
                facts.add(f"coupon:{rule.row.code}")
            if rule.row.id in offers.carried:
                facts.add(f"offer:{rule.row.code}")
    for row in offers.rule_set.with_gift:
        if row.gift is not None and row.gift.variant_id in offers.gifts:
            facts.add(f"gift:{row.code}")
    for row in offers.rule_set.of_campaigns:
        if row.campaign_slug is not None:
            facts |= _campaign_facts(row, row.campaign_slug, offers, customer_id)
    return frozenset(facts)


def _campaign_facts(
    row: crm.LiveDiscount, slug: str, offers: Offers, customer_id: int | None
) -> frozenset[str]:
    facts = set()
    budget = offers.budgets.get(row.campaign_id or 0)
    if budget is not None and budget.is_open:
        facts.add(f"budget:{slug}")
    is_held_out = customer_id is not None and crm_rules.is_held_out(
        slug=slug, customer_id=customer_id, percent=row.holdout_percent
    )
    if not is_held_out:
        facts.add(f"treated:{slug}")
    return frozenset(facts)


# What was worked through already, by the facts that held: lines and discounts are the same in one quote.
Worked = dict[frozenset[str], Pricing]


def price_within_budgets(asked: PricingInput, offers: Offers, worked: Worked | None = None) -> Priced:
    """By the one engine; a campaign whose budget is too small for what it would give here gives nothing here."""
    known: Worked = {} if worked is None else worked
    while True:
        if asked.facts not in known:
            known[asked.facts] = Pricing(asked)
        priced = known[asked.facts].priced(asked.delivery)
        over = _overrun(priced, offers, asked.facts)
        if not over:
            return priced
        asked = replace(asked, facts=asked.facts - over)


def _overrun(priced: Priced, offers: Offers, facts: frozenset[str]) -> frozenset[str]:
    if not offers.budgets:
        return frozenset()
    given: dict[str, Decimal] = {}
    for line in priced.lines:
        for each in line.discounts:
            if each.campaign:
                given[each.campaign] = given.get(each.campaign, ZERO) + each.amount
    over = set()
    for rule in offers.rules:
        budget = offers.budgets.get(rule.row.campaign_id or 0)
        slug = rule.row.campaign_slug or ""
        if budget is not None and budget.kind == MONEY_BUDGET and given.get(slug, ZERO) > budget.left:
            over.add(f"budget:{slug}")
    return frozenset(over) & facts


def paths_with_ancestors(paths: Iterable[str]) -> frozenset[str]:
    """A discount on a branch covers all that hangs below it."""
    return _with_ancestors(tuple(paths))


@lru_cache(maxsize=8192)
def _with_ancestors(paths: tuple[str, ...]) -> frozenset[str]:
    return frozenset(each for path in paths for each in _branch(path))


@lru_cache(maxsize=8192)
def _branch(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return tuple("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
