"""VAT that is recorded at SEF: tax periods, their last day for recording, and the records' bodies. No ORM, no clock.

What belongs into which record, and what sources dispute about it, is in docs/decisions/0018-vat-records.md.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from retail.kernel.money import ZERO

# SEF counts quarters on after the months.
FIRST_QUARTER = 13
# Records are due so many days after the end of their period; a day off moves the last one on.
DUE_DAYS = 10
RATES = (Decimal(20), Decimal(10))
OUTBOUND = 1


class Section:
    """What a receipt means for the tax of its period."""

    TURNOVER = "TURNOVER"
    PREPAYMENT = "PREPAYMENT"
    REDUCTION = "REDUCTION"
    PREPAYMENT_REDUCTION = "PREPAYMENT_REDUCTION"


# The fields of a summary record, each followed by the rate: (base, tax).
SUMMARY_FIELDS = {
    Section.TURNOVER: ("baseAmount", "calculatedVat"),
    Section.PREPAYMENT: ("prepaymentBaseAmount", "prepaymentCalculatedVat"),
    Section.REDUCTION: (
        "supplierTaxDebtorTurnoverReductionBaseAmount",
        "supplierTaxDebtorTurnoverReductionVat",
    ),
    Section.PREPAYMENT_REDUCTION: (
        "supplierTaxDebtorTurnoverPrepaymentReductionBaseAmount",
        "supplierTaxDebtorTurnoverPrepaymentReductionVat",
    ),
}
# (document type, how its source is named) of a single record.
DOCUMENTS = {
    Section.TURNOVER: (380, 0),
    Section.PREPAYMENT: (386, 0),
    Section.REDUCTION: (381, 1),
    Section.PREPAYMENT_REDUCTION: (381, 3),
}


class Amounts(NamedTuple):
    base: Decimal = ZERO
    tax: Decimal = ZERO

    def plus(self, other: Amounts, sign: int = 1) -> Amounts:
        return Amounts(self.base + sign * other.base, self.tax + sign * other.tax)


# By section and rate.
Figures = dict[str, dict[Decimal, Amounts]]


@dataclass(frozen=True, slots=True, order=True)
class TaxPeriod:
    """A month (1 to 12) or a quarter (13 to 16), numbered as SEF does."""

    year: int
    number: int

    @property
    def is_quarter(self) -> bool:
        return self.number >= FIRST_QUARTER

    @property
    def first(self) -> date:
        month = 3 * (self.number - FIRST_QUARTER) + 1 if self.is_quarter else self.number
        return date(self.year, month, 1)

    @property
    def last(self) -> date:
        month = self.first.month + (2 if self.is_quarter else 0)
        return date(self.year, month, monthrange(self.year, month)[1])

    @property
    def before(self) -> TaxPeriod:
        return period_of(self.first - timedelta(days=1), is_quarterly=self.is_quarter)

    @property
    def name(self) -> str:
        return f"{self.year}-{self.number:02d}"

    def due_on(self, days_off: Collection[date]) -> date:
        """The last day on which it may be recorded."""
        day = self.last + timedelta(days=DUE_DAYS)
        while day.weekday() >= 5 or day in days_off:
            day += timedelta(days=1)
        return day


def is_period(year: int, number: int) -> bool:
    return 2000 <= year <= 2100 and 1 <= number < FIRST_QUARTER + 4


def period_of(day: date, *, is_quarterly: bool) -> TaxPeriod:
    return TaxPeriod(day.year, FIRST_QUARTER + (day.month - 1) // 3 if is_quarterly else day.month)


def section_of(*, kind: str, transaction: str, is_closing: bool) -> str:
    """An advance that goods close is taken off their turnover, so that its tax is told once."""
    if kind == "ADVANCE":
        if is_closing:
            return Section.TURNOVER
        return Section.PREPAYMENT if transaction == "SALE" else Section.PREPAYMENT_REDUCTION
    return Section.TURNOVER if transaction == "SALE" else Section.REDUCTION


def add(figures: Figures, section: str, rate: Decimal, amounts: Amounts, *, sign: int = 1) -> None:
    """Only what is taxed is recorded."""
    known = next((one for one in RATES if one == rate), None)
    if known is None:
        return
    rates = figures.setdefault(section, {})
    rates[known] = rates.get(known, Amounts()).plus(amounts, sign)


def tax_of(figures: Figures) -> dict[Decimal, Decimal]:
    """The tax of each rate that all sections come to."""
    return {
        rate: sum(
            (
                (-1 if section.endswith("REDUCTION") else 1) * rates[rate].tax
                for section, rates in figures.items()
                if rate in rates
            ),
            ZERO,
        )
        for rate in RATES
    }


def is_empty(figures: Figures) -> bool:
    return all(one == Amounts() for rates in figures.values() for one in rates.values())


def summary(figures: Figures) -> dict[str, float]:
    """The amounts of a summary record: every field stands, also at zero, so that a correction sets what it leaves out."""
    body: dict[str, float] = {}
    for section, (base, tax) in SUMMARY_FIELDS.items():
        for rate in RATES:
            one = figures.get(section, {}).get(rate, Amounts())
            body[f"{base}{rate}"], body[f"{tax}{rate}"] = float(one.base), float(one.tax)
            if section == Section.PREPAYMENT:
                body[f"prepaymentAmount{rate}"] = float(one.base + one.tax)
    return body


@dataclass(frozen=True, slots=True)
class Document:
    """One paper to a company that SEF does not know; the figures have one section."""

    number: str
    buyer: str
    order_number: str
    section: str
    rates: Mapping[Decimal, Amounts]
    source: str = ""
    figures: Figures = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "figures", {self.section: dict(self.rates)})


def individual(document: Document) -> dict[str, Any]:
    """The fields of a single record."""
    kind, source_kind = DOCUMENTS[document.section]
    body: dict[str, Any] = {
        "documentNumber": document.number,
        "documentDirection": OUTBOUND,
        "documentType": kind,
        "relatedPartyIdentifier": document.buyer,
        "relatedInvoiceOption": source_kind,
        "relatedVatRecords": [{"documentNumber": document.source}] if document.source else [],
    }
    if kind == 386:
        body["basisForPrepayment"] = f"Avans po porudžbini {document.order_number}"
    for rate in RATES:
        one = document.rates.get(rate, Amounts())
        body[f"noRealEstateDescription{rate}"] = document.order_number if one != Amounts() else ""
        body[f"noRealEstateBaseAmount{rate}"] = float(one.base)
        body[f"noRealEstateCalculatedVat{rate}"] = float(one.tax)
    return body


def stored(figures: Figures) -> dict[str, dict[str, list[str]]]:
    """As JSON, exact to the para."""
    return {
        section: {f"{rate}": [f"{one.base:.2f}", f"{one.tax:.2f}"] for rate, one in sorted(rates.items())}
        for section, rates in sorted(figures.items())
        if any(one != Amounts() for one in rates.values())
    }
