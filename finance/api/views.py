"""The books by API: papers, ledger, what banks and couriers say, and the door for messages of payment providers."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from finance import selectors
from finance import workflows as money
from finance.api import shapes
from finance.models import (
    BankStatementLine,
    CourierRemittanceLine,
    Invoice,
    JournalEntry,
    LedgerAccount,
    PaymentEvent,
)
from finance.operations.payments import CARD_SERVICE
from finance.states import InvoiceKind, StatementState
from retail.kernel.access import entities_of, of_seen_entities
from retail.kernel.clock import business_date
from retail.kernel.errors import InvalidInput, NotFound
from retail.kernel.models import LegalEntity
from retail.rest.fields import choice_values, day_of, read
from retail.rest.paging import page
from retail.rest.parsers import BodyTooLarge, CsvParser, JsonParser
from retail.rest.views import ApiView

logger = logging.getLogger("onerow.finance")
FILE_BYTES_MAX = 5_000_000
Row = TypeVar("Row", bound=Model)
AFTER = OpenApiParameter("after", OpenApiTypes.STR, description="cursor of the page before")
LIMIT = OpenApiParameter("limit", OpenApiTypes.INT, description="rows a page, 1 to 100")
ENTITY = OpenApiParameter(
    "entity", OpenApiTypes.STR, description="code of the company; the only one when left out"
)


class UnknownEntity(NotFound):
    code = "UNKNOWN_ENTITY"


class UnknownInvoice(NotFound):
    code = "UNKNOWN_INVOICE"


class UnknownProvider(NotFound):
    code = "UNKNOWN_PROVIDER"


def _seen(request: Request, rows: QuerySet[Row]) -> QuerySet[Row]:
    """A key sees what its user sees."""
    return of_seen_entities(rows, request.user)


def entity_of(request: Request) -> LegalEntity:
    code = request.query_params.get("entity", "")
    rows = of_seen_entities(LegalEntity.objects.order_by("pk"), request.user, "pk")
    if code:
        found = rows.filter(code=code).first()
    else:
        some = list(rows[:2])
        if len(some) > 1:
            raise InvalidInput("There are several companies: say which entity.", field="entity")
        found = some[0] if some else None
    if found is None:
        raise UnknownEntity("There is no such company.", entity=code[:20])
    return found


# -- Papers ----------------------------------------------------------------------------------------------------


class InvoiceList(ApiView):
    scopes = {"GET": "finance:read"}
    kinds: tuple[str, ...] = tuple(choice_values(InvoiceKind))

    def listed(self, request: Request) -> Response:
        rows = _seen(request, Invoice.objects.filter(kind__in=self.kinds))
        rows = rows.select_related("entity", "order", "credits")
        if order := request.query_params.get("order", ""):
            rows = rows.filter(order__number=order)
        if since := request.query_params.get("issued_from", ""):
            rows = rows.filter(issued_on__gte=day_of(since, "issued_from"))
        return page(
            request,
            rows,
            by=("-issued_on", "-id"),
            show=lambda found: [shapes.show_invoice_row(one) for one in found],
        )


INVOICE_FILTERS = [
    OpenApiParameter("order", OpenApiTypes.STR, description="order number"),
    OpenApiParameter("issued_from", OpenApiTypes.DATE),
    AFTER,
    LIMIT,
]


class Invoices(InvoiceList):
    @extend_schema(
        operation_id="invoice_list", parameters=INVOICE_FILTERS, responses={200: shapes.InvoiceListAnswer}
    )
    def get(self, request: Request) -> Response:
        """Invoices, advance invoices and credit notes, newest first."""
        return self.listed(request)


class CreditNotes(InvoiceList):
    kinds = (InvoiceKind.CREDIT_NOTE.value,)

    @extend_schema(
        operation_id="credit_note_list",
        parameters=INVOICE_FILTERS,
        responses={200: shapes.InvoiceListAnswer},
    )
    def get(self, request: Request) -> Response:
        """Credit notes, newest first."""
        return self.listed(request)


class InvoiceOne(ApiView):
    scopes = {"GET": "finance:read"}

    @extend_schema(operation_id="invoice_read", responses={200: shapes.InvoiceAnswer})
    def get(self, request: Request, number: str) -> Response:
        invoice = (
            _seen(request, Invoice.objects.filter(number=number))
            .select_related("entity", "order", "credits", "shipment")
            .first()
        )
        if invoice is None:
            raise UnknownInvoice("There is no such invoice.")
        return Response(shapes.show_invoice(invoice))


class InvoicePdf(ApiView):
    scopes = {"GET": "finance:read"}

    @extend_schema(
        operation_id="invoice_pdf",
        responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, "the paper")},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        """The paper as an archivable PDF; the same bytes each time."""
        if not _seen(request, Invoice.objects.filter(number=number)).exists():
            raise UnknownInvoice("There is no such invoice.")
        answer = HttpResponse(selectors.invoice_pdf(number=number), content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="{number}.pdf"'
        return answer


class InvoiceUbl(ApiView):
    scopes = {"GET": "finance:read"}

    @extend_schema(
        operation_id="invoice_ubl",
        responses={(200, "application/xml"): OpenApiResponse(OpenApiTypes.BINARY, "UBL 2.1, the PDF inside")},
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        """The electronic form of the paper (UBL 2.1, Serbian profile), as SEF gets it."""
        if not _seen(request, Invoice.objects.filter(number=number)).exists():
            raise UnknownInvoice("There is no such invoice.")
        answer = HttpResponse(selectors.invoice_ubl(number=number), content_type="application/xml")
        answer["Content-Disposition"] = f'attachment; filename="{number}.xml"'
        return answer


# -- Ledger ----------------------------------------------------------------------------------------------------


class TrialBalance(ApiView):
    scopes = {"GET": "finance:read"}

    @extend_schema(
        operation_id="trial_balance",
        parameters=[ENTITY, OpenApiParameter("as_of", OpenApiTypes.DATE, description="today when left out")],
        responses={200: shapes.TrialBalanceAnswer},
    )
    def get(self, request: Request) -> Response:
        """Turnover of every account up to and with a day. Debit and credit are equal by construction."""
        entity = entity_of(request)
        text = request.query_params.get("as_of", "")
        as_of = day_of(text, "as_of") if text else business_date(timezone.now())
        rows = selectors.trial_balance(entity_id=entity.pk, as_of=as_of)
        debit, credit = sum(row.debit for row in rows), sum(row.credit for row in rows)
        return Response(
            {
                "entity": entity.code,
                "as_of": as_of.isoformat(),
                "currency": entity.currency,
                "accounts": [shapes.show_balance(row, entity) for row in rows],
                "debit": {"amount": f"{debit:.2f}", "currency": entity.currency},
                "credit": {"amount": f"{credit:.2f}", "currency": entity.currency},
                "is_balanced": debit == credit,
            }
        )


class Entries(ApiView):
    scopes = {"GET": "finance:read"}

    @extend_schema(
        operation_id="entry_list",
        parameters=[
            OpenApiParameter(
                "document", OpenApiTypes.STR, description="kind:key or key, for example dispatch:SH-000009"
            ),
            OpenApiParameter("order", OpenApiTypes.STR, description="order number"),
            ENTITY,
            AFTER,
            LIMIT,
        ],
        responses={200: shapes.EntryListAnswer},
    )
    def get(self, request: Request) -> Response:
        """Entries with their lines, newest first."""
        query = request.query_params
        rows = _seen(request, JournalEntry.objects.all())
        rows = rows.select_related("entity").prefetch_related("lines__account")
        if document := query.get("document", ""):
            kind, colon, key = document.partition(":")
            rows = (
                rows.filter(document_kind=kind, document_key=key) if colon else rows.filter(document_key=kind)
            )
        if order := query.get("order", ""):
            rows = rows.filter(order_number=order)
        if query.get("entity", ""):
            rows = rows.filter(entity=entity_of(request))
        return page(
            request, rows, by=("-date", "-id"), show=lambda found: [shapes.show_entry(one) for one in found]
        )


class Accounts(ApiView):
    scopes = {"GET": "finance:read"}

    @extend_schema(
        operation_id="account_list", parameters=[AFTER, LIMIT], responses={200: shapes.AccountListAnswer}
    )
    def get(self, request: Request) -> Response:
        """The chart of accounts."""
        rows = LedgerAccount.objects.all()
        return page(
            request, rows, by=("code", "id"), show=lambda found: [shapes.show_account(one) for one in found]
        )


# -- What the bank and the couriers say ------------------------------------------------------------------------


class FileView(ApiView):
    """A CSV file as text/csv with its owner in the address, or both in a JSON body; each line is taken once."""

    scopes = {"GET": "finance:read", "POST": "finance:write"}
    idempotent = "optional"
    body_bytes_max = FILE_BYTES_MAX
    parser_classes = [JsonParser, CsvParser]
    body: type[serializers.Serializer[Any]]

    def owner_and_text(self, request: Request, owner: str) -> tuple[str, str]:
        if not isinstance(request.data, str):
            data = read(self.body, request)
            return str(data[owner]), str(data["csv"])
        given = request.query_params.get(owner, "")
        if not given:
            raise InvalidInput(f"Say which {owner} in the address.", field=owner)
        return given, request.data

    def state_of(self, request: Request) -> str:
        state = request.query_params.get("state", "")
        if state and state not in StatementState.values:
            raise InvalidInput("state is MATCHED, UNMATCHED or SET_ASIDE.", field="state", value=state[:20])
        return state


STATE = OpenApiParameter("state", OpenApiTypes.STR, enum=choice_values(StatementState))


class BankStatements(FileView):
    body = shapes.StatementBody

    @extend_schema(
        operation_id="bank_statement_lines",
        parameters=[STATE, AFTER, LIMIT],
        responses={200: shapes.StatementListAnswer},
    )
    def get(self, request: Request) -> Response:
        """Lines that were read, newest first, each with the order that it pays."""
        rows = _seen(request, BankStatementLine.objects.select_related("capture__payment__order"))
        if state := self.state_of(request):
            rows = rows.filter(state=state)
        return page(
            request,
            rows,
            by=("-booked_on", "-id"),
            show=lambda found: [shapes.show_statement_line(one) for one in found],
        )

    @extend_schema(
        operation_id="bank_statement_read",
        request={"application/json": shapes.StatementBody, "text/csv": OpenApiTypes.STR},
        parameters=[
            OpenApiParameter("account", OpenApiTypes.STR, description="our bank account, with text/csv")
        ],
        responses={201: shapes.ReportAnswer},
    )
    def post(self, request: Request) -> Response:
        """Read a statement. A refused line stops nothing; what fits no order waits for a person."""
        account, text = self.owner_and_text(request, "account")
        if (seen := entities_of(request.user)) is not None:
            owner = LegalEntity.objects.filter(bank_account=account).first()
            if owner is not None and owner.pk not in seen:
                raise UnknownEntity("There is no such company.", account=account[:30])
        report = money.import_bank_statement(account=account, text=text, by=self.actor, now=timezone.now())
        return Response(shapes.show_report(report), status=201)


class CourierRemittances(FileView):
    body = shapes.RemittanceBody

    @extend_schema(
        operation_id="courier_remittance_lines",
        parameters=[STATE, AFTER, LIMIT],
        responses={200: shapes.RemittanceListAnswer},
    )
    def get(self, request: Request) -> Response:
        """Lines that were read, newest first, each with the order that it pays."""
        rows = _seen(
            request, CourierRemittanceLine.objects.select_related("entity", "capture__payment__order")
        )
        if state := self.state_of(request):
            rows = rows.filter(state=state)
        return page(
            request,
            rows,
            by=("-paid_on", "-id"),
            show=lambda found: [shapes.show_remittance_line(one) for one in found],
        )

    @extend_schema(
        operation_id="courier_remittance_read",
        request={"application/json": shapes.RemittanceBody, "text/csv": OpenApiTypes.STR},
        parameters=[
            OpenApiParameter("carrier", OpenApiTypes.STR, description="code of the carrier, with text/csv")
        ],
        responses={201: shapes.ReportAnswer},
    )
    def post(self, request: Request) -> Response:
        """Read a courier's list of collected cash. A refused line stops nothing."""
        carrier, text = self.owner_and_text(request, "carrier")
        report = money.import_courier_remittance(
            carrier_code=carrier, text=text, by=self.actor, now=timezone.now()
        )
        return Response(shapes.show_report(report), status=201)


