"""Discounts in the shopper's words: what was taken off, what is within reach, and why a code takes nothing off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from oms.offers import Offers
from oms.pricing import DiscountKind, Outcome, Priced, Step
from oms.workflows.basket_coupons import CouponView, TooManyAttempts, TooManyCoupons, coupons_of
from oms.workflows.baskets import BasketView
from retail.front.formats import money_text
from retail.kernel.errors import Refusal
from retail.kernel.money import HUNDRED, ZERO
from storefront.views import shopper

WHOLE = HUNDRED


@dataclass(frozen=True, slots=True)
class Saving:
    """One discount of the basket with all that it takes off."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class CouponRow:
    code: str
    is_applied: bool
    words: str


@dataclass(frozen=True, slots=True)
class GiftRow:
    sku: str
    title: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OffersShown:
    """All that a page says of discounts."""

    savings: tuple[Saving, ...]
    hints: tuple[str, ...]
    coupons: tuple[CouponRow, ...]
    gifts: tuple[GiftRow, ...]


def shown(view: BasketView, priced: Priced) -> OffersShown:
    """`priced` is the basket with the way of delivery that the page shows."""
    return OffersShown(
        savings=_savings(priced, view.quote.offers),
        hints=hints_of(priced, view.quote.offers),
        coupons=tuple(_coupon(each, priced.currency) for each in coupons_of(view, priced)),
        gifts=tuple(GiftRow(line.sku, line.name, line.quantity) for line in priced.lines if line.is_gift),
    )


def name_of(offers: Offers, code: str, name: str) -> str:
    """A discount's name in the language of the page; the rest of its words are its own."""
    rule = offers.by_code.get(code)
    return rule.row.name_en or name if rule is not None and shopper.language() == "en" else name


def refusal_words(refusal: Refusal) -> str:
    if isinstance(refusal, TooManyAttempts):
        return _("Too many codes in a short time. Try again in ten minutes.")
    if isinstance(refusal, TooManyCoupons):
        return _("There are enough codes in this basket; take one out first.")
    return _("This code does not hold. Check that it is written as you got it.")


def hints_of(priced: Priced, offers: Offers) -> tuple[str, ...]:
    """What lacks only a little: an amount or a few units."""
    found = (_hint(step, offers, priced.currency) for step in priced.within_reach())
    return tuple(dict.fromkeys(hint for hint in found if hint))


def _savings(priced: Priced, offers: Offers) -> tuple[Saving, ...]:
    taken: dict[str, tuple[str, Decimal]] = {}
    for line in priced.lines:
        for each in line.discounts:
            if not line.is_gift:
                name, amount = taken.get(each.code, (each.name or each.code, ZERO))
                taken[each.code] = (name, amount + each.amount)
    return tuple(Saving(name_of(offers, code, name), amount) for code, (name, amount) in taken.items())


def _hint(step: Step, offers: Offers, currency: str) -> str:
    rule = offers.by_code.get(step.rule)
    if rule is None or "missing" not in step.details:
        return ""
    name = name_of(offers, step.rule, step.name)
    if step.outcome == Outcome.BELOW_MINIMUM_AMOUNT:
        amount = money_text(Decimal(step.details["missing"]), shopper.language(), currency)
        if step.kind == DiscountKind.FREE_SHIPPING and rule.row.value == WHOLE:
            return _("Add %(amount)s more for free delivery.") % {"amount": amount}
        return _("Add %(amount)s more for “%(name)s”.") % {"amount": amount, "name": name}
    missing = int(step.details["missing"])
    is_free_one = rule.row.value == WHOLE and (
        step.kind == DiscountKind.CHEAPEST_FREE
        or (step.kind == DiscountKind.N_FOR_M and rule.row.take - rule.row.pay == 1)
    )
    if is_free_one and rule.row.take in (ordinals := _ordinals()):
        return ngettext("%(n)s more and %(nth)s is free.", "%(n)s more and %(nth)s is free.", missing) % {
            "n": missing,
            "nth": ordinals[rule.row.take],
        }
    return ngettext("%(n)s more for “%(name)s”.", "%(n)s more for “%(name)s”.", missing) % {
        "n": missing,
        "name": name,
    }


def _ordinals() -> dict[int, str]:
    return {2: _("the second"), 3: _("the third"), 4: _("the fourth"), 5: _("the fifth")}


def _coupon(coupon: CouponView, currency: str) -> CouponRow:
    if coupon.is_applied:
        off = sum((s.reduction for s in coupon.steps if s.outcome == Outcome.APPLIED), ZERO)
        words = "−" + money_text(off, shopper.language(), currency)
    else:
        words = _why_not(coupon, coupon.steps, currency)
    return CouponRow(coupon.code, coupon.is_applied, words)


def _why_not(coupon: CouponView, steps: Iterable[Step], currency: str) -> str:
    outcomes = {step.outcome: step for step in steps}
    if not coupon.is_usable or not outcomes:
        return _("This code holds no longer.")
    if short := outcomes.get(Outcome.BELOW_MINIMUM_AMOUNT):
        amount = money_text(Decimal(short.details["missing"]), shopper.language(), currency)
        return _("It holds when you add %(amount)s more.") % {"amount": amount}
    if short := outcomes.get(Outcome.BELOW_MINIMUM_QUANTITY):
        missing = int(short.details["missing"])
        return ngettext(
            "It holds when you add %(n)s more piece.", "It holds when you add %(n)s more pieces.", missing
        ) % {"n": missing}
    if Outcome.FACT_MISSING in outcomes:
        return _("It is not for this account, or there is no more of the offer.")
    if Outcome.OUT_OF_SCOPE in outcomes:
        return _("It is not for what is in the basket.")
    if Outcome.NO_DELIVERY in outcomes:
        return _("It is counted when you choose delivery.")
    if {Outcome.BEATEN_IN_GROUP, Outcome.SHUT_OUT, Outcome.WORSE_ALONE} & set(outcomes):
        return _("Another discount gives you more.")
    return _("It takes nothing off here.")
