"""The acts of a sale as those outside carry them out, each with what it leaves behind: material for sweeps of faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from finance import workflows as money
from finance.models import (
    BankStatementLine,
    Capture,
    EInvoice,
    FiscalReceipt,
    Invoice,
    JournalEntry,
    Payment,
    PaymentEvent,
    Refund,
)
from oms.models import Order, OrderException, Return
from oms.workflows import returns, routing
from retail.doctor.checks import CHECKS
from retail.kernel.models import OutboxEvent
from retail.rest.keys import SCOPES
from tests.api.integrator import Api
from tests.factories import goods_of, make_shipment
from tests.finance.sef_world import Seller
from tests.finance.shop import all_of
from tests.flows.chain import Chain
from tests.proof.sweeping import Act
from tests.sandbox.stand import Stand
from warehouse import operations as stock
from warehouse.models import Reservation, Shipment, StockItem
from warehouse.selectors import order_claims


def let_leases_run_out() -> None:
    """A minute passes for everybody: keys whose request died, and work that waits for its next attempt."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE kernel_idempotencykey SET leased_until = now() - interval '1 second' WHERE state = 'STARTED'"
        )
        for table in ("finance_capture", "finance_refund"):
            cursor.execute(f"UPDATE {table} SET next_attempt_at = NULL WHERE next_attempt_at IS NOT NULL")


@dataclass
class Trade:
    """A small chain, the stand-ins, an integrator with every scope and the public."""

    chain: Chain
    stand: Stand
    now: datetime

    def __post_init__(self) -> None:
        self.api, self.public = Api(*SCOPES), Api()
        self.book = self.chain.variant(price="1100.00", stock=20, store_stock=5)

    # -- How far an order is -----------------------------------------------------------------------------------

    def body(self, basket: str, method: str) -> dict[str, Any]:
        return {
            "basket": basket,
            "email": "ana@example.com",
            "name": "Ana Anić",
            "phone": "+381601112223",
            "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000"},
            "delivery": {"method": "HOME_DELIVERY"},
            "payment": {"method": method},
        }

    def placed(self, method: str, units: int = 2) -> Order:
        return self.chain.place((self.book, units), now=self.now, payment_method=method)

    def paid_by_card(self) -> Order:
        order = self.placed("CARD")
        self.stand.choose(Payment.objects.get(order=order).public_id)
        self.messages(self.stand)
        return Order.objects.get(pk=order.pk)

    def messages(self, stand: Stand) -> None:
        """What the provider has to say goes through the door."""
        stand.deliver()
        requests, stand.shop.requests = stand.shop.requests, []
        for request in requests:
            self.hear(request)

    def hear(self, request: Any) -> Any:
        headers = {name: value for name, value in request.headers.items() if name.startswith("webhook-")}
        return self.public.client.post(
            "/api/v1/payments/card/events", request.content, content_type="application/json", headers=headers
        )

    def routed(self, order: Order) -> Shipment:
        decision = routing.propose_routing(order_id=order.pk, now=self.now)
        assert decision.proposal is not None
        routing.ratify_routing(
            public_id=decision.proposal.public_id, by=self.chain.dragan, now=self.now, limit=None
        )
        return Shipment.objects.get(order=order)

    def packed(self, order: Order) -> Shipment:
        shipment = self.routed(order)
        picks = [stock.Pick(one.sku, one.bin, one.quantity) for one in order_claims(order_id=order.pk)]
        stock.pick(shipment_id=shipment.pk, picks=picks, by=self.chain.bojan, now=self.now)
        stock.pack(
            shipment_id=shipment.pk, parcels=[stock.ParcelSpec(700)], by=self.chain.bojan, now=self.now
        )
        return shipment

    def sent(self, order: Order) -> Shipment:
        shipment = self.packed(order)
        answer = self.api.post(f"shipments/{shipment.number}/dispatch", {})
        assert answer.status_code == 200, answer.content
        return shipment

    def announced_return(self, order: Order) -> Return:
        return returns.request_return(
            order_id=order.pk,
            lines=[returns.Asked(self.book.sku, 1, "DAMAGED")],
            by=None,
            now=self.now,
            buyer_id_kind="20",
            buyer_id="012345678",
        )

    # -- What there is -----------------------------------------------------------------------------------------

    def facts(self) -> dict[str, Any]:
        """Everything that an act may leave behind, without numbers that are drawn anew in each round."""
        return {
            "orders": _rows(
                Order, "status", "payment_status", "fulfillment_status", "total", "captured_total"
            ),
            "payments": _rows(Payment, "method", "state", "authorized", "captured", "refunded"),
            "claims": _rows(Reservation, "state", "quantity"),
            "stock": _rows(StockItem, "location__code", "bin__kind", "on_hand", "reserved"),
            "shipments": _rows(Shipment, "status"),
            "captures": _rows(Capture, "state", "amount"),
            "refunds": _rows(Refund, "state", "amount"),
            "entries": _rows(JournalEntry, "document_kind"),
            "invoices": _rows(Invoice, "kind", "total"),
            "receipts": _rows(FiscalReceipt, "kind", "transaction", "total"),
            "returns": _rows(Return, "status"),
            "lines": _rows(BankStatementLine, "state", "amount"),
            "messages": _rows(PaymentEvent, "kind"),
            "exceptions": _rows(OrderException, "kind", "state"),
            "told": _rows(OutboxEvent, "topic"),
        }

    def at_provider(self) -> list[tuple[Any, ...]]:
        """What the card provider carried out."""
        found = []
        for reference in (
            Payment.objects.filter(method="CARD").order_by("pk").values_list("public_id", flat=True)
        ):
            seen = self.stand.card().fetch(reference=reference)
            if seen is not None:
                done = sorted((one.kind, one.amount) for one in seen.operations)
                found.append((seen.status, seen.authorized, seen.captured, seen.refunded, done))
        return found

    def act(self, attempt: Callable[[], object], *, is_whole: bool = False) -> Act:
        def effect() -> object:
            return self.facts(), self.at_provider()

        return Act(attempt, effect, self.stand, is_whole, let_leases_run_out)


