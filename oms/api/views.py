"""Baskets, orders, returns and proposals by API."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import Proposal
from finance import operations as finance
from finance import workflows as money_workflows
from oms import operations as orders
from oms import selectors as oms
from oms.api import answers, bodies
from oms.api.reading import show_order
from oms.models import Order
from oms.states import PaymentMethod
from oms.workflows import basket_coupons, baskets, cancellation, overview, placing, returns, routing
from oms.workflows.tenders import tenders_of
from retail.kernel import idempotency
from retail.kernel.access import of_seen_entities, sees_entity
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import ApiKey
from retail.rest.fields import amount_of, moment_of, money, read
from retail.rest.keys import has_scope
from retail.rest.paging import page
from retail.rest.throttles import client_of
from retail.rest.views import ApiView

AFTER = OpenApiParameter("after", OpenApiTypes.STR, description="cursor of the page before")
LIMIT = OpenApiParameter("limit", OpenApiTypes.INT, description="rows a page, 1 to 100")


class Baskets(ApiView):
    scopes = {"POST": ""}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="basket_create", request=bodies.BasketBody, responses={201: answers.BasketAnswer}
    )
    def post(self, request: Request) -> Response:
        data = read(bodies.BasketBody, request)
        basket = baskets.create_basket(
            channel_code=data["channel"],
            now=timezone.now(),
            language=data.get("language", ""),
            postal_code=data["postal_code"],
        )
        return Response(shown_basket(basket.token), status=201)


class BasketOne(ApiView):
    scopes = {"GET": ""}

    @extend_schema(operation_id="basket_read", responses={200: answers.BasketAnswer})
    def get(self, request: Request, token: str) -> Response:
        return Response(shown_basket(token))


class BasketLines(ApiView):
    scopes = {"POST": ""}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="basket_line_add", request=bodies.BasketLineBody, responses={201: answers.BasketAnswer}
    )
    def post(self, request: Request, token: str) -> Response:
        data = read(bodies.BasketLineBody, request)
        baskets.add_line(
            token=token,
            sku=data["sku"],
            quantity=data["quantity"],
            prefer_location=data["location"],
            is_preorder=data["preorder"],
            now=timezone.now(),
        )
        return Response(shown_basket(token), status=201)


class BasketLineOne(ApiView):
    scopes = {"PATCH": "", "DELETE": ""}

    @extend_schema(
        operation_id="basket_line_change", request=bodies.QuantityBody, responses={200: answers.BasketAnswer}
    )
    def patch(self, request: Request, token: str, line: str) -> Response:
        data = read(bodies.QuantityBody, request)
        baskets.change_line(token=token, line_id=line, quantity=data["quantity"], now=timezone.now())
        return Response(shown_basket(token))

    @extend_schema(operation_id="basket_line_remove", responses={200: answers.BasketAnswer})
    def delete(self, request: Request, token: str, line: str) -> Response:
        baskets.remove_line(token=token, line_id=line, now=timezone.now())
        return Response(shown_basket(token))


class BasketCoupons(ApiView):
    scopes = {"POST": ""}

    @extend_schema(
        operation_id="basket_coupon_add", request=bodies.CouponBody, responses={200: answers.BasketAnswer}
    )
    def post(self, request: Request, token: str) -> Response:
        """Put a code into the basket. A code that does not hold gets one answer, whatever the reason; attempts are counted."""
        data = read(bodies.CouponBody, request)
        basket_coupons.apply_coupon(
            token=token, code=data["code"], now=timezone.now(), client_hash=client_of(request._request)
        )
        return Response(shown_basket(token))


class BasketCouponOne(ApiView):
    scopes = {"DELETE": ""}

    @extend_schema(operation_id="basket_coupon_remove", responses={200: answers.BasketAnswer})
    def delete(self, request: Request, token: str, code: str) -> Response:
        basket_coupons.remove_coupon(token=token, code=code, now=timezone.now())
        return Response(shown_basket(token))


def shown_basket(token: str) -> dict[str, Any]:
    basket = oms.basket_by_token(token)
    if basket is None:
        raise baskets.BasketNotFound("There is no such basket, or it was ordered already.")
    now = timezone.now()
    view = baskets.read_basket(basket=basket, now=now)
    return bodies.show_basket(view, tenders_of(basket=basket, now=now))


class Orders(ApiView):
    scopes = {"GET": "orders:read", "POST": ""}
    forbids = {"POST": "An order with lines instead of a basket needs a key with the scope `orders:write`."}
    idempotent = "required"

    @extend_schema(
        operation_id="order_list",
        parameters=[
            AFTER,
            LIMIT,
            OpenApiParameter("updated_after", OpenApiTypes.DATETIME),
            OpenApiParameter("status", OpenApiTypes.STR),
            OpenApiParameter("idempotency_key", OpenApiTypes.STR),
        ],
        responses={200: answers.OrderListAnswer},
    )
    def get(self, request: Request) -> Response:
        rows = of_seen_entities(Order.objects.select_related("channel"), request.user)
        if since := request.query_params.get("updated_after"):
            rows = rows.filter(updated_at__gt=moment_of(since, "updated_after"))
        if status := request.query_params.get("status"):
            rows = rows.filter(status=status)
        if (key := request.query_params.get("idempotency_key")) and isinstance(request.auth, ApiKey):
            rows = rows.filter(idempotency_caller=f"key:{request.auth.pk}", idempotency_key=key)
        return page(
            request,
            rows,
            by=("updated_at", "id"),
            show=lambda found: [bodies.show_order_row(o) for o in found],
        )

    @extend_schema(
        operation_id="order_create", request=bodies.OrderBody, responses={201: answers.PlacedAnswer}
    )
    def post(self, request: Request) -> Response:
        try:
            placed = self._place(request)
        except idempotency.AnsweredBefore as kept:
            return Response(kept.answer.body, status=kept.answer.status)
        except (Refusal, ValidationError):
            # Not asked for the first time, perhaps: the key's answer, or its refusal, comes before ours.
            before = self._answer_before()
            if before is None:
                raise
            return Response(before.body, status=before.status)
        return Response(shown_order(placed), status=201)

    def claims_later(self, data: Any) -> bool:
        """What a basket orders is one transaction, unless somebody outside is asked: the bank about a card, SEF about a company."""
        if not isinstance(data, dict) or not data.get("basket") or data.get("lines") or data.get("company"):
            return False
        payment = data.get("payment")
        return isinstance(payment, dict) and payment.get("method") != PaymentMethod.CARD

    def _place(self, request: Request) -> placing.Placed:
        data = read(bodies.OrderBody, request)
        token = data.get("basket") or self._basket_of_lines(request, data)
        checkout = bodies.checkout_of(
            data,
            token=token,
            caller=self.caller,
            key=self.idempotency_key,
            expected=amount_of(data.get("expected_total"), "RSD"),
            expected_rest=amount_of(data.get("expected_to_pay"), "RSD"),
        )
        return placing.place_order(
            checkout=checkout,
            by=None,
            now=timezone.now(),
            claim=self.claim,
            answer=lambda placed: idempotency.Answer(201, shown_order(placed)),
        )

    def _answer_before(self) -> idempotency.Answer | None:
        if self.claim is None:
            return None
        return idempotency.answer_before(
            caller=self.claim.caller, key=self.claim.key, request_hash=self.claim.request_hash
        )

    def _basket_of_lines(self, request: Request, data: dict[str, Any]) -> str:
        """Orders of other channels come with lines: they pass through a basket like every other."""
        if not has_scope(request, "orders:write"):
            raise NeedsKey(
                "An order with lines needs a key with the scope orders:write; a shopper sends a basket."
            )
        before = Order.objects.filter(
            idempotency_caller=self.caller, idempotency_key=self.idempotency_key
        ).first()
        if before is not None and before.basket is not None:
            return before.basket.token
        now = timezone.now()
        # Refused as a whole: no basket stays behind that holds some of the lines.
        with transaction.atomic():
            basket = baskets.create_basket(channel_code=data["channel"], now=now)
            wanted = [(line["sku"], line["quantity"]) for line in data["lines"]]
            baskets.add_lines(token=basket.token, wanted=wanted, now=now)
        return basket.token


def shown_order(placed: placing.Placed) -> dict[str, Any]:
    order = placed.order
    return {
        **bodies.show_order_row(order),
        "token": order.token,
        "lines": [
            {
                "sku": line.sku,
                "kind": line.kind,
                "quantity": line.quantity,
                "unit_price": money(line.unit_price, order.currency),
                "total": money(line.total, order.currency),
            }
            for line in placed.lines
        ],
        "payment": {
            "method": placed.payment.method,
            "status": placed.payment.state,
            "reference": placed.payment.reference,
            "redirect_url": placed.redirect_url,
        },
    }


class NeedsKey(InvalidInput):
    code = "NOT_ALLOWED"
    status = 403


class OrderView(ApiView):
    """Base of everything about one order: reached with a scope, or with the order's own secret token."""

    def order(self, request: Request, number: str) -> Order:
        order = oms.order_by_number(number) or oms.order_by_token(number)
        if order is None or not (
            (self.has_key(request) and sees_entity(request.user, order.entity_id))
            or order.token in (number, request.headers.get("X-Order-Token"))
        ):
            raise orders.OrderNotFound("There is no such order.")
        return order

    def has_key(self, request: Request) -> bool:
        return has_scope(request, "orders:read" if request.method == "GET" else "orders:write")

    def is_shopper(self, request: Request) -> bool:
        return not self.has_key(request)


