"""Customer service: works the inbox of exceptions, holds and releases orders, sends a little money back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from finance import operations as finance
from finance.models import FiscalReceipt, Refund
from oms import operations as orders
from oms.models import Order, OrderException
from oms.workflows import cancellation, inbox, routing
from retail.simulation.shoppers import ACCOUNT
from retail.simulation.stage import Stage
from warehouse import selectors as warehouse


class Agents:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.vesna = stage.world.people["vesna"]
        self._ways: dict[str, Callable[[OrderException, Order], None]] = {
            "AUTHORIZATION_EXPIRED": self._cancel,
            "UNROUTABLE": self._plan,
            "SHORT_PICK": self._plan,
            "DISPLACED_CLAIM": self._plan,
            "OVERPAID": self._send_back_surplus,
            "PAYMENT_MISMATCH": self._mend_money,
            "DELIVERY_FAILED": self._note,
            "LATE_PLAN": self._note,
            "PAPER_FAILED": self._mend_paper,
        }

    def work_inbox(self, *, at_most: int = 3) -> None:
        """The oldest cases first, each by the way of its kind; what cannot be mended by a verb stays open."""
        for case in (
            OrderException.objects.filter(state="OPEN", order__isnull=False)
            .select_related("order")
            .order_by("pk")[: at_most * 4]
        ):
            if at_most and self.stage.chance(0.4):
                assert case.order is not None
                at_most -= 1
                self._ways[case.kind](case, case.order)

    def hold_and_release(self) -> None:
        """An order is looked at: nothing moves meanwhile."""
        stage = self.stage
        held = list(Order.objects.filter(status="ON_HOLD").order_by("pk"))
        if held:
            order = stage.one_of(held)
            stage.attempt(
                "release order", lambda: orders.release_order(order_id=order.pk, by=self.vesna, now=stage.now)
            )
            return
        going = list(Order.objects.filter(status__in=["PLACED", "IN_FULFILLMENT"]).order_by("pk"))
        if going and stage.chance(0.5):
            order = stage.one_of(going)
            stage.attempt(
                "hold order",
                lambda: orders.hold_order(order_id=order.pk, reason="looks odd", by=self.vesna),
            )

    def goodwill(self) -> None:
        """A little money back for a late parcel."""
        stage = self.stage
        paid = list(Order.objects.filter(captured_total__gt=0, fulfillment_status="DELIVERED").order_by("pk"))
        if paid and stage.chance(0.3):
            self._refund(stage.one_of(paid), Decimal("50.00"), "late parcel")

    def release_all(self) -> None:
        """At the end nobody is left on hold."""
        for order in Order.objects.filter(status="ON_HOLD").order_by("pk"):
            self.stage.attempt(
                "release order",
                lambda o=order: orders.release_order(order_id=o.pk, by=self.vesna, now=self.stage.now),  # type: ignore[misc]
            )

    def _refund(self, order: Order, amount: Decimal, reason: str) -> None:
        self.stage.attempt(
            "refund",
            lambda: finance.request_refund(
                order_id=order.pk,
                amount=amount,
                reason=reason,
                by=self.vesna,
                now=self.stage.now,
                bank_account=ACCOUNT,
            ),
        )

    def _cancel(self, case: OrderException, order: Order) -> None:
        """What cannot be sent is called off: all of it, or what is still here when a part has left."""
        common: dict[str, Any] = {"reason": "cannot be sent", "by": self.vesna, "now": self.stage.now}
        here: Counter[str] = Counter()
        for line in order.lines.filter(kind="GOODS"):
            here[line.sku] += line.quantity - line.quantity_canceled - line.quantity_dispatched
        if not +here:
            self._resolve(case, "All of it has left.")
            return
        if order.lines.filter(kind="GOODS", quantity_dispatched__gt=0).exists():
            done = self.stage.attempt(
                "cancel the rest",
                lambda: cancellation.cancel_lines(order_id=order.pk, lines=sorted((+here).items()), **common),
            )
        else:
            done = self.stage.attempt(
                "cancel from inbox", lambda: cancellation.cancel_order(order_id=order.pk, **common)
            )
        if done is not None:
            self._resolve(case, "Canceled.")

    def _plan(self, case: OrderException, order: Order) -> None:
        """What can be had is planned anew; what cannot is canceled, and the customer told."""
        is_over = order.status in ("COMPLETED", "CANCELED")
        if is_over or (case.kind != "UNROUTABLE" and not warehouse.missing_units(order_id=order.pk)):
            self._resolve(case, "Nothing is missing any more.")
            return
        decision = self.stage.attempt(
            "plan from inbox", lambda: routing.route_order(order_id=order.pk, now=self.stage.now)
        )
        if decision is not None and decision.state == "UNROUTABLE":
            open_ = Counter[str]()
            for step in decision.plan:
                if step["location"] is None:
                    open_[str(step["sku"])] += int(step["quantity"])
            self.stage.attempt(
                "cancel what is missing",
                lambda: cancellation.cancel_lines(
                    order_id=order.pk,
                    lines=sorted(open_.items()),
                    reason="not to be had",
                    by=self.vesna,
                    now=self.stage.now,
                ),
            )

    def _send_back_surplus(self, case: OrderException, order: Order) -> None:
        surplus = _surplus(order)
        if surplus > 0:
            self._refund(order, surplus, str(case.detail.get("return") or "paid too much"))
        elif surplus == 0:
            self._resolve(case, "Sent back.")

    def _mend_money(self, case: OrderException, order: Order) -> None:
        """Too much goes back, too little is waited for, goods that do not leave are called off."""
        if case.detail.get("reason") == "CAPTURED_NOT_SENT":
            self._cancel(case, order)
        elif _surplus(order) > 0:
            self._refund(order, _surplus(order), str(case.detail.get("return") or "too much"))
        elif _surplus(order) == 0 or order.status in ("COMPLETED", "CANCELED"):
            self._resolve(case, "Put right.")

    def _mend_paper(self, case: OrderException, order: Order) -> None:
        """A refund receipt waits for the buyer's document: it is asked for. Other papers say what they need elsewhere."""
        waiting = FiscalReceipt.objects.filter(order=order, error_codes=[finance.BUYER_ID_MISSING])
        receipts = list(waiting.order_by("pk"))
        if not receipts:
            self._note(case, order)
        for receipt in receipts:
            if receipt.parent_return_id:
                number = f"{self.stage.rng.randint(1, 999_999_999):09d}"
                self._give_document(receipt.parent_return_id, number)

    def _give_document(self, return_id: int, number: str) -> None:
        self.stage.attempt(
            "give the buyer's document",
            lambda: finance.record_buyer_id(
                return_id=return_id, kind="20", number=number, by=self.vesna, now=self.stage.now
            ),
        )

    def _note(self, case: OrderException, order: Order) -> None:
        self._resolve(case, "Told the customer.")

    def _resolve(self, case: OrderException, resolution: str) -> None:
        self.stage.attempt(
            "resolve exception",
            lambda: inbox.resolve_case(
                public_id=case.public_id, resolution=resolution, by=self.vesna, now=self.stage.now
            ),
        )


def _surplus(order: Order) -> Decimal:
    """What is in hand above what is owed, and not on its way back."""
    returning = Refund.objects.filter(payment__order=order, state="PENDING").values_list("amount", flat=True)
    return order.captured_total - order.refunded_total - sum(returning, Decimal("0.00")) - order.due_total
