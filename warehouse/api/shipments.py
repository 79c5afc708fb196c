"""Shipments by API: picked, packed, on their way, there or back; and the door through which carriers tell."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retail.rest.fields import EmptyBody, money
from retail.rest.paging import page
from retail.rest.views import ApiView
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.api import answers, bodies
from warehouse.api.reading import since
from warehouse.api.stock import AFTER, LIMIT, LOCATION, UPDATED_AFTER
from warehouse.models import Shipment
from warehouse.operations import ParcelSpec, Pick, UnknownClaim, UnknownShipment, pack, pick
from warehouse.states import ReservationState
from warehouse.workflows.labels import send_off


def shipment_of(number: str) -> Shipment:
    found = (
        Shipment.objects.select_related("order", "location", "service__carrier")
        .prefetch_related("parcels")
        .filter(number=number)
        .first()
    )
    if found is None:
        raise UnknownShipment("There is no such shipment.", number=number)
    return found


class Shipments(ApiView):
    scopes = {"GET": "shipments:read"}

    @extend_schema(
        operation_id="shipment_list",
        parameters=[
            OpenApiParameter("status", OpenApiTypes.STR),
            OpenApiParameter("order", OpenApiTypes.STR),
            LOCATION,
            UPDATED_AFTER,
            AFTER,
            LIMIT,
        ],
        responses={200: answers.ShipmentListAnswer},
    )
    def get(self, request: Request) -> Response:
        """The newest first."""
        rows = Shipment.objects.select_related("order", "location", "service__carrier").prefetch_related(
            "parcels"
        )
        asked = request.query_params
        if status := asked.get("status"):
            rows = rows.filter(status=status)
        if place := asked.get("location"):
            rows = rows.filter(location__code=place)
        if order := asked.get("order"):
            rows = rows.filter(order__number=order)
        rows, order_by = since(request, rows, newest="-created_at")
        return page(request, rows, by=order_by, show=lambda found: [show_head(one) for one in found])


class ShipmentOne(ApiView):
    scopes = {"GET": "shipments:read"}

    @extend_schema(operation_id="shipment_read", responses={200: answers.ShipmentAnswer})
    def get(self, request: Request, number: str) -> Response:
        return Response(show_shipment(number))


class ShipmentAct(ApiView):
    """Base of what is done to one shipment; the answer is the shipment as it is then."""

    scopes = {"POST": "shipments:write"}
    idempotent = "optional"
    is_one_transaction = True


class ShipmentPick(ShipmentAct):
    @extend_schema(
        operation_id="shipment_pick", request=bodies.PickBody, responses={200: answers.ShipmentAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        """Units by SKU (or barcode) and bin. Refuses WRONG_BIN, WRONG_UNIT, INVALID_QUANTITY."""
        data = bodies.read(bodies.PickBody, request)
        pick(
            shipment_id=shipment_of(number).pk,
            picks=[Pick(line["sku"], line["bin"], line["quantity"]) for line in data["lines"]],
            by=self.actor,
            now=timezone.now(),
        )
        return Response(show_shipment(number))


class ShipmentShortPick(ShipmentAct):
    @extend_schema(
        operation_id="shipment_short_pick",
        request=bodies.ShortPickBody,
        responses={200: answers.ShortPickedAnswer},
    )
    def post(self, request: Request, number: str) -> Response:
        """Fewer units lie in the bin than were claimed: the shelf is corrected, the rest is looked for elsewhere."""
        data = bodies.read(bodies.ShortPickBody, request)
        shipment = shipment_of(number)
        claim_id = (
            shipment.claims.filter(
                variant__sku=data["sku"],
                stock_item__bin__code__iexact=data["bin"],
                state=ReservationState.ALLOCATED,
            )
            .order_by("pk")
            .values_list("pk", flat=True)
            .first()
        )
        if claim_id is None:
            raise UnknownClaim("Nothing of this SKU is to be picked from this bin.", sku=data["sku"])
        done = goods.short_pick(
            shipment_id=shipment.pk,
            claim_id=claim_id,
            quantity_found=data["quantity_found"],
            left_on_shelf=data["left_on_shelf"],
            reason=data["reason"],
            by=self.actor,
            now=timezone.now(),
        )
        return Response({**show_shipment(number), "missing": done.missing})


class ShipmentPack(ShipmentAct):
    @extend_schema(
        operation_id="shipment_pack", request=bodies.PackBody, responses={200: answers.ShipmentAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        """Everything picked goes into parcels; a worker asks the carrier for their labels."""
        data = bodies.read(bodies.PackBody, request)
        pack(
            shipment_id=shipment_of(number).pk,
            parcels=[ParcelSpec(weight_grams=parcel["weight_grams"]) for parcel in data["parcels"]],
            by=self.actor,
            now=timezone.now(),
        )
        return Response(show_shipment(number))


class ShipmentDispatch(ShipmentAct):
    is_one_transaction = False  # the card and the carrier are asked in between

    @extend_schema(
        operation_id="shipment_dispatch", request=bodies.DispatchBody, responses={200: answers.ShipmentAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        """To its courier, with valid labels (503 CARRIER_UNAVAILABLE: nothing left, try again); a pickup to whoever has its code."""
        data = bodies.read(bodies.DispatchBody, request)
        shipment = shipment_of(number)
        if shipment.service_id is None:
            goods.hand_over(shipment_id=shipment.pk, code=data["code"], by=self.actor, now=timezone.now())
        else:
            send_off(shipment_id=shipment.pk, by=self.actor, now=timezone.now())
        return Response(show_shipment(number))


class ShipmentDeliver(ShipmentAct):
    @extend_schema(
        operation_id="shipment_deliver", request=EmptyBody, responses={200: answers.ShipmentAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        bodies.read(EmptyBody, request)
        goods.deliver(shipment_id=shipment_of(number).pk, by=self.actor, now=timezone.now())
        return Response(show_shipment(number))


class ShipmentFail(ShipmentAct):
    @extend_schema(
        operation_id="shipment_fail", request=bodies.FailBody, responses={200: answers.ShipmentAnswer}
    )
    def post(self, request: Request, number: str) -> Response:
        """Refused or undeliverable: it comes back. Lost: the sale is undone at once."""
        data = bodies.read(bodies.FailBody, request)
        goods.fail_delivery(
            shipment_id=shipment_of(number).pk, reason=data["reason"], by=self.actor, now=timezone.now()
        )
        return Response(show_shipment(number))


class ShipmentReturnToSender(ShipmentAct):
    @extend_schema(
        operation_id="shipment_return_to_sender",
        request=bodies.ReturnToSenderBody,
        responses={200: answers.ShipmentAnswer},
    )
    def post(self, request: Request, number: str) -> Response:
        """An undelivered parcel is here again: goods to the shelf (damaged ones apart), the sale undone, the money back."""
        data = bodies.read(bodies.ReturnToSenderBody, request)
        shipment = shipment_of(number)
        variants = bodies.variants_of([one["sku"] for one in data["damaged"]])
        place = bodies.location_of(data["location"]) if data["location"] else shipment.location
        goods.return_to_sender(
            shipment_id=shipment.pk,
            location_id=place.pk,
            damaged={variants[one["sku"]]: one["quantity"] for one in data["damaged"]},
            by=self.actor,
            now=timezone.now(),
        )
        return Response(show_shipment(number))


class CarrierEvents(ApiView):
    """The door for a carrier's tracking messages: public, because the signature proves who writes."""

    scopes = {"POST": ""}

    @extend_schema(
        operation_id="carrier_event", request=bodies.CarrierMessage, responses={200: answers.CarrierOutcome}
    )
    def post(self, request: Request, carrier: str) -> Response:
        """Standard Webhooks headers. Twice, late and out of order are all harmless; the answer says what was done."""
        outcome = goods.receive_carrier_event(
            headers=dict(request.headers), raw_body=request.body, now=timezone.now()
        )
        return Response({"outcome": outcome})