def _rows(model: Any, *fields: str) -> list[tuple[str, ...]]:
    return sorted(tuple(map(str, row)) for row in model.objects.values_list(*fields))


# -- The acts ------------------------------------------------------------------------------------------------------


def placing_cash(trade: Trade) -> Act:
    basket = trade.chain.basket((trade.book, 2), now=trade.now)
    body = trade.body(basket.token, "CASH_ON_DELIVERY")
    return trade.act(lambda: trade.public.post("orders", body, key="once"), is_whole=True)


def placing_card(trade: Trade) -> Act:
    """Without a page to pay on, the shopper asks for it again."""
    basket = trade.chain.basket((trade.book, 2), now=trade.now)
    body = trade.body(basket.token, "CARD")

    def attempt() -> None:
        placed = trade.public.post("orders", body, key="once")
        if placed.status_code == 201 and placed.json()["payment"]["redirect_url"] is None:
            for payment in Payment.objects.filter(redirect_url="", state="PENDING"):
                money.open_card_session(payment_id=payment.pk, now=trade.now)

    act = trade.act(attempt)
    act.effect = lambda: (
        trade.facts(),
        [bool(url) for url in Payment.objects.values_list("redirect_url", flat=True)],
        len(trade.at_provider()),
    )
    return act


def card_message(trade: Trade) -> Act:
    """The provider sends until it is heard; the sweep of the minute does what was stored."""
    order = trade.placed("CARD")
    trade.stand.choose(Payment.objects.get(order=order).public_id)
    trade.stand.deliver()
    requests, trade.stand.shop.requests = trade.stand.shop.requests, []

    def attempt() -> None:
        for request in requests:
            trade.hear(request)
        money.process_events(now=trade.now)

    return trade.act(attempt)


