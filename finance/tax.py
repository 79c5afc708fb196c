"""Value added tax from gross prices, exact to the para.

Tax is computed once per document and rate from the gross sum and apportioned to the lines. A partial document takes
its part of what is left of each line, so any sequence of parts ends at zero. The UBL view derives net prices whose
VAT is the same VAT, and says what is missing to the charged gross.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from retail.kernel.errors import Refusal
from retail.kernel.money import HUNDRED, ZERO, allocate, rounded, tax_in_gross

PRICE_STEP = Decimal("0.0001")
STANDARD = "S"
ROUNDING_INCOME = "679"
ROUNDING_EXPENSE = "579"


class NegativeGross(ValueError):
    """A line or a fee below zero: a refund is a document of its own with positive lines."""

    code = "NEGATIVE_GROSS"


class BeyondTheLine(Refusal):
    """A partial document asks for more than is left of the line."""

    code = "BEYOND_THE_LINE"


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """What a document charges for one line, after discounts; the rate is in percent."""

    key: str
    gross: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True)
class LineTax:
    key: str
    rate: Decimal
    gross: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


@dataclass(frozen=True, slots=True)
class RateTotal:
    rate: Decimal
    gross: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


@dataclass(frozen=True, slots=True)
class DocumentTax:
    """The tax of a document; the lines keep the order they were given in, the rates are highest first."""

    lines: tuple[LineTax, ...]
    rates: tuple[RateTotal, ...]

    @property
    def gross(self) -> Decimal:
        return sum((total.gross for total in self.rates), ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((total.tax for total in self.rates), ZERO)

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


def tax_document(lines: Sequence[DocumentLine]) -> DocumentTax:
    """Tax once per rate from the gross sum, shared over the lines of the rate by largest remainder."""
    places: dict[Decimal, list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        _refuse_negative(line.gross)
        places[line.rate].append(place)
    taxed: dict[int, LineTax] = {}
    for rate, of_rate in places.items():
        grosses = [lines[place].gross for place in of_rate]
        shares = allocate(tax_in_gross(sum(grosses, ZERO), rate), grosses)
        for place, share in zip(of_rate, shares, strict=True):
            taxed[place] = LineTax(lines[place].key, rate, lines[place].gross, share)
    ordered = tuple(taxed[place] for place in range(len(lines)))
    return DocumentTax(ordered, rate_totals(ordered))


def rate_totals(lines: Iterable[LineTax]) -> tuple[RateTotal, ...]:
    """The sums of taxed lines per rate, highest rate first; also for documents made of parts."""
    sums: dict[Decimal, tuple[Decimal, Decimal]] = {}
    for line in lines:
        gross, tax = sums.get(line.rate, (ZERO, ZERO))
        sums[line.rate] = (gross + line.gross, tax + line.tax)
    return tuple(RateTotal(rate, *sums[rate]) for rate in sorted(sums, reverse=True))


@dataclass(frozen=True, slots=True)
class LineAmounts:
    """Quantity, gross and tax of a line, of what documents took of it, or of one part."""

    quantity: int
    gross: Decimal
    tax: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax

    def __add__(self, other: LineAmounts) -> LineAmounts:
        return LineAmounts(self.quantity + other.quantity, self.gross + other.gross, self.tax + other.tax)

    def __sub__(self, other: LineAmounts) -> LineAmounts:
        return LineAmounts(self.quantity - other.quantity, self.gross - other.gross, self.tax - other.tax)


NOTHING = LineAmounts(0, ZERO, ZERO)


def take_quantity(*, line: LineAmounts, documented: LineAmounts = NOTHING, quantity: int) -> LineAmounts:
    """The part of a line that a document over `quantity` units takes; the last units take all that is left."""
    left = line - documented
    if not 0 < quantity <= left.quantity:
        raise BeyondTheLine(f"{left.quantity} units are left of the line, {quantity} asked")
    if quantity == left.quantity:
        return left
    return LineAmounts(
        quantity,
        rounded(left.gross * quantity / left.quantity),
        rounded(left.tax * quantity / left.quantity),
    )


def take_amount(*, line: LineAmounts, documented: LineAmounts = NOTHING, gross: Decimal) -> LineAmounts:
    """The part of a line that a document over an amount takes: goodwill, a fee in part, an advance closed in part."""
    left = line - documented
    if not ZERO < gross <= left.gross:
        raise BeyondTheLine(f"{left.gross} is left of the line, {gross} asked")
    if gross == left.gross:
        return LineAmounts(0, gross, left.tax)
    return LineAmounts(0, gross, rounded(left.tax * gross / left.gross))


class RateShare(NamedTuple):
    rate: Decimal
    gross: Decimal


def split_over_rates(amount: Decimal, goods: Iterable[RateShare], *, otherwise: Decimal) -> list[RateShare]:
    """A fee, or money received in advance, over the VAT rates of the goods in proportion to their gross.

    Highest rate first; the rate `otherwise` takes it when there are no goods.
    """
    _refuse_negative(amount)
    sums: dict[Decimal, Decimal] = defaultdict(lambda: ZERO)
    for share in goods:
        sums[share.rate] += share.gross
    if not sums:
        return [RateShare(otherwise, amount)]
    rates = sorted(sums, reverse=True)
    shares = allocate(amount, [sums[rate] for rate in rates])
    return [RateShare(rate, share) for rate, share in zip(rates, shares, strict=True) if share]


def tax_advance(
    received: Decimal, goods: Iterable[RateShare], *, otherwise: Decimal
) -> tuple[RateTotal, ...]:
    """Money received before the goods, per rate, with the VAT that it contains (base = gross / 1.2 or / 1.1)."""
    return tuple(
        RateTotal(rate, gross, tax_in_gross(gross, rate))
        for rate, gross in split_over_rates(received, goods, otherwise=otherwise)
    )


@dataclass(frozen=True, slots=True)
class UblSource:
    """A taxed line on its way into UBL. `list_gross` is its gross before discounts, when it had any."""

    key: str
    quantity: int
    rate: Decimal
    gross: Decimal
    tax: Decimal
    list_gross: Decimal | None = None
    category: str = STANDARD


@dataclass(frozen=True, slots=True)
class UblLine:
    """`net` is round(quantity × price, 2) - allowance, as the LineExtensionAmount must be."""

    key: str
    quantity: int
    category: str
    rate: Decimal
    price: Decimal
    allowance: Decimal
    net: Decimal

    @property
    def allowance_base(self) -> Decimal:
        return self.net + self.allowance


@dataclass(frozen=True, slots=True)
class UblSubtotal:
    category: str
    rate: Decimal
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class UblView:
    """The net view of a gross document: `payable` plus `prepaid` is exactly what was charged."""

    lines: tuple[UblLine, ...]
    subtotals: tuple[UblSubtotal, ...]
    prepaid: Decimal
    payable_rounding: Decimal

    @property
    def net(self) -> Decimal:
        return sum((subtotal.taxable for subtotal in self.subtotals), ZERO)

    @property
    def tax(self) -> Decimal:
        return sum((subtotal.tax for subtotal in self.subtotals), ZERO)

    @property
    def tax_inclusive(self) -> Decimal:
        return self.net + self.tax

    @property
    def payable(self) -> Decimal:
        return self.tax_inclusive - self.prepaid + self.payable_rounding


def ubl_view(sources: Sequence[UblSource], *, prepaid: Decimal = ZERO) -> UblView:
    """Net lines and totals whose VAT is round(base × rate) and equals the tax of the document.

    Where no base gives exactly the charged gross, `payable_rounding` carries the signed rest.
    """
    places: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for place, source in enumerate(sources):
        _refuse_negative(source.gross)
        places[source.category, source.rate].append(place)
    lines: dict[int, UblLine] = {}
    subtotals = []
    for category, rate in sorted(places, key=lambda kind: (kind[0], -kind[1])):
        of_kind = [sources[place] for place in places[category, rate]]
        gross, tax = sum((s.gross for s in of_kind), ZERO), sum((s.tax for s in of_kind), ZERO)
        base = net_base(gross=gross, tax=tax, rate=rate)
        subtotals.append(UblSubtotal(category, rate, base, tax))
        nets = allocate(base, [source.gross for source in of_kind])
        for place, source, net in zip(places[category, rate], of_kind, nets, strict=True):
            lines[place] = _ubl_line(source, net)
    inclusive = sum((subtotal.taxable + subtotal.tax for subtotal in subtotals), ZERO)
    charged = sum((source.gross for source in sources), ZERO)
    return UblView(
        lines=tuple(lines[place] for place in range(len(sources))),
        subtotals=tuple(subtotals),
        prepaid=prepaid,
        payable_rounding=charged - inclusive,
    )


def net_base(*, gross: Decimal, tax: Decimal, rate: Decimal) -> Decimal:
    """The base nearest to gross - tax of which round(base × rate) is the tax of the document."""
    base = gross - tax
    if rate == 0 or rounded(base * rate / HUNDRED) == tax:
        return base
    # round(base × rate) = tax holds for half a para of tax either side: the nearest edge, on whole paras.
    half = Decimal("0.005")
    step = Decimal("0.01")
    if rounded(base * rate / HUNDRED) > tax:
        base = ((tax + half) * HUNDRED / rate).quantize(step, rounding="ROUND_CEILING") - step
    else:
        base = ((tax - half) * HUNDRED / rate).quantize(step, rounding="ROUND_CEILING")
    return max(base, ZERO)


def rounding_account(payable_rounding: Decimal) -> str:
    """Where the rest of an invoice goes: charged above base and VAT is income (679), below is expense (579).

    A credit note reverses on the same account.
    """
    return ROUNDING_EXPENSE if payable_rounding < 0 else ROUNDING_INCOME


def _ubl_line(source: UblSource, net: Decimal) -> UblLine:
    price = (net / source.quantity).quantize(PRICE_STEP, rounding=ROUND_HALF_UP)
    if source.list_gross is not None and source.list_gross > source.gross:
        list_net = source.list_gross * HUNDRED / (HUNDRED + source.rate)
        price = max(price, (list_net / source.quantity).quantize(PRICE_STEP, rounding=ROUND_HALF_UP))
    # Four decimals are too coarse for hundreds of units: price a step up and allow the difference.
    while rounded(source.quantity * price) < net:
        price += PRICE_STEP
    return UblLine(
        key=source.key,
        quantity=source.quantity,
        category=source.category,
        rate=source.rate,
        price=price,
        allowance=rounded(source.quantity * price) - net,
        net=net,
    )


def _refuse_negative(gross: Decimal) -> None:
    if gross < 0:
        raise NegativeGross(f"{gross} is below zero")
