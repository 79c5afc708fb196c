"""What the price engine answers: priced lines and the whole explanation, as data that freezes to JSON and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self, overload

from oms.pricing.question import LineKind
from retail.kernel.money import ZERO, tax_in_gross
from retail.kernel.records import record

# The kind of a step that tried a price list entry.
PRICE_KIND = "PRICE"


class Outcome(StrEnum):
    """What became of a rule that was tried."""

    APPLIED = "APPLIED"
    # a price list entry
    DEARER = "DEARER"
    # when, for whom, on what
    NOT_YET = "NOT_YET"
    ENDED = "ENDED"
    FACT_MISSING = "FACT_MISSING"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"
    NO_DELIVERY = "NO_DELIVERY"
    # how much
    BELOW_MINIMUM_AMOUNT = "BELOW_MINIMUM_AMOUNT"
    BELOW_MINIMUM_QUANTITY = "BELOW_MINIMUM_QUANTITY"
    # against others
    BEATEN_IN_GROUP = "BEATEN_IN_GROUP"
    SHUT_OUT = "SHUT_OUT"
    WORSE_ALONE = "WORSE_ALONE"
    # at the end
    AT_FLOOR = "AT_FLOOR"
    NO_GAIN = "NO_GAIN"


@record
class Step:
    """One rule tried on one line (or on the whole basket, when `line` is None), with the running amount.

    `rule` is a price list or discount code, `kind` is PRICE or the kind of discount. `details` holds what the
    outcome needs to be told: the minimum and what is missing, the rule that beat it, the rate.
    """

    line: str | None
    rule: str
    name: str
    kind: str
    outcome: Outcome
    before: Decimal
    after: Decimal
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def reduction(self) -> Decimal:
        return self.before - self.after

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "rule": self.rule,
            "name": self.name,
            "kind": self.kind,
            "outcome": self.outcome.value,
            "before": _text(self.before),
            "after": _text(self.after),
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            line=data["line"],
            rule=data["rule"],
            name=data["name"],
            kind=data["kind"],
            outcome=Outcome(data["outcome"]),
            before=Decimal(data["before"]),
            after=Decimal(data["after"]),
            details=dict(data["details"]),
        )


@record
class AppliedDiscount:
    """What one discount took off one line. The tax shares of a line telescope to its tax exactly."""

    code: str
    name: str
    campaign: str
    kind: str
    amount: Decimal
    tax_share: Decimal

    def as_json(self) -> dict[str, str]:
        return {
            "code": self.code,
            "name": self.name,
            "campaign": self.campaign,
            "kind": self.kind,
            "amount": _text(self.amount),
            "tax_share": _text(self.tax_share),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Self:
        return cls(
            code=data["code"],
            name=data["name"],
            campaign=data["campaign"],
            kind=data["kind"],
            amount=Decimal(data["amount"]),
            tax_share=Decimal(data["tax_share"]),
        )


@record
class PricedLine:
    """`total` is quantity × unit price less the discounts; all amounts gross."""

    key: str
    kind: LineKind
    sku: str
    name: str
    quantity: int
    unit_price: Decimal
    price_list: str
    tax_rate: Decimal
    discounts: tuple[AppliedDiscount, ...] = ()
    is_gift: bool = False

    @property
    def list_total(self) -> Decimal:
        return self.unit_price * self.quantity

    @property
    def discount_total(self) -> Decimal:
        return sum([discount.amount for discount in self.discounts], ZERO) if self.discounts else ZERO

    @property
    def total(self) -> Decimal:
        return self.list_total - self.discount_total

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "kind": self.kind.value,
            "sku": self.sku,
            "name": self.name,
            "quantity": self.quantity,
            "unit_price": _text(self.unit_price),
            "price_list": self.price_list,
            "tax_rate": str(self.tax_rate),
            "discounts": [discount.as_json() for discount in self.discounts],
            "is_gift": self.is_gift,
            "total": _text(self.total),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            key=data["key"],
            kind=LineKind(data["kind"]),
            sku=data["sku"],
            name=data["name"],
            quantity=data["quantity"],
            unit_price=Decimal(data["unit_price"]),
            price_list=data["price_list"],
            tax_rate=Decimal(data["tax_rate"]),
            discounts=tuple(map(AppliedDiscount.from_json, data["discounts"])),
            is_gift=data["is_gift"],
        )


class Told(Sequence[Step]):
    """Steps that are put down when somebody asks for them: most prices are shown without their explanation."""

    __slots__ = ("_made", "_tell")

    def __init__(self, tell: Callable[[], Iterable[Step]]) -> None:
        self._tell = tell
        self._made: tuple[Step, ...] | None = None

    @property
    def _all(self) -> tuple[Step, ...]:
        if self._made is None:
            self._made = tuple(self._tell())
        return self._made

    @overload
    def __getitem__(self, place: int) -> Step: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Step, ...]: ...
    def __getitem__(self, place: int | slice) -> Step | tuple[Step, ...]:
        return self._all[place]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._all)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Told | tuple) and self._all == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return repr(self._all)


@dataclass(frozen=True, slots=True)
class Priced:
    """The answer: lines in the order asked, then gifts, then delivery; and every step in the engine's order."""

    currency: str
    lines: tuple[PricedLine, ...]
    steps: Sequence[Step]

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), ZERO)

    @property
    def goods_total(self) -> Decimal:
        return sum((line.total for line in self.lines if line.kind != LineKind.DELIVERY), ZERO)

    @property
    def delivery_total(self) -> Decimal:
        return sum((line.total for line in self.lines if line.kind == LineKind.DELIVERY), ZERO)

    @property
    def saved(self) -> Decimal:
        return sum((line.discount_total for line in self.lines), ZERO)

    def line(self, key: str) -> PricedLine:
        return next(line for line in self.lines if line.key == key)

    def steps_of(self, key: str) -> tuple[Step, ...]:
        """The steps of one line and those of the whole basket, in the order they were tried."""
        return tuple(step for step in self.steps if step.line in (key, None))

    def steps_for_shopper(self) -> tuple[Step, ...]:
        """Without the rules whose facts do not hold, which would tell of other people's coupons and offers."""
        return tuple(step for step in self.steps if step.outcome != Outcome.FACT_MISSING)

    def within_reach(self) -> tuple[Step, ...]:
        """Rules that lack only an amount or a quantity: `details["missing"]` says how much."""
        reasons = (Outcome.BELOW_MINIMUM_AMOUNT, Outcome.BELOW_MINIMUM_QUANTITY)
        return tuple(step for step in self.steps if step.kind != PRICE_KIND and step.outcome in reasons)

    def as_json(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "total": _text(self.total),
            "lines": [line.as_json() for line in self.lines],
            "steps": [step.as_json() for step in self.steps],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            currency=data["currency"],
            lines=tuple(map(PricedLine.from_json, data["lines"])),
            steps=tuple(map(Step.from_json, data["steps"])),
        )


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"


def discounts_in(steps: Iterable[Step], *, tax_rate: Decimal) -> tuple[AppliedDiscount, ...]:
    """The discounts of one line, read back from its frozen explanation: what was applied, in the engine's order."""
    return tuple(
        AppliedDiscount(
            code=step.rule,
            name=step.name,
            campaign=step.details.get("campaign", ""),
            kind=step.kind,
            amount=step.reduction,
            tax_share=tax_in_gross(step.before, tax_rate) - tax_in_gross(step.after, tax_rate),
        )
        for step in steps
        if step.line is not None and step.kind != PRICE_KIND and step.outcome == Outcome.APPLIED
    )
