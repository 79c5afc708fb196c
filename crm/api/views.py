"""Accounts by API, for integrators with the scope."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import search
from crm.models import Customer
from crm.states import ConsentKind, CustomerKind
from retail.kernel.errors import InvalidInput, NotFound
from retail.rest.fields import choice_values, moment_of
from retail.rest.paging import page
from retail.rest.views import ApiView


class UnknownCustomer(NotFound):
    code = "UNKNOWN_CUSTOMER"


class CustomerRow(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="opaque public id")
    kind = serializers.ChoiceField(choice_values(CustomerKind))
    name = serializers.CharField()
    email = serializers.CharField()
    phone = serializers.CharField()
    language = serializers.CharField()
    pib = serializers.CharField()
    registration_number = serializers.CharField()
    external_ref = serializers.CharField()
    tier = serializers.CharField(allow_null=True)
    merged_into = serializers.CharField(
        allow_null=True, help_text="the account that this one became a part of; it has everything now"
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CustomerListAnswer(serializers.Serializer[Any]):
    results = CustomerRow(many=True)
    next = serializers.CharField(allow_null=True, help_text="address of the next page")


class AddressPart(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    name = serializers.CharField()
    street = serializers.CharField()
    city = serializers.CharField()
    postal_code = serializers.CharField()
    country = serializers.CharField()
    phone = serializers.CharField()
    is_default = serializers.BooleanField()


ADDRESS_FIELDS = ("label", "name", "street", "city", "postal_code", "country", "phone", "is_default")


class ConsentPart(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choice_values(ConsentKind))
    is_given = serializers.BooleanField()
    given_at = serializers.DateTimeField()


class LoyaltyPart(serializers.Serializer[Any]):
    number = serializers.CharField()
    tier = serializers.CharField()
    points = serializers.IntegerField()
    joined_on = serializers.DateField()


class CustomerAnswer(CustomerRow):
    has_login = serializers.BooleanField()
    addresses = AddressPart(many=True)
    consents = ConsentPart(many=True, help_text="the newest word of each kind")
    loyalty = LoyaltyPart(allow_null=True)


class Customers(ApiView):
    scopes = {"GET": "customers:read"}

    @extend_schema(
        operation_id="customer_list",
        parameters=[
            OpenApiParameter(
                "search", OpenApiTypes.STR, description="name, e-mail, phone, PIB or member number"
            ),
            OpenApiParameter("kind", OpenApiTypes.STR, enum=choice_values(CustomerKind)),
            OpenApiParameter("updated_after", OpenApiTypes.DATETIME),
            OpenApiParameter("after", OpenApiTypes.STR, description="cursor of the page before"),
            OpenApiParameter("limit", OpenApiTypes.INT, description="rows a page, 1 to 100"),
        ],
        responses={200: CustomerListAnswer},
    )
    def get(self, request: Request) -> Response:
        """Accounts in the order of change."""
        query = request.query_params
        kind = query.get("kind", "")
        if kind and kind not in CustomerKind.values:
            raise InvalidInput("kind is PERSON or COMPANY.", field="kind", value=kind[:20])
        rows = search.customers(text=query.get("search", "").strip()[:100], kind=kind, with_merged=True)
        if since := query.get("updated_after", ""):
            rows = rows.filter(updated_at__gt=moment_of(since, "updated_after"))
        return page(
            request, rows, by=("updated_at", "id"), show=lambda found: [customer_row(one) for one in found]
        )


class CustomerOne(ApiView):
    scopes = {"GET": "customers:read"}

    @extend_schema(operation_id="customer_read", responses={200: CustomerAnswer})
    def get(self, request: Request, public_id: str) -> Response:
        customer = (
            Customer.objects.select_related("loyalty__tier", "merged_into")
            .prefetch_related("addresses", "consents")
            .filter(public_id=public_id)
            .first()
        )
        if customer is None:
            raise UnknownCustomer("There is no such customer.")
        return Response(_whole(customer))


def customer_row(customer: Customer) -> dict[str, Any]:
    loyalty = getattr(customer, "loyalty", None)
    return {
        "id": customer.public_id,
        "kind": customer.kind,
        "name": customer.name,
        "email": customer.email,
        "phone": customer.phone,
        "language": customer.language,
        "pib": customer.pib,
        "registration_number": customer.registration_number,
        "external_ref": customer.external_ref,
        "tier": loyalty.tier.code if loyalty else None,
        "merged_into": customer.merged_into.public_id if customer.merged_into else None,
        "created_at": customer.created_at.isoformat(),
        "updated_at": customer.updated_at.isoformat(),
    }


def _whole(customer: Customer) -> dict[str, Any]:
    loyalty = getattr(customer, "loyalty", None)
    newest = {
        consent.kind: consent
        for consent in sorted(customer.consents.all(), key=lambda one: (one.given_at, one.pk))
    }
    return {
        **customer_row(customer),
        "has_login": customer.user_id is not None,
        "addresses": [
            {name: getattr(address, name) for name in ADDRESS_FIELDS}
            for address in sorted(customer.addresses.all(), key=lambda one: (not one.is_default, one.pk))
        ],
        "consents": [
            {"kind": kind, "is_given": consent.is_given, "given_at": consent.given_at.isoformat()}
            for kind, consent in sorted(newest.items())
        ],
        "loyalty": {
            "number": loyalty.number,
            "tier": loyalty.tier.code,
            "points": loyalty.points,
            "joined_on": loyalty.joined_on.isoformat(),
        }
        if loyalty
        else None,
    }
