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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from oms.pricing.answer import AppliedDiscount, Outcome, Priced, PricedLine, Step, Told
from oms.pricing.groups import Candidate, Resolution, resolve
from oms.pricing.lists import choose_entries, entry_steps
from oms.pricing.question import (
    DeliveryQuote,
    Discount,
    DiscountKind,
    Gift,
    LineKind,
    PricingInput,
    PricingLine,
)
from oms.pricing.reach import reached
from oms.pricing.reductions import Ground, percent_of, shortfall
from retail.kernel.money import from_paras, in_paras, tax_paras_in

DELIVERY_KEY = "delivery"


def price(basket: PricingInput) -> Priced:
    """Price a basket, an order or a change of one; equal questions get equal answers in every channel."""
    return Pricing(basket).priced(basket.delivery)


class Pricing:
    """A basket whose goods and gifts are worked through once; ways of delivery come on top, each for little."""

    def __init__(self, basket: PricingInput) -> None:
        self._basket = basket
        lines = self._lines = sorted(basket.lines, key=lambda line: (line.sku, line.quantity, line.key))
        self._entries = choose_entries(lines, basket.at)
        self._units = [in_paras(entry.amount) for entry in self._entries]
        listed = [unit * line.quantity for unit, line in zip(self._units, lines, strict=True)]
        self._discounts = basket.discount_set
        self._reached = reached(self._discounts, lines)
        able = [
            Candidate(discount, self._reached[place])
            for place in sorted(self._reached)
            if (discount := self._discounts[place]).needs <= basket.facts
            and (not discount.is_timed or _why_not(discount, basket) is None)
        ]
        self._stack = [each for each in able if not each.discount.is_exclusive]
        self._alone = [each for each in able if each.discount.is_exclusive]
        ranks = self._discounts.group_ranks
        self._sheets = [
            _work(lines, listed, tried, ranks) for tried in (self._stack, *([each] for each in self._alone))
        ]

    def priced(self, delivery: DeliveryQuote | None) -> Priced:
        """The answer with this way of delivery, or with the goods alone."""
        sheets = [_with_delivery(sheet, delivery) for sheet in self._sheets]
        best = min(
            range(len(sheets)), key=lambda place: (sheets[place].total, -sheets[place].gift_value, place)
        )
        return Priced(
            currency=self._basket.currency,
            lines=self._answer_lines(delivery, sheets[best]),
            steps=Told(lambda: self._told(sheets, best)),
        )

    def _told(self, sheets: Sequence[_Sheet], best: int) -> Iterator[Step]:
        """Every rule tried: entries, discounts that cannot hold, the attempt that won, the attempts that lost."""
        yield from entry_steps(self._lines, self._entries, self._basket.at)
        listed = sum(sheets[0].ground.listed)
        for place, discount in enumerate(self._discounts):
            refused = _why_not(discount, self._basket)
            if refused is None and place not in self._reached:
                refused = Outcome.OUT_OF_SCOPE, {}
            if refused is not None:
                yield _step(None, discount, refused[0], listed, listed, refused[1])
        for told in sheets[best].told:
            yield from _goods_steps(told, self._lines, sheets[best].ground.floors)
        yield from sheets[best].steps
        yield from _lost_steps(self._stack, self._alone, sheets, best)

    def _answer_lines(self, delivery: DeliveryQuote | None, sheet: _Sheet) -> tuple[PricedLine, ...]:
        priced: dict[str, PricedLine] = {}
        for place, line in enumerate(self._lines):
            taken = sheet.taken[place]
            priced[line.key] = PricedLine(
                key=line.key,
                kind=line.kind,
                sku=line.sku,
                name=line.name,
                quantity=line.quantity,
                unit_price=from_paras(self._units[place]),
                price_list=self._entries[place].list_code,
                tax_rate=line.tax_rate,
                discounts=_applied(sheet.ground.listed[place], taken, line.tax_rate) if taken else (),
            )
        answer = [priced[line.key] for line in self._basket.lines]
        answer += [_gift_line(discount, gift) for discount, gift in sheet.gifts]
        if delivery is not None:
            answer.append(_delivery_line(delivery, sheet))
        return tuple(answer)


