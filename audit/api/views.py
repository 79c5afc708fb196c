"""The pull feed of business events, and the trace."""

from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import LogEntry
from audit.selectors import told
from retail.kernel import outbox
from retail.kernel.errors import InvalidInput
from retail.rest.paging import InvalidCursor, decode, encode, limit_of, page
from retail.rest.views import ApiView

# Which rows an integrator may follow by their public key.
TARGETS = {
    "order": ("oms.Order", "number"),
    "customer": ("crm.Customer", "public_id"),
    "sku": ("storefront.Variant", "sku"),
    "product": ("storefront.Product", "slug"),
    "shipment": ("warehouse.Shipment", "number"),
    "invoice": ("finance.Invoice", "number"),
    "proposal": ("audit.Proposal", "public_id"),
    "location": ("kernel.Location", "code"),
}


class EventPart(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="the cursor behind this event")
    topic = serializers.CharField()
    subject = serializers.CharField(help_text="for example order:ORD-2026-000123")
    sequence = serializers.IntegerField(help_text="counts per subject")
    payload = serializers.DictField()
    created_at = serializers.DateTimeField()
    request_id = serializers.CharField()


class FeedAnswer(serializers.Serializer[Any]):
    results = EventPart(many=True)
    next = serializers.CharField(
        allow_null=True, help_text="cursor to ask with next time; stays when nothing is new"
    )


class TracePart(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    action = serializers.CharField()
    actor = serializers.CharField()
    request_id = serializers.CharField()
    reason = serializers.CharField()
    changes = serializers.DictField(allow_null=True)


class TraceAnswer(serializers.Serializer[Any]):
    results = TracePart(many=True)
    next = serializers.CharField(allow_null=True, help_text="address of the next page")


class Events(ApiView):
    scopes = {"GET": "events:read"}

    @extend_schema(
        operation_id="event_feed",
        parameters=[
            OpenApiParameter("after", OpenApiTypes.STR, description="cursor of the last event that you have"),
            OpenApiParameter("limit", OpenApiTypes.INT),
        ],
        responses={200: FeedAnswer},
    )
    def get(self, request: Request) -> Response:
        """Gapless and ordered: an event appears only when nothing older can still be committed."""
        cursor = request.query_params.get("after", "")
        position = (0, 0)
        if cursor:
            first, second = decode(cursor, 2)
            if not isinstance(first, int) or not isinstance(second, int) or max(first, second) >= 2**63:
                raise InvalidCursor("This cursor is not one of ours; begin without it.")
            position = (first, second)
        found = outbox.feed(after=position, limit=limit_of(request))
        following = encode((found[-1].xid, found[-1].pk)) if found else cursor or None
        results = [{"id": encode((event.xid, event.pk)), **told(event)} for event in found]
        return Response({"results": results, "next": following})


class AuditEvents(ApiView):
    scopes = {"GET": "audit:read"}

    @extend_schema(
        operation_id="audit_event_list",
        parameters=[
            OpenApiParameter(
                "target", OpenApiTypes.STR, description="for example order:ORD-2026-000123", required=True
            ),
            OpenApiParameter("after", OpenApiTypes.STR),
            OpenApiParameter("limit", OpenApiTypes.INT),
        ],
        responses={200: TraceAnswer},
    )
    def get(self, request: Request) -> Response:
        kind, _, key = request.query_params.get("target", "").partition(":")
        if kind not in TARGETS or not key:
            raise InvalidInput(
                "target is one of " + ", ".join(f"{name}:KEY" for name in TARGETS), target=kind[:40]
            )
        label, field = TARGETS[kind]
        model = apps.get_model(label)
        pk = model._default_manager.filter(**{field: key}).values_list("pk", flat=True).first()
        content_type = ContentType.objects.get_for_model(model)
        rows = LogEntry.objects.filter(content_type=content_type, object_id=pk if pk is not None else -1)
        return page(
            request,
            rows.select_related("actor"),
            by=("timestamp", "id"),
            show=lambda found: [show(e) for e in found],
        )


def show(entry: LogEntry) -> dict[str, Any]:
    return {
        "at": entry.timestamp.isoformat(),
        "action": entry.get_action_display(),
        "actor": str(entry.actor or entry.actor_label),
        "request_id": entry.cid,
        "reason": entry.reason,
        "changes": entry.changes,
    }
