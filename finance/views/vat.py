"""VAT at SEF: which periods are to be recorded until when, what each comes to by papers and ledger, and the acts that a person has."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from finance import selectors, vat
from finance.forms import entity_choices
from finance.models import VatRecord
from finance.operations import vat_records
from finance.providers import sef_documents
from finance.selectors import VatOfPeriod
from finance.states import VatRecordState
from finance.vat import Amounts, Section, TaxPeriod
from finance.views import listing, words
from retail.front.formats import month_text
from retail.front.toasts import toast
from retail.kernel.access import EDIT_FINANCE, VIEW_FINANCE, may, staff_page
from retail.kernel.clock import business_date
from retail.kernel.errors import Refusal
from retail.kernel.models import LegalEntity

PERIODS = 6
RECORDS_SHOWN = 200


@require_GET
@staff_page(VIEW_FINANCE)
def work(request: HttpRequest) -> HttpResponse:
    entity, now = listing.entity_of(request), timezone.now()
    today = business_date(now)
    rows = selectors.work_list(entity=entity, now=now, periods=PERIODS)
    return render(
        request,
        "finance/vat.html",
        {
            "entity": entity,
            "entities": entity_choices(request.user),
            "has_key": entity in sef_documents.keys(),  # noqa: SIM118 - a function, no dictionary
            "records_retail": settings.VAT_RECORDS_RETAIL,
            "rows": [
                (
                    one,
                    _name(one.period),
                    one.is_late(today),
                    [one.vat.papers_of(rate) for rate in vat.RATES],
                )
                for one in rows
            ],
            "now": now,
        },
    )


@require_GET
@staff_page(VIEW_FINANCE)
def period_page(request: HttpRequest, year: int, number: int) -> HttpResponse:
    entity, period, now = listing.entity_of(request), _period(year, number), timezone.now()
    one = selectors.work_of_period(entity=entity, period=period, now=now)
    records = VatRecord.objects.filter(entity=entity, year=year, period=number).order_by("-pk")
    edits = may(request.user, EDIT_FINANCE)
    return render(
        request,
        "finance/vat_period.html",
        {
            "entity": entity,
            "work": one,
            "name": _name(period),
            "is_late": one.is_late(business_date(now)),
            "figures": _figures(one.vat),
            "sums": [
                (rate, one.vat.papers_of(rate), one.vat.ledger[rate], one.vat.papers_of(rate) - one.vat.ledger[rate])
                for rate in vat.RATES
            ],
            "records": [
                (
                    record,
                    _tax_of(record),
                    words.einvoice_error(record.error_code),
                    edits and record.state == VatRecordState.REFUSED,
                    edits and record.state == VatRecordState.RECORDED and not record.is_to_be_canceled,
                )
                for record in records[:RECORDS_SHOWN]
            ],
            "can_record": edits and one.state in ("TO_RECORD", "CHANGED"),
            "records_retail": settings.VAT_RECORDS_RETAIL,
            "crumbs": [(_("VAT records"), _list_url(entity)), (_name(period), "")],
        },
    )  # fmt: skip


def _tax_of(record: VatRecord) -> Decimal:
    figures = {
        section: {Decimal(rate): Amounts(Decimal(base), Decimal(tax)) for rate, (base, tax) in rates.items()}
        for section, rates in record.figures.items()
    }
    return sum(vat.tax_of(figures).values(), Decimal("0.00"))


def _figures(found: VatOfPeriod) -> list[tuple[str, list[tuple[str, Decimal, Amounts]]]]:
    """Who says it, and each line of it: (what, rate, amounts)."""
    what = {
        Section.TURNOVER: pgettext("VAT", "Turnover"),
        Section.PREPAYMENT: pgettext("VAT", "Advances"),
        Section.REDUCTION: pgettext("VAT", "Reductions"),
        Section.PREPAYMENT_REDUCTION: pgettext("VAT", "Advances returned"),
    }
    parts = [
        (_("Electronic invoices"), found.at_sef),
        (_("Companies outside SEF: single records"), found.companies),
        (_("Persons: summary record"), found.persons),
    ]
    return [
        (
            title,
            [
                (word, rate, figures[section][rate])
                for section, word in what.items()
                if section in figures
                for rate in vat.RATES
                if figures[section].get(rate, Amounts()) != Amounts()
            ],
        )
        for title, figures in parts
    ]


@require_POST
@staff_page(EDIT_FINANCE)
def record_period(request: HttpRequest, year: int, number: int) -> HttpResponse:
    entity, period = listing.entity_of(request), _period(year, number)
    try:
        made = vat_records.record_period(
            entity=entity, period=period, by=listing.person(request), now=timezone.now()
        )
        toast(request, _("SEF is told.") if made else _("Everything is recorded already."))
    except Refusal as refusal:
        messages.error(request, words.refusal(refusal))
    return _to_period(entity, period)


@require_POST
@staff_page(EDIT_FINANCE)
def retry_record(request: HttpRequest, pk: int) -> HttpResponse:
    record = _record(request, pk)
    try:
        vat_records.retry_record(record_id=record.pk, by=listing.person(request), now=timezone.now())
        toast(request, _("It is being sent again."))
    except Refusal as refusal:
        messages.error(request, words.refusal(refusal))
    return _to_period(record.entity, TaxPeriod(record.year, record.period))


@require_POST
@staff_page(EDIT_FINANCE)
def cancel_record(request: HttpRequest, pk: int) -> HttpResponse:
    record = _record(request, pk)
    try:
        vat_records.cancel_record(record_id=record.pk, by=listing.person(request), now=timezone.now())
        toast(request, _("It is being withdrawn at SEF."))
    except Refusal as refusal:
        messages.error(request, words.refusal(refusal))
    return _to_period(record.entity, TaxPeriod(record.year, record.period))


def _record(request: HttpRequest, pk: int) -> VatRecord:
    return listing.one(request, VatRecord.objects.select_related("entity"), pk=pk)


def _period(year: int, number: int) -> TaxPeriod:
    if not vat.is_period(year, number):
        raise Http404
    return TaxPeriod(year, number)


def _name(period: TaxPeriod) -> str:
    if not period.is_quarter:
        return month_text(date(period.year, period.number, 1), get_language() or "en")
    return _("quarter %(n)s of %(year)s") % {"n": period.number - vat.FIRST_QUARTER + 1, "year": period.year}


def _list_url(entity: LegalEntity) -> str:
    return f"{reverse('finance:vat')}?entity={entity.code}"


def _to_period(entity: LegalEntity, period: TaxPeriod) -> HttpResponse:
    address = reverse("finance:vat_period", args=[period.year, period.number])
    return redirect(f"{address}?entity={entity.code}")