class _ToldGroup(NamedTuple):
    """What a group did to the goods, for those who ask why: running amounts as it found them."""

    candidates: Sequence[Candidate]
    resolution: Resolution
    running: Sequence[int]


@dataclass(slots=True)
class _Sheet:
    """The running amounts of one attempt, in paras, with what was taken and told on the way."""

    ground: Ground
    taken: list[list[tuple[Discount, int]]]
    groups: list[list[Candidate]]
    told: list[_ToldGroup] = field(default_factory=list)
    delivery: int = 0
    delivery_taken: list[tuple[Discount, int]] = field(default_factory=list)
    gifts: list[tuple[Discount, Gift]] = field(default_factory=list)
    # Of gifts and delivery.
    steps: list[Step] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.ground.running) + self.delivery

    @property
    def gift_value(self) -> int:
        return sum(_gift_paras(gift) for _, gift in self.gifts)


def _why_not(discount: Discount, basket: PricingInput) -> tuple[Outcome, dict[str, str]] | None:
    """Why it does not hold now and for this shopper, if it does not."""
    if not discount.needs <= basket.facts:
        return Outcome.FACT_MISSING, {"missing": ", ".join(sorted(discount.needs - basket.facts))}
    if discount.valid_from is not None and basket.at < discount.valid_from:
        return Outcome.NOT_YET, {"from": discount.valid_from.isoformat()}
    if discount.valid_to is not None and basket.at >= discount.valid_to:
        return Outcome.ENDED, {"to": discount.valid_to.isoformat()}
    return None


def _work(
    lines: Sequence[PricingLine],
    listed: Sequence[int],
    candidates: Sequence[Candidate],
    ranks: Mapping[str, tuple[int, int, str]],
) -> _Sheet:
    """One attempt: all given discounts of goods, then gifts, group by group."""
    groups: dict[str, list[Candidate]] = {}
    for each in candidates:
        groups.setdefault(each.discount.group_name, []).append(each)
    ground = Ground(
        quantities=[line.quantity for line in lines],
        listed=listed,
        floors=[_floor(line, amount) for line, amount in zip(lines, listed, strict=True)],
        running=list(listed),
    )
    sheet = _Sheet(
        ground=ground,
        taken=[[] for _ in lines],
        groups=[groups[name] for name in sorted(groups, key=lambda name: ranks.get(name, (0, 0, name)))],
    )
    for group in sheet.groups:
        _take_off_goods([each for each in group if each.discount.is_of_goods], sheet)
    for group in sheet.groups:
        _add_gift([each for each in group if each.discount.kind == DiscountKind.GIFT_LINE], sheet)
    return sheet


def _with_delivery(goods: _Sheet, delivery: DeliveryQuote | None) -> _Sheet:
    """The attempt with the fee and what is taken off it."""
    fee = in_paras(delivery.amount) if delivery else 0
    sheet = replace(goods, delivery=fee, delivery_taken=[], steps=list(goods.steps))
    for group in sheet.groups:
        shipping = [each for each in group if each.discount.kind == DiscountKind.FREE_SHIPPING]
        if shipping:
            _take_off_delivery(shipping, delivery, sheet)
    return sheet


def _take_off_goods(group: Sequence[Candidate], sheet: _Sheet) -> None:
    if not group:
        return
    running = sheet.ground.running
    resolution = resolve(group, sheet.ground)
    sheet.told.append(_ToldGroup(group, resolution, running.copy()))
    for place, (discount, off) in resolution.taken.items():
        running[place] -= off
        sheet.taken[place].append((discount, off))


