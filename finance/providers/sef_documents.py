"""SEF's documents: sending, asking, withdrawing, and what suppliers sent us. Keys of answers are read in any case."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from lxml import etree

from retail.kernel.models import LegalEntity
from retail.kernel.outside import Breaker, ProviderTimeout, Service, shared_breaker

SERVICE = "SEF"
# SEF keeps documents by the day of their upload; a document in doubt was sent at most so many days ago.
LOOK_BACK = timedelta(days=31)
TURN_LOOK_SECONDS = 0.05
Turn = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Stored:
    """The ids of a document that SEF has; later calls about our side take the sales id."""

    sales_id: int
    purchase_id: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a document stands at SEF. `status` is SEF's own word, also one that nobody knew before."""

    status: str
    said: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """A supplier's document, as the overview shows it."""

    sef_id: int
    number: str
    kind: str
    status: str
    supplier_name: str
    supplier_pib: str
    supplier_registration_number: str
    amount: Decimal
    net: Decimal
    tax: Decimal
    currency: str
    delivered_on: date | None
    due_on: date | None
    sent_on: date | None


class SefDocuments:
    """Calls with one company's key, at most three a second over all processes."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        timeout_seconds: float = 20.0,
        breaker: Breaker | None = None,
        transport: httpx.BaseTransport | None = None,
        turn: Turn | None = None,
    ) -> None:
        self._service = Service(
            name=SERVICE,
            base_url=base_url,
            headers={"ApiKey": api_key},
            timeout_seconds=timeout_seconds,
            breaker=breaker,
            transport=transport,
        )
        self._turn: Turn = turn or (lambda: turn_of(api_key, settings.SEF_PAUSE_SECONDS))

    # -- Our documents -----------------------------------------------------------------------------------------

    def upload(self, *, request_id: str, document: bytes, is_for_cir: bool) -> Stored:
        """Hand a document over. Repeated with the same id and bytes it is the same document, or refused as a duplicate."""
        data = self.call(
            "upload",
            "POST",
            "api/publicApi/sales-invoice/ubl",
            content=document,
            parameters={
                "requestId": request_id,
                "sendToCir": "Yes" if is_for_cir else "No",
                "executeValidation": "true",
            },
            headers={"Content-Type": "application/xml"},
        )
        sales_id = field_of(data, "SalesInvoiceId")
        if not isinstance(sales_id, int):
            raise self._service.unreadable("upload")
        purchase_id = field_of(data, "PurchaseInvoiceId")
        return Stored(sales_id, purchase_id if isinstance(purchase_id, int) else None)

    def read(self, *, sales_id: int) -> Standing:
        return self._standing(
            "read",
            self.call("read", "GET", "api/publicApi/sales-invoice", parameters={"invoiceId": str(sales_id)}),
        )

    def find(self, *, number: str, today: date) -> Stored | None:
        """The document with this number, when SEF has one of the last month: the newest are looked at first."""
        data = self.call(
            "find",
            "POST",
            "api/publicApi/sales-invoice/ids",
            parameters={
                "dateFrom": (today - LOOK_BACK).isoformat(),
                "dateTo": (today + timedelta(days=1)).isoformat(),
            },
        )
        found = field_of(data, "SalesInvoiceIds")
        if not isinstance(found, list):
            raise self._service.unreadable("find")
        for sales_id in sorted((one for one in found if isinstance(one, int)), reverse=True):
            stored, its_number = self._envelope(sales_id)
            if its_number == number:
                return stored
        return None

    def cancel(self, *, sales_id: int, comment: str) -> Standing:
        """Withdraw a document that was never issued (a mistake)."""
        payload = {"invoiceId": sales_id, "cancelComments": comment}
        path = "api/publicApi/sales-invoice/cancel"
        return self._standing("cancel", self.call("cancel", "POST", path, payload=payload))

    def storno(self, *, sales_id: int, comment: str) -> Standing:
        """Reverse a document that the buyer has."""
        payload = {"invoiceId": sales_id, "stornoNumber": None, "stornoComment": comment}
        path = "api/publicApi/sales-invoice/storno"
        return self._standing("storno", self.call("storno", "POST", path, payload=payload))

    def changed_on(self, *, day: date) -> list[int]:
        """The sales ids of which something was told on a day that is over."""
        path = "api/publicApi/sales-invoice/changes"
        data = self.call("changes", "POST", path, parameters={"date": day.isoformat()})
        if not isinstance(data, list):
            raise self._service.unreadable("changes")
        found = [field_of(one, "SalesInvoiceId") for one in data]
        return sorted({one for one in found if isinstance(one, int)})

    def subscribe(self) -> str:
        """The key by which tomorrow's messages prove themselves."""
        data = self.call("subscribe", "POST", "api/publicApi/subscribe", is_raw=True)
        key = bytes(data).decode("utf-8", "replace").strip().strip('"')
        if not 8 <= len(key) <= 80:
            raise self._service.unreadable("subscribe")
        return key

    # -- Suppliers' documents ----------------------------------------------------------------------------------

    def purchases(self, *, first: date, last: date) -> list[Purchase]:
        data = self.call(
            "purchases",
            "GET",
            "api/publicApi/purchase-invoice/overview",
            parameters={"dateFrom": first.isoformat(), "dateTo": last.isoformat()},
        )
        try:
            return [_purchase(one) for one in data]
        except (TypeError, ValueError, ArithmeticError) as error:
            raise self._service.unreadable("purchases") from error

    def purchase(self, *, sef_id: int) -> Standing:
        path = "api/publicApi/purchase-invoice"
        return self._standing(
            "purchase", self.call("purchase", "GET", path, parameters={"invoiceId": str(sef_id)})
        )

    def decide(self, *, sef_id: int, is_accepted: bool, comment: str) -> None:
        payload = {"invoiceId": sef_id, "accepted": is_accepted, "comment": comment}
        data = self.call(
            "decide", "POST", "api/publicApi/purchase-invoice/acceptRejectPurchaseInvoice", payload=payload
        )
        if field_of(data, "Success") is not True:
            raise self._service.unreadable("decide")

    # -- Reading -----------------------------------------------------------------------------------------------

    def call(self, operation: str, method: str, path: str, **options: Any) -> Any:
        with self._turn():
            return self._service.call(operation, method, path, **options).data

    def _standing(self, operation: str, data: Any) -> Standing:
        status = field_of(data, "Status")
        if not isinstance(status, str) or not status:
            raise self._service.unreadable(operation)
        words = [field_of(data, name) for name in ("Comment", "CancelComment", "StornoComment")]
        return Standing(status[:40], " ".join(str(one) for one in words if one)[:1000])

    def _envelope(self, sales_id: int) -> tuple[Stored, str]:
        path = "api/publicApi/sales-invoice/xml"
        body = self.call("xml", "GET", path, parameters={"invoiceId": str(sales_id)}, is_raw=True)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
        try:
            root = etree.fromstring(bytes(body), parser)
        except etree.XMLSyntaxError as error:
            raise ProviderTimeout(SERVICE, "xml", "UNREADABLE") from error
        number, purchase = "", ""
        for node in root.iter():
            name = etree.QName(node).localname if isinstance(node.tag, str) else ""
            if name in ("Invoice", "CreditNote"):
                number = number or next(
                    (child.text or "" for child in node if etree.QName(child).localname == "ID"), ""
                )
            elif name == "PurchaseInvoiceId":
                purchase = node.text or ""
        return Stored(sales_id, int(purchase) if purchase.isdigit() else None), number.strip()