def show_head(shipment: Shipment) -> dict[str, Any]:
    service = shipment.service
    return {
        "number": shipment.number,
        "order": shipment.order.number,
        "location": shipment.location.code,
        "method": shipment.method,
        "carrier": service.carrier.code if service else None,
        "service": service.code if service else None,
        "status": shipment.status,
        "is_packed": shipment.is_packed,
        "failure": shipment.failure or None,
        "cash_on_delivery": money(shipment.cod_amount, shipment.order.currency)
        if shipment.cod_amount
        else None,
        "planned_on": shipment.planned_on.isoformat() if shipment.planned_on else None,
        "created_at": shipment.created_at.isoformat(),
        "packed_at": _text(shipment.packed_at),
        "dispatched_at": _text(shipment.dispatched_at),
        "delivered_at": _text(shipment.delivered_at),
        "updated_at": shipment.updated_at.isoformat(),
        "parcels": [
            {
                "number": parcel.number,
                "weight_grams": parcel.weight_grams,
                "tracking_number": parcel.tracking_number or None,
                "tracking_status": parcel.tracking_status or None,
            }
            for parcel in sorted(shipment.parcels.all(), key=lambda parcel: parcel.pk)
        ],
    }


def show_shipment(number: str) -> dict[str, Any]:
    """The shipment with its lines: what is to be picked from which bin, or was."""
    shipment = shipment_of(number)
    return {
        **show_head(shipment),
        "lines": [
            {
                "sku": claim.sku,
                "quantity": claim.quantity,
                "bin": claim.bin,
                "picked_from": claim.picked_from,
                "state": claim.state,
            }
            for claim in warehouse.shipment_claims(shipment_id=shipment.pk)
        ],
    }


def _text(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
