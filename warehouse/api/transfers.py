"""Transfers between places by API."""

from typing import Any

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retail.kernel.errors import InvalidInput
from retail.rest.fields import EmptyBody
from retail.rest.paging import page
from retail.rest.views import ApiView
from warehouse.api import answers, bodies
from warehouse.api.reading import since
from warehouse.api.stock import AFTER, LIMIT, LOCATION, UPDATED_AFTER
from warehouse.models import Transfer
from warehouse.operations.transfer_arrivals import ArrivedUnits
from warehouse.operations.transfers import (
    UnknownTransfer,
    WantedUnits,
    cancel_transfer,
    request_transfer,
    ship_transfer,
)
from warehouse.states import CLAIMING
from warehouse.workflows import receive_transfer, report_missing


def transfer_of(number: str) -> Transfer:
    found = Transfer.objects.select_related("source", "target", "order").filter(number=number).first()
    if found is None:
        raise UnknownTransfer("There is no such transfer.", number=number[:24])
    return found


class Transfers(ApiView):
    scopes = {"GET": "stock:read", "POST": "stock:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="transfer_list",
        parameters=[OpenApiParameter("status", OpenApiTypes.STR), LOCATION, UPDATED_AFTER, AFTER, LIMIT],
        responses={200: answers.TransferListAnswer},
    )
    def get(self, request: Request) -> Response:
        """The newest first; `location` is either end."""
        rows = Transfer.objects.select_related("source", "target", "order")
        if status := request.query_params.get("status"):
            rows = rows.filter(status=status)
        if place := request.query_params.get("location"):
            rows = rows.filter(Q(source__code=place) | Q(target__code=place))
        rows, order_by = since(request, rows, newest="-created_at")
        return page(request, rows, by=order_by, show=lambda found: [show_head(one) for one in found])

    @extend_schema(
        operation_id="transfer_create",
        request=bodies.TransferBody,
        responses={201: answers.TransferAnswer},
    )
    def post(self, request: Request) -> Response:
        """Ask one place to send units to another: they are claimed where they lie. Refuses NOT_ENOUGH_UNITS, OTHER_ENTITY."""
        data = bodies.read(bodies.TransferBody, request)
        transfer = request_transfer(
            source_id=bodies.location_of(data["source"]).pk,
            target_id=bodies.location_of(data["target"]).pk,
            lines=_wanted(data["lines"]),
            note=data["note"],
            expected_on=data["expected_on"],
            by=self.actor,
            now=timezone.now(),
        )
        return Response(show_transfer(transfer.number), status=201)


def _wanted(lines: list[dict[str, Any]]) -> list[WantedUnits]:
    variants = bodies.variants_of([line["sku"] for line in lines])
    if len(variants) != len(lines):
        raise InvalidInput("Name each SKU once.")
    return [WantedUnits(variants[line["sku"]], line["quantity"]) for line in lines]


class TransferOne(ApiView):
    scopes = {"GET": "stock:read"}

    @extend_schema(operation_id="transfer_read", responses={200: answers.TransferAnswer})
    def get(self, request: Request, number: str) -> Response:
        return Response(show_transfer(number))


class TransferAct(ApiView):
    """Base of what is done to one transfer; the answer is the transfer as it is then."""

    scopes = {"POST": "stock:write"}
    idempotent = "optional"
    is_one_transaction = True


class TransferShip(TransferAct):
    @extend_schema(
        operation_id="transfer_ship", request=bodies.TransferShipBody, responses={200: answers.TransferAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        """The units leave their shelves and are on their way. Refuses NOTHING_TO_SHIP, NOT_ENOUGH_UNITS, NOT_ON_TRANSFER."""
        data = bodies.read(bodies.TransferShipBody, request)
        lines = data.get("lines")
        ship_transfer(
            transfer_id=transfer_of(number).pk,
            lines=None if lines is None else _wanted(lines),
            by=self.actor,
            now=timezone.now(),
        )
        return Response(show_transfer(number))


class TransferReceive(TransferAct):
    @extend_schema(
        operation_id="transfer_receive",
        request=bodies.TransferReceiveBody,
        responses={200: answers.TransferAnswer},
    )
    def post(self, request: Request, number: str) -> Response:
        """One delivery as it was counted: over, short and damaged as they are. Good units wait in the receiving bin."""
        data = bodies.read(bodies.TransferReceiveBody, request)
        transfer = transfer_of(number)
        variants = bodies.variants_of([line["sku"] for line in data["lines"]])
        receive_transfer(
            transfer_id=transfer.pk,
            lines=[
                ArrivedUnits(variants[line["sku"]], line["quantity_good"], line["quantity_damaged"])
                for line in data["lines"]
            ],
            is_complete=data["is_complete"],
            by=self.actor,
            now=timezone.now(),
        )
        return Response(show_transfer(number))


class TransferMissing(TransferAct):
    @extend_schema(
        operation_id="transfer_missing",
        request=bodies.TransferMissingBody,
        responses={200: answers.TransferAnswer},
    )
    def post(self, request: Request, number: str) -> Response:
        """Fewer units lie on the shelves than are to be sent: the rest is looked for elsewhere, for an order anew.

        Refuses NOT_ON_TRANSFER, INVALID_QUANTITY, ILLEGAL_MOVE.
        """
        data = bodies.read(bodies.TransferMissingBody, request)
        report_missing(
            transfer_id=transfer_of(number).pk,
            variant_id=bodies.variants_of([data["sku"]])[data["sku"]],
            quantity_found=data["quantity_found"],
            by=self.actor,
            now=timezone.now(),
        )
        return Response(show_transfer(number))


class TransferCancel(TransferAct):
    @extend_schema(operation_id="transfer_cancel", request=EmptyBody, responses={200: answers.TransferAnswer})
    def post(self, request: Request, number: str) -> Response:
        """Before it is sent: the claimed units are free again."""
        bodies.read(EmptyBody, request)
        cancel_transfer(transfer_id=transfer_of(number).pk, by=self.actor, now=timezone.now())
        return Response(show_transfer(number))


def show_head(transfer: Transfer) -> dict[str, Any]:
    return {
        "number": transfer.number,
        "source": transfer.source.code,
        "target": transfer.target.code,
        "status": transfer.status,
        "order": transfer.order.number if transfer.order else None,
        "note": transfer.note,
        "expected_on": transfer.expected_on.isoformat() if transfer.expected_on else None,
        "created_at": transfer.created_at.isoformat(),
        "shipped_at": transfer.shipped_at.isoformat() if transfer.shipped_at else None,
        "received_at": transfer.received_at.isoformat() if transfer.received_at else None,
        "canceled_at": transfer.canceled_at.isoformat() if transfer.canceled_at else None,
        "updated_at": transfer.updated_at.isoformat(),
    }


def show_transfer(number: str) -> dict[str, Any]:
    transfer = transfer_of(number)
    live = Sum("claims__quantity", filter=Q(claims__state__in=CLAIMING))
    lines = transfer.lines.select_related("variant").annotate(claimed=Coalesce(live, 0)).order_by("pk")
    return {
        **show_head(transfer),
        "lines": [
            {
                "sku": line.variant.sku,
                "quantity": line.quantity,
                "quantity_claimed": line.claimed,
                "quantity_shipped": line.quantity_shipped,
                "quantity_good": line.quantity_good,
                "quantity_damaged": line.quantity_damaged,
                "quantity_lost": line.quantity_lost,
                "quantity_over": line.quantity_over,
            }
            for line in lines
        ],
    }
