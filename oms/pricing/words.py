"""The explanation in words: one sentence for each step, in English and in both scripts of Serbian."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from oms.pricing.answer import Outcome, Step
from oms.pricing.question import DiscountKind
from retail.kernel.script import to_cyrillic

MoneyText = Callable[[Decimal], str]

# English, Serbian. The names of rules are data and are put in as they are.
APPLIED = {
    "PRICE": ("{name}: {quantity} × {unit_price} = {after}", "{name}: {quantity} × {unit_price} = {after}"),
    DiscountKind.PERCENT: (
        "{name}: {value} % off, from {before} to {after}",
        "{name}: popust {value} %, sa {before} na {after}",
    ),
    DiscountKind.AMOUNT: (
        "{name}: {reduction} off, from {before} to {after}",
        "{name}: {reduction} manje, sa {before} na {after}",
    ),
    DiscountKind.FIXED_PRICE: (
        "{name}: priced at {value}, from {before} to {after}",
        "{name}: po ceni od {value}, sa {before} na {after}",
    ),
    DiscountKind.N_FOR_M: (
        "{name}: take {take}, pay for {pay}, from {before} to {after}",
        "{name}: uzmi {take}, plati {pay}, sa {before} na {after}",
    ),
    DiscountKind.CHEAPEST_FREE: (
        "{name}: the cheapest of {take} at {value} % off, from {before} to {after}",
        "{name}: najjeftiniji od {take} uz popust {value} %, sa {before} na {after}",
    ),
    DiscountKind.TIERED: (
        "{name}: {reduction} off, from {before} to {after}",
        "{name}: {reduction} manje, sa {before} na {after}",
    ),
    DiscountKind.FREE_SHIPPING: (
        "{name}: delivery from {before} to {after}",
        "{name}: dostava sa {before} na {after}",
    ),
    DiscountKind.GIFT_LINE: (
        "{name}: {quantity} × {gift} as a gift",
        "{name}: {quantity} × {gift} na poklon",
    ),
}
REFUSED = {
    Outcome.DEARER: (
        "{name}: {unit_price} is not the lowest price",
        "{name}: {unit_price} nije najniža cena",
    ),
    Outcome.NOT_YET: ("{name}: not valid yet", "{name}: još ne važi"),
    Outcome.ENDED: ("{name}: no longer valid", "{name}: više ne važi"),
    Outcome.FACT_MISSING: ("{name}: only with {missing}", "{name}: samo uz {missing}"),
    Outcome.OUT_OF_SCOPE: (
        "{name}: does not apply to what is in the basket",
        "{name}: ne odnosi se na sadržaj korpe",
    ),
    Outcome.NO_DELIVERY: ("{name}: there is no delivery fee yet", "{name}: još nema cene dostave"),
    Outcome.BELOW_MINIMUM_AMOUNT: (
        "{name}: from {minimum} on, {missing} more to go",
        "{name}: od {minimum}, nedostaje još {missing}",
    ),
    Outcome.BELOW_MINIMUM_QUANTITY: (
        "{name}: from {minimum} items on, {missing} more to go",
        "{name}: od {minimum} kom., nedostaje još {missing} kom.",
    ),
    Outcome.BEATEN_IN_GROUP: (
        "{name}: not beside “{by_name}”, which leaves the lower sum",
        "{name}: ne ide uz „{by_name}“, uz koji je zbir niži",
    ),
    Outcome.SHUT_OUT: (
        "{name}: “{by_name}” does not combine with other discounts",
        "{name}: „{by_name}“ se ne kombinuje sa drugim popustima",
    ),
    Outcome.WORSE_ALONE: (
        "{name}: does not combine; alone it would cost {alone} instead of {chosen}",
        "{name}: ne kombinuje se; sam bi dao {alone} umesto {chosen}",
    ),
    Outcome.AT_FLOOR: ("{name}: the lowest allowed price is reached", "{name}: dostignuta je najniža cena"),
    Outcome.NO_GAIN: ("{name}: takes nothing off here", "{name}: ovde ne umanjuje ništa"),
}
_AMOUNTS = frozenset({"unit_price", "alone", "chosen", "floor"})


def in_words(step: Step, *, language: str = "en", currency: str = "", money: MoneyText | None = None) -> str:
    """One sentence of the explanation; `money` writes amounts the way the page does."""
    table = APPLIED[_kind(step)] if step.outcome == Outcome.APPLIED else REFUSED[step.outcome]
    write = money or (lambda amount: money_text(amount, language=language, currency=currency))
    values = {
        "before": write(step.before),
        "after": write(step.after),
        "reduction": write(step.reduction),
        "name": step.name or step.rule,
    }
    for name, value in step.details.items():
        values[name] = write(Decimal(value)) if _is_amount(step, name) else _plain(value, language)
    sentence = table[0] if language.startswith("en") else table[1]
    return (to_cyrillic(sentence) if language == "sr-cyrl" else sentence).format(**values)


def money_text(amount: Decimal, *, language: str, currency: str) -> str:
    text = f"{amount:,.2f}"
    if not language.startswith("en"):
        text = text.translate(str.maketrans(",.", ".,"))
    return f"{text}\u00a0{currency}" if currency else text


def _kind(step: Step) -> str:
    return step.kind if step.kind == "PRICE" else DiscountKind(step.kind)


def _is_amount(step: Step, name: str) -> bool:
    if name in ("minimum", "missing"):
        return step.outcome == Outcome.BELOW_MINIMUM_AMOUNT
    if name == "value":
        return step.kind in (DiscountKind.FIXED_PRICE, DiscountKind.AMOUNT)
    return name in _AMOUNTS


def _plain(value: str, language: str) -> str:
    """A percent as people write it: 12.50 is 12.5, and 12,5 in Serbian."""
    head, dot, tail = value.partition(".")
    if not dot or not (head + tail).isdigit():
        return value
    text = value.rstrip("0").rstrip(".")
    return text if language.startswith("en") else text.replace(".", ",")
