"""Webhooks: who is told of what, every delivery with its attempts, once more on request."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit import webhooks
from audit.models import Webhook, WebhookDelivery
from audit.states import DeliveryState
from retail.kernel.errors import InvalidInput
from retail.rest.fields import StrictSerializer, choice_values, read
from retail.rest.paging import page
from retail.rest.views import ApiView


class WebhookBody(StrictSerializer):
    url = serializers.CharField(max_length=500, help_text="https, a public machine")
    topics = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        max_length=100,
        help_text="for example oms.order_placed; every topic when left out",
    )


class WebhookChangeBody(WebhookBody):
    url = serializers.CharField(max_length=500, required=False)
    is_active = serializers.BooleanField(required=False)


class NoBody(StrictSerializer):
    pass


class WebhookAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    url = serializers.CharField()
    topics = serializers.ListField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    off_reason = serializers.CharField()
    created_at = serializers.DateTimeField()


class NewWebhookAnswer(WebhookAnswer):
    secret = serializers.CharField(help_text="signs every message (Standard Webhooks); shown this once")


class WebhookListAnswer(serializers.Serializer[Any]):
    results = WebhookAnswer(many=True)
    next = serializers.CharField(allow_null=True)


class AttemptPart(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    failure = serializers.CharField()
    answer = serializers.CharField(help_text="how the answer begins")
    milliseconds = serializers.IntegerField()


class DeliveryAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    topic = serializers.CharField()
    subject = serializers.CharField()
    sequence = serializers.IntegerField()
    state = serializers.ChoiceField(choice_values(DeliveryState))
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptPart(many=True)


class DeliveryListAnswer(serializers.Serializer[Any]):
    results = DeliveryAnswer(many=True)
    next = serializers.CharField(allow_null=True)


PAGING = [OpenApiParameter("after", OpenApiTypes.STR), OpenApiParameter("limit", OpenApiTypes.INT)]


class Webhooks(ApiView):
    scopes = {"GET": "webhooks:read", "POST": "webhooks:write"}

    @extend_schema(operation_id="webhook_list", parameters=PAGING, responses={200: WebhookListAnswer})
    def get(self, request: Request) -> Response:
        return page(
            request,
            Webhook.objects.all(),
            by=("created_at", "id"),
            show=lambda found: [show(one) for one in found],
        )

    @extend_schema(operation_id="webhook_add", request=WebhookBody, responses={201: NewWebhookAnswer})
    def post(self, request: Request) -> Response:
        """Told from now on. The answer has the signing secret and is stored nowhere, so this call takes no Idempotency-Key."""
        data = read(WebhookBody, request)
        webhook, secret = webhooks.add_webhook(url=data["url"], topics=data.get("topics", []), by=self.actor)
        return Response({**show(webhook), "secret": secret}, status=201)


class WebhookOne(ApiView):
    scopes = {"GET": "webhooks:read", "PATCH": "webhooks:write", "DELETE": "webhooks:write"}

    @extend_schema(operation_id="webhook_read", responses={200: WebhookAnswer})
    def get(self, request: Request, public_id: str) -> Response:
        return Response(show(_one(public_id)))

    @extend_schema(operation_id="webhook_change", request=WebhookChangeBody, responses={200: WebhookAnswer})
    def patch(self, request: Request, public_id: str) -> Response:
        data = read(WebhookChangeBody, request)
        return Response(show(webhooks.change_webhook(public_id=public_id, **data)))

    @extend_schema(operation_id="webhook_remove", responses={204: None})
    def delete(self, request: Request, public_id: str) -> Response:
        webhooks.remove_webhook(public_id=public_id)
        return Response(status=204)


class WebhookSecret(ApiView):
    scopes = {"POST": "webhooks:write"}

    @extend_schema(operation_id="webhook_rotate_secret", request=NoBody, responses={200: NewWebhookAnswer})
    def post(self, request: Request, public_id: str) -> Response:
        """A new signing secret; the old one signs along for a day."""
        read(NoBody, request)
        webhook, secret = webhooks.rotate_secret(public_id=public_id, now=timezone.now())
        return Response({**show(webhook), "secret": secret})


class Deliveries(ApiView):
    scopes = {"GET": "webhooks:read"}

    @extend_schema(
        operation_id="webhook_delivery_list",
        parameters=[*PAGING, OpenApiParameter("state", OpenApiTypes.STR, enum=DeliveryState.values)],
        responses={200: DeliveryListAnswer},
    )
    def get(self, request: Request, public_id: str) -> Response:
        rows = WebhookDelivery.objects.filter(webhook=_one(public_id)).select_related("event")
        if state := request.query_params.get("state"):
            if state not in DeliveryState.values:
                raise InvalidInput("state is one of " + ", ".join(DeliveryState.values), state=state[:20])
            rows = rows.filter(state=state)
        return page(
            request,
            rows.prefetch_related("attempts"),
            by=("-created_at", "-id"),
            show=lambda found: [show_delivery(one) for one in found],
        )


class DeliveryReplay(ApiView):
    scopes = {"POST": "webhooks:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(operation_id="webhook_replay", request=NoBody, responses={200: DeliveryAnswer})
    def post(self, request: Request, public_id: str, delivery_id: str) -> Response:
        """Tells it once more; the message keeps its `webhook-id`."""
        read(NoBody, request)
        again = webhooks.replay(webhook_id=public_id, delivery_id=delivery_id, now=timezone.now())
        return Response(show_delivery(again))


def _one(public_id: str) -> Webhook:
    found = Webhook.objects.filter(public_id=public_id).first()
    if found is None:
        raise webhooks.UnknownWebhook("There is no such webhook.")
    return found


def show(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.public_id,
        "url": webhook.url,
        "topics": webhook.topics,
        "is_active": webhook.is_active,
        "off_reason": webhook.off_reason,
        "created_at": webhook.created_at.isoformat(),
    }


def show_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    is_waiting = delivery.state == DeliveryState.PENDING
    return {
        "id": delivery.public_id,
        "topic": delivery.event.topic,
        "subject": delivery.subject,
        "sequence": delivery.event.sequence,
        "state": delivery.state,
        "next_attempt_at": delivery.next_attempt_at.isoformat() if is_waiting else None,
        "delivered_at": delivery.delivered_at.isoformat() if delivery.delivered_at else None,
        "attempts": [
            {
                "at": attempt.at.isoformat(),
                "status": attempt.status,
                "failure": attempt.failure,
                "answer": attempt.answer,
                "milliseconds": attempt.milliseconds,
            }
            for attempt in sorted(delivery.attempts.all(), key=lambda one: one.pk)
        ],
    }
