"""What a carrier told of a parcel: its number on the carrier's books, and that it was called off."""

import re
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from warehouse.models import Parcel


@transaction.atomic
def record_announcement(
    *,
    parcel_id: int,
    reference: str,
    tracking_number: str,
    barcode: str,
    status: str,
    cash: Decimal,
    now: datetime,
) -> Parcel:
    """The carrier knows the parcel under our reference. Doing it twice, or for a reference called off meanwhile, changes nothing."""
    parcel = Parcel.objects.select_for_update(of=("self",)).get(pk=parcel_id)
    if parcel.number == reference and (parcel.announced_at is None or parcel.cod_amount != cash):
        parcel.tracking_number, parcel.tracking_barcode = tracking_number, barcode
        parcel.tracking_status, parcel.cod_amount, parcel.announced_at = status[:16], cash, now
        parcel.save(
            update_fields=[
                "tracking_number",
                "tracking_barcode",
                "tracking_status",
                "cod_amount",
                "announced_at",
            ]
        )
    return parcel


@transaction.atomic
def forget_announcement(*, parcel_id: int, reference: str) -> Parcel:
    """The carrier was told that the parcel of this reference will not come: it gets a new number, its label is void."""
    parcel = Parcel.objects.select_for_update(of=("self",)).get(pk=parcel_id)
    if parcel.number == reference:
        parcel.number = next_reference(reference)
        parcel.tracking_number = parcel.tracking_barcode = parcel.tracking_status = ""
        parcel.announced_at = None
        parcel.save(
            update_fields=["number", "tracking_number", "tracking_barcode", "tracking_status", "announced_at"]
        )
    return parcel


def next_reference(reference: str) -> str:
    """SHP-2026-000001-1-P1 → …-P1.2 → …-P1.3: a carrier takes each reference once."""
    parts = re.fullmatch(r"(.*-P\d+)\.(\d+)", reference)
    return f"{parts[1]}.{int(parts[2]) + 1}" if parts else f"{reference}.2"
