"""One company with a warehouse and a channel, and the moves that other rooms make around money: pay, send, take back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from finance import operations as finance
from finance import selectors
from finance import workflows as money
from finance.models import Capture, FiscalReceipt, JournalEntry, Payment, PaymentEvent
from finance.workflows import PostedReturn
from oms import operations as orders
from oms.models import Order, OrderException, OrderLine, Return
from oms.states import PaymentMethod
from retail.kernel import clock
from retail.kernel.models import LegalEntity, Location
from storefront.models import Channel
from tests.factories import (
    NOW,
    Sells,
    goods_lines,
    goods_of,
    make_channel,
    make_entity,
    make_location,
    make_order,
    make_return,
    make_shipment,
    stock_up,
)
from tests.sandbox.stand import Stand
from warehouse.models import Bin, Reservation, Shipment, StockItem, StockMove

ACCOUNT = "265-1660310005042-68"


@dataclass
class Shop:
    entity: LegalEntity
    location: Location
    channel: Channel

    # -- Orders and money --------------------------------------------------------------------------------------

    def order(self, *lines: Sells, stocked: bool = True, cost: str = "600.00", **values: Any) -> Order:
        """An order whose goods lie on the shelf, each unit at `cost`."""
        order = make_order(self.channel, *lines, **values)
        for line in order.lines.filter(kind="GOODS").select_related("variant"):
            if stocked and line.variant:
                stock_up(self.location, line.variant, line.quantity, cost=cost)
        return order

    def start_card(self, order: Order, *, now: datetime = NOW) -> Payment:
        payment = finance.create_payment(order_id=order.pk, method=PaymentMethod.CARD, now=now)
        return money.open_card_session(payment_id=payment.pk, now=now)

    def pay_card(self, order: Order, outside: Stand, *, now: datetime = NOW) -> Payment:
        """The shopper approves, the provider's message arrives."""
        payment = self.start_card(order, now=now)
        outside.choose(payment.public_id)
        self.deliver(outside, now=now)
        payment.refresh_from_db()
        order.refresh_from_db()
        return payment

    def deliver(self, outside: Stand, *, now: datetime = NOW) -> list[str]:
        """Every message that the provider has for us goes through the door and is processed."""
        outside.deliver()
        requests, outside.shop.requests = outside.shop.requests, []
        outcomes = []
        for request in requests:
            event = money.receive_card_event(
                headers=dict(request.headers), raw_body=request.content, now=clock.now()
            )
            outcomes.append(money.process_payment_event(event_id=event.pk, now=now))
        return outcomes

    def cod_payment(self, order: Order) -> Payment:
        return finance.create_payment(order_id=order.pk, method=PaymentMethod.CASH_ON_DELIVERY, now=NOW)

    def transfer_payment(self, order: Order) -> Payment:
        return finance.create_payment(order_id=order.pk, method=PaymentMethod.BANK_TRANSFER, now=NOW)

    def statement(self, *rows: dict[str, str], now: datetime = NOW) -> money.ImportReport:
        text = "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
        for row in rows:
            values = {
                "line_key": "L-1",
                "booked_on": "2026-11-23",
                "currency": "RSD",
                "reference": "",
                "payer": "Ana Anić",
                "payer_account": "160-12-40",
                "purpose": "",
                **row,
            }
            text += ",".join(values[name] for name in text.split("\n", 1)[0].split(",")) + "\n"
        return money.import_bank_statement(account=ACCOUNT, text=text, by=None, now=now)

    def remittance(self, *rows: tuple[str, str, str, str]) -> money.ImportReport:
        """(line key, tracking number, amount, fee)"""
        text = "line_key,tracking_number,amount,fee,paid_on\n"
        text += "".join(",".join(row) + ",2026-11-25\n" for row in rows)
        return money.import_courier_remittance(carrier_code="kurir", text=text, by=None, now=NOW)

    # -- Goods, as the warehouse moves them --------------------------------------------------------------------

    def dispatch(
        self, order: Order, wanted: list[tuple[OrderLine, int]], *, tracking: str = "", now: datetime = NOW
    ) -> Shipment:
        _, sold = goods_of(wanted)
        owed = selectors.collectable(order_id=order.pk, sold=sold)
        shipment = make_shipment(order, self.location, tracking=tracking, cod=str(owed))
        money.prepare_dispatch(shipment_id=shipment.pk, sold=sold, by=None, now=now)
        self.send(order, shipment, wanted, now=now)
        return shipment

    @transaction.atomic
    def send(
        self, order: Order, shipment: Shipment, wanted: list[tuple[OrderLine, int]], *, now: datetime = NOW
    ) -> None:
        orders.lock_order(order_id=order.pk)
        Shipment.objects.filter(pk=shipment.pk).update(status="DISPATCHED")
        goods, sold = goods_of(wanted)
        Reservation.objects.filter(
            order_line_id__in=[one.order_line_id for one in goods], state="ALLOCATED"
        ).update(state="DISPATCHED")
        shelf = Bin.objects.get(location=self.location, kind="STORAGE")
        for one in goods:
            item = StockItem.objects.select_for_update().get(variant_id=one.variant_id, bin=shelf)
            item.on_hand, item.reserved = item.on_hand - one.quantity, 0
            item.save(update_fields=["on_hand", "reserved"])
        posted = money.post_dispatch(shipment_id=shipment.pk, goods=goods, sold=sold, by=None, now=now)
        StockMove.objects.bulk_create(
            StockMove(
                variant_id=one.variant_id,
                from_bin=shelf,
                quantity=one.quantity,
                entity=self.entity,
                value=value,
                reason="DISPATCH",
                document_kind="shipment",
                document_key=shipment.number,
                order_line_id=one.order_line_id,
                entry_id=posted.entry_id,
                created_at=now,
            )
            for one, value in zip(goods, posted.values, strict=True)
        )
        orders.record_dispatch(order_id=order.pk, lines=[(line.pk, units) for line, units in wanted], now=now)

    def take_back(
        self, order: Order, wanted: list[tuple[OrderLine, int]], *, buyer_id: str = "123456789"
    ) -> tuple[Return, PostedReturn]:
        """A return by the buyer, received: posted, moved, told to the order."""
        made = make_return(order, wanted, buyer_id=buyer_id)
        return made, self.receive(made, wanted)

    @transaction.atomic
    def receive(self, made: Return, wanted: list[tuple[OrderLine, int]]) -> PostedReturn:
        goods, sold = goods_of(wanted)
        posted = money.post_return(return_id=made.pk, goods=goods, sold=sold, by=None, now=NOW)
        self._goods_back(goods, posted, "return", made.number)
        orders.record_return(
            order_id=made.order_id,
            lines=[(line.pk, units) for line, units in wanted],
            amount=posted.total,
            now=NOW,
        )
        return posted

    @transaction.atomic
    def bring_back(self, shipment: Shipment, wanted: list[tuple[OrderLine, int]]) -> PostedReturn:
        """An undelivered parcel returns to the shelf."""
        goods, _ = goods_of(wanted)
        posted = money.post_undelivered(shipment_id=shipment.pk, goods=goods, by=None, now=NOW)
        self._goods_back(goods, posted, "shipment", shipment.number)
        return posted

    def _goods_back(self, goods: list[Any], posted: PostedReturn, kind: str, key: str) -> None:
        shelf = Bin.objects.get(location=self.location, kind="STORAGE")
        for one, value in zip(goods, posted.values, strict=True):
            item = StockItem.objects.select_for_update().get(variant_id=one.variant_id, bin=shelf)
            item.on_hand += one.quantity
            item.save(update_fields=["on_hand"])
            StockMove.objects.create(
                variant_id=one.variant_id,
                to_bin=shelf,
                quantity=one.quantity,
                entity=self.entity,
                value=value,
                reason="RETURN",
                document_kind=kind,
                document_key=key,
                order_line_id=one.order_line_id,
                entry_id=posted.entry_id,
                created_at=NOW,
            )

    # -- What the books say ------------------------------------------------------------------------------------

    def balances(self, order: Order) -> dict[str, str]:
        """Accounts of the order that are not at zero; above zero is debit."""
        found = selectors.order_balances(order_number=order.number)
        return {code: str(amount) for code, amount in sorted(found.items()) if amount}

    def inventory_agrees(self) -> bool:
        ledger, values = selectors.inventory_value(entity_id=self.entity.pk)
        return ledger == values


