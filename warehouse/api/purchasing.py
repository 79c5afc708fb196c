"""Purchase orders and what came of them by API."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from retail.kernel.errors import InvalidInput
from retail.kernel.models import LocationKind
from retail.rest.fields import money
from retail.rest.paging import page
from retail.rest.views import ApiView
from warehouse.api import answers, bodies
from warehouse.api.reading import since
from warehouse.api.stock import AFTER, LIMIT, LOCATION, UPDATED_AFTER
from warehouse.models import PurchaseOrder, Receipt
from warehouse.operations import OrderedLine, ReceivedLine, UnknownPurchaseOrder, create_purchase_order
from warehouse.workflows import receive_goods


def order_of(number: str) -> PurchaseOrder:
    found = PurchaseOrder.objects.select_related("supplier", "location").filter(number=number).first()
    if found is None:
        raise UnknownPurchaseOrder("There is no such purchase order.", number=number)
    return found


class PurchaseOrders(ApiView):
    scopes = {"GET": "purchasing:read", "POST": "purchasing:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="purchase_order_list",
        parameters=[OpenApiParameter("status", OpenApiTypes.STR), LOCATION, UPDATED_AFTER, AFTER, LIMIT],
        responses={200: answers.PurchaseOrderListAnswer},
    )
    def get(self, request: Request) -> Response:
        """The newest first."""
        rows = PurchaseOrder.objects.select_related("supplier", "location")
        if status := request.query_params.get("status"):
            rows = rows.filter(status=status)
        if place := request.query_params.get("location"):
            rows = rows.filter(location__code=place)
        rows, order_by = since(request, rows, newest="-ordered_at")
        return page(request, rows, by=order_by, show=lambda found: [show_head(one) for one in found])

    @extend_schema(
        operation_id="purchase_order_create",
        request=bodies.PurchaseOrderBody,
        responses={201: answers.PurchaseOrderAnswer},
    )
    def post(self, request: Request) -> Response:
        """Ask a supplier for goods; what is under way is promised by its date."""
        data = bodies.read(bodies.PurchaseOrderBody, request)
        variants = bodies.variants_of([line["sku"] for line in data["lines"]])
        if len(variants) != len(data["lines"]):
            raise InvalidInput("Name each SKU once.")
        supplier, place = bodies.location_of(data["supplier"]), bodies.location_of(data["location"])
        if supplier.kind != LocationKind.SUPPLIER or place.kind == LocationKind.SUPPLIER:
            raise InvalidInput("Goods come from a supplier to a store or warehouse.")
        order = create_purchase_order(
            supplier_id=supplier.pk,
            location_id=place.pk,
            lines=[
                OrderedLine(
                    variants[line["sku"]],
                    line["quantity"],
                    line["unit_cost"]["amount"],
                    line["expected_on"],
                )
                for line in data["lines"]
            ],
            expected_on=data["expected_on"],
            by=self.actor,
            now=timezone.now(),
        )
        return Response(show_order(order_of(order.number)), status=201)


class PurchaseOrderOne(ApiView):
    scopes = {"GET": "purchasing:read"}

    @extend_schema(operation_id="purchase_order_read", responses={200: answers.PurchaseOrderAnswer})
    def get(self, request: Request, number: str) -> Response:
        return Response(show_order(order_of(number)))


class Receipts(ApiView):
    scopes = {"POST": "purchasing:write"}
    idempotent = "optional"
    is_one_transaction = True

    @extend_schema(
        operation_id="purchase_order_receive",
        request=bodies.ReceiptBody,
        responses={201: answers.ReceiptAnswer},
    )
    def post(self, request: Request, number: str) -> Response:
        """One delivery as it was counted: over, short and damaged as they are."""
        data = bodies.read(bodies.ReceiptBody, request)
        order = order_of(number)
        variants = bodies.variants_of([line["sku"] for line in data["lines"]])
        receipt = receive_goods(
            purchase_order_id=order.pk,
            lines=[
                ReceivedLine(variants[line["sku"]], line["quantity_good"], line["quantity_damaged"])
                for line in data["lines"]
            ],
            delivery_note=data["delivery_note"],
            is_complete=data["is_complete"],
            by=self.actor,
            now=timezone.now(),
        )
        return Response({**show_receipt(receipt), "purchase_order": show_order(order_of(number))}, status=201)


def show_head(order: PurchaseOrder) -> dict[str, Any]:
    return {
        "number": order.number,
        "supplier": order.supplier.code,
        "location": order.location.code,
        "status": order.status,
        "ordered_at": order.ordered_at.isoformat(),
        "expected_on": order.expected_on.isoformat() if order.expected_on else None,
        "updated_at": order.updated_at.isoformat(),
    }


def show_order(order: PurchaseOrder) -> dict[str, Any]:
    return {
        **show_head(order),
        "lines": [
            {
                "sku": line.variant.sku,
                "quantity": line.quantity,
                "quantity_received": line.quantity_received,
                "unit_cost": {"amount": f"{line.unit_cost:.4f}", "currency": order.currency},
                "expected_on": line.expected_on.isoformat() if line.expected_on else None,
            }
            for line in order.lines.select_related("variant").order_by("pk")
        ],
        "receipts": [show_receipt(receipt) for receipt in order.receipts.order_by("pk")],
    }


def show_receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "number": receipt.number,
        "delivery_note": receipt.delivery_note,
        "created_at": receipt.created_at.isoformat(),
        "lines": [
            {
                "sku": line.order_line.variant.sku,
                "quantity_good": line.quantity_good,
                "quantity_damaged": line.quantity_damaged,
                "value": money(line.value, receipt.order.currency),
            }
            for line in receipt.lines.select_related("order_line__variant").order_by("pk")
        ],
    }
