"""Exchanging by API: the same call shows what it would do, and does it; and letting the new goods leave before the old ones are back."""

from dataclasses import replace
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from oms.api import answers, bodies
from oms.api.reading import show_order
from oms.api.views import OrderView
from oms.states import PaymentMethod
from oms.workflows import exchanges
from oms.workflows.returns import Asked
from retail.rest.fields import EmptyBody, amount_of, money, read


class OrderExchanges(OrderView):
    scopes = {"POST": ""}
    idempotent = "optional"

    @extend_schema(
        operation_id="exchange_create", request=bodies.ExchangeBody, responses={200: answers.ExchangeAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        """Something back, something else instead: shown first, then the return and the new order are made together or not at all.

        Refuses FILE_NOT_EXCHANGED, METHOD_NOT_AVAILABLE, NOTHING_TO_RETURN, RETURN_PERIOD_OVER, NOTHING_PAID_FOR_IT, OUT_OF_STOCK, PAYMENT_METHOD_MISSING, PRICE_CHANGED.
        """
        data = read(bodies.ExchangeBody, request)
        order = self.order(request, number)
        wanted = exchanges.Wanted(
            back=[Asked(line["sku"], line["quantity"], line["reason"]) for line in data["lines"]],
            instead=[(line["sku"], line["quantity"]) for line in data["instead"]],
            payment_method=(data.get("payment") or {}).get("method", ""),
            to=_destination(data),
            buyer_id_kind=data["buyer_id_kind"],
            buyer_id=data["buyer_id"],
            bank_account=data["bank_account"],
        )
        is_shopper, now = self.is_shopper(request), timezone.now()
        if not data["apply"]:
            outcome = exchanges.preview_exchange(
                order_id=order.pk, wanted=wanted, now=now, is_shopper=is_shopper
            )
            return Response(_shown(outcome, None))
        done = exchanges.exchange(
            order_id=order.pk,
            wanted=replace(wanted, idempotency_caller=self.caller, idempotency_key=self.idempotency_key),
            by=None if is_shopper else self.actor,
            now=now,
            is_shopper=is_shopper,
            expected_pay=amount_of(data.get("expected_pay"), order.currency),
            expected_refund=amount_of(data.get("expected_refund"), order.currency),
        )
        return Response(_shown(done.outcome, done))


def _destination(data: dict[str, Any]) -> exchanges.Destination | None:
    delivery, address = data.get("delivery"), data.get("address") or {}
    if not delivery:
        return None
    where = {name: address.get(name, "") for name in ("street", "city", "postal_code")}
    return exchanges.Destination(delivery["method"], delivery["location"], **where)


def _shown(outcome: exchanges.Outcome, done: exchanges.Agreed | None) -> dict[str, Any]:
    sums = {
        name: money(getattr(outcome, name), outcome.currency)
        for name in ("worth", "total", "to_pay", "to_refund")
    }
    is_asked = done is not None and done.payment.method != PaymentMethod.EXCHANGE
    return sums | {
        "is_applied": done is not None,
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "total": money(line.total, outcome.currency),
            }
            for line in outcome.lines
        ],
        "promise": outcome.promise,
        "deadline": outcome.deadline,
        "return_number": done.returned.number if done else None,
        "order_number": done.order.number if done else None,
        "payment": {
            "method": done.payment.method,
            "status": done.payment.state,
            "reference": done.payment.reference,
            "redirect_url": done.redirect_url,
        }
        if done and is_asked
        else None,
    }


class OrderSendAhead(OrderView):
    scopes = {"POST": "orders:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="exchange_send_ahead", request=EmptyBody, responses={200: answers.OrderAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        """The new goods of an even exchange may leave before the old ones are back. Refuses EXCHANGE_OVER, EXCHANGE_REST_NOT_PAID."""
        read(EmptyBody, request)
        order = self.order(request, number)
        exchanges.send_ahead(number=order.number, by=self.actor, now=timezone.now())
        return Response(show_order(self.order(request, number), is_shopper=False))
