"""What the API answers about baskets, orders and proposals. Readers should pass over members that they do not know."""

from typing import Any

from rest_framework import serializers

from audit.states import ProposalState
from oms.states import (
    DeliveryKind,
    FulfillmentStatus,
    LineKind,
    OrderStatus,
    PaymentMethod,
    PaymentStatus,
    ReturnStatus,
)
from retail.rest.fields import MoneySerializer, choice_values

TEXT = serializers.CharField
NEXT_WORDS = "address of the next page"


class DiscountPart(serializers.Serializer[Any]):
    code = TEXT()
    name = TEXT()
    campaign = TEXT()
    kind = TEXT()
    amount = TEXT()
    tax_share = TEXT()


class StepPart(serializers.Serializer[Any]):
    """One rule that was tried for a price, applied or not, and what it did."""

    line = TEXT()
    rule = TEXT()
    name = TEXT()
    kind = TEXT()
    outcome = TEXT()
    before = TEXT()
    after = TEXT()
    details = serializers.DictField()


class BasketLinePart(serializers.Serializer[Any]):
    id = TEXT()
    sku = TEXT()
    title = TEXT()
    quantity = serializers.IntegerField()
    unit_price = MoneySerializer(allow_null=True)
    total = MoneySerializer(allow_null=True)
    discounts = DiscountPart(many=True)
    held_until = serializers.DateTimeField(allow_null=True, help_text="null when the goods are not held")
    supply_on = serializers.DateField(
        allow_null=True, help_text="pre-order: the day on which its units are to reach us"
    )


class ProblemPart(serializers.Serializer[Any]):
    """Something to be told before paying: PRICE_CHANGED, HOLD_LOST, NOT_FOR_SALE; more members belong to the code."""

    code = TEXT()
    line = TEXT()
    sku = TEXT()


class GiftPart(serializers.Serializer[Any]):
    sku = TEXT()
    title = TEXT()
    quantity = serializers.IntegerField()


class BasketCouponPart(serializers.Serializer[Any]):
    code = TEXT()
    is_applied = serializers.BooleanField()
    reason = TEXT(
        help_text="why it takes nothing off: the outcome of its discount, or NOT_VALID; empty when it does"
    )


class TenderPart(serializers.Serializer[Any]):
    """Something that pays a part of the basket before the chosen way does."""

    id = TEXT(help_text="takes it out again")
    kind = serializers.ChoiceField(["GIFT_CARD"])
    last_four = TEXT()
    balance = MoneySerializer()
    amount = MoneySerializer(help_text="what it pays here; zero when it cannot, or is not needed")


class BasketAnswer(serializers.Serializer[Any]):
    token = TEXT(help_text="secret; whoever has it may")
    channel = TEXT()
    lines = BasketLinePart(many=True)
    gifts = GiftPart(many=True)
    coupons = BasketCouponPart(many=True)
    total = MoneySerializer()
    tenders = TenderPart(many=True)
    to_pay = MoneySerializer(help_text="what is left for the chosen way of paying")
    held_until = serializers.DateTimeField(allow_null=True)
    explanation = StepPart(many=True)
    problems = ProblemPart(many=True)


class OrderRow(serializers.Serializer[Any]):
    number = TEXT()
    channel = TEXT()
    status = serializers.ChoiceField(choice_values(OrderStatus))
    payment_status = serializers.ChoiceField(choice_values(PaymentStatus))
    fulfillment_status = serializers.ChoiceField(choice_values(FulfillmentStatus))
    total = MoneySerializer()
    promised_on = serializers.DateField(allow_null=True)
    placed_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class OrderListAnswer(serializers.Serializer[Any]):
    results = OrderRow(many=True)
    next = TEXT(allow_null=True, help_text=NEXT_WORDS)


class PlacedLine(serializers.Serializer[Any]):
    sku = TEXT()
    kind = serializers.ChoiceField(choice_values(LineKind))
    quantity = serializers.IntegerField()
    unit_price = MoneySerializer()
    total = MoneySerializer()


class PaymentStarted(serializers.Serializer[Any]):
    method = serializers.ChoiceField(choice_values(PaymentMethod))
    status = TEXT()
    reference = TEXT(help_text="what a transfer quotes")
    redirect_url = TEXT(allow_null=True, help_text="the provider's page, when there is one")


class PlacedAnswer(OrderRow):
    token = TEXT(help_text="secret of the order; opens its page and these calls")
    lines = PlacedLine(many=True)
    payment = PaymentStarted()


class ReservationPart(serializers.Serializer[Any]):
    sku = TEXT()
    quantity = serializers.IntegerField()
    location = TEXT()
    bin = TEXT()
    state = TEXT()
    shipment = TEXT(allow_null=True)


class OrderLinePart(serializers.Serializer[Any]):
    position = serializers.IntegerField()
    kind = serializers.ChoiceField(choice_values(LineKind))
    sku = TEXT()
    title = TEXT()
    quantity = serializers.IntegerField()
    quantity_canceled = serializers.IntegerField()
    quantity_dispatched = serializers.IntegerField()
    quantity_returned = serializers.IntegerField()
    unit_price = MoneySerializer()
    total = MoneySerializer()
    tax_rate = TEXT()
    discounts = DiscountPart(many=True)
    explanation = StepPart(many=True)
    reservations = ReservationPart(many=True)


class DeliveryPart(serializers.Serializer[Any]):
    method = serializers.ChoiceField(choice_values(DeliveryKind))
    location = TEXT(allow_null=True)
    promise = serializers.DictField()


