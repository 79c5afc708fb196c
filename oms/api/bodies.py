"""What the API takes and gives for baskets and orders."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from oms.models import Order
from oms.pricing import PricedLine
from oms.states import CHOSEN_METHODS, DeliveryKind, PaymentMethod
from oms.workflows.basket_coupons import CouponView, coupons_of
from oms.workflows.baskets import BasketView
from oms.workflows.checkout import Checkout, Company
from oms.workflows.tenders import Tender, split
from retail.rest.fields import MoneySerializer, Quantity, StrictSerializer, WholeNumber, choice_values, money
from warehouse.selectors import WantedDay


class BasketBody(StrictSerializer):
    channel = serializers.CharField(max_length=20)
    postal_code = serializers.CharField(max_length=12, required=False, allow_blank=True, default="")
    language = serializers.ChoiceField(["sr-latn", "sr-cyrl", "en"], required=False)


class BasketLineBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity = Quantity()
    location = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    preorder = serializers.BooleanField(
        required=False, default=False, help_text="when none is on a shelf, claim units that are under way"
    )


class CouponBody(StrictSerializer):
    code = serializers.CharField(max_length=60)


class QuantityBody(StrictSerializer):
    quantity = Quantity()


class AddressBody(StrictSerializer):
    street = serializers.CharField(max_length=200)
    city = serializers.CharField(max_length=100)
    postal_code = serializers.CharField(max_length=12)
    country = serializers.CharField(max_length=2, default="RS")


class CompanyBody(StrictSerializer):
    name = serializers.CharField(max_length=200)
    pib = serializers.CharField(max_length=20)
    registration_number = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")


class DeliveryBody(StrictSerializer):
    """`location` is the store of a pickup or the parcel locker; `date` a later day on which a courier is to come."""

    method = serializers.ChoiceField(choice_values(DeliveryKind))
    location = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    date = serializers.DateField(required=False, allow_null=True)


class PaymentBody(StrictSerializer):
    method = serializers.ChoiceField(choice_values(PaymentMethod))


class OrderBody(StrictSerializer):
    basket = serializers.CharField(max_length=64, required=False)
    channel = serializers.CharField(max_length=20, required=False)
    lines = BasketLineBody(many=True, required=False)
    email = serializers.CharField(max_length=254)
    name = serializers.CharField(max_length=200)
    # May be empty where nothing is brought (delivery DIGITAL).
    phone = serializers.CharField(max_length=30, allow_blank=True)
    address = AddressBody(required=False, allow_null=True)
    company = CompanyBody(required=False, allow_null=True)
    delivery = DeliveryBody()
    payment = PaymentBody()
    language = serializers.ChoiceField(["sr-latn", "sr-cyrl", "en"], required=False)
    note = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    expected_total = MoneySerializer(required=False, allow_null=True)
    # Needed with an electronic edition: the buyer knows that the right of withdrawal ends when the download begins.
    has_withdrawal_consent = serializers.BooleanField(required=False, default=False)
    # What gift cards leave to pay, as it was shown.
    expected_to_pay = MoneySerializer(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("basket")) == bool(attrs.get("lines")):
            raise serializers.ValidationError({"basket": ["Send either a basket or lines with a channel."]})
        if attrs.get("lines") and not attrs.get("channel"):
            raise serializers.ValidationError({"channel": ["Orders with lines name their channel."]})
        return attrs


class CancelBody(StrictSerializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    lines = BasketLineBody(many=True, required=False)


class WantedBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity = WholeNumber(min_value=0, max_value=999)


class ChangedAddressBody(StrictSerializer):
    street = serializers.CharField(max_length=200, required=False)
    city = serializers.CharField(max_length=100, required=False)
    postal_code = serializers.CharField(max_length=12, required=False)


class ChangeBody(StrictSerializer):
    """What is left out stays. `lines` say the units wanted in all: 0 removes, another SKU is added.

    Without `apply` nothing is kept: the answer is what applying would do. Applying names the `version` of the preview, or `If-Match`.
    """

    name = serializers.CharField(max_length=200, required=False)
    phone = serializers.CharField(max_length=30, required=False)
    email = serializers.CharField(max_length=254, required=False)
    note = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    address = ChangedAddressBody(required=False)
    company = CompanyBody(required=False)
    lines = WantedBody(many=True, required=False)
    apply = serializers.BooleanField(required=False, default=False)
    version = WholeNumber(min_value=1, max_value=2_000_000_000, required=False)
    expected_total = MoneySerializer(required=False, allow_null=True)


class PaymentAttemptBody(StrictSerializer):
    method = serializers.ChoiceField([str(method) for method in CHOSEN_METHODS])


class ReturnLineBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity = Quantity()
    reason = serializers.CharField(max_length=40, required=False, default="CHANGED_MIND")


class ReturnBody(StrictSerializer):
    lines = ReturnLineBody(many=True, allow_empty=False)
    buyer_id_kind = serializers.CharField(max_length=2, required=False, allow_blank=True, default="")
    buyer_id = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    bank_account = serializers.CharField(max_length=34, required=False, allow_blank=True, default="")


class ExchangeDeliveryBody(StrictSerializer):
    """`location` is the store of a pickup or the parcel locker."""

    method = serializers.ChoiceField([str(kind) for kind in DeliveryKind if kind != DeliveryKind.DIGITAL])
    location = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")


class ExchangeBody(StrictSerializer):
    """`lines` come back, `instead` goes out for them. Without `apply` nothing is kept: the answer is what applying would do.

    `payment` is how the rest is paid when what goes out costs more. The expected sums are those that were shown.
    Without `delivery` the new goods go where the first ones went; with it they go that way, to `address` when it is not the old one.
    """

    lines = ReturnLineBody(many=True, allow_empty=False)
    instead = WantedBody(many=True, allow_empty=False)
    payment = PaymentAttemptBody(required=False, allow_null=True)
    delivery = ExchangeDeliveryBody(required=False, allow_null=True)
    address = AddressBody(required=False, allow_null=True)
    buyer_id_kind = serializers.CharField(max_length=2, required=False, allow_blank=True, default="")
    buyer_id = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    bank_account = serializers.CharField(max_length=34, required=False, allow_blank=True, default="")
    apply = serializers.BooleanField(required=False, default=False)
    expected_pay = MoneySerializer(required=False, allow_null=True)
    expected_refund = MoneySerializer(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("address") and not attrs.get("delivery"):
            raise serializers.ValidationError(
                {"delivery": ["Another address goes with its way of delivery."]}
            )
        return attrs


class ArrivedLineBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity = Quantity()
    disposition = serializers.ChoiceField(["RESTOCK", "DAMAGED", "QUARANTINE"])


class ReceiveBody(StrictSerializer):
    location = serializers.CharField(max_length=20)
    lines = ArrivedLineBody(many=True, allow_empty=False)
    bank_account = serializers.CharField(max_length=34, required=False, allow_blank=True, default="")


class RefundBody(StrictSerializer):
    amount = MoneySerializer()
    reason = serializers.CharField(max_length=120)
    bank_account = serializers.CharField(max_length=34, required=False, allow_blank=True, default="")


class DecisionBody(StrictSerializer):
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


def checkout_of(
    data: dict[str, Any],
    *,
    token: str,
    caller: str,
    key: str,
    expected: Decimal | None,
    expected_rest: Decimal | None = None,
) -> Checkout:
    address, company = data.get("address") or {}, data.get("company")
    place = data["delivery"].get("location", "")
    is_locker = data["delivery"]["method"] == DeliveryKind.PARCEL_LOCKER
    return Checkout(
        basket_token=token,
        email=data["email"],
        name=data["name"],
        phone=data["phone"],
        delivery_method=data["delivery"]["method"],
        pickup_location="" if is_locker else place,
        locker=place if is_locker else "",
        wanted=WantedDay(day) if (day := data["delivery"].get("date")) else None,
        payment_method=data["payment"]["method"],
        street=address.get("street", ""),
        city=address.get("city", ""),
        postal_code=address.get("postal_code", ""),
        country=address.get("country", "RS"),
        company=Company(**company) if company else None,
        language=data.get("language", "sr-latn"),
        note=data.get("note", ""),
        expected_total=expected,
        expected_rest=expected_rest,
        has_withdrawal_consent=data.get("has_withdrawal_consent", False),
        idempotency_caller=caller,
        idempotency_key=key,
    )


def show_basket(view: BasketView, held: Sequence[Tender] = ()) -> dict[str, Any]:
    currency = view.priced.currency
    made = split(tenders=held, total=view.priced.total)
    lines = []
    for line in view.lines:
        hold, awaited = view.holds.get(line.pk), view.awaited.get(line.pk)
        key = str(line.public_id)
        priced = None if key in view.quote.unpriced else view.priced.line(key)
        lines.append(
            {
                "id": key,
                "sku": line.variant.sku,
                "title": line.variant.product.title,
                "quantity": line.quantity,
                "unit_price": money(priced.unit_price, currency) if priced else None,
                "total": money(priced.total, currency) if priced else None,
                "discounts": _discounts(priced),
                "held_until": hold.expires_at.isoformat()
                if hold and hold.expires_at and not hold.is_expired
                else None,
                "supply_on": awaited.day.isoformat() if awaited and awaited.day else None,
            }
        )
    return {
        "token": view.basket.token,
        "channel": view.basket.channel.code,
        "lines": lines,
        "gifts": [
            {"sku": line.sku, "title": line.name, "quantity": line.quantity}
            for line in view.priced.lines
            if line.is_gift
        ],
        "coupons": [
            {
                "code": each.code,
                "is_applied": each.is_applied,
                "reason": "" if each.is_applied else _why_not(each),
            }
            for each in coupons_of(view)
        ],
        "total": money(view.priced.total, currency),
        "tenders": [
            {
                "id": one.tender.public_id,
                "kind": "GIFT_CARD",
                "last_four": one.tender.last_four,
                "balance": money(one.tender.balance, currency),
                "amount": money(one.amount, currency),
            }
            for one in made.taken
        ],
        "to_pay": money(made.rest, currency),
        "held_until": view.held_until.isoformat() if view.held_until else None,
        "explanation": [step.as_json() for step in view.priced.steps_for_shopper()],
        "problems": [{"code": p.code, "line": p.line, "sku": p.sku, **p.details} for p in view.problems],
    }


def _why_not(coupon: CouponView) -> str:
    """The outcome of its discount; a code that holds no longer says only that."""
    return coupon.steps[-1].outcome.value if coupon.is_usable and coupon.steps else "NOT_VALID"


def _discounts(priced: PricedLine | None) -> list[dict[str, Any]]:
    return [discount.as_json() for discount in priced.discounts] if priced else []


def show_order_row(order: Order) -> dict[str, Any]:
    """One row of the list: what is on the order itself."""
    return {
        "number": order.number,
        "channel": order.channel.code,
        "status": order.status,
        "payment_status": order.payment_status,
        "fulfillment_status": order.fulfillment_status,
        "total": money(order.total, order.currency),
        "promised_on": order.promised_on.isoformat() if order.promised_on else None,
        "placed_at": order.placed_at.isoformat(),
        "updated_at": order.updated_at.isoformat(),
    }
