"""The books: trial balance, the card of an account, entries with their lines and documents, periods."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from finance import operations as finance
from finance import selectors
from finance.forms import EntryFilters, entity_choices
from finance.models import (
    BankStatementLine,
    Capture,
    CourierRemittanceLine,
    FiscalReceipt,
    Invoice,
    JournalEntry,
    LedgerAccount,
    Period,
    Refund,
)
from finance.states import FiscalState, OperationState, PeriodState, StatementState
from finance.views import listing, words
from oms.models import OrderLine
from oms.states import PaymentMethod
from retail.front.charts import BarChart, Series
from retail.front.formats import month_text
from retail.front.keyset import newest_first
from retail.front.toasts import toast
from retail.kernel.access import EDIT_FINANCE, VIEW_FINANCE, may, staff_page
from retail.kernel.clock import business_date
from retail.kernel.errors import Refusal
from retail.kernel.models import LegalEntity
from retail.kernel.money import ZERO
from warehouse.models import StockMove

MONTHS_SHOWN = 12
CARD_SIZE = 100


@dataclass
class Group:
    """Accounts of one class with their sums."""

    code: str
    name: str
    rows: list[selectors.Turnover] = field(default_factory=list)

    def sum(self, name: str) -> Decimal:
        return sum((getattr(row, name) for row in self.rows), ZERO)

    @property
    def sums(self) -> list[Decimal]:
        return [self.sum(name) for name in COLUMNS]


COLUMNS = ("opening_debit", "opening_credit", "debit", "credit", "closing_debit", "closing_credit")


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise


def _span(request: HttpRequest) -> tuple[date, date]:
    """The days of the address; else from the first of the month until today."""
    today = business_date(timezone.now())
    until = _day(request.GET.get("until", ""), today)
    return min(_day(request.GET.get("since", ""), until.replace(day=1)), until), until


@require_GET
@staff_page(VIEW_FINANCE)
def trial_balance(request: HttpRequest) -> HttpResponse:
    entity = listing.entity_of(request)
    since, until = _span(request)
    rows = selectors.turnover(entity_id=entity.pk, since=since, until=until)
    if request.GET.get("moved"):
        rows = [row for row in rows if row.debit or row.credit]
    if request.GET.get("format") == "csv":
        return _as_csv(entity, since, until, rows)
    total = Group("", "", rows)
    period = Period.objects.filter(entity=entity, year=until.year, month=until.month).first()
    return render(
        request,
        "finance/trial_balance.html",
        {
            "entity": entity,
            "entities": entity_choices(request.user),
            "since": since,
            "until": until,
            "only_moved": bool(request.GET.get("moved")),
            "groups": _groups(rows),
            "totals": total.sums,
            "is_balanced": total.sum("debit") == total.sum("credit")
            and total.sum("closing_debit") == total.sum("closing_credit"),
            "difference": total.sum("debit") - total.sum("credit"),
            "inventory": _inventory(entity, until),
            "entry_count": JournalEntry.objects.filter(
                entity=entity, date__gte=since, date__lte=until
            ).count(),
            "period_state": period.state if period else PeriodState.OPEN,
            "month": month_text(until, get_language() or "en"),
            "waits": _before_closing(entity, until),
            "chart": _chart(entity, until),
            "now": timezone.now(),
            "may_edit": may(request.user, EDIT_FINANCE),
        },
    )


def _groups(rows: list[selectors.Turnover]) -> list[Group]:
    found: dict[str, Group] = {}
    for row in rows:
        code = row.code[:1]
        group = found.setdefault(code, Group(code, str(words.ACCOUNT_CLASSES.get(code, code))))
        group.rows.append(row)
    return list(found.values())


def _inventory(entity: LegalEntity, until: date) -> dict[str, Any] | None:
    """The ledger's goods beside the value of stock: the same at any instant, so it is asked for today only."""
    if until < business_date(timezone.now()):
        return None
    ledger, value = selectors.inventory_value(entity_id=entity.pk)
    return {"ledger": ledger, "value": value, "is_equal": ledger == value}