class OrderOne(OrderView):
    scopes = {"GET": ""}

    @extend_schema(operation_id="order_read", responses={200: answers.OrderAnswer})
    def get(self, request: Request, number: str) -> Response:
        order = self.order(request, number)
        shown = show_order(order, is_shopper=self.is_shopper(request))
        return Response(shown, headers={"ETag": f'"{order.version}"'})


class OrderCancel(OrderView):
    scopes = {"POST": ""}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="order_cancel", request=bodies.CancelBody, responses={200: answers.OrderAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        data = read(bodies.CancelBody, request)
        order = self.order(request, number)
        reason = data["reason"] or "canceled by the shopper"
        common: dict[str, Any] = {
            "order_id": order.pk,
            "reason": reason,
            "by": None,
            "now": timezone.now(),
            "is_shopper": self.is_shopper(request),
        }
        if lines := data.get("lines"):
            cancellation.cancel_lines(lines=[(line["sku"], line["quantity"]) for line in lines], **common)
        else:
            cancellation.cancel_order(**common)
        order = self.order(request, number)
        return Response(show_order(order, is_shopper=self.is_shopper(request)))


class OrderPayments(OrderView):
    scopes = {"POST": ""}
    idempotent = "required"

    @extend_schema(
        operation_id="order_payment_start",
        request=bodies.PaymentAttemptBody,
        responses={201: answers.PaymentStarted},
    )
    def post(self, request: Request, number: str) -> Response:
        data = read(bodies.PaymentAttemptBody, request)
        order = self.order(request, number)
        payment = money_workflows.start_payment(
            order_id=order.pk, method=data["method"], language=order.language, by=None, now=timezone.now()
        )
        return Response(
            {
                "method": payment.method,
                "status": payment.state,
                "reference": payment.reference,
                "redirect_url": payment.redirect_url or None,
            },
            status=201,
        )


class OrderReturns(OrderView):
    scopes = {"POST": ""}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="return_create", request=bodies.ReturnBody, responses={201: answers.ReturnAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        data = read(bodies.ReturnBody, request)
        order = self.order(request, number)
        made = returns.request_return(
            order_id=order.pk,
            lines=[returns.Asked(line["sku"], line["quantity"], line["reason"]) for line in data["lines"]],
            by=None,
            now=timezone.now(),
            buyer_id_kind=data["buyer_id_kind"],
            buyer_id=data["buyer_id"],
            bank_account=data["bank_account"],
            is_shopper=self.is_shopper(request),
        )
        return Response({"number": made.number, "status": made.status}, status=201)


class ReturnReceive(OrderView):
    scopes = {"POST": "orders:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="return_receive", request=bodies.ReceiveBody, responses={200: answers.ReturnPart}
    )
    def post(self, request: Request, number: str, return_number: str) -> Response:
        data = read(bodies.ReceiveBody, request)
        order = self.order(request, number)
        if not order.returns.filter(number=return_number).exists():
            raise returns.ReturnNotFound("There is no such return.", number=return_number[:24])
        done = returns.receive_return(
            number=return_number,
            location_code=data["location"],
            lines=[
                returns.Arrived(line["sku"], line["quantity"], line["disposition"]) for line in data["lines"]
            ],
            by=self.actor,
            now=timezone.now(),
            bank_account=data["bank_account"],
        )
        return Response(
            {
                "number": done.number,
                "status": done.status,
                "refund_total": money(done.refund_total, order.currency),
            }
        )


class OrderRefunds(OrderView):
    scopes = {"POST": "orders:write"}
    idempotent = "required"
    is_one_transaction = True

    @extend_schema(
        operation_id="order_refund", request=bodies.RefundBody, responses={201: answers.RefundAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        data = read(bodies.RefundBody, request)
        order = self.order(request, number)
        amount = amount_of(data["amount"], order.currency)
        if not amount:
            raise InvalidInput("A refund is more than nothing.")
        made = finance.request_refund(
            order_id=order.pk,
            amount=amount,
            reason=data["reason"],
            by=self.actor,
            now=timezone.now(),
            bank_account=data["bank_account"],
        )
        shown = [
            {"id": r.public_id, "amount": money(r.amount, order.currency), "status": r.state} for r in made
        ]
        return Response(
            {"refunds": shown, "payments": overview.payments_of_order(order_id=order.pk)}, status=201
        )


class Proposals(ApiView):
    scopes = {"GET": "proposals:read"}

    @extend_schema(
        operation_id="proposal_list",
        parameters=[
            AFTER,
            LIMIT,
            OpenApiParameter("state", OpenApiTypes.STR),
            OpenApiParameter("kind", OpenApiTypes.STR),
            OpenApiParameter("subject", OpenApiTypes.STR, description="order:ORD-…"),
        ],
        responses={200: answers.ProposalListAnswer},
    )
    def get(self, request: Request) -> Response:
        rows = Proposal.objects.select_related("author", "decided_by", "replaced_by")
        for name in ("state", "kind"):
            if value := request.query_params.get(name):
                rows = rows.filter(**{name: value})
        if subject := request.query_params.get("subject"):
            kind, _, key = subject.partition(":")
            rows = rows.filter(subject_kind=kind, subject_key=key)
        return page(
            request, rows, by=("-created_at", "-id"), show=lambda found: [show_proposal(p) for p in found]
        )


class ProposalRatify(ApiView):
    scopes = {"POST": "proposals:write"}
    idempotent = "optional"

    @extend_schema(
        operation_id="proposal_ratify", request=bodies.DecisionBody, responses={200: answers.ProposalAnswer}
    )
    def post(self, request: Request, public_id: str) -> Response:
        read(bodies.DecisionBody, request)
        return Response(
            show_proposal(routing.ratify_routing(public_id=public_id, by=self.actor, now=timezone.now()))
        )


class ProposalReject(ApiView):
    scopes = {"POST": "proposals:write"}
    idempotent = "optional"

    @extend_schema(
        operation_id="proposal_reject", request=bodies.DecisionBody, responses={200: answers.ProposalAnswer}
    )
    def post(self, request: Request, public_id: str) -> Response:
        data = read(bodies.DecisionBody, request)
        if not data["reason"].strip():
            raise InvalidInput("Say why the proposal is rejected.")
        assert self.actor is not None, "the scope says there is a key"
        decided = routing.reject_routing(
            public_id=public_id, reason=data["reason"], by=self.actor, now=timezone.now()
        )
        return Response(show_proposal(decided))


def show_proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "id": proposal.public_id,
        "kind": proposal.kind,
        "title": proposal.title,
        "subject": f"{proposal.subject_kind}:{proposal.subject_key}",
        "state": proposal.state,
        "is_exception": proposal.is_exception,
        "diff": proposal.diff,
        "effect": proposal.effect,
        "value": money(proposal.value, proposal.currency),
        "author": str(proposal.author or proposal.author_label),
        "decided_by": str(proposal.decided_by or proposal.decided_by_rule),
        "decision_reason": proposal.decision_reason,
        "created_at": proposal.created_at.isoformat(),
        "decided_at": proposal.decided_at.isoformat() if proposal.decided_at else None,
        "replaced_by": proposal.replaced_by.public_id if proposal.replaced_by else None,
    }