# -- Providers -------------------------------------------------------------------------------------------------


class PaymentEvents(ApiView):
    """Signed messages: the signature is over the bytes as they came, so nothing may read them as JSON before."""

    scopes = {"POST": ""}
    authentication_classes = []

    @extend_schema(
        operation_id="payment_event",
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: shapes.EventReceipt},
    )
    def post(self, request: Request, provider: str) -> Response:
        """A message of a payment provider (Standard Webhooks signature). Stored once, whatever the order in which messages come."""
        if provider != CARD_SERVICE:
            raise UnknownProvider("There is no such provider.", provider=provider[:20])
        try:
            raw_body = request._request.body
        except RequestDataTooBig as error:
            raise BodyTooLarge("A message is smaller.") from error
        now = timezone.now()
        event = money.receive_card_event(headers=request.headers, raw_body=raw_body, now=now)
        is_known = event.processed_at is not None
        self._act_on(event)
        return Response({"id": event.event_id, "is_known": is_known})

    def _act_on(self, event: PaymentEvent) -> None:
        """At once, so that a shopper who comes back finds the order paid. What is stored is kept: the sweep tries again."""
        try:
            money.process_payment_event(event_id=event.pk, now=timezone.now())
        except DatabaseError:
            logger.exception("a stored payment event waits for the sweep")


class SefEvents(ApiView):
    """SEF signs nothing: a message proves itself by the key of the day, and is never more than a hint to ask."""

    scopes = {"POST": ""}
    authentication_classes = []

    @extend_schema(
        operation_id="sef_event",
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: shapes.SefReceipt},
    )
    def post(self, request: Request) -> Response:
        """Changes of documents as SEF tells them, one or a list. Each document is asked about; what the message says counts for nothing."""
        try:
            raw_body = request._request.body
        except RequestDataTooBig as error:
            raise BodyTooLarge("A message is smaller.") from error
        return Response({"asked": money.receive_sef_message(raw_body=raw_body, now=timezone.now())})
