"""What the API takes for goods; what a number or a text means is the verb's business."""

from decimal import Decimal
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from retail.kernel.errors import NotFound
from retail.kernel.models import Location
from retail.rest.fields import Quantity, StrictSerializer, WholeNumber
from storefront.models import Variant
from warehouse.models import Bin
from warehouse.operations import UnknownBin
from warehouse.states import MoveReason
from warehouse.workflows.deliveries import FAILURES
from warehouse.workflows.shelves import ADJUST_REASONS, SHORT_REASONS

UNITS_MAX = 1_000_000


class UnknownSku(NotFound):
    code = "UNKNOWN_SKU"


class UnknownLocation(NotFound):
    code = "UNKNOWN_LOCATION"


class AdjustmentBody(StrictSerializer):
    """`bin` null is the location's usual STORAGE bin; `displace` writes below the claims."""

    sku = serializers.CharField(max_length=40)
    location = serializers.CharField(max_length=20)
    bin = serializers.CharField(max_length=30, required=False, allow_null=True, default=None)
    delta = WholeNumber(min_value=-UNITS_MAX, max_value=UNITS_MAX)
    reason = serializers.ChoiceField([str(reason) for reason in ADJUST_REASONS])
    reference = serializers.CharField(max_length=64)
    displace = serializers.BooleanField(required=False, default=False)


class MoveBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    location = serializers.CharField(max_length=20)
    from_bin = serializers.CharField(max_length=30)
    to_bin = serializers.CharField(max_length=30)
    quantity = Quantity()
    reason = serializers.ChoiceField(
        [str(MoveReason.PUT_AWAY), str(MoveReason.DAMAGE)], required=False, default=str(MoveReason.PUT_AWAY)
    )
    reference = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class CostBody(StrictSerializer):
    """What one unit costs: up to four decimals, net."""

    amount = serializers.DecimalField(max_digits=14, decimal_places=4, min_value=Decimal(0))
    currency = serializers.ChoiceField(["RSD"])


class OrderedLineBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity = Quantity()
    unit_cost = CostBody()
    expected_on = serializers.DateField(required=False, allow_null=True, default=None)


class PurchaseOrderBody(StrictSerializer):
    supplier = serializers.CharField(max_length=20)
    location = serializers.CharField(max_length=20)
    expected_on = serializers.DateField(required=False, allow_null=True, default=None)
    lines = OrderedLineBody(many=True, allow_empty=False)


class ReceivedLineBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity_good = WholeNumber(min_value=0, max_value=9999, required=False, default=0)
    quantity_damaged = WholeNumber(min_value=0, max_value=9999, required=False, default=0)


class ReceiptBody(StrictSerializer):
    """`is_complete` closes the order although something is missing."""

    lines = ReceivedLineBody(many=True, allow_empty=False)
    delivery_note = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    is_complete = serializers.BooleanField(required=False, default=False)


class PickLineBody(StrictSerializer):
    sku = serializers.CharField(max_length=60)
    bin = serializers.CharField(max_length=30)
    quantity = Quantity()


class PickBody(StrictSerializer):
    lines = PickLineBody(many=True, allow_empty=False)


class ShortPickBody(StrictSerializer):
    """`quantity_found` of what was to be picked from the bin, and what stays on the shelf."""

    sku = serializers.CharField(max_length=40)
    bin = serializers.CharField(max_length=30)
    quantity_found = WholeNumber(min_value=0, max_value=9999)
    left_on_shelf = WholeNumber(min_value=0, max_value=9999, required=False, default=0)
    reason = serializers.ChoiceField(list(SHORT_REASONS))


class ParcelBody(StrictSerializer):
    weight_grams = WholeNumber(min_value=1, max_value=200_000)


class PackBody(StrictSerializer):
    parcels = ParcelBody(many=True, allow_empty=False)


class DispatchBody(StrictSerializer):
    """A pickup is handed over with the `code` of its customer."""

    code = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")


class FailBody(StrictSerializer):
    reason = serializers.ChoiceField(list(FAILURES))


class DamagedBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity = Quantity()


class ReturnToSenderBody(StrictSerializer):
    """Without a location the goods are back where they left."""

    location = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    damaged = DamagedBody(many=True, required=False, default=list)


class CarrierMessage(serializers.Serializer[Any]):
    """One message about one parcel, as the carrier signs it; members that are not known are passed over."""

    type = serializers.CharField(help_text="for example parcel.delivered")
    timestamp = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]


class WantedUnitsBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity = Quantity()


class TransferBody(StrictSerializer):
    """`source` and `target` are stores or warehouses of one company."""

    source = serializers.CharField(max_length=20)  # type: ignore[assignment]
    target = serializers.CharField(max_length=20)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    expected_on = serializers.DateField(required=False, allow_null=True, default=None)
    lines = WantedUnitsBody(many=True, allow_empty=False)


class SentLineBody(StrictSerializer):
    sku = serializers.CharField(max_length=40)
    quantity = WholeNumber(min_value=0, max_value=9999)


class TransferShipBody(StrictSerializer):
    """Without `lines` everything that is claimed goes; what is not named stays and is free again."""

    lines = SentLineBody(many=True, required=False, allow_empty=False)


class TransferMissingBody(StrictSerializer):
    """`quantity_found`: so many of the units of this SKU that are to be sent lie on the shelves."""

    sku = serializers.CharField(max_length=40)
    quantity_found = WholeNumber(min_value=0, max_value=9999)


class TransferReceiveBody(StrictSerializer):
    """`is_complete`: nothing more will come, so what is missing is lost."""

    lines = ReceivedLineBody(many=True)
    is_complete = serializers.BooleanField(required=False, default=False)


def read(serializer: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """The body in its shape, or a 400 that names each field."""
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def variants_of(skus: list[str]) -> dict[str, int]:
    """By SKU; refuses UnknownSku for the first that there is not."""
    found = dict(Variant.objects.filter(sku__in=skus).values_list("sku", "pk"))
    for sku in skus:
        if sku not in found:
            raise UnknownSku("There is no such SKU.", sku=sku)
    return found


def location_of(code: str) -> Location:
    found = Location.objects.filter(code=code).first()
    if found is None:
        raise UnknownLocation("There is no such location.", location=code)
    return found


def bin_of(location: Location, code: str) -> Bin:
    found = Bin.objects.filter(location=location, code__iexact=code.strip()).first()
    if found is None:
        raise UnknownBin("There is no such bin at this location.", location=location.code, bin=code)
    return found
