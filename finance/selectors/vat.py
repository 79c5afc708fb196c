"""What a company owes in VAT for a period, by the papers that say so and by the ledger: two independent sums."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, Sum
from django.db.models.functions import Coalesce

from finance import vat
from finance.models import FiscalReceipt, Invoice, JournalEntry, JournalLine, VatRecord
from finance.models.vat import LIVE
from finance.states import FiscalKind, FiscalState, InvoiceKind, VatRecordKind, VatRecordState
from finance.vat import Amounts, Document, Figures, Section, TaxPeriod
from oms.states import PaperKind
from retail.kernel.clock import business_date
from retail.kernel.models import Holiday, LegalEntity
from retail.kernel.money import ZERO

CLOSING = "advance_closing:"
ACCOUNTS = {Decimal(20): ("4700", "4720", "4760"), Decimal(10): ("4710", "4730", "4761")}

_RECEIPTS = """
SELECT o.paper, r.kind, r.transaction, starts_with(r.cause_key, %(closing)s), t.rate, sum(t.net), sum(t.tax)
  FROM finance_fiscalreceipt r
  JOIN finance_journalentry e ON e.id = r.entry_id
  JOIN oms_order o ON o.id = r.order_id
 CROSS JOIN LATERAL jsonb_to_recordset(r.tax_by_rate) AS t(rate numeric, net numeric, tax numeric)
 WHERE r.entity_id = %(entity)s AND e.date BETWEEN %(first)s AND %(last)s
 GROUP BY 1, 2, 3, 4, 5
"""
_INVOICES = """
SELECT i.kind, c.kind, t.rate, sum(t.net), sum(t.tax)
  FROM (SELECT id, kind, credits_id, entry_id, order_id, tax_by_rate AS rows FROM finance_invoice
         WHERE entity_id = %(entity)s AND replaces_id IS NULL AND NOT is_imported
        UNION ALL
        SELECT id, 'CLOSING', NULL, entry_id, order_id, prepaid_by_rate FROM finance_invoice
         WHERE entity_id = %(entity)s AND replaces_id IS NULL AND NOT is_imported) i
  JOIN finance_journalentry e ON e.id = i.entry_id
  JOIN oms_order o ON o.id = i.order_id AND o.paper = 'SEF'
  LEFT JOIN finance_invoice c ON c.id = i.credits_id
 CROSS JOIN LATERAL jsonb_to_recordset(i.rows) AS t(rate numeric, net numeric, tax numeric)
 WHERE e.date BETWEEN %(first)s AND %(last)s
 GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class VatOfPeriod:
    """Electronic invoices say it themselves; companies outside SEF have single records, persons one summary."""

    period: TaxPeriod
    at_sef: Figures = field(default_factory=dict)
    companies: Figures = field(default_factory=dict)
    persons: Figures = field(default_factory=dict)
    ledger: dict[Decimal, Decimal] = field(default_factory=dict)

    def papers_of(self, rate: Decimal) -> Decimal:
        return sum(
            (vat.tax_of(figures)[rate] for figures in (self.at_sef, self.companies, self.persons)), ZERO
        )

    @property
    def agrees(self) -> bool:
        return all(self.papers_of(rate) == self.ledger[rate] for rate in vat.RATES)


def vat_of_period(*, entity: LegalEntity, period: TaxPeriod) -> VatOfPeriod:
    """Three statements."""
    found = VatOfPeriod(period, ledger=_ledger(entity, period))
    span: dict[str, int | str | date] = {
        "entity": entity.pk,
        "first": period.first,
        "last": period.last,
        "closing": CLOSING,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECEIPTS, span)
        for paper, kind, transaction, is_closing, rate, net, tax in cursor.fetchall():
            figures = found.companies if paper == PaperKind.FISCAL_COMPANY else found.persons
            section = vat.section_of(kind=kind, transaction=transaction, is_closing=is_closing)
            vat.add(figures, section, rate, Amounts(net, tax), sign=-1 if is_closing else 1)
        cursor.execute(_INVOICES, span)
        for kind, credited, rate, net, tax in cursor.fetchall():
            section, sign = _section(kind, credited)
            vat.add(found.at_sef, section, rate, Amounts(net, tax), sign=sign)
    return found


def _section(kind: str, credited: str | None) -> tuple[str, int]:
    if kind == InvoiceKind.ADVANCE:
        return Section.PREPAYMENT, 1
    if kind == InvoiceKind.CREDIT_NOTE:
        return (Section.PREPAYMENT_REDUCTION if credited == InvoiceKind.ADVANCE else Section.REDUCTION), 1
    return Section.TURNOVER, -1 if kind == "CLOSING" else 1


def _ledger(entity: LegalEntity, period: TaxPeriod) -> dict[Decimal, Decimal]:
    """What the period added to the output VAT of each rate."""
    codes = [code for accounts in ACCOUNTS.values() for code in accounts]
    sums = dict(
        JournalLine.objects.filter(
            entry__entity=entity, entry__date__range=(period.first, period.last), account__code__in=codes
        )
        .values_list("account__code")
        .annotate(owed=Coalesce(Sum("credit") - Sum("debit"), ZERO))
    )
    return {
        rate: sum((sums.get(code, ZERO) for code in accounts), ZERO) for rate, accounts in ACCOUNTS.items()
    }


