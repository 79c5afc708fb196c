"""The price of units that are added to an order: what the whole order gains by them, under the discounts that priced it.

What was sold keeps its price. The added units cost their price of now, less what the discounts give the whole order more than they
gave it without them: so money off that is given once is not given twice, and a third unit still completes a set of three. A discount
that priced the order counts as it stands in the rows, whether or not it is still live; others count while they are live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from oms import selectors as oms
from oms.models import LineDiscount, Order, OrderLine
from oms.offers import Offers, Rule
from oms.pricing import (
    AppliedDiscount,
    Discount,
    DiscountKind,
    Priced,
    PriceEntry,
    PricingInput,
    PricingLine,
    Step,
    price,
)
from oms.workflows.baskets import NotForSale
from oms.workflows.taking import line_discounts
from retail.kernel.money import ZERO, allocate, tax_in_gross
from storefront.models import Channel, Variant

SOLD = "sold"


@dataclass(frozen=True, slots=True)
class AddedPrice:
    """Added units of one SKU: plain price, what is taken off and by whom, and every rule that was tried."""

    unit_price: Decimal
    quantity: int
    tax_rate: Decimal
    discounts: tuple[AppliedDiscount, ...]
    steps: tuple[Step, ...]

    @property
    def total(self) -> Decimal:
        return self.unit_price * self.quantity - sum((each.amount for each in self.discounts), ZERO)


@dataclass(frozen=True, slots=True)
class AddedPrices:
    """By SKU, with what has to be kept of the discounts."""

    by_sku: Mapping[str, AddedPrice]
    offers: Offers
    held: Mapping[int, LineDiscount]

    def rows(
        self, line: OrderLine, discounts: Sequence[AppliedDiscount], now: datetime
    ) -> list[LineDiscount]:
        """The reasons of one added line: as they were frozen on the order, else as they are now."""
        made = line_discounts([(line, discounts)], self.offers, now)
        for row in made:
            before = self.held.get(row.discount_id)
            if before is not None:
                for name in _FROZEN:
                    setattr(row, name, getattr(before, name))
        return made


_FROZEN = (
    "coupon_id",
    "offer_id",
    "discount_version",
    "segment_slug",
    "segment_version",
    "segment_definition",
)


def price_added(
    *,
    order: Order,
    lines: Sequence[tuple[OrderLine, int]],
    added: Mapping[Variant, int],
    now: datetime,
) -> AddedPrices:
    """`lines` are those that stay, with their units; `added` are further units. Refuses NotForSale."""
    channel = Channel.objects.select_related("entity", "price_list").get(pk=order.channel_id)
    # A guest's address gives nobody's prices, here as in the basket.
    customer_id = order.customer_id if order.placed_by_id is not None else None
    known = oms.tariff(
        channel=channel,
        variant_ids=[*(each.pk for each in added), *(line.variant_id or 0 for line, _ in lines)],
        now=now,
        customer_id=customer_id,
        is_scoped=True,
    )
    held = {each.discount_id: each for each in LineDiscount.objects.filter(line__order=order)}
    live = oms.facts_now(known.offers, customer_id=customer_id, now=now)
    offers = _with_held(live, held)
    wanted = [oms.Wanted(variant.sku, variant, units) for variant, units in added.items()]
    quote = oms.quote(channel=channel, wanted=wanted, now=now, known=known, offers=offers)
    if quote.unpriced:
        raise NotForSale("This cannot be bought in this channel now.", sku=quote.unpriced[0])
    sold = tuple(_sold_line(line, units, known) for line, units in lines if units)
    asked = replace(
        quote.asked, lines=(*sold, *quote.asked.lines), discounts=_engine_rules(offers, set(held))
    )
    after, before = price(asked), _without_added(asked, len(sold))
    more = _gained(before, after)
    return AddedPrices(_shared(quote.priced, after, more), offers, held)


def _with_held(live: Offers, held: Mapping[int, LineDiscount]) -> Offers:
    """Live rules that take nothing which is counted, and the order's own in place of theirs."""
    campaigns = {each.campaign_id for each in held.values()}
    free = tuple(rule for rule in live.rules if rule.row.id not in held and _is_free(rule, campaigns))
    own = oms.rules_of_discounts(held) if held else ()
    return replace(live, rules=(*free, *own))


def _is_free(rule: Rule, campaigns: set[int | None]) -> bool:
    is_counted = rule.row.audience in ("COUPON", "ACCOUNT") or (
        rule.row.budget_kind is not None and rule.row.campaign_id not in campaigns
    )
    return rule.discount.is_of_goods and not is_counted


def _engine_rules(offers: Offers, held: set[int]) -> tuple[Discount, ...]:
    """The order's own rules hold as they held when it was placed."""
    return tuple(
        replace(rule.discount, needs=frozenset(), valid_from=None, valid_to=None)
        if rule.row.id in held
        else rule.discount
        for rule in offers.rules
        if rule.discount.kind not in (DiscountKind.FREE_SHIPPING, DiscountKind.GIFT_LINE)
    )


def _sold_line(line: OrderLine, units: int, known: oms.Tariff) -> PricingLine:
    floor, paths = known.goods.get(line.variant_id or 0, (None, frozenset()))
    return PricingLine(
        key=f"{SOLD}:{line.pk}",
        sku=line.sku,
        name=line.title,
        quantity=units,
        tax_rate=line.tax_rate,
        categories=paths,
        floor=floor,
        entries=(PriceEntry(amount=line.unit_price, list_code=SOLD),),
    )


def _without_added(asked: PricingInput, sold: int) -> Priced | None:
    return price(replace(asked, lines=asked.lines[:sold])) if sold else None


def _gained(before: Priced | None, after: Priced) -> dict[str, Decimal]:
    """What each discount gives more; one that now gives less makes way for those that give more."""
    change: dict[str, Decimal] = {}
    for priced, sign in ((after, 1), (before, -1)):
        for line in priced.lines if priced is not None else ():
            for each in line.discounts:
                change[each.code] = change.get(each.code, ZERO) + sign * each.amount
    gains = {code: amount for code, amount in change.items() if amount > 0}
    total = min(max(sum(change.values(), ZERO), ZERO), sum(gains.values(), ZERO))
    shares = allocate(total, list(gains.values())) if gains else []
    return dict(zip(gains, shares, strict=True))


def _shared(plain: Priced, after: Priced, gains: Mapping[str, Decimal]) -> dict[str, AddedPrice]:
    """The gain over the added lines, in proportion to what they cost, never more than that."""
    lines = [line for line in plain.lines if not line.is_gift]
    rooms = [line.list_total for line in lines]
    parts: list[list[tuple[str, Decimal]]] = [[] for _ in lines]
    for code, amount in gains.items():
        able = min(amount, sum(rooms, ZERO))
        for place, share in enumerate(allocate(able, rooms) if able else ()):
            if share:
                parts[place].append((code, share))
                rooms[place] -= share
    names = {step.rule: step for step in after.steps}
    found = {}
    for line, taken in zip(lines, parts, strict=True):
        running, discounts = line.list_total, []
        for code, share in taken:
            tax = tax_in_gross(running, line.tax_rate) - tax_in_gross(running - share, line.tax_rate)
            running -= share
            step = names[code]
            discounts.append(
                AppliedDiscount(code, step.name, step.details.get("campaign", ""), step.kind, share, tax)
            )
        found[line.key] = AddedPrice(
            line.unit_price, line.quantity, line.tax_rate, tuple(discounts), after.steps_of(line.key)
        )
    return found