def _chart(entity: LegalEntity, until: date) -> BarChart:
    """Income and expenses of the last year by month, in thousands."""
    months = [until.replace(day=1)]
    while len(months) < MONTHS_SHOWN:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    income, costs = (
        selectors.class_by_month(entity_id=entity.pk, first_digit=digit, since=months[0], until=until)
        for digit in "65"
    )
    return BarChart(
        finding=_("Income by month beside expenses (dashed), in thousands of %(currency)s")
        % {"currency": entity.currency},
        label_head=_("Month"),
        labels=[f"{month.month}/{month:%y}" for month in months],
        bars=Series(_("Income"), [_thousands(-income.get(month, ZERO)) for month in months]),
        compare=Series(_("Expenses"), [_thousands(costs.get(month, ZERO)) for month in months]),
    )


def _thousands(amount: Decimal) -> float:
    return float(round(amount / 1000, 1))


def _before_closing(entity: LegalEntity, until: date) -> list[tuple[str, int, str]]:
    """What should be empty before a month closes: (what, how many wait, its list)."""
    receipts = FiscalReceipt.objects.filter(entity=entity).exclude(state=FiscalState.SIGNED)
    statements = BankStatementLine.objects.filter(entity=entity, state=StatementState.UNMATCHED)
    remittances = CourierRemittanceLine.objects.filter(entity=entity, state=StatementState.UNMATCHED)
    refunds = Refund.objects.filter(payment__order__entity=entity, state=OperationState.PENDING)
    return [
        (
            _("Receipts without a signature"),
            receipts.filter(issued_at__date__lte=until).count(),
            f"{reverse('finance:receipts')}?state=OPEN",
        ),
        (
            _("Statement lines without a match"),
            statements.filter(booked_on__lte=until).count(),
            f"{reverse('finance:statements')}?state=UNMATCHED",
        ),
        (
            _("Remittance lines without a match"),
            remittances.filter(paid_on__lte=until).count(),
            f"{reverse('finance:remittances')}?state=UNMATCHED",
        ),
        (
            _("Refunds that wait for a transfer"),
            refunds.exclude(payment__method=PaymentMethod.CARD).count(),
            reverse("finance:refunds"),
        ),
    ]