@contextmanager
def turn_of(api_key: str, pause_seconds: float) -> Iterator[None]:
    """One caller at a time for a key, and a pause before the next: over all processes never more than three calls a second.

    The lock belongs to this database session, so that a caller who dies lets the next one in.
    """
    number = zlib.crc32(api_key.encode())
    with connection.cursor() as cursor:
        while not _is_our_turn(cursor, number):
            time.sleep(TURN_LOOK_SECONDS)
        try:
            yield
            time.sleep(pause_seconds)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(7311, %s::bigint::bit(32)::int)", [number])


def _is_our_turn(cursor: Any, number: int) -> bool:
    """Asked, not waited for: a call of somebody else may take longer than the database lets anybody wait for a lock."""
    cursor.execute("SELECT pg_try_advisory_lock(7311, %s::bigint::bit(32)::int)", [number])
    return bool(cursor.fetchone()[0])


def is_configured() -> bool:
    return bool(settings.SEF_URL and (settings.SEF_API_KEY or settings.SEF_API_KEYS))


def keys() -> dict[LegalEntity, str]:
    """The companies of the group that have a key at SEF. One key is one company; the first one's has a setting of its own."""
    if not settings.SEF_URL:
        return {}
    companies = LegalEntity.objects.order_by("pk")
    found = {
        one: settings.SEF_API_KEYS.get(one.code) or (settings.SEF_API_KEY if place == 0 else "")
        for place, one in enumerate(companies)
    }
    return {one: key for one, key in found.items() if key}


def clients() -> dict[LegalEntity, SefDocuments]:
    """SEF as each company of the group that has a key there."""
    return {one: from_settings(api_key=key) for one, key in keys().items()}


def client_of(entity: LegalEntity) -> SefDocuments:
    """SEF as this company. A document goes by its seller's key, never by another's."""
    found = keys().get(entity)
    if found is None:
        raise ImproperlyConfigured(
            f"SEF_URL and a key of {entity.code} must be set before SEF is asked for it."
        )
    return from_settings(api_key=found)


def from_settings(*, api_key: str) -> SefDocuments:
    """SEF with this key; one client for each in a process."""
    return _client(settings.SEF_URL, api_key, settings.SEF_TIMEOUT_SECONDS)


@cache
def _client(base_url: str, api_key: str, timeout_seconds: float) -> SefDocuments:
    return SefDocuments(
        base_url=base_url, api_key=api_key, timeout_seconds=timeout_seconds, breaker=shared_breaker(base_url)
    )


def field_of(data: Any, name: str) -> Any:
    """A value of an answer, whatever the case of its key."""
    if not isinstance(data, dict):
        return None
    if name in data:
        return data[name]
    return next((value for key, value in data.items() if str(key).lower() == name.lower()), None)


def _purchase(data: Any) -> Purchase:
    sef_id = field_of(data, "InvoiceId")
    if not isinstance(sef_id, int):
        raise TypeError("a purchase without its id")

    def text(name: str, length: int) -> str:
        return str(field_of(data, name) or "")[:length]

    def amount(name: str) -> Decimal:
        return Decimal(str(field_of(data, name) or 0)).quantize(Decimal("0.01"))

    def day(name: str) -> date | None:
        written = text(name, 10)
        return date.fromisoformat(written) if written else None

    return Purchase(
        sef_id=sef_id,
        number=text("DocumentNumber", 100),
        kind=text("DocumentType", 20),
        status=text("Status", 20),
        supplier_name=text("SupplierName", 200),
        supplier_pib=text("SupplierVatRegistrationCode", 20).removeprefix("RS"),
        supplier_registration_number=text("SupplierRegistrationNumber", 20),
        amount=amount("Amount"),
        net=amount("SumWithoutVat"),
        tax=amount("VatAmount"),
        currency=text("Currency", 3),
        delivered_on=day("DeliveryDate"),
        due_on=day("DueDate"),
        sent_on=day("SentDate"),
    )
