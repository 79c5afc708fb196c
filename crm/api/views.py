"""Accounts by API, for integrators with the scope."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from crm import operations as crm
from crm import search
from crm.models import Customer
from crm.states import ConsentKind, CustomerKind
from oms import selectors as oms
from retail.kernel.errors import InvalidInput, NotFound, StaleVersion
from retail.rest.fields import StrictSerializer, choice_values, moment_of, read
from retail.rest.paging import page
from retail.rest.views import ApiView


class UnknownCustomer(NotFound):
    code = "UNKNOWN_CUSTOMER"


class UnknownPostcode(InvalidInput):
    code = "UNKNOWN_POSTCODE"


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


class AccountAddressBody(StrictSerializer):
    label = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")  # type: ignore[assignment]
    name = serializers.CharField(max_length=200)
    street = serializers.CharField(max_length=200)
    city = serializers.CharField(max_length=100)
    postal_code = serializers.CharField(max_length=12)
    country = serializers.RegexField(r"^[A-Z]{2}$", required=False, default="RS")
    phone = serializers.CharField(max_length=30, required=False, allow_blank=True, default="")
    is_default = serializers.BooleanField(required=False, default=False)


class CustomerBody(StrictSerializer):
    """What is left out stays. `addresses` is the whole book: what is not in it is removed; orders keep theirs."""

    name = serializers.CharField(max_length=200, required=False)
    phone = serializers.CharField(max_length=30, required=False, allow_blank=True)
    language = serializers.ChoiceField([code for code, _ in settings.LANGUAGES], required=False)
    addresses = AccountAddressBody(many=True, required=False)


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
    scopes = {"GET": "customers:read", "PUT": "customers:write"}

    @extend_schema(operation_id="customer_read", responses={200: CustomerAnswer})
    def get(self, request: Request, public_id: str) -> Response:
        """One account. The `ETag` may be sent back with a PUT as `If-Match`."""
        return _answer(public_id)

    @extend_schema(
        operation_id="customer_put",
        request=CustomerBody,
        parameters=[OpenApiParameter("If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER)],
        responses={200: CustomerAnswer},
    )
    def put(self, request: Request, public_id: str) -> Response:
        """Change what is sent of an account; whole or not at all. Consents, the e-mail and the login are not changed this way.

        Refuses ACCOUNT_GONE for one that was erased or merged, STALE_VERSION, UNKNOWN_POSTCODE.
        """
        data = read(CustomerBody, request)
        customer = _customer(public_id)
        for address in data.get("addresses", []):
            _check_postcode(address)
        if "addresses" in data:
            data["addresses"] = tuple(crm.AddressData(**each) for each in data["addresses"])
        crm.change_account(
            customer_id=customer.pk,
            data=crm.AccountData(**data),
            by=self.actor,
            seen_at=_seen_at(request, customer),
        )
        return _answer(public_id)


def _customer(public_id: str) -> Customer:
    customer = (
        Customer.objects.select_related("loyalty__tier", "merged_into")
        .prefetch_related("addresses", "consents")
        .filter(public_id=public_id)
        .first()
    )
    if customer is None:
        raise UnknownCustomer("There is no such customer.")
    return customer


def _answer(public_id: str) -> Response:
    customer = _customer(public_id)
    return Response(_whole(customer), headers={"ETag": _tag(customer)})


def _seen_at(request: Request, customer: Customer) -> datetime | None:
    """`If-Match` must be the tag of what is stored; the verb looks once more under its lock."""
    tag = request.headers.get("If-Match", "").strip()
    if not tag or tag == "*":
        return None
    if tag != _tag(customer):
        raise StaleVersion("The account changed since you read it; read it again.")
    return customer.updated_at


def _tag(customer: Customer) -> str:
    return f'"{int(customer.updated_at.timestamp() * 1_000_000)}"'


def _check_postcode(address: dict[str, Any]) -> None:
    """As on the pages: couriers know the postcode, and it is written without spaces."""
    if address["country"] != "RS":
        return
    address["postal_code"] = address["postal_code"].replace(" ", "")
    if not oms.is_known_postcode(address["postal_code"]):
        raise UnknownPostcode("There is no such postcode.", field="postal_code", value=address["postal_code"])


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
