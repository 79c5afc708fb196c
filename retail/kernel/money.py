"""Money: Decimal with two places and a currency, rounded in one place, split to the para."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Self

ROUNDING = ROUND_HALF_UP
PARA = Decimal("0.01")
ZERO = Decimal("0.00")
HUNDRED = Decimal(100)


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum or comparison."""

    code = "CURRENCY_MISMATCH"


class InexactAmount(ValueError):
    """An amount that two decimal places cannot hold was given where nothing may be rounded."""

    code = "INEXACT_AMOUNT"


class NothingToShareOver(ValueError):
    """A sum was to be shared over no places, or over negative weights."""

    code = "NOTHING_TO_SHARE_OVER"


def rounded(amount: Decimal | int | Fraction) -> Decimal:
    """To the para, half away from zero; the only rounding of money in the house."""
    if isinstance(amount, float):
        raise TypeError("money is never a float")
    if isinstance(amount, Fraction):
        amount = Decimal(amount.numerator) / Decimal(amount.denominator)
    return Decimal(amount).quantize(PARA, rounding=ROUNDING)


def tax_in_gross(gross: Decimal, rate: Decimal) -> Decimal:
    """The tax contained in a gross sum at a rate in percent, rounded once."""
    return rounded(gross * rate / (HUNDRED + rate))


def tax_paras_in(gross: int, rate: Decimal) -> int:
    """`tax_in_gross` on whole paras, for sums that are not negative."""
    hundredths = in_paras(rate)
    return (2 * gross * hundredths // (10_000 + hundredths) + 1) // 2


# The same few amounts come again and again, and a Decimal is slow to make.
@lru_cache(maxsize=65_536)
def in_paras(amount: Decimal) -> int:
    """The amount as a whole number of paras; refuses what is finer than a para."""
    paras = amount * HUNDRED
    whole = int(paras)
    if whole != paras:
        raise InexactAmount(f"{amount} has more than two decimal places")
    return whole


@lru_cache(maxsize=65_536)
def from_paras(paras: int) -> Decimal:
    return Decimal(paras) * PARA


def allocate(total: Decimal, weights: Sequence[Decimal | int]) -> list[Decimal]:
    """Share a total over weights to the para by largest remainder; the parts always sum to the total.

    Equal remainders go to the earlier place. A negative total is the mirror of its positive. A place of
    weight zero receives nothing, unless all weights are zero: then the places share equally.
    """
    return [from_paras(share) for share in allocate_paras(in_paras(total), whole_weights(weights))]


def allocate_paras(total: int, weights: Sequence[int]) -> list[int]:
    """`allocate` on whole paras and whole weights."""
    if total < 0:
        return [-share for share in allocate_paras(-total, weights)]
    if any(weight < 0 for weight in weights):
        raise NothingToShareOver("a weight is negative")
    if not weights:
        if total:
            raise NothingToShareOver(f"{from_paras(total)} cannot be shared over no places")
        return []
    over = sum(weights)
    if over == 0:
        weights, over = [1] * len(weights), len(weights)
    shares = [total * weight // over for weight in weights]
    left = total - sum(shares)
    if left:
        by_remainder = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % over))
        for place in by_remainder[:left]:
            shares[place] += 1
    return shares


def whole_weights(weights: Iterable[Decimal | int]) -> list[int]:
    """Decimal weights as whole numbers in the same proportion."""
    numbers = [Decimal(weight) for weight in weights]
    places = max((-min(int(number.as_tuple().exponent), 0) for number in numbers), default=0)
    return [int(number.scaleb(places)) for number in numbers]


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency. Made with `Money.of`; arithmetic never rounds and never mixes currencies."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError("money is a Decimal, never a float")
        if not self.amount.is_finite():
            raise InexactAmount(f"{self.amount} is not an amount")
        exact = rounded(self.amount)
        if exact != self.amount:
            raise InexactAmount(f"{self.amount} has more than two decimal places")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.isupper():
            raise ValueError(f"{self.currency!r} is not a currency code")
        object.__setattr__(self, "amount", exact)

    @classmethod
    def of(cls, amount: Decimal | str | int, currency: str) -> Self:
        if isinstance(amount, bool | float):
            raise TypeError("money is a Decimal, a string or a whole number, never a float")
        return cls(Decimal(amount), currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(ZERO, currency)

    @classmethod
    def total(cls, parts: Iterable[Money], currency: str) -> Money:
        """The sum of any number of parts, none included."""
        summed: Money = cls.zero(currency)
        for part in parts:
            summed = summed + part
        return summed

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other).amount, self.currency)

    def __mul__(self, quantity: int) -> Money:
        if isinstance(quantity, bool) or not isinstance(quantity, int):
            raise TypeError("money is multiplied by a whole quantity only")
        return Money(self.amount * quantity, self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other).amount

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other).amount

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other).amount

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def share(self, weights: Sequence[Decimal | int]) -> list[Money]:
        """`allocate` that keeps the currency."""
        return [Money(part, self.currency) for part in allocate(self.amount, weights)]

    def as_json(self) -> dict[str, str]:
        """The shape of money in the API."""
        return {"amount": f"{self.amount:.2f}", "currency": self.currency}

    def _same(self, other: Money) -> Money:
        if not isinstance(other, Money):
            raise TypeError(f"money and {type(other).__name__} do not mix")
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not mix")
        return other
