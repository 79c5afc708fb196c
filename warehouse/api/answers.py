"""What the API answers about goods. Readers should pass over members that they do not know."""

from typing import Any

from rest_framework import serializers

from oms.states import DeliveryKind
from retail.rest.fields import MoneySerializer, choice_values
from warehouse.states import (
    BinKind,
    MoveReason,
    PurchaseOrderStatus,
    ReservationState,
    ShipmentStatus,
    TransferStatus,
)

TEXT = serializers.CharField
WHOLE = serializers.IntegerField
NEXT_WORDS = "address of the next page"


class StockRowPart(serializers.Serializer[Any]):
    sku = TEXT()
    location = TEXT()
    bin = TEXT()
    kind = serializers.ChoiceField(choice_values(BinKind))
    on_hand = WHOLE()
    reserved = WHOLE()
    available = WHOLE(help_text="0 in a bin that is not sold from")


class StockListAnswer(serializers.Serializer[Any]):
    results = StockRowPart(many=True)
    next = TEXT(allow_null=True, help_text=NEXT_WORDS)


class DisplacedPart(serializers.Serializer[Any]):
    """Whose promised units are not there; `served_elsewhere` of them were claimed again."""

    order = TEXT()
    sku = TEXT()
    quantity = WHOLE()
    served_elsewhere = WHOLE()


class AdjustedAnswer(StockRowPart):
    """The bin after the change, and whose claims gave way."""

    delta = WHOLE()
    reason = serializers.ChoiceField(choice_values(MoveReason))
    reference = TEXT()
    displaced = DisplacedPart(many=True)
    displaced_from_baskets = WHOLE()


class BinPart(serializers.Serializer[Any]):
    location = TEXT()
    bin = TEXT()


class DocumentRef(serializers.Serializer[Any]):
    kind = TEXT()
    key = TEXT()


# `from` is a word of Python's own, so this shape is made from a table.
MovePart: type[serializers.Serializer[Any]] = type(
    "MovePart",
    (serializers.Serializer,),
    {
        "__doc__": "Units that came (no `from`), went (no `to`) or moved inside.",
        "sku": TEXT(),
        "quantity": WHOLE(),
        "from": BinPart(allow_null=True),
        "to": BinPart(allow_null=True),
        "reason": serializers.ChoiceField(choice_values(MoveReason)),
        "document": DocumentRef(),
        "by": TEXT(allow_null=True),
        "created_at": serializers.DateTimeField(),
    },
)


class MoveListAnswer(serializers.Serializer[Any]):
    results = MovePart(many=True)
    next = TEXT(allow_null=True, help_text=NEXT_WORDS)


class MovedAnswer(serializers.Serializer[Any]):
    """Where the units of the SKU lie at this location now."""

    stock = StockRowPart(many=True)


class PurchaseOrderRow(serializers.Serializer[Any]):
    number = TEXT()
    supplier = TEXT()
    location = TEXT()
    status = serializers.ChoiceField(choice_values(PurchaseOrderStatus))
    ordered_at = serializers.DateTimeField()
    expected_on = serializers.DateField(allow_null=True)
    updated_at = serializers.DateTimeField()


class PurchaseOrderListAnswer(serializers.Serializer[Any]):
    results = PurchaseOrderRow(many=True)
    next = TEXT(allow_null=True, help_text=NEXT_WORDS)


class OrderedLinePart(serializers.Serializer[Any]):
    sku = TEXT()
    quantity = WHOLE()
    quantity_received = WHOLE()
    unit_cost = MoneySerializer(help_text="four decimals, net")
    expected_on = serializers.DateField(allow_null=True)


class ReceiptLinePart(serializers.Serializer[Any]):
    sku = TEXT()
    quantity_good = WHOLE()
    quantity_damaged = WHOLE()
    value = MoneySerializer()


class ReceiptPart(serializers.Serializer[Any]):
    number = TEXT()
    delivery_note = TEXT()
    created_at = serializers.DateTimeField()
    lines = ReceiptLinePart(many=True)


class PurchaseOrderAnswer(PurchaseOrderRow):
    lines = OrderedLinePart(many=True)
    receipts = ReceiptPart(many=True)


class ReceiptAnswer(ReceiptPart):
    purchase_order = PurchaseOrderAnswer()


class TransferLinePart(serializers.Serializer[Any]):
    sku = TEXT()
    quantity = WHOLE(help_text="asked for")
    quantity_claimed = WHOLE(help_text="kept for it on the shelves until it is sent")
    quantity_shipped = WHOLE()
    quantity_good = WHOLE()
    quantity_damaged = WHOLE()
    quantity_lost = WHOLE(help_text="sent and never arrived")
    quantity_over = WHOLE(help_text="arrived beyond what was sent")


class TransferRow(serializers.Serializer[Any]):
    number = TEXT()
    source = TEXT()  # type: ignore[assignment]
    target = TEXT()
    status = serializers.ChoiceField(choice_values(TransferStatus))
    order = TEXT(allow_null=True, help_text="whose shopper collects the units at the target")
    note = TEXT()
    expected_on = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()
    shipped_at = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField(allow_null=True)
    canceled_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()


class TransferListAnswer(serializers.Serializer[Any]):
    results = TransferRow(many=True)
    next = TEXT(allow_null=True, help_text=NEXT_WORDS)


class TransferAnswer(TransferRow):
    lines = TransferLinePart(many=True)


class SentParcelPart(serializers.Serializer[Any]):
    number = TEXT()
    weight_grams = WHOLE()
    tracking_number = TEXT(allow_null=True)
    tracking_status = TEXT(allow_null=True)


class ShipmentRow(serializers.Serializer[Any]):
    number = TEXT()
    order = TEXT()
    location = TEXT()
    method = serializers.ChoiceField(choice_values(DeliveryKind))
    carrier = TEXT(allow_null=True)
    service = TEXT(allow_null=True)
    status = serializers.ChoiceField(choice_values(ShipmentStatus))
    is_packed = serializers.BooleanField()
    failure = TEXT(allow_null=True, help_text="REFUSED, UNDELIVERABLE or LOST")
    cash_on_delivery = MoneySerializer(allow_null=True)
    planned_on = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()
    packed_at = serializers.DateTimeField(allow_null=True)
    dispatched_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()
    parcels = SentParcelPart(many=True)


class ShipmentListAnswer(serializers.Serializer[Any]):
    results = ShipmentRow(many=True)
    next = TEXT(allow_null=True, help_text=NEXT_WORDS)


class ShipmentLinePart(serializers.Serializer[Any]):
    sku = TEXT()
    quantity = WHOLE()
    bin = TEXT()
    picked_from = TEXT(allow_null=True)
    state = serializers.ChoiceField(choice_values(ReservationState))


class ShipmentAnswer(ShipmentRow):
    lines = ShipmentLinePart(many=True)


class ShortPickedAnswer(ShipmentAnswer):
    missing = WHOLE()


class CarrierOutcome(serializers.Serializer[Any]):
    outcome = TEXT(help_text="what was done with the message")
