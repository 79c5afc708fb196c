"""Payments with everything that happened to them, and the refunds that wait for a transfer."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from finance import operations as finance
from finance import selectors
from finance import workflows as money
from finance.forms import PaymentFilters, RefundFilters
from finance.models import BankStatementLine, Capture, CourierRemittanceLine, Payment, Refund
from finance.states import OperationState, PaymentState
from finance.views import listing, words
from oms.states import PaymentMethod
from retail.front.formats import cell_text, money_text
from retail.front.keyset import newest_first
from retail.front.parts import MoneyCell
from retail.front.toasts import toast
from retail.kernel.access import EDIT_FINANCE, VIEW_FINANCE, may, of_seen_entities, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.identifiers import format_account, parse_account

REFUNDS_SHOWN = 200


@require_GET
@staff_page(VIEW_FINANCE)
def payment_list(request: HttpRequest) -> HttpResponse:
    filters = PaymentFilters(request)
    found, following = newest_first(
        listing.payments(filters), by="created_at", cursor=request.GET.get("after", "")
    )
    waiting = of_seen_entities(
        Refund.objects.filter(state=OperationState.PENDING).exclude(payment__method=PaymentMethod.CARD),
        request.user,
        "payment__order__entity",
    )
    return render(
        request,
        "finance/payments.html",
        {
            "filters": filters,
            "rows": [(payment, words.failure_words(payment.failure)) for payment in found],
            "next": following,
            "refunds_waiting": waiting.count(),
            "now": timezone.now(),
        },
    )


@require_GET
@staff_page(VIEW_FINANCE)
def payment_page(request: HttpRequest, public_id: str) -> HttpResponse:
    payment = listing.one(
        request, Payment.objects.select_related("order__entity"), "order__entity", public_id=public_id
    )
    is_card = payment.method == PaymentMethod.CARD
    captures = list(payment.captures.select_related("shipment").order_by("pk"))
    is_waiting_transfer = (
        payment.method == PaymentMethod.BANK_TRANSFER and payment.state == PaymentState.PENDING
    )
    return render(
        request,
        "finance/payment.html",
        {
            "payment": payment,
            "is_card": is_card,
            "failure": words.failure_words(payment.failure),
            "money": _strip(payment),
            "captures": [(one, words.failure_words(one.failure), _came_from(one)) for one in captures],
            "refunds": [
                (one, words.failure_words(one.failure))
                for one in payment.refunds.select_related("parent_return").order_by("pk")
            ],
            "events": [
                (
                    event,
                    words.outcome_words(event.outcome),
                    json.dumps(event.payload, indent=2, ensure_ascii=False),
                )
                for event in payment.events.order_by("-received_at", "-pk")
            ],
            "others": Payment.objects.filter(order=payment.order).exclude(pk=payment.pk).order_by("attempt"),
            "transfer": selectors.transfer_instructions(payment_id=payment.pk)
            if is_waiting_transfer
            else None,
            "can_ask": is_card and bool(payment.provider) and may(request.user, EDIT_FINANCE),
            "crumbs": [
                (_("Payments"), reverse("finance:payments")),
                (f"{payment.order.number} · {payment.attempt}", ""),
            ],
        },
    )


def _strip(payment: Payment) -> list[MoneyCell]:
    left = payment.amount - payment.captured
    cells = [MoneyCell(_("Asked"), payment.amount)]
    if payment.method == PaymentMethod.CARD:
        cells.append(
            MoneyCell(
                _("Authorized"),
                payment.authorized,
                _("given back %(amount)s") % {"amount": money_text(payment.voided, get_language() or "en")}
                if payment.voided
                else "",
            )
        )
    cells += [MoneyCell(_("Captured"), payment.captured), MoneyCell(_("Refunded"), payment.refunded)]
    is_live = payment.state in (PaymentState.PENDING, PaymentState.AUTHORIZED)
    return [
        *cells,
        MoneyCell(
            _("Left to collect"),
            max(left, 0 * left) if is_live else 0 * left,
            state="due" if is_live and left > 0 else "even",
        ),
    ]


def _came_from(capture: Capture) -> tuple[str, str]:
    """Which line of a statement or list brought the money: (words, address)."""
    line = BankStatementLine.objects.filter(capture=capture).first()
    if line is not None:
        return _("statement line %(key)s") % {"key": line.line_key}, reverse(
            "finance:statement", args=[line.pk]
        )
    listed = CourierRemittanceLine.objects.filter(capture=capture).first()
    if listed is not None:
        return _("remittance line %(key)s") % {"key": listed.line_key}, reverse(
            "finance:remittance", args=[listed.pk]
        )
    return "", ""


@require_POST
@staff_page(EDIT_FINANCE)
def ask_provider(request: HttpRequest, public_id: str) -> HttpResponse:
    """A message may have been lost: the provider is asked how the payment stands, and that is acted on."""
    payment = listing.one(request, Payment.objects.all(), "order__entity", public_id=public_id)
    try:
        outcome = money.refresh_payment(payment_id=payment.pk, now=timezone.now())
        toast(request, _("The provider was asked: %(outcome)s") % {"outcome": words.outcome_words(outcome)})
    except Refusal as refusal:
        messages.error(request, words.refusal(refusal))
    return redirect("finance:payment", public_id)


# -- Refunds ---------------------------------------------------------------------------------------------------


@require_GET
@staff_page(VIEW_FINANCE)
def refund_list(request: HttpRequest) -> HttpResponse:
    """Transfers that wait for the accountant first; with a state, any refund."""
    filters = RefundFilters(request)
    rows = listing.refunds(filters)
    is_queue = not filters.text("state")
    if is_queue:
        rows = rows.filter(state=OperationState.PENDING).exclude(payment__method=PaymentMethod.CARD)
    if request.GET.get("format") == "csv":
        return _payment_orders(rows.order_by("created_at", "pk"))
    total = rows.aggregate(total=Sum("amount"))["total"]
    shown = rows.order_by("created_at" if is_queue else "-created_at", "pk")[:REFUNDS_SHOWN]
    return render(
        request,
        "finance/refunds.html",
        {
            "filters": filters,
            "is_queue": is_queue,
            "rows": [
                (refund, _shown_account(refund), words.failure_words(refund.failure)) for refund in shown
            ],
            "total": total,
            "count": rows.count(),
            "may_edit": may(request.user, EDIT_FINANCE),
            "now": timezone.now(),
        },
    )


def _shown_account(refund: Refund) -> str:
    digits = parse_account(refund.bank_account) if refund.bank_account else None
    return format_account(digits) if digits else refund.bank_account


def _payment_orders(rows: Iterable[Refund]) -> HttpResponse:
    """The list for the bank: whom to pay, where, how much, for what."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="payment-orders-{timezone.localdate()}.csv"'
    writer = csv.writer(response)
    writer.writerow(["refund", "recipient", "account", "amount", "currency", "purpose", "order"])
    for refund in rows:
        order = refund.payment.order
        writer.writerow(
            [
                refund.public_id,
                cell_text(order.company_name or order.name),
                refund.bank_account,
                refund.amount,
                refund.payment.currency,
                cell_text(f"Povraćaj {order.number}"),
                order.number,
            ]
        )
    return response


@require_POST
@staff_page(EDIT_FINANCE)
def settle_refunds(request: HttpRequest) -> HttpResponse:
    """The bank carried out these payment orders. Each is settled by itself; what is refused says so by its order."""
    chosen = request.POST.getlist("id")[:REFUNDS_SHOWN]
    refunds = {
        refund.public_id: refund
        for refund in of_seen_entities(
            Refund.objects.filter(public_id__in=chosen), request.user, "payment__order__entity"
        ).select_related("payment__order")
    }
    done = 0
    for public_id in chosen:
        refund = refunds.get(public_id)
        if refund is None:
            continue
        try:
            finance.settle_refund(
                refund_id=refund.pk,
                by=listing.person(request),
                now=timezone.now(),
                bank_account=request.POST.get(f"account-{public_id}", "").strip(),
            )
            done += 1
        except Refusal as refusal:
            messages.error(request, f"{refund.payment.order.number}: {words.refusal(refusal)}")
    if not chosen:
        messages.error(request, _("Choose the refunds that the bank carried out."))
    if done:
        said: dict[str, Any] = {"n": done}
        toast(request, ngettext("%(n)s refund settled.", "%(n)s refunds settled.", done) % said)
    return redirect("finance:refunds")
