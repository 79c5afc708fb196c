"""The shipping label of a parcel, for the handheld and the back office."""

from finance.papers import Party, ShippingLabel
from retail.kernel.clock import business_date
from warehouse.models import Parcel


def label_of(parcel: Parcel) -> ShippingLabel:
    """What the label says; its barcode is the one that the carrier gave."""
    shipment = parcel.shipment
    order, place = shipment.order, shipment.location
    assert shipment.service is not None and parcel.announced_at is not None, "announced before it is printed"
    numbers = list(shipment.parcels.order_by("pk").values_list("pk", flat=True))
    return ShippingLabel(
        parcel_number=parcel.tracking_barcode or parcel.tracking_number,
        carrier=shipment.service.carrier.name,
        service=shipment.service.name,
        sender=Party(
            name=place.entity.name,
            street=place.street or place.entity.street,
            postal_code=place.postal_code or place.entity.postal_code,
            city=place.city,
            country=place.country,
            phone=place.phone,
        ),
        recipient=Party(
            name=order.company_name or order.name,
            street=order.street,
            postal_code=order.postal_code,
            city=order.city,
            country=order.country,
            phone=order.phone,
        ),
        made_on=business_date(parcel.announced_at),
        order_number=order.number,
        parcel_index=numbers.index(parcel.pk) + 1,
        parcel_count=len(numbers),
        weight_grams=parcel.weight_grams,
        cash_on_delivery=parcel.cod_amount or None,
        currency=order.currency,
        note=parcel.number,
        language=order.language,
    )