def all_of(order: Order) -> list[tuple[OrderLine, int]]:
    return [(line, line.quantity) for line in goods_lines(order)]


def capture_of(order: Order) -> Capture:
    return Capture.objects.get(payment__order=order)


def summary(payment: Payment) -> tuple[str, str, str, str, str]:
    payment.refresh_from_db()
    amounts = (payment.authorized, payment.captured, payment.voided, payment.refunded)
    return (payment.state, *map(str, amounts))  # type: ignore[return-value]


def state_of(order: Order) -> tuple[str, str]:
    order.refresh_from_db()
    return order.status, order.payment_status


def open_exceptions(order: Order | None = None) -> list[tuple[str, str]]:
    """(kind, cause key) of what waits for a person."""
    rows = OrderException.objects.filter(state="OPEN")
    if order is not None:
        rows = rows.filter(order=order)
    return sorted(rows.values_list("kind", "cause_key"))


def build() -> Shop:
    entity = make_entity(bank_account=ACCOUNT)
    return Shop(entity, make_location(entity, code=""), make_channel(entity))


def posted(kind: str, key: str) -> list[tuple[str, str, str]]:
    """The lines of the entry of a document, sorted: (account, D or P, amount), lines of one account and side summed."""
    entry = JournalEntry.objects.get(document_kind=kind, document_key=key)
    sums: dict[tuple[str, str], Decimal] = {}
    for line in entry.lines.select_related("account"):
        side = "D" if line.debit else "P"
        before = sums.get((line.account.code, side), Decimal("0.00"))
        sums[line.account.code, side] = before + line.debit + line.credit
    return sorted((code, side, str(amount)) for (code, side), amount in sums.items())


def receipts(order: Order) -> list[tuple[str, str, str, str]]:
    """(kind, transaction, total, state) of the order's fiscal receipts in the order in which they were queued."""
    return [
        (row.kind, row.transaction, str(row.total), row.state)
        for row in FiscalReceipt.objects.filter(order=order).order_by("pk")
    ]


def stored_message(payment: Payment, event_id: str, said: dict[str, Any]) -> PaymentEvent:
    """A provider message as the door stores it, with any content."""
    return PaymentEvent.objects.create(
        provider="card",
        event_id=event_id,
        kind="payment.test",
        payment=payment,
        payload={"created_at": NOW.isoformat(), "payment": said},
    )
