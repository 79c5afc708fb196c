"""What the lists of finance share: filters to querysets through an allow-list, and the company that a page is about."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from django.db.models import Count, Model, Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from finance.forms import Filters
from finance.models import (
    BankStatementLine,
    CourierRemittanceLine,
    EInvoice,
    FiscalReceipt,
    Invoice,
    JournalEntry,
    JournalLine,
    Payment,
    PurchaseInvoice,
    Refund,
)
from retail.kernel.access import of_seen_entities
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.models import LegalEntity, User

M = TypeVar("M", bound=Model)


def person(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


def entity_of(request: HttpRequest) -> LegalEntity:
    """The company of the address, else the first one."""
    code = request.GET.get("entity") or request.POST.get("entity") or ""
    rows = of_seen_entities(LegalEntity.objects.order_by("pk"), request.user, "pk")
    found = rows.filter(code=code).first() if code else rows.first()
    if found is None:
        raise Http404
    return found


def one(request: HttpRequest, rows: QuerySet[M], path: str = "entity", **key: Any) -> M:
    """A record of a company that the person sees; any other is not there."""
    return get_object_or_404(of_seen_entities(rows, request.user, path), **key)


def counts_by(request: HttpRequest, rows: QuerySet[Any], field: str, path: str = "entity") -> dict[str, int]:
    """How many of each state, among what the person sees."""
    seen = of_seen_entities(rows, request.user, path)
    return dict(seen.order_by().values_list(field).annotate(n=Count("pk")))


def _of_entity(rows: QuerySet[M], filters: Filters, path: str = "entity") -> QuerySet[M]:
    rows = of_seen_entities(rows, filters.user, path)
    code = filters.text("entity")
    return rows.filter(**{f"{path}__code": code}) if code else rows


def _in_days(rows: QuerySet[M], filters: Filters, field: str) -> QuerySet[M]:
    """Between two days of the business, both included; `field` is a day or a moment."""
    is_moment = field.endswith("_at")
    since, until = filters.value("since"), filters.value("until")
    if since:
        rows = rows.filter(**{f"{field}__gte": _start(since) if is_moment else since})
    if until:
        bound = _start(until + timedelta(days=1)) if is_moment else until + timedelta(days=1)
        rows = rows.filter(**{f"{field}__lt": bound})
    return rows


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), BUSINESS_ZONE)


def entries(filters: Filters) -> QuerySet[JournalEntry]:
    rows = _in_days(_of_entity(JournalEntry.objects.all(), filters), filters, "date")
    if kind := filters.text("kind"):
        rows = rows.filter(document_kind=kind)
    if order := filters.text("order").upper():
        rows = rows.filter(order_number=order)
    if account := filters.text("account"):
        lines = JournalLine.objects.filter(account__code__startswith=account)
        rows = rows.filter(pk__in=lines.values("entry"))
    if text := filters.text("q"):
        found = Q(document_key__iexact=text) | Q(order_number__iexact=text)
        rows = rows.filter(found | Q(pk=int(text)) if text.isdigit() and len(text) < 18 else found)
    return rows.select_related("entity").prefetch_related("lines__account")


def invoices(filters: Filters) -> QuerySet[Invoice]:
    rows = _in_days(_of_entity(Invoice.objects.all(), filters), filters, "issued_on")
    if kind := filters.text("kind"):
        rows = rows.filter(kind=kind)
    if text := filters.text("q"):
        rows = rows.filter(
            Q(number__icontains=text)
            | Q(buyer_name__icontains=text)
            | Q(buyer_pib=text)
            | Q(order__number__iexact=text)
        )
    return rows.select_related("order", "entity", "credits")


def einvoices(filters: Filters, state: str) -> QuerySet[EInvoice]:
    rows = _in_days(_of_entity(EInvoice.objects.all(), filters, "invoice__entity"), filters, "created_at")
    if state:
        rows = rows.filter(state=state)
    if kind := filters.text("kind"):
        rows = rows.filter(invoice__kind=kind)
    if text := filters.text("q"):
        found = (
            Q(invoice__number__icontains=text)
            | Q(invoice__buyer_name__icontains=text)
            | Q(invoice__buyer_pib=text)
            | Q(invoice__order__number__iexact=text)
        )
        rows = rows.filter(found | Q(sales_id=int(text)) if text.isdigit() and len(text) < 18 else found)
    return rows.select_related("invoice__order", "invoice__entity").defer("document")


def purchases(filters: Filters, state: str) -> QuerySet[PurchaseInvoice]:
    rows = _in_days(_of_entity(PurchaseInvoice.objects.all(), filters), filters, "sent_on")
    if state:
        rows = rows.filter(status=state)
    if text := filters.text("q"):
        rows = rows.filter(
            Q(number__icontains=text) | Q(supplier_name__icontains=text) | Q(supplier_pib=text)
        )
    return rows


def receipts(filters: Filters, state: str) -> QuerySet[FiscalReceipt]:
    rows = _in_days(_of_entity(FiscalReceipt.objects.all(), filters), filters, "issued_at")
    if state:
        rows = rows.filter(state=state)
    if kind := filters.text("kind"):
        rows = rows.filter(kind=kind)
    if text := filters.text("q"):
        rows = rows.filter(Q(number__iexact=text) | Q(order__number__iexact=text) | Q(request_id=text))
    return rows.select_related("order", "entity")


def payments(filters: Filters) -> QuerySet[Payment]:
    rows = _in_days(_of_entity(Payment.objects.all(), filters, "order__entity"), filters, "created_at")
    for name in ("state", "method"):
        if value := filters.text(name):
            rows = rows.filter(**{name: value})
    if text := filters.text("q"):
        bare = text.replace(" ", "")
        rows = rows.filter(
            Q(order__number__iexact=text)
            | Q(reference=bare)
            | Q(provider_ref=text)
            | Q(public_id=bare)
            | Q(order__name__icontains=text)
        )
    return rows.select_related("order")


def refunds(filters: Filters) -> QuerySet[Refund]:
    rows = _of_entity(Refund.objects.all(), filters, "payment__order__entity")
    if state := filters.text("state"):
        rows = rows.filter(state=state)
    if text := filters.text("q"):
        rows = rows.filter(
            Q(payment__order__number__iexact=text)
            | Q(bank_account__contains="".join(c for c in text if c.isdigit()) or text)
        )
    return rows.select_related("payment__order", "parent_return")


def statement_lines(filters: Filters, state: str) -> QuerySet[BankStatementLine]:
    rows = _in_days(_of_entity(BankStatementLine.objects.all(), filters), filters, "booked_on")
    if state:
        rows = rows.filter(state=state)
    if text := filters.text("q"):
        rows = rows.filter(
            Q(payer__icontains=text)
            | Q(reference__icontains=text)
            | Q(purpose__icontains=text)
            | Q(line_key=text)
            | Q(capture__payment__order__number__iexact=text)
        )
    return rows.select_related("capture__payment__order")


def remittance_lines(filters: Filters, state: str) -> QuerySet[CourierRemittanceLine]:
    rows = _in_days(_of_entity(CourierRemittanceLine.objects.all(), filters), filters, "paid_on")
    if state:
        rows = rows.filter(state=state)
    if text := filters.text("q"):
        rows = rows.filter(
            Q(tracking_number__iexact=text)
            | Q(line_key=text)
            | Q(capture__payment__order__number__iexact=text)
        )
    return rows.select_related("capture__payment__order")
