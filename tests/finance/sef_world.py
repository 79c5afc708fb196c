"""A shop that sells to companies through the stand-in of SEF: both clocks go together, and the workers run when a test says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from finance import workflows as money
from finance.models import EInvoice
from oms.models import Order
from tests.factories import NOW, Sells, make_customer
from tests.finance.shop import Shop, all_of
from tests.sandbox.stand import Stand

BUYER = "100000024"
BUYER_NUMBER = "20998873"
HOOK = "http://localhost:8000/api/v1/sef/events"


@dataclass
class Seller:
    shop: Shop
    stand: Stand
    now: datetime = NOW

    def open(self) -> Seller:
        self.at(NOW)
        self.choose(calls_per_second="0")
        self.stand.put("/admin/sef/keys", api_key="sef-key", pib=self.shop.entity.pib)
        self.register()
        return self

    def register(self, *, pib: str = BUYER, jbkjs: str = "", is_registered: bool = True) -> None:
        company = {
            "pib": pib,
            "registration_number": BUYER_NUMBER,
            "jbkjs": jbkjs,
            "name": "Firma d.o.o.",
            "is_registered": is_registered,
        }
        self.stand.put("/admin/sef/companies", companies=[company])

    def choose(self, **switches: str) -> None:
        self.stand.put("/admin/sef/switches", **switches)

    def at(self, moment: datetime) -> None:
        self.now = moment
        self.stand.move_clock(round((moment - datetime.now(UTC)).total_seconds()))

    def later(self, **delta: float) -> None:
        self.at(self.now + timedelta(**delta))

    # -- Orders ------------------------------------------------------------------------------------------------

    def order(self, *lines: Sells, jbkjs: str = "", **values: Any) -> Order:
        return self.shop.order(
            *(lines or (Sells(2, "2400.00", "STANDARD"), Sells(1, "1259.00"))),
            paper="SEF",
            customer=make_customer(kind="COMPANY", pib=BUYER, jbkjs=jbkjs),
            **{
                "company_registration_number": BUYER_NUMBER,
                "method": "CASH_ON_DELIVERY",
                "status": "PLACED",
                **values,
            },
        )

    def sent_order(self, *lines: Sells, **values: Any) -> tuple[Order, EInvoice]:
        """Goods have left, the invoice waits for SEF."""
        order = self.order(*lines, **values)
        self.shop.cod_payment(order)
        self.shop.dispatch(order, all_of(order), tracking=f"T-{order.pk}", now=self.now)
        return order, self.of(order, "INVOICE")

    def prepaid_order(self, *lines: Sells, **values: Any) -> tuple[Order, EInvoice]:
        """Paid by transfer: the advance invoice waits for SEF."""
        order = self.order(*lines, method="BANK_TRANSFER", status="PENDING_PAYMENT", **values)
        payment = self.shop.transfer_payment(order)
        self.shop.statement(
            {"line_key": f"L-{order.pk}", "amount": str(order.total), "reference": payment.reference},
            now=self.now,
        )
        order.refresh_from_db()
        return order, self.of(order, "ADVANCE")

    def of(self, order: Order, kind: str) -> EInvoice:
        return EInvoice.objects.filter(invoice__order=order, invoice__kind=kind).latest("pk")

    # -- Work --------------------------------------------------------------------------------------------------

    def work(self, rounds: int = 1, *, minutes: float = 12) -> None:
        """The workers' sweeps, with time passing between them."""
        for _ in range(rounds):
            money.submit_einvoices(now=self.now)
            money.withdraw_einvoices(now=self.now)
            self.later(minutes=minutes)
            money.poll_einvoices(now=self.now)
            money.tell_decisions(now=self.now)

    def at_sef(self) -> list[tuple[str, str, str]]:
        """(kind, number, status) of everything that SEF stored."""
        rows = self.stand.http.get("/admin/sef/documents").json()["results"]
        return [(row["kind"], row["number"], row["status"]) for row in rows]

    def decide(self, number: str, status: str, comment: str = "") -> None:
        answer = self.stand.http.post(
            f"/admin/sef/documents/{number}/decide", json={"status": status, "comment": comment}
        )
        assert answer.status_code == 200, answer.text

    def calls(self, operation: str) -> list[dict[str, Any]]:
        return [one for one in self.stand.received("sef") if one["operation"] == operation]


def state_of(einvoice: EInvoice) -> str:
    einvoice.refresh_from_db()
    return str(einvoice.state)


def history(einvoice: EInvoice) -> list[tuple[str, str, str]]:
    return list(einvoice.events.order_by("pk").values_list("kind", "state", "code"))