def _goods_steps(told: _ToldGroup, lines: Sequence[PricingLine], floors: Sequence[int]) -> Iterator[Step]:
    for candidate in told.candidates:
        discount = candidate.discount
        short = told.resolution.short.get(discount.code)
        if short is None:
            for place in candidate.places:
                yield _goods_step(discount, told, place, lines[place].key, floors[place])
        else:
            amount = sum(told.running[place] for place in candidate.places)
            details = {"minimum": short.minimum, "missing": short.missing}
            yield _step(None, discount, short.outcome, amount, amount, details)


def _goods_step(discount: Discount, told: _ToldGroup, place: int, key: str, floor: int) -> Step:
    before = told.running[place]
    winner, off = told.resolution.taken.get(place, (None, 0))
    if winner is discount:
        return _step(key, discount, Outcome.APPLIED, before, before - off, _terms(discount))
    if winner is not None:
        details = {"by": winner.code, "by_name": winner.name or winner.code}
        return _step(key, discount, Outcome.BEATEN_IN_GROUP, before, before, details)
    if before <= floor:
        details = {"floor": f"{from_paras(floor):.2f}"}
        return _step(key, discount, Outcome.AT_FLOOR, before, before, details)
    return _step(key, discount, Outcome.NO_GAIN, before, before)


def _add_gift(group: Sequence[Candidate], sheet: _Sheet) -> None:
    """The most valuable gift of the group whose minimum is met."""
    able = [each.discount for each in group if _meets_minimum(each, sheet)]
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


def _take_off_delivery(group: Sequence[Candidate], delivery: DeliveryQuote | None, sheet: _Sheet) -> None:
    """The best delivery discount of the group."""
    able = []
    for candidate in group:
        discount = candidate.discount
        methods = discount.delivery_methods
        if not _meets_minimum(candidate, sheet):
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
    off = percent_of(amount, discount.value_hundredths)
    return off if discount.reduction_paras_max is None else min(off, discount.reduction_paras_max)


def _meets_minimum(candidate: Candidate, sheet: _Sheet) -> bool:
    """Whether the goods in scope reach the minimum; tells what is missing when they do not."""
    short = shortfall(candidate.discount, sheet.ground, candidate.places)
    if short is None:
        return True
    running = sum(sheet.ground.running[place] for place in candidate.places)
    details = {"minimum": short.minimum, "missing": short.missing}
    sheet.steps.append(_step(None, candidate.discount, short.outcome, running, running, details))
    return False


def _lost_steps(
    stack: Sequence[Candidate], alone: Sequence[Candidate], sheets: Sequence[_Sheet], best: int
) -> Iterator[Step]:
    """What is told of the attempts that lost: exclusives that save less, or all that an exclusive shut out."""
    listed = sum(sheets[0].ground.listed)
    if best > 0:
        winner = alone[best - 1].discount
        details = {"by": winner.code, "by_name": winner.name or winner.code}
        for each in stack:
            yield _step(None, each.discount, Outcome.SHUT_OUT, listed, listed, details)
    for place, each in enumerate(alone, start=1):
        if place != best:
            details = {
                "alone": f"{from_paras(sheets[place].total):.2f}",
                "chosen": f"{from_paras(sheets[best].total):.2f}",
            }
            yield _step(None, each.discount, Outcome.WORSE_ALONE, listed, listed, details)


def _delivery_line(delivery: DeliveryQuote, sheet: _Sheet) -> PricedLine:
    fee = in_paras(delivery.amount)
    return PricedLine(
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
        before, running = running, running - off
        share = tax_paras_in(before, tax_rate) - tax_paras_in(running, tax_rate)
        applied.append(
            AppliedDiscount(
                code=discount.code,
                name=discount.name,
                campaign=discount.campaign,
                kind=discount.kind.value,
                amount=from_paras(off),
                tax_share=from_paras(share),
            )
        )
    return tuple(applied)


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