class TotalsPart(serializers.Serializer[Any]):
    goods = MoneySerializer()
    delivery = MoneySerializer()
    total = MoneySerializer()
    due = MoneySerializer(help_text="owed now: less what was canceled and came back")
    authorized = MoneySerializer()
    captured = MoneySerializer()
    refunded = MoneySerializer()


class ParcelPart(serializers.Serializer[Any]):
    number = TEXT()
    weight_grams = serializers.IntegerField()
    tracking_number = TEXT()


class ShipmentPart(serializers.Serializer[Any]):
    number = TEXT()
    location = TEXT()
    carrier = TEXT(allow_null=True)
    service = TEXT(allow_null=True)
    status = TEXT()
    is_packed = serializers.BooleanField()
    planned_on = serializers.DateField(allow_null=True)
    dispatched_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    failure = TEXT()
    parcels = ParcelPart(many=True)


class PaymentPart(serializers.Serializer[Any]):
    id = TEXT()
    method = serializers.ChoiceField(choice_values(PaymentMethod))
    attempt = serializers.IntegerField()
    status = TEXT()
    reference = TEXT()
    amount = MoneySerializer()
    authorized = MoneySerializer()
    captured = MoneySerializer()
    refunded = MoneySerializer()


class DocumentPart(serializers.Serializer[Any]):
    kind = TEXT()
    number = TEXT(help_text="empty until a receipt is signed")
    state = TEXT()
    issued_at = serializers.DateTimeField()
    total = MoneySerializer()


class ReturnPart(serializers.Serializer[Any]):
    number = TEXT()
    status = serializers.ChoiceField(choice_values(ReturnStatus))
    refund_total = MoneySerializer()


class TimelinePart(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["EVENT", "NOTE"])
    code = TEXT()
    at = serializers.DateTimeField()
    who = TEXT()
    details = serializers.DictField()


class OrderAnswer(OrderRow):
    version = serializers.IntegerField()
    payment_method = serializers.ChoiceField(choice_values(PaymentMethod))
    delivery = DeliveryPart()
    totals = TotalsPart()
    lines = OrderLinePart(many=True)
    shipments = ShipmentPart(many=True)
    payments = PaymentPart(many=True)
    documents = DocumentPart(many=True)
    returns = ReturnPart(many=True)
    timeline = TimelinePart(many=True)


class FieldChangePart(serializers.Serializer[Any]):
    field = TEXT()
    before = TEXT()
    after = TEXT()


class LineChangePart(serializers.Serializer[Any]):
    sku = TEXT()
    title = TEXT()
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    amount = MoneySerializer(help_text="what the order costs more, or less when negative")


class ChangeAnswer(serializers.Serializer[Any]):
    """What a change does. `version` is the order's before it; the same call with it and `apply` does exactly this."""

    number = TEXT()
    is_applied = serializers.BooleanField()
    version = serializers.IntegerField()
    changes = FieldChangePart(many=True)
    lines = LineChangePart(many=True)
    total_before = MoneySerializer()
    total = MoneySerializer()
    due_before = MoneySerializer()
    due = MoneySerializer()
    to_pay = MoneySerializer(help_text="still to be paid after it")
    to_refund = MoneySerializer(help_text="goes back to where it came from")
    promise_before = serializers.DictField()
    promise = serializers.DictField()
    is_replanned = serializers.BooleanField(help_text="the plan of its parcels is made again")
    payment = PaymentStarted(allow_null=True, help_text="the attempt that asks for what is to be paid")


class ReturnAnswer(serializers.Serializer[Any]):
    number = TEXT()
    status = serializers.ChoiceField(choice_values(ReturnStatus))


class InsteadPart(serializers.Serializer[Any]):
    sku = TEXT()
    title = TEXT()
    quantity = serializers.IntegerField()
    total = MoneySerializer()


class ExchangeAnswer(serializers.Serializer[Any]):
    """What an exchange does. The new order and the return are named once it is applied."""

    is_applied = serializers.BooleanField()
    worth = MoneySerializer(help_text="what comes back is worth")
    total = MoneySerializer(help_text="what goes out costs")
    to_pay = MoneySerializer(help_text="to be paid beside what comes back")
    to_refund = MoneySerializer(help_text="goes back to where it came from when the goods are here")
    lines = InsteadPart(many=True)
    promise = serializers.DictField()
    deadline = serializers.DateTimeField(help_text="until then what comes back must be here")
    return_number = TEXT(allow_null=True)
    order_number = TEXT(allow_null=True)
    payment = PaymentStarted(allow_null=True, help_text="the attempt that asks for what is to be paid")


class RefundPart(serializers.Serializer[Any]):
    id = TEXT()
    amount = MoneySerializer()
    status = TEXT()


class RefundAnswer(serializers.Serializer[Any]):
    refunds = RefundPart(many=True)
    payments = PaymentPart(many=True)


class ProposalAnswer(serializers.Serializer[Any]):
    id = TEXT()
    kind = TEXT()
    title = TEXT()
    subject = TEXT(help_text="for example order:ORD-2026-000123")
    state = serializers.ChoiceField(choice_values(ProposalState))
    is_exception = serializers.BooleanField()
    diff = serializers.ListField(child=serializers.DictField())
    effect = serializers.DictField()
    value = MoneySerializer(allow_null=True)
    author = TEXT()
    decided_by = TEXT()
    decision_reason = TEXT()
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    replaced_by = TEXT(allow_null=True)


class ProposalListAnswer(serializers.Serializer[Any]):
    results = ProposalAnswer(many=True)
    next = TEXT(allow_null=True, help_text=NEXT_WORDS)