def _as_csv(entity: LegalEntity, since: date, until: date, rows: list[selectors.Turnover]) -> HttpResponse:
    """The same table for a spreadsheet."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = (
        f'attachment; filename="trial-balance-{entity.code}-{since}-{until}.csv"'
    )
    writer = csv.writer(response)
    writer.writerow(["account", "name", *COLUMNS])
    for row in rows:
        writer.writerow([row.code, row.name, *(getattr(row, name) for name in COLUMNS)])
    return response


@require_GET
@staff_page(VIEW_FINANCE)
def account_card(request: HttpRequest, code: str) -> HttpResponse:
    account = get_object_or_404(LedgerAccount, code=code)
    entity = listing.entity_of(request)
    since, until = _span(request)
    found = [
        row
        for row in selectors.turnover(entity_id=entity.pk, since=since, until=until)
        if row.code == account.code
    ]
    total = found[0] if found else selectors.Turnover(code, account.name, account.name_en, ZERO, ZERO, ZERO)
    lines = selectors.account_lines(entity_id=entity.pk, code=code, since=since, until=until)
    page = Paginator(lines, CARD_SIZE).get_page(request.GET.get("page"))
    card = selectors.with_balance(total.opening, lines, max(page.start_index() - 1, 0), CARD_SIZE)
    return render(
        request,
        "finance/account.html",
        {
            "account": account,
            "entity": entity,
            "entities": entity_choices(request.user),
            "since": since,
            "until": until,
            "total": total,
            "page": page,
            "before": card.before,
            "rows": [
                (line, balance, words.document_words(line.entry.document_kind))
                for line, balance in card.lines
            ],
            "crumbs": [(_("Trial balance"), _balance_url(entity, since, until)), (code, "")],
        },
    )


def _balance_url(entity: LegalEntity, since: date, until: date) -> str:
    return f"{reverse('finance:trial_balance')}?entity={entity.code}&since={since}&until={until}"


@require_GET
@staff_page(VIEW_FINANCE)
def entry_list(request: HttpRequest) -> HttpResponse:
    kinds = JournalEntry.objects.order_by("document_kind").values_list("document_kind", flat=True).distinct()
    filters = EntryFilters(request, kind=[(kind, words.document_words(kind)) for kind in kinds])
    entries, following = newest_first(
        listing.entries(filters), by="date", cursor=request.GET.get("after", "")
    )
    return render(
        request,
        "finance/entries.html",
        {
            "filters": filters,
            "rows": [(entry, words.document_words(entry.document_kind)) for entry in entries],
            "next": following,
            "now": timezone.now(),
        },
    )


@require_GET
@staff_page(VIEW_FINANCE)
def entry_page(request: HttpRequest, pk: int) -> HttpResponse:
    entry = listing.one(request, JournalEntry.objects.select_related("entity", "by", "reverses"), pk=pk)
    lines = list(entry.lines.select_related("account").order_by("pk"))
    goods = OrderLine.objects.in_bulk({line.order_line_id for line in lines if line.order_line_id})
    return render(
        request,
        "finance/entry.html",
        {
            "entry": entry,
            "kind": words.document_words(entry.document_kind),
            "document_url": words.document_url(entry),
            "lines": [
                (
                    line,
                    goods.get(line.order_line_id or 0),
                    words.source_words(line.source_kind, line.source_key),
                )
                for line in lines
            ],
            "reversed_by": JournalEntry.objects.filter(reverses=entry).first(),
            "papers": _papers(entry),
            "moves": StockMove.objects.filter(entry_id=entry.pk)
            .select_related("variant__product", "from_bin__location", "to_bin__location")
            .order_by("pk"),
            "crumbs": [(_("Journal"), reverse("finance:entries")), (_("Entry %(n)s") % {"n": entry.pk}, "")],
        },
    )


def _papers(entry: JournalEntry) -> list[tuple[str, str, Decimal, str]]:
    """What was written with the entry: (kind, name, amount, address)."""
    papers = [
        (invoice.get_kind_display(), invoice.number, invoice.total, _url("invoice", invoice.number))
        for invoice in Invoice.objects.filter(entry=entry)
    ]
    papers += [
        (
            _("Fiscal receipt"),
            receipt.number or receipt.get_state_display(),
            receipt.total,
            _url("receipt", receipt.pk),
        )
        for receipt in FiscalReceipt.objects.filter(entry=entry).order_by("pk")
    ]
    moves: list[Capture | Refund] = [
        *Capture.objects.filter(entry=entry).select_related("payment"),
        *Refund.objects.filter(entry=entry).select_related("payment"),
    ]
    papers += [
        (
            _("Money received") if isinstance(money, Capture) else _("Money sent back"),
            money.payment.get_method_display(),
            money.amount,
            _url("payment", money.payment.public_id),
        )
        for money in moves
    ]
    papers += [
        (_("Bank statement line"), line.line_key, line.amount, _url("statement", line.pk))
        for line in BankStatementLine.objects.filter(entry=entry)
    ]
    papers += [
        (_("Courier remittance line"), remitted.line_key, remitted.amount, _url("remittance", remitted.pk))
        for remitted in CourierRemittanceLine.objects.filter(entry=entry)
    ]
    return papers


def _url(name: str, key: Any) -> str:
    return reverse(f"finance:{name}", args=[key])


# -- Periods ---------------------------------------------------------------------------------------------------


@require_GET
@staff_page(VIEW_FINANCE)
def periods(request: HttpRequest) -> HttpResponse:
    entity = listing.entity_of(request)
    rows = Period.objects.filter(entity=entity).order_by("-year", "-month")
    language = get_language() or "en"
    return render(
        request,
        "finance/periods.html",
        {
            "entity": entity,
            "entities": entity_choices(request.user),
            "rows": [(row, month_text(date(row.year, row.month, 1), language)) for row in rows[:60]],
            "today": business_date(timezone.now()),
            "waits": _before_closing(entity, business_date(timezone.now())),
            "may_edit": may(request.user, EDIT_FINANCE),
        },
    )


@require_POST
@staff_page(EDIT_FINANCE)
def change_period(request: HttpRequest, year: int, month: int, act: str) -> HttpResponse:
    entity = listing.entity_of(request)
    verb = {"close": finance.close_period, "open": finance.reopen_period}.get(act)
    if verb is None or not 2000 <= year <= 2100:
        raise Http404
    try:
        verb(entity_id=entity.pk, year=year, month=month, by=listing.person(request))
        name = month_text(date(year, month, 1), get_language() or "en")
        said = _("%(month)s is closed.") if act == "close" else _("%(month)s is open again.")
        toast(request, said % {"month": name})
    except Refusal as refusal:
        messages.error(request, words.refusal(refusal))
    return redirect(f"{reverse('finance:periods')}?entity={entity.code}")