def vat_documents(*, entity: LegalEntity, period: TaxPeriod) -> list[tuple[FiscalReceipt, Document]]:
    """Every paper of the period to a company outside SEF, oldest first. Without a number yet when its receipt is not signed."""
    receipts = (
        FiscalReceipt.objects.filter(
            entity=entity,
            entry__date__range=(period.first, period.last),
            order__paper=PaperKind.FISCAL_COMPANY,
        )
        .exclude(cause_key__startswith=CLOSING)
        .select_related("order", "referent")
        .order_by("pk")
    )
    found = list(receipts)
    numbers = _invoice_numbers({receipt.entry_id or 0 for receipt in found})
    return [
        (receipt, _document(receipt, numbers))
        for receipt in found
        if any(Decimal(row["tax"]) for row in receipt.tax_by_rate)
    ]


def _invoice_numbers(entries: Iterable[int]) -> dict[int, tuple[str, str]]:
    """By entry: the invoice or credit note that was written with it, and what that one credits."""
    rows = Invoice.objects.filter(entry__in=entries, replaces__isnull=True)
    return {
        entry: (number, source or "")
        for entry, number, source in rows.values_list("entry", "number", "credits__number")
        if entry is not None
    }


def _document(receipt: FiscalReceipt, numbers: dict[int, tuple[str, str]]) -> Document:
    section = vat.section_of(kind=receipt.kind, transaction=receipt.transaction, is_closing=False)
    of_receipt: Figures = {}
    _add_rows(of_receipt, section, receipt.tax_by_rate, 1)
    referent = receipt.referent
    if section == Section.TURNOVER and referent is not None and referent.kind == FiscalKind.ADVANCE:
        _add_rows(of_receipt, section, referent.tax_by_rate, -1)
    own = receipt.number if receipt.state == FiscalState.SIGNED else ""
    number, source = numbers.get(receipt.entry_id or 0, (own, ""))
    return Document(
        number=number,
        buyer=receipt.order.company_pib,
        order_number=receipt.order.number,
        section=section,
        rates=of_receipt.get(section, {}),
        source=source or (referent.number if referent and section.endswith("REDUCTION") else ""),
    )


def _add_rows(figures: Figures, section: str, rows: list[dict[str, str]], sign: int) -> None:
    for row in rows:
        amounts = Amounts(Decimal(row["net"]), Decimal(row["tax"]))
        vat.add(figures, section, Decimal(row["rate"]), amounts, sign=sign)


def running_period(*, entity: LegalEntity, now: datetime) -> TaxPeriod:
    """The tax period that runs."""
    return vat.period_of(business_date(now), is_quarterly=entity.code in settings.VAT_QUARTERLY)


def missing_documents(*, entity: LegalEntity, period: TaxPeriod) -> list[tuple[FiscalReceipt, Document]]:
    """The papers to companies outside SEF that no record tells of."""
    known = set(
        VatRecord.objects.filter(entity=entity, receipt__isnull=False, state__in=LIVE).values_list(
            "receipt", flat=True
        )
    )
    papers = vat_documents(entity=entity, period=period)
    return [(receipt, document) for receipt, document in papers if receipt.pk not in known]


def summary_standing(*, entity: LegalEntity, period: TaxPeriod) -> VatRecord | None:
    """The newest summary of the period that is not out of the way."""
    rows = VatRecord.objects.filter(
        entity=entity,
        year=period.year,
        period=period.number,
        kind=VatRecordKind.SUMMARY,
        state__in=LIVE,
    )
    return rows.order_by("-pk").first()


# -- The list of what is to be recorded ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PeriodWork:
    """A period as the accountant sees it: what it owes, until when, and how far that has come."""

    vat: VatOfPeriod
    due_on: date
    is_over: bool
    missing: int
    records: dict[str, int]
    is_summary_due: bool

    @property
    def period(self) -> TaxPeriod:
        return self.vat.period

    @property
    def state(self) -> str:
        """What is most pressing about it."""
        if not self.is_over:
            return "RUNNING"
        if self.records.get(VatRecordState.REFUSED):
            return "REFUSED"
        if self.records.get(VatRecordState.QUEUED):
            return "UNDER_WAY"
        if self.missing or self.is_summary_due:
            return "CHANGED" if self.records.get(VatRecordState.RECORDED) else "TO_RECORD"
        return "DONE" if self.records.get(VatRecordState.RECORDED) else "NOTHING"

    def is_late(self, today: date) -> bool:
        return today > self.due_on and self.state not in ("DONE", "NOTHING")


def work_of_period(*, entity: LegalEntity, period: TaxPeriod, now: datetime) -> PeriodWork:
    found = vat_of_period(entity=entity, period=period)
    standing = summary_standing(entity=entity, period=period)
    rows = VatRecord.objects.filter(entity=entity, year=period.year, period=period.number)
    counts = dict(rows.order_by().values_list("state").annotate(count=Count("pk")))
    recorded = standing.figures if standing else {}
    return PeriodWork(
        vat=found,
        due_on=period.due_on(_days_off(entity.country, period.last)),
        is_over=period.last < business_date(now),
        missing=len(missing_documents(entity=entity, period=period)),
        records=counts,
        is_summary_due=settings.VAT_RECORDS_RETAIL and recorded != vat.stored(found.persons),
    )


def work_list(*, entity: LegalEntity, now: datetime, periods: int) -> list[PeriodWork]:
    """The running period and those before it, newest first, as far as there are books."""
    first = JournalEntry.objects.filter(entity=entity).aggregate(first=Min("date"))["first"]
    period = running_period(entity=entity, now=now)
    found: list[PeriodWork] = []
    while first is not None and len(found) < periods and period.last >= first:
        found.append(work_of_period(entity=entity, period=period, now=now))
        period = period.before
    return found


def _days_off(country: str, since: date) -> set[date]:
    return set(Holiday.objects.filter(country=country, date__gte=since).values_list("date", flat=True))
