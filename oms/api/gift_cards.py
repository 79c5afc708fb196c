"""Gift cards by API: other means of payment of a basket, and cards sold, found, blocked and returned."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import operations as crm
from crm.models import GiftCard
from crm.states import GiftCardReason
from finance.workflows import gift_cards
from oms.api import answers
from oms.api.views import AFTER, LIMIT, shown_basket, shown_order
from oms.states import PaymentMethod
from oms.workflows import tenders
from oms.workflows.gift_card_orders import CardsWanted, order_gift_cards
from retail.kernel.access import of_seen_entities, sees_entity
from retail.kernel.clock import business_date
from retail.rest.fields import (
    MoneySerializer,
    StrictSerializer,
    amount_of,
    choice_values,
    money,
    read,
)
from retail.rest.paging import page
from retail.rest.throttles import client_of
from retail.rest.views import ApiView

TEXT = serializers.CharField
CURRENCY = "RSD"


class TenderBody(StrictSerializer):
    """A gift card's code. Points are a person's who has signed in, and nobody has here."""

    gift_card = serializers.CharField(max_length=60)


class NewCardBody(StrictSerializer):
    amount = MoneySerializer()
    recipient_email = serializers.CharField(max_length=254)
    recipient_name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    sender_name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    message = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    send_on = serializers.DateField(required=False, allow_null=True)


class CardPaymentBody(StrictSerializer):
    method = serializers.ChoiceField([str(PaymentMethod.CARD), str(PaymentMethod.BANK_TRANSFER)])


class GiftCardsBody(StrictSerializer):
    channel = serializers.CharField(max_length=20, required=False, default="web-rs")
    cards = NewCardBody(many=True, allow_empty=False)
    email = serializers.CharField(max_length=254)
    name = serializers.CharField(max_length=200)
    phone = serializers.CharField(max_length=30, required=False, allow_blank=True, default="")
    payment = CardPaymentBody()
    language = serializers.ChoiceField(["sr-latn", "sr-cyrl", "en"], required=False, default="sr-latn")


class CodeBody(StrictSerializer):
    code = serializers.CharField(max_length=60)


class ReasonBody(StrictSerializer):
    reason = serializers.CharField(max_length=120)


class CardReturnBody(ReasonBody):
    bank_account = serializers.CharField(max_length=34, required=False, allow_blank=True, default="")


class BalanceAnswer(serializers.Serializer[Any]):
    last_four = TEXT()
    balance = MoneySerializer()
    expires_on = serializers.DateField(allow_null=True)
    is_usable = serializers.BooleanField()


class EntryPart(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choice_values(GiftCardReason))
    amount = TEXT(help_text="with its sign: less when it is spent")
    order = TEXT(help_text="the order that it is about; empty when none")
    at = serializers.DateTimeField()


class GiftCardRow(serializers.Serializer[Any]):
    id = TEXT()
    last_four = TEXT(help_text="empty until its letter has left")
    amount = MoneySerializer()
    balance = MoneySerializer()
    order = TEXT(help_text="that sold it")
    send_on = serializers.DateField()
    sent_at = serializers.DateTimeField(allow_null=True)
    expires_on = serializers.DateField(allow_null=True)
    is_blocked = serializers.BooleanField()


class GiftCardAnswer(GiftCardRow):
    block_reason = TEXT()
    entries = EntryPart(many=True)


class GiftCardListAnswer(serializers.Serializer[Any]):
    results = GiftCardRow(many=True)
    next = TEXT(allow_null=True, help_text=answers.NEXT_WORDS)


class CardReturnAnswer(serializers.Serializer[Any]):
    refunds = answers.RefundPart(many=True)


class BasketTenders(ApiView):
    scopes = {"POST": ""}

    @extend_schema(
        operation_id="basket_tender_add", request=TenderBody, responses={200: answers.BasketAnswer}
    )
    def post(self, request: Request, token: str) -> Response:
        """Pay with a gift card. A code that does not hold gets one answer, whatever the reason; attempts are counted."""
        data, now = read(TenderBody, request), timezone.now()
        tenders.apply_gift_card(
            token=token,
            code=data["gift_card"],
            now=now,
            client_hash=client_of(request._request),
        )
        return Response(shown_basket(token))


class BasketTenderOne(ApiView):
    scopes = {"DELETE": ""}

    @extend_schema(operation_id="basket_tender_remove", responses={200: answers.BasketAnswer})
    def delete(self, request: Request, token: str, tender: str) -> Response:
        tenders.remove_gift_card(token=token, public_id=tender, now=timezone.now())
        return Response(shown_basket(token))


class GiftCards(ApiView):
    scopes = {"GET": "orders:read", "POST": "orders:write"}
    idempotent = "required"

    @extend_schema(
        operation_id="gift_card_list",
        parameters=[
            AFTER,
            LIMIT,
            OpenApiParameter("last_four", OpenApiTypes.STR),
            OpenApiParameter("order", OpenApiTypes.STR, description="that sold it"),
        ],
        responses={200: GiftCardListAnswer},
    )
    def get(self, request: Request) -> Response:
        rows = of_seen_entities(GiftCard.objects.all(), request.user)
        if last := request.query_params.get("last_four"):
            rows = rows.filter(last_four=last.upper())
        if order := request.query_params.get("order"):
            rows = rows.filter(order_number=order)
        return page(
            request, rows, by=("-created_at", "-id"), show=lambda found: [_row(card) for card in found]
        )

    @extend_schema(
        operation_id="gift_card_create", request=GiftCardsBody, responses={201: answers.PlacedAnswer}
    )
    def post(self, request: Request) -> Response:
        """Order gift cards. They are worth something, and their letters leave, when the order is paid."""
        data, now = read(GiftCardsBody, request), timezone.now()
        placed = order_gift_cards(
            wanted=CardsWanted(
                cards=[_new_card(card, business_date(now)) for card in data["cards"]],
                email=data["email"],
                name=data["name"],
                phone=data["phone"],
                payment_method=data["payment"]["method"],
                channel_code=data["channel"],
                language=data["language"],
                idempotency_caller=self.caller,
                idempotency_key=self.idempotency_key,
            ),
            by=self.actor,
            now=now,
        )
        return Response(shown_order(placed), status=201)


class GiftCardBalance(ApiView):
    scopes = {"POST": ""}

    @extend_schema(operation_id="gift_card_balance", request=CodeBody, responses={200: BalanceAnswer})
    def post(self, request: Request) -> Response:
        """What is on the card of whoever has its code. Every wrong code gets the same answer; attempts are counted."""
        data = read(CodeBody, request)
        card = tenders.look_at_card(code=data["code"], client_hash=client_of(request._request))
        return Response(
            {
                "last_four": card.last_four,
                "balance": money(card.balance, card.currency),
                "expires_on": card.expires_on.isoformat() if card.expires_on else None,
                "is_usable": crm.is_usable(card, business_date(timezone.now())),
            }
        )


class GiftCardView(ApiView):
    """Base of everything about one card."""

    def card(self, request: Request, public_id: str) -> GiftCard:
        card = GiftCard.objects.filter(public_id=public_id).first()
        if card is None or not sees_entity(request.user, card.entity_id):
            raise crm.UnknownGiftCard("There is no such gift card.")
        return card


class GiftCardOne(GiftCardView):
    scopes = {"GET": "orders:read"}

    @extend_schema(operation_id="gift_card_read", responses={200: GiftCardAnswer})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(_whole(self.card(request, public_id)))


class GiftCardBlock(GiftCardView):
    scopes = {"POST": "orders:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(operation_id="gift_card_block", request=ReasonBody, responses={200: GiftCardAnswer})
    def post(self, request: Request, public_id: str) -> Response:
        data = read(ReasonBody, request)
        self.card(request, public_id)
        crm.block_card(public_id=public_id, reason=data["reason"], by=self.actor, now=timezone.now())
        return Response(_whole(self.card(request, public_id)))


class GiftCardUnblock(GiftCardView):
    scopes = {"POST": "orders:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(operation_id="gift_card_unblock", request=ReasonBody, responses={200: GiftCardAnswer})
    def post(self, request: Request, public_id: str) -> Response:
        data = read(ReasonBody, request)
        self.card(request, public_id)
        crm.unblock_card(public_id=public_id, reason=data["reason"], by=self.actor)
        return Response(_whole(self.card(request, public_id)))


class GiftCardReturn(GiftCardView):
    scopes = {"POST": "orders:write"}
    idempotent = "required"
    is_one_transaction = True

    @extend_schema(operation_id="gift_card_return", request=CardReturnBody, responses={201: CardReturnAnswer})
    def post(self, request: Request, public_id: str) -> Response:
        """A card of which nothing was spent goes back; its money goes where it came from."""
        data = read(CardReturnBody, request)
        card = self.card(request, public_id)
        made = gift_cards.return_card(
            public_id=public_id,
            reason=data["reason"],
            by=self.actor,
            now=timezone.now(),
            bank_account=data["bank_account"],
        )
        shown = [
            {"id": one.public_id, "amount": money(one.amount, card.currency), "status": one.state}
            for one in made
        ]
        return Response({"refunds": shown}, status=201)


def _new_card(data: dict[str, Any], today: date) -> crm.NewCard:
    amount = amount_of(data["amount"], CURRENCY)
    assert amount is not None, "the body has an amount"
    return crm.NewCard(
        amount=amount,
        recipient_email=data["recipient_email"],
        send_on=data.get("send_on") or today,
        recipient_name=data["recipient_name"],
        sender_name=data["sender_name"],
        message=data["message"],
    )


def _row(card: GiftCard) -> dict[str, Any]:
    return {
        "id": card.public_id,
        "last_four": card.last_four,
        "amount": money(card.amount, card.currency),
        "balance": money(card.balance, card.currency),
        "order": card.order_number,
        "send_on": card.send_on.isoformat(),
        "sent_at": card.sent_at.isoformat() if card.sent_at else None,
        "expires_on": card.expires_on.isoformat() if card.expires_on else None,
        "is_blocked": card.blocked_at is not None,
    }


def _whole(card: GiftCard) -> dict[str, Any]:
    return {
        **_row(card),
        "block_reason": card.block_reason,
        "entries": [
            {
                "reason": entry.reason,
                "amount": f"{entry.amount:.2f}",
                "order": entry.order_number,
                "at": entry.created_at.isoformat(),
            }
            for entry in card.entries.order_by("pk")
        ],
    }