def ratifying(trade: Trade) -> Act:
    decision = routing.propose_routing(order_id=trade.placed("CASH_ON_DELIVERY").pk, now=trade.now)
    assert decision.proposal is not None
    public_id = decision.proposal.public_id
    return trade.act(lambda: trade.api.post(f"proposals/{public_id}/ratify", {}, key="once"), is_whole=True)


def dispatching(trade: Trade) -> Act:
    shipment = trade.packed(trade.paid_by_card())
    path = f"shipments/{shipment.number}/dispatch"
    return trade.act(lambda: trade.api.post(path, {}, key="once"))


def receiving_return(trade: Trade) -> Act:
    """The goods are here, and the card gets its money back."""
    order = trade.paid_by_card()
    trade.sent(order)
    returned = trade.announced_return(order)
    path = f"orders/{order.number}/returns/{returned.number}/receive"
    body = {
        "location": "S-001",
        "lines": [{"sku": trade.book.sku, "quantity": 1, "disposition": "RESTOCK"}],
    }

    def attempt() -> None:
        trade.api.post(path, body, key="once")
        money.send_refunds(now=trade.now)

    return trade.act(attempt)


def bank_line(trade: Trade) -> Act:
    order = trade.placed("BANK_TRANSFER")
    reference = Payment.objects.get(order=order).reference
    csv = (
        "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
        f"b1,{trade.now.date()},{order.total},RSD,{reference},Ana,265-0000000000017-57,uplata\n"
    )
    body = {"account": trade.chain.entity.bank_account, "csv": csv}
    return trade.act(lambda: trade.api.post("bank-statements", body, key="once"), is_whole=True)


ACTS: dict[str, Callable[[Trade], Act]] = {
    "placing, cash": placing_cash,
    "placing, card": placing_card,
    "message of the card provider": card_message,
    "ratifying": ratifying,
    "dispatching": dispatching,
    "receiving a return": receiving_return,
    "line of the bank": bank_line,
}


# The shop of the papers moves goods by itself, so the warehouse's checks do not speak about it.
ABOUT_MONEY = tuple(check.name for check in CHECKS if "finance_" in check.sql)


# -- Papers --------------------------------------------------------------------------------------------------------


def issuing(seller: Seller) -> Act:
    """Goods of a company leave: the invoice gets its number and waits for SEF."""
    order = seller.order()
    seller.shop.cod_payment(order)
    wanted = all_of(order)
    _, sold = goods_of(wanted)
    shipment = make_shipment(order, seller.shop.location, tracking="T-1")

    def attempt() -> None:
        if Shipment.objects.get(pk=shipment.pk).status == "DISPATCHED":
            return
        money.prepare_dispatch(shipment_id=shipment.pk, sold=sold, by=None, now=seller.now)
        seller.shop.send(order, shipment, wanted, now=seller.now)

    def effect() -> object:
        return (
            _rows(Invoice, "kind", "number", "total"),
            _rows(EInvoice, "state"),
            _rows(JournalEntry, "document_kind"),
            _rows(Shipment, "status"),
        )

    return Act(attempt, effect, seller.stand, checks=ABOUT_MONEY)


def submitting(seller: Seller) -> Act:
    """The worker's sweeps, one after the other, as the minutes pass."""
    seller.sent_order()
    began = seller.now

    def effect() -> object:
        return seller.at_sef(), _rows(EInvoice, "state", "is_in_doubt")

    return Act(
        lambda: seller.work(2),
        effect,
        seller.stand,
        begin=lambda: seller.at(began),
        checks=ABOUT_MONEY,
    )


PAPERS: dict[str, Callable[[Seller], Act]] = {"issuing": issuing, "submitting": submitting}


def now() -> datetime:
    return timezone.now()
