"""Stock, its corrections and its moves by API."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retail.rest.keys import KeyedQuestion
from retail.rest.paging import LIMIT_USUAL, InvalidCursor, decode, encode, limit_of, page
from retail.rest.quick import QuickRead, as_json
from retail.rest.views import ApiView
from warehouse import selectors as warehouse
from warehouse.api import answers, bodies
from warehouse.models import StockItem, StockMove
from warehouse.operations import move_units
from warehouse.workflows import adjust_stock

AFTER = OpenApiParameter("after", OpenApiTypes.STR, description="cursor of the page before")
LIMIT = OpenApiParameter("limit", OpenApiTypes.INT, description="rows a page, 1 to 100")
SKU = OpenApiParameter("sku", OpenApiTypes.STR)
LOCATION = OpenApiParameter("location", OpenApiTypes.STR)
UPDATED_AFTER = OpenApiParameter(
    "updated_after",
    OpenApiTypes.DATETIME,
    description="changed since then, its parcels or lines included; in the order of change",
)


class Stock(QuickRead):
    scopes = {"GET": "stock:read"}

    @extend_schema(
        operation_id="stock_list",
        parameters=[SKU, LOCATION, AFTER, LIMIT],
        responses={200: answers.StockListAnswer},
    )
    def get(self, request: Request) -> Response:
        """Units bin by bin, in the order in which they were laid down."""
        limit = limit_of(request)
        sku, place = request.query_params.get("sku"), request.query_params.get("location")
        rows = warehouse.stock_rows(
            sku=sku or None,
            location_id=bodies.location_of(place).pk if place else None,
            after_id=_after(request),
            limit=limit + 1,
        )
        return Response(_shown(request._request, rows, limit))

    def quick(self, request: HttpRequest, now: datetime) -> tuple[str, str] | None:
        """One SKU everywhere, from the beginning."""
        sku = request.GET.get("sku")
        if not sku or len(request.GET) > 1:
            return None
        found = _OF_SKU.ask(request.META["HTTP_AUTHORIZATION"], {"sku": sku, "limit": LIMIT_USUAL}, now=now)
        if found is None:
            return None
        key, rows, last = found
        following = as_json(_following(request, last)) if last else "null"
        return f"key{key}", f'{{"results":[{rows or ""}],"next":{following}}}'


_OF_SKU = KeyedQuestion.of(
    "stock_of_sku",
    warehouse.STOCK_OF_SKU,
    {"sku": "text", "limit": "integer"},
    ("text", "bigint"),
    scope=Stock.scopes["GET"],
)


def _shown(request: HttpRequest, rows: list[warehouse.StockRow], limit: int) -> dict[str, Any]:
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        following = _following(request, rows[-1].stock_item_id)
    return {"results": [show_row(row) for row in rows], "next": following}


def _following(request: HttpRequest, last_id: int) -> str:
    query = request.GET.copy()
    query["after"] = encode([last_id])
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _after(request: Request) -> int:
    cursor = request.query_params.get("after", "")
    if not cursor:
        return 0
    (first,) = decode(cursor, 1)
    if not isinstance(first, int):
        raise InvalidCursor("This cursor is not one of ours; begin without it.")
    return first


def show_row(row: warehouse.StockRow) -> dict[str, Any]:
    return {
        "sku": row.sku,
        "location": row.location,
        "bin": row.bin,
        "kind": row.kind,
        "on_hand": row.on_hand,
        "reserved": row.reserved,
        "available": row.available,
    }


class Adjustments(ApiView):
    scopes = {"POST": "stock:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="stock_adjust", request=bodies.AdjustmentBody, responses={201: answers.AdjustedAnswer}
    )
    def post(self, request: Request) -> Response:
        """Units more or fewer, with reason and reference. Below the claims: 409 BELOW_CLAIMS with `claims`, unless `displace`."""
        data = bodies.read(bodies.AdjustmentBody, request)
        variant_id = bodies.variants_of([data["sku"]])[data["sku"]]
        place = bodies.location_of(data["location"])
        done = adjust_stock(
            variant_id=variant_id,
            location_id=place.pk,
            bin_id=bodies.bin_of(place, data["bin"]).pk if data["bin"] else None,
            delta=data["delta"],
            reason=data["reason"],
            reference=data["reference"],
            displace=data["displace"],
            by=self.actor,
            now=timezone.now(),
        )
        displaced = [
            {"order": one.number, "sku": one.sku, "quantity": one.units, "served_elsewhere": one.served}
            for one in done.displaced.orders
        ]
        return Response(
            {
                **_show_item(done.stock_item_id),
                "delta": data["delta"],
                "reason": data["reason"],
                "reference": data["reference"],
                "displaced": displaced,
                "displaced_from_baskets": done.displaced.basket_units,
            },
            status=201,
        )


def _show_item(stock_item_id: int) -> dict[str, Any]:
    """Like a row of the list, also when nothing is left in the bin."""
    item = StockItem.objects.select_related("variant", "bin__location").get(pk=stock_item_id)
    return {
        "sku": item.variant.sku,
        "location": item.bin.location.code,
        "bin": item.bin.code,
        "kind": item.bin.kind,
        "on_hand": item.on_hand,
        "reserved": item.reserved,
        "available": item.on_hand - item.reserved if item.is_sellable else 0,
    }


class Moves(ApiView):
    scopes = {"GET": "stock:read", "POST": "stock:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="stock_move_list",
        parameters=[
            SKU,
            LOCATION,
            OpenApiParameter("reason", OpenApiTypes.STR),
            OpenApiParameter("document", OpenApiTypes.STR),
            AFTER,
            LIMIT,
        ],
        responses={200: answers.MoveListAnswer},
    )
    def get(self, request: Request) -> Response:
        """The newest first; append-only."""
        rows = StockMove.objects.select_related("variant", "from_bin__location", "to_bin__location", "by")
        asked = request.query_params
        if sku := asked.get("sku"):
            rows = rows.filter(variant__sku=sku)
        if place := asked.get("location"):
            pk = bodies.location_of(place).pk
            rows = rows.filter(from_bin__location_id=pk) | rows.filter(to_bin__location_id=pk)
        if reason := asked.get("reason"):
            rows = rows.filter(reason=reason)
        if document := asked.get("document"):
            rows = rows.filter(document_key=document)
        return page(
            request, rows, by=("-created_at", "-id"), show=lambda found: [show_move(one) for one in found]
        )

    @extend_schema(operation_id="stock_move", request=bodies.MoveBody, responses={201: answers.MovedAnswer})
    def post(self, request: Request) -> Response:
        """Unclaimed units from one bin to another of the same location."""
        data = bodies.read(bodies.MoveBody, request)
        variant_id = bodies.variants_of([data["sku"]])[data["sku"]]
        place = bodies.location_of(data["location"])
        source, target = bodies.bin_of(place, data["from_bin"]), bodies.bin_of(place, data["to_bin"])
        move_units(
            variant_id=variant_id,
            from_bin_id=source.pk,
            to_bin_id=target.pk,
            quantity=data["quantity"],
            reason=data["reason"],
            document_key=data["reference"],
            by=self.actor,
            now=timezone.now(),
        )
        rows = warehouse.stock_rows(variant_id=variant_id, location_id=place.pk)
        return Response({"stock": [show_row(row) for row in rows]}, status=201)


def show_move(move: StockMove) -> dict[str, Any]:
    return {
        "sku": move.variant.sku,
        "quantity": move.quantity,
        "from": _show_bin(move.from_bin),
        "to": _show_bin(move.to_bin),
        "reason": move.reason,
        "document": {"kind": move.document_kind, "key": move.document_key},
        "by": move.by.get_short_name() if move.by else None,
        "created_at": move.created_at.isoformat(),
    }


def _show_bin(bin_: Any) -> dict[str, str] | None:
    return {"location": bin_.location.code, "bin": bin_.code} if bin_ else None
