"""What the bank and the couriers say: files read line by line, what fits nothing placed by a person."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import F, Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from finance import workflows as money
from finance.forms import (
    LineFilters,
    MatchForm,
    PayoutForm,
    RemittanceUpload,
    SetAsideForm,
    StatementUpload,
    UploadForm,
)
from finance.models import BankStatementLine, CourierRemittanceLine, Payment
from finance.states import PaymentState, StatementState
from finance.views import listing, words
from finance.views.uploads import bounded_upload, text_of_upload, too_large
from finance.workflows import ImportReport
from oms.models import OrderException
from oms.states import ExceptionState, PaymentMethod
from retail.front.keyset import newest_first
from retail.front.toasts import toast
from retail.kernel.access import EDIT_FINANCE, VIEW_FINANCE, may, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.money import ZERO

CANDIDATES_SHOWN = 8


def _state_tabs(model: type[Model], request: HttpRequest) -> tuple[str, list[tuple[str, str, int]]]:
    state = request.GET.get("state", "")
    counts = listing.counts_by(request, model._default_manager.all(), "state")
    tabs = [("", _("All"), sum(counts.values()))]
    tabs += [(value, str(label), counts.get(value, 0)) for value, label in StatementState.choices]
    return (state if state in StatementState.values else ""), tabs


def _files_answer(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    form: UploadForm,
    report: ImportReport | None,
    status: int,
) -> HttpResponse:
    return render(
        request,
        template,
        {
            **context,
            "form": form,
            "report": report,
            "errors_in_words": [
                (error.line, words.import_error(error.code, error.message)) for error in report.errors
            ]
            if report
            else [],
            "may_edit": may(request.user, EDIT_FINANCE),
            "now": timezone.now(),
        },
        status=status,
    )


def _take(
    request: HttpRequest,
    form: UploadForm,
    read: Callable[[str], ImportReport],
    answer: Callable[..., HttpResponse],
) -> HttpResponse:
    """Read the file of a checked form; what cannot be read at all is said at its field."""
    if not form.is_valid():
        return answer(request, form, status=422)
    try:
        report = read(text_of_upload(form.cleaned_data["file"]))
    except Refusal as refusal:
        form.add_error("file", words.refusal(refusal))
        return answer(request, form, status=422)
    return answer(request, form, report=report)


# -- Bank statements -------------------------------------------------------------------------------------------


@require_GET
@staff_page(VIEW_FINANCE)
def statements(request: HttpRequest) -> HttpResponse:
    return _statements_answer(request, StatementUpload(user=request.user))


def _statements_answer(
    request: HttpRequest, form: UploadForm, *, report: ImportReport | None = None, status: int = 200
) -> HttpResponse:
    filters = LineFilters(request)
    state, tabs = _state_tabs(BankStatementLine, request)
    rows, following = newest_first(
        listing.statement_lines(filters, state), by="booked_on", cursor=request.GET.get("after", "")
    )
    context = {"filters": filters, "state": state, "tabs": tabs, "rows": rows, "next": following}
    return _files_answer(request, "finance/statements.html", context, form, report, status)


@bounded_upload(
    lambda request: _statements_answer(
        request, too_large(StatementUpload({}, {}, user=request.user)), status=413
    )
)
def import_statement(request: HttpRequest) -> HttpResponse:
    form = StatementUpload(request.POST, request.FILES, user=request.user)
    return _take(
        request,
        form,
        lambda text: money.import_bank_statement(
            account=form.cleaned_data["account"], text=text, by=listing.person(request), now=timezone.now()
        ),
        _statements_answer,
    )


@require_GET
@staff_page(VIEW_FINANCE)
def statement(request: HttpRequest, pk: int) -> HttpResponse:
    return _statement_answer(request, pk)


def _statement(request: HttpRequest, pk: int) -> BankStatementLine:
    rows = BankStatementLine.objects.select_related("entity", "entry", "capture__payment__order")
    return listing.one(request, rows, pk=pk)


def _statement_answer(request: HttpRequest, pk: int, form: forms.Form | None = None) -> HttpResponse:
    line = _statement(request, pk)
    return render(
        request,
        "finance/statement.html",
        {
            "line": line,
            "open": line.state != StatementState.MATCHED and not line.note.startswith("Payout"),
            "exception": _exception(f"statement:{line.pk}"),
            "candidates": _candidates(line) if line.state == StatementState.UNMATCHED else [],
            "form": form,
            "match_form": form if isinstance(form, MatchForm) else MatchForm(auto_id="m-%s"),
            "aside_form": form if isinstance(form, SetAsideForm) else SetAsideForm(auto_id="a-%s"),
            "payout_form": form if isinstance(form, PayoutForm) else PayoutForm(auto_id="p-%s"),
            "may_edit": may(request.user, EDIT_FINANCE),
            "crumbs": [(_("Bank statements"), reverse("finance:statements")), (line.line_key, "")],
        },
        status=422 if form is not None else 200,
    )


def _exception(cause_key: str) -> OrderException | None:
    return OrderException.objects.filter(cause_key=cause_key, state=ExceptionState.OPEN).first()


def _candidates(line: BankStatementLine) -> list[Payment]:
    """Transfers that still wait for exactly this much."""
    return list(
        Payment.objects.filter(
            method=PaymentMethod.BANK_TRANSFER,
            state=PaymentState.PENDING,
            order__entity=line.entity,
            currency=line.currency,
        )
        .annotate(missing=F("amount") - F("captured"))
        .filter(missing=line.amount)
        .select_related("order")
        .order_by("created_at")[:CANDIDATES_SHOWN]
    )


def _act_on_statement(
    request: HttpRequest,
    pk: int,
    form: forms.Form,
    field: str,
    act: Callable[[dict[str, Any]], Any],
    said: str,
) -> HttpResponse:
    _statement(request, pk)
    if form.is_valid():
        try:
            act(form.cleaned_data)
        except Refusal as refusal:
            form.add_error(field, words.refusal(refusal))
        else:
            toast(request, said)
            return redirect("finance:statement", pk)
    return _statement_answer(request, pk, form)


@require_POST
@staff_page(EDIT_FINANCE)
def match_statement(request: HttpRequest, pk: int) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        money.match_statement_line(
            line_id=pk, order_number=data["order"], by=listing.person(request), now=timezone.now()
        )

    form = MatchForm(request.POST, auto_id="m-%s")
    return _act_on_statement(request, pk, form, "order", act, _("The payment is matched."))


@require_POST
@staff_page(EDIT_FINANCE)
def set_aside_statement(request: HttpRequest, pk: int) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        money.set_aside_statement_line(
            line_id=pk, reason=data["reason"], by=listing.person(request), now=timezone.now()
        )

    form = SetAsideForm(request.POST, auto_id="a-%s")
    return _act_on_statement(request, pk, form, "reason", act, _("The line is set aside."))


@require_POST
@staff_page(EDIT_FINANCE)
def book_payout(request: HttpRequest, pk: int) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        money.book_payout(
            line_id=pk,
            account=data["payer"],
            fee=Decimal(data["fee"] or ZERO),
            by=listing.person(request),
            now=timezone.now(),
        )

    form = PayoutForm(request.POST, auto_id="p-%s")
    return _act_on_statement(request, pk, form, "payer", act, _("The payout is booked."))


# -- Courier remittances ---------------------------------------------------------------------------------------


@require_GET
@staff_page(VIEW_FINANCE)
def remittances(request: HttpRequest) -> HttpResponse:
    return _remittances_answer(request, RemittanceUpload())


def _remittances_answer(
    request: HttpRequest, form: UploadForm, *, report: ImportReport | None = None, status: int = 200
) -> HttpResponse:
    filters = LineFilters(request)
    state, tabs = _state_tabs(CourierRemittanceLine, request)
    rows, following = newest_first(
        listing.remittance_lines(filters, state), by="paid_on", cursor=request.GET.get("after", "")
    )
    # A courier's line is matched or waits; nobody sets one aside.
    tabs = [tab for tab in tabs if tab[0] != StatementState.SET_ASIDE or tab[2]]
    context = {"filters": filters, "state": state, "tabs": tabs, "rows": rows, "next": following}
    return _files_answer(request, "finance/remittances.html", context, form, report, status)


@bounded_upload(lambda request: _remittances_answer(request, too_large(RemittanceUpload({}, {})), status=413))
def import_remittance(request: HttpRequest) -> HttpResponse:
    form = RemittanceUpload(request.POST, request.FILES)
    return _take(
        request,
        form,
        lambda text: money.import_courier_remittance(
            carrier_code=form.cleaned_data["carrier"],
            text=text,
            by=listing.person(request),
            now=timezone.now(),
        ),
        _remittances_answer,
    )


@require_GET
@staff_page(VIEW_FINANCE)
def remittance(request: HttpRequest, pk: int) -> HttpResponse:
    return _remittance_answer(request, pk)


def _remittance(request: HttpRequest, pk: int) -> CourierRemittanceLine:
    rows = CourierRemittanceLine.objects.select_related("entity", "entry", "capture__payment__order")
    return listing.one(request, rows, pk=pk)


def _remittance_answer(request: HttpRequest, pk: int, form: MatchForm | None = None) -> HttpResponse:
    found = _remittance(request, pk)
    return render(
        request,
        "finance/remittance.html",
        {
            "line": found,
            "open": found.state != StatementState.MATCHED,
            "exception": _exception(f"remittance:{found.pk}"),
            "form": form,
            "match_form": form or MatchForm(auto_id="m-%s"),
            "may_edit": may(request.user, EDIT_FINANCE),
            "crumbs": [(_("Courier remittances"), reverse("finance:remittances")), (found.line_key, "")],
        },
        status=422 if form is not None else 200,
    )


@require_POST
@staff_page(EDIT_FINANCE)
def match_remittance(request: HttpRequest, pk: int) -> HttpResponse:
    _remittance(request, pk)
    form = MatchForm(request.POST, auto_id="m-%s")
    if form.is_valid():
        try:
            money.match_remittance_line(
                line_id=pk,
                order_number=form.cleaned_data["order"],
                by=listing.person(request),
                now=timezone.now(),
            )
        except Refusal as refusal:
            form.add_error("order", words.refusal(refusal))
        else:
            toast(request, _("The payment is matched."))
            return redirect("finance:remittance", pk)
    return _remittance_answer(request, pk, form)
