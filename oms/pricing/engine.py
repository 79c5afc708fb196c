"""The one price engine: plain data in, plain data out, every rule tried and told.

Documented order
 1. The price list entry of each line (`lists`).
 2. Groups of goods discounts add up, each on what the ones before left: first the groups whose discounts all work
    line by line, then those with a discount over several lines; within each by the lowest priority number in the
    group, then by its name. In a group a line takes one discount, the best (`groups`).
 3. Gifts, then what is taken off the delivery fee, group by group in the same order.
 4. An exclusive discount is tried alone against all the others together; the cheaper basket wins, and when both
    cost the same the others win.

No line falls below its floor, which is never below zero. Sums over several lines are spread to the para by largest
remainder. Lines are worked through by SKU, quantity and key, so the order in which they are given changes nothing.

An item added to a basket never raises the total by more than its own price, as long as minimums are measured before
discounts, no list has quantity breaks under a minimum amount, and at most one group works over several lines. Beyond
that no engine that stacks can promise it: a threshold reached in one group can take the ground from under another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from oms.pricing.answer import AppliedDiscount, Outcome, Priced, PricedLine, Step
from oms.pricing.groups import Candidate, Resolution, resolve
from oms.pricing.lists import choose_entries
from oms.pricing.question import (
    DeliveryQuote,
    Discount,
    DiscountKind,
    Gift,
    LineKind,
    PriceEntry,
    PricingInput,
    PricingLine,
)
from oms.pricing.reach import Reach
from oms.pricing.reductions import Amounts, percent_of, shortfall
from retail.kernel.money import from_paras, in_paras, tax_in_gross

DELIVERY_KEY = "delivery"


def price(basket: PricingInput) -> Priced:
    """Price a basket, an order or a change of one; equal questions get equal answers in every channel."""
    return Pricing(basket).priced(basket.delivery)


class Pricing:
    """A basket whose goods and gifts are worked through once; ways of delivery come on top, each for little."""

    def __init__(self, basket: PricingInput) -> None:
        self._basket = basket
        lines = self._lines = sorted(basket.lines, key=lambda line: (line.sku, line.quantity, line.key))
        self._entries, price_steps = choose_entries(lines, basket.at)
        listed = [
            in_paras(entry.amount) * line.quantity for line, entry in zip(lines, self._entries, strict=True)
        ]
        reach = Reach(lines)
        live, early_steps = _live_discounts(basket, reach, sum(listed))
        self._early_steps = price_steps + early_steps
        self._stack = [discount for discount in live if not discount.is_exclusive]
        self._alone = [discount for discount in live if discount.is_exclusive]
        ranks = _ranks(basket.discounts)
        self._sheets = [
            _work(lines, listed, tried, ranks, reach) for tried in (self._stack, *([d] for d in self._alone))
        ]

    def priced(self, delivery: DeliveryQuote | None) -> Priced:
        """The answer with this way of delivery, or with the goods alone."""
        sheets = [_with_delivery(sheet, delivery, self._lines) for sheet in self._sheets]
        best = min(
            range(len(sheets)), key=lambda place: (sheets[place].total, -sheets[place].gift_value, place)
        )
        lost = _lost_steps(self._stack, self._alone, sheets, best)
        return Priced(
            currency=self._basket.currency,
            lines=_answer_lines(self._basket, delivery, self._lines, self._entries, sheets[best]),
            steps=tuple(self._early_steps + sheets[best].steps + lost),
        )


@dataclass(slots=True)
class _Sheet:
    """The running amounts of one attempt, in paras, with what was taken and told on the way."""

    listed: list[int]
    floors: list[int]
    running: list[int]
    taken: list[list[tuple[Discount, int]]]
    groups: list[list[Discount]]
    reach: Reach
    delivery: int = 0
    delivery_taken: list[tuple[Discount, int]] = field(default_factory=list)
    gifts: list[tuple[Discount, Gift]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.running) + self.delivery

    @property
    def gift_value(self) -> int:
        return sum(_gift_paras(gift) for _, gift in self.gifts)


def _live_discounts(basket: PricingInput, reach: Reach, listed: int) -> tuple[list[Discount], list[Step]]:
    """Discounts that hold now, for this shopper and on some line; a step for each that does not."""
    live, steps = [], []
    for discount in sorted(basket.discounts, key=lambda d: d.order):
        details: dict[str, str] = {}
        outcome = Outcome.APPLIED
        missing = discount.needs - basket.facts
        if missing:
            outcome = Outcome.FACT_MISSING
            details = {"missing": ", ".join(sorted(missing))}
        elif discount.valid_from is not None and basket.at < discount.valid_from:
            outcome = Outcome.NOT_YET
            details = {"from": discount.valid_from.isoformat()}
        elif discount.valid_to is not None and basket.at >= discount.valid_to:
            outcome = Outcome.ENDED
            details = {"to": discount.valid_to.isoformat()}
        elif not reach.of(discount):
            outcome = Outcome.OUT_OF_SCOPE
        if outcome == Outcome.APPLIED:
            live.append(discount)
        else:
            steps.append(_step(None, discount, outcome, listed, listed, details))
    return live, steps


def _ranks(discounts: Sequence[Discount]) -> dict[str, tuple[int, int, str]]:
    """The order of groups, from all discounts given, so that it does not depend on the basket."""
    ranks: dict[str, tuple[int, int, str]] = {}
    for discount in discounts:
        if discount.is_exclusive:
            continue
        name = discount.group_name
        over_lines = int(discount.is_of_goods and not discount.is_line_by_line)
        stage, priority, _ = ranks.get(name, (0, discount.priority, name))
        ranks[name] = (max(stage, over_lines), min(priority, discount.priority), name)
    return ranks


def _work(
    lines: Sequence[PricingLine],
    listed: Sequence[int],
    discounts: Sequence[Discount],
    ranks: dict[str, tuple[int, int, str]],
    reach: Reach,
) -> _Sheet:
    """One attempt: all given discounts of goods, then gifts, group by group."""
    groups: dict[str, list[Discount]] = {}
    for discount in sorted(discounts, key=lambda d: d.order):
        groups.setdefault(discount.group_name, []).append(discount)
    sheet = _Sheet(
        listed=list(listed),
        floors=[_floor(line, amount) for line, amount in zip(lines, listed, strict=True)],
        running=list(listed),
        taken=[[] for _ in lines],
        groups=[groups[name] for name in sorted(groups, key=lambda name: ranks.get(name, (0, 0, name)))],
        reach=reach,
    )
    for group in sheet.groups:
        _take_off_goods([d for d in group if d.is_of_goods], lines, sheet)
    for group in sheet.groups:
        _add_gift([d for d in group if d.kind == DiscountKind.GIFT_LINE], lines, sheet)
    return sheet


def _with_delivery(goods: _Sheet, delivery: DeliveryQuote | None, lines: Sequence[PricingLine]) -> _Sheet:
    """The attempt with the fee and what is taken off it."""
    fee = in_paras(delivery.amount) if delivery else 0
    sheet = replace(goods, delivery=fee, delivery_taken=[], steps=list(goods.steps))
    for group in sheet.groups:
        _take_off_delivery([d for d in group if d.kind == DiscountKind.FREE_SHIPPING], delivery, lines, sheet)
    return sheet


def _take_off_goods(group: Sequence[Discount], lines: Sequence[PricingLine], sheet: _Sheet) -> None:
    if not group:
        return
    candidates = [Candidate(d, sheet.reach.of(d)) for d in group]
    resolution = resolve(candidates, _amounts(lines, sheet))
    for candidate in candidates:
        _tell_group(candidate, resolution, lines, sheet)
    for place, (discount, off) in resolution.taken.items():
        sheet.running[place] -= off
        sheet.taken[place].append((discount, off))


def _tell_group(
    candidate: Candidate, resolution: Resolution, lines: Sequence[PricingLine], sheet: _Sheet
) -> None:
    discount = candidate.discount
    short = resolution.short.get(discount.code)
    if short is not None:
        amount = sum(sheet.running[place] for place in candidate.places)
        details = {"minimum": short.minimum, "missing": short.missing}
        sheet.steps.append(_step(None, discount, short.outcome, amount, amount, details))
        return
    for place in candidate.places:
        before = sheet.running[place]
        winner, off = resolution.taken.get(place, (None, 0))
        key = lines[place].key
        if winner is discount:
            step = _step(key, discount, Outcome.APPLIED, before, before - off, _terms(discount))
        elif winner is not None:
            details = {"by": winner.code, "by_name": winner.name or winner.code}
            step = _step(key, discount, Outcome.BEATEN_IN_GROUP, before, before, details)
        elif before <= sheet.floors[place]:
            details = {"floor": f"{from_paras(sheet.floors[place]):.2f}"}
            step = _step(key, discount, Outcome.AT_FLOOR, before, before, details)
        else:
            step = _step(key, discount, Outcome.NO_GAIN, before, before)
        sheet.steps.append(step)


def _add_gift(group: Sequence[Discount], lines: Sequence[PricingLine], sheet: _Sheet) -> None:
    """The most valuable gift of the group whose minimum is met."""
    able = [d for d in group if _meets_minimum(d, lines, sheet)]
    if not able:
        return
    best = max(able, key=lambda d: _gift_paras(d.gift))
    for discount in able:
        gift = discount.gift
        assert gift is not None, "a gift discount is refused without its gift"
        if discount is best:
            sheet.gifts.append((discount, gift))
            worth = _gift_paras(gift)
            details = {"gift": gift.name or gift.sku, "quantity": str(gift.quantity)}
            sheet.steps.append(
                _step(_gift_key(discount), discount, Outcome.APPLIED, worth, 0, details),
            )
        else:
            details = {"by": best.code, "by_name": best.name or best.code}
            sheet.steps.append(_step(None, discount, Outcome.BEATEN_IN_GROUP, 0, 0, details))


def _take_off_delivery(
    group: Sequence[Discount], delivery: DeliveryQuote | None, lines: Sequence[PricingLine], sheet: _Sheet
) -> None:
    """The best delivery discount of the group."""
    able = []
    for discount in group:
        methods = discount.delivery_methods
        if not _meets_minimum(discount, lines, sheet):
            continue
        if delivery is None:
            sheet.steps.append(_step(None, discount, Outcome.NO_DELIVERY, 0, 0))
        elif methods and delivery.method not in methods:
            step = _step(DELIVERY_KEY, discount, Outcome.OUT_OF_SCOPE, sheet.delivery, sheet.delivery)
            sheet.steps.append(step)
        else:
            able.append(discount)
    if not able:
        return
    before = sheet.delivery
    offs = {discount.code: _delivery_off(discount, before) for discount in able}
    best = max(able, key=lambda d: offs[d.code])
    for discount in able:
        if not offs[best.code]:
            step = _step(DELIVERY_KEY, discount, Outcome.NO_GAIN, before, before)
        elif discount is best:
            after = before - offs[discount.code]
            step = _step(DELIVERY_KEY, discount, Outcome.APPLIED, before, after, _terms(discount))
        else:
            details = {"by": best.code, "by_name": best.name or best.code}
            step = _step(DELIVERY_KEY, discount, Outcome.BEATEN_IN_GROUP, before, before, details)
        sheet.steps.append(step)
    if offs[best.code]:
        sheet.delivery -= offs[best.code]
        sheet.delivery_taken.append((best, offs[best.code]))


def _delivery_off(discount: Discount, amount: int) -> int:
    off = percent_of(amount, discount.value)
    return off if discount.reduction_max is None else min(off, in_paras(discount.reduction_max))


def _meets_minimum(discount: Discount, lines: Sequence[PricingLine], sheet: _Sheet) -> bool:
    """Whether the goods in scope reach the minimum; tells what is missing when they do not."""
    amounts = _amounts(lines, sheet)
    block = [amounts[place] for place in sheet.reach.of(discount)]
    short = shortfall(discount, block)
    if short is None:
        return True
    running = sum(line.running for line in block)
    details = {"minimum": short.minimum, "missing": short.missing}
    sheet.steps.append(_step(None, discount, short.outcome, running, running, details))
    return False


def _lost_steps(
    stack: Sequence[Discount], alone: Sequence[Discount], sheets: Sequence[_Sheet], best: int
) -> list[Step]:
    """What is told of the attempts that lost: exclusives that save less, or all that an exclusive shut out."""
    steps = []
    listed = sum(sheets[0].listed)
    if best > 0:
        winner = alone[best - 1]
        details = {"by": winner.code, "by_name": winner.name or winner.code}
        steps += [_step(None, d, Outcome.SHUT_OUT, listed, listed, details) for d in stack]
    for place, discount in enumerate(alone, start=1):
        if place != best:
            details = {
                "alone": f"{from_paras(sheets[place].total):.2f}",
                "chosen": f"{from_paras(sheets[best].total):.2f}",
            }
            steps.append(_step(None, discount, Outcome.WORSE_ALONE, listed, listed, details))
    return steps


def _answer_lines(
    basket: PricingInput,
    delivery: DeliveryQuote | None,
    lines: Sequence[PricingLine],
    entries: Sequence[PriceEntry],
    sheet: _Sheet,
) -> tuple[PricedLine, ...]:
    priced: dict[str, PricedLine] = {}
    for line, entry, listed, taken in zip(lines, entries, sheet.listed, sheet.taken, strict=True):
        priced[line.key] = PricedLine(
            key=line.key,
            kind=line.kind,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=from_paras(in_paras(entry.amount)),
            price_list=entry.list_code,
            tax_rate=line.tax_rate,
            discounts=_applied(listed, taken, line.tax_rate),
        )
    answer = [priced[line.key] for line in basket.lines]
    answer += [_gift_line(discount, gift) for discount, gift in sheet.gifts]
    if delivery is not None:
        fee = in_paras(delivery.amount)
        answer.append(
            PricedLine(
                key=DELIVERY_KEY,
                kind=LineKind.DELIVERY,
                sku=delivery.method,
                name=delivery.name,
                quantity=1,
                unit_price=from_paras(fee),
                price_list="",
                tax_rate=delivery.tax_rate,
                discounts=_applied(fee, sheet.delivery_taken, delivery.tax_rate),
            )
        )
    return tuple(answer)


def _gift_line(discount: Discount, gift: Gift) -> PricedLine:
    worth = _gift_paras(gift)
    return PricedLine(
        key=_gift_key(discount),
        kind=LineKind.GOODS,
        sku=gift.sku,
        name=gift.name,
        quantity=gift.quantity,
        unit_price=gift.unit_price,
        price_list="",
        tax_rate=gift.tax_rate,
        discounts=_applied(worth, [(discount, worth)], gift.tax_rate),
        is_gift=True,
    )


def _applied(
    listed: int, taken: Sequence[tuple[Discount, int]], tax_rate: Decimal
) -> tuple[AppliedDiscount, ...]:
    applied = []
    running = listed
    for discount, off in taken:
        share = tax_in_gross(from_paras(running), tax_rate) - tax_in_gross(
            from_paras(running - off), tax_rate
        )
        running -= off
        applied.append(
            AppliedDiscount(
                code=discount.code,
                name=discount.name,
                campaign=discount.campaign,
                kind=discount.kind.value,
                amount=from_paras(off),
                tax_share=share,
            )
        )
    return tuple(applied)


def _amounts(lines: Sequence[PricingLine], sheet: _Sheet) -> list[Amounts]:
    return [
        Amounts(line.quantity, sheet.listed[place], sheet.running[place], sheet.floors[place])
        for place, line in enumerate(lines)
    ]


def _floor(line: PricingLine, listed: int) -> int:
    """Discounts stop here; a line that is listed below its floor gets none."""
    return min(listed, in_paras(line.floor) * line.quantity) if line.floor is not None else 0


def _gift_key(discount: Discount) -> str:
    return f"gift:{discount.code}"


def _gift_paras(gift: Gift | None) -> int:
    return in_paras(gift.unit_price) * gift.quantity if gift else 0


def _terms(discount: Discount) -> dict[str, str]:
    """The numbers that put an applied discount into words, and the campaign that it belongs to."""
    campaign = {"campaign": discount.campaign} if discount.campaign else {}
    if discount.kind in (DiscountKind.N_FOR_M, DiscountKind.CHEAPEST_FREE):
        numbers = {"take": str(discount.take), "pay": str(discount.pay), "value": str(discount.value)}
        return numbers | campaign
    return campaign if discount.kind == DiscountKind.TIERED else {"value": str(discount.value)} | campaign


def _step(
    line: str | None,
    discount: Discount,
    outcome: Outcome,
    before: int,
    after: int,
    details: dict[str, str] | None = None,
) -> Step:
    return Step(
        line=line,
        rule=discount.code,
        name=discount.name or discount.code,
        kind=discount.kind.value,
        outcome=outcome,
        before=from_paras(before),
        after=from_paras(after),
        details=details or {},
    )
