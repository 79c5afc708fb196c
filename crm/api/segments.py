"""Segments by API: the saved questions, how many answer them now, and who."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.views import CustomerListAnswer, customer_row
from crm.models import Segment
from crm.operations import InvalidSegment, UnknownSegment
from crm.segments import InvalidDefinition
from crm.selectors import count_members, members
from crm.states import ConsentKind, SegmentState
from retail.kernel import clock
from retail.kernel.errors import InvalidInput
from retail.rest.fields import choice_values
from retail.rest.paging import InvalidCursor, decode, encode, limit_of, page
from retail.rest.views import ApiView


class SegmentRow(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    definition = serializers.CharField(help_text="in the segment language")
    version = serializers.IntegerField()
    state = serializers.ChoiceField(choice_values(SegmentState))
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SegmentListAnswer(serializers.Serializer[Any]):
    results = SegmentRow(many=True)
    next = serializers.CharField(allow_null=True, help_text="address of the next page")


class SegmentAnswer(SegmentRow):
    count = serializers.IntegerField(help_text="accounts that are in it now")


class Segments(ApiView):
    scopes = {"GET": "customers:read"}

    @extend_schema(
        operation_id="segment_list",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=choice_values(SegmentState)),
            OpenApiParameter("after", OpenApiTypes.STR, description="cursor of the page before"),
            OpenApiParameter("limit", OpenApiTypes.INT, description="rows a page, 1 to 100"),
        ],
        responses={200: SegmentListAnswer},
    )
    def get(self, request: Request) -> Response:
        """The saved questions, in the order of change."""
        state = request.query_params.get("state", "")
        if state and state not in SegmentState.values:
            raise InvalidInput("state is DRAFT, ACTIVE or RETIRED.", field="state", value=state[:20])
        rows = Segment.objects.filter(state=state) if state else Segment.objects.all()
        return page(
            request, rows, by=("updated_at", "id"), show=lambda found: [_segment(one) for one in found]
        )


class SegmentOne(ApiView):
    scopes = {"GET": "customers:read"}

    @extend_schema(operation_id="segment_read", responses={200: SegmentAnswer})
    def get(self, request: Request, slug: str) -> Response:
        """One segment, and how many accounts are in it at this moment."""
        segment = _found(slug)
        try:
            count = count_members(definition=segment.definition, now=clock.now())
        except InvalidDefinition as refusal:
            raise InvalidSegment(refusal.problem) from None
        return Response({**_segment(segment), "count": count})


class SegmentMembers(ApiView):
    scopes = {"GET": "customers:read"}

    @extend_schema(
        operation_id="segment_members",
        parameters=[
            OpenApiParameter(
                "consent",
                OpenApiTypes.STR,
                enum=choice_values(ConsentKind),
                description="only accounts whose newest word for this kind of message is yes",
            ),
            OpenApiParameter("after", OpenApiTypes.STR, description="cursor of the page before"),
            OpenApiParameter("limit", OpenApiTypes.INT, description="rows a page, 1 to 100"),
        ],
        responses={200: CustomerListAnswer},
    )
    def get(self, request: Request, slug: str) -> Response:
        """The accounts that are in it now. Each page is asked anew: who left meanwhile is left out."""
        segment, limit = _found(slug), limit_of(request)
        consent = request.query_params.get("consent", "")
        if consent and consent not in ConsentKind.values:
            raise InvalidInput("consent is a kind of consent.", field="consent", value=consent[:20])
        cursor = request.query_params.get("after", "")
        try:
            found = members(
                definition=segment.definition,
                now=clock.now(),
                consent=consent,
                after_id=_place(cursor) if cursor else 0,
                limit=limit + 1,
            )
        except InvalidDefinition as refusal:
            raise InvalidSegment(refusal.problem) from None
        following = None
        if len(found) > limit:
            query = request.query_params.copy()
            query["after"] = encode([found[limit - 1].pk])
            following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
        return Response({"results": [customer_row(each) for each in found[:limit]], "next": following})


def _found(slug: str) -> Segment:
    segment = Segment.objects.filter(slug=slug).first()
    if segment is None:
        raise UnknownSegment("There is no such segment.")
    return segment


def _place(cursor: str) -> int:
    (place,) = decode(cursor, 1)
    if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < 2**63:
        raise InvalidCursor("This cursor is not one of ours; begin without it.")
    return place


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "slug": segment.slug,
        "name": segment.name,
        "description": segment.description,
        "definition": segment.definition,
        "version": segment.version,
        "state": segment.state,
        "created_at": segment.created_at.isoformat(),
        "updated_at": segment.updated_at.isoformat(),
    }
