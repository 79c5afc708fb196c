"""Standing discounts of the sample shop: a welcome word for everybody's first order, and a member's price for the highest tier."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from crm import operations as crm
from crm.models import Discount
from crm.operations import activate_segment, create_segment
from oms.workflows.discounts import save_discount
from retail.kernel.models import User

WELCOME, MEMBERS = "dobrodosli", "clanska-cena"


def exist() -> bool:
    return Discount.objects.filter(code=MEMBERS).exists()


def make(*, by: User, now: datetime) -> None:
    welcome = save_discount(
        values={
            "code": WELCOME,
            "name": "Dobrodošli",
            "name_en": "Welcome",
            "kind": "PERCENT",
            "value": Decimal("10.00"),
            "audience": "COUPON",
            "reduction_max": Decimal("500.00"),
        },
        by=by,
        now=now,
    )
    crm.create_batch(
        discount_id=welcome.pk,
        name="Reč dobrodošlice",
        word="DOBRODOSLI",
        by=by,
        now=now,
        uses_max=None,
        uses_per_customer_max=1,
    )
    segment = create_segment(
        slug="nivo-3", name="Članovi trećeg nivoa", definition="tier >= 3", by=by, now=now
    )
    activate_segment(segment_id=segment.pk, version=segment.version, by=by, now=now)
    members = save_discount(
        values={
            "code": MEMBERS,
            "name": "Članska cena",
            "name_en": "Member’s price",
            "kind": "PERCENT",
            "value": Decimal("10.00"),
            "audience": "SEGMENT",
            "segment_id": segment.pk,
        },
        by=by,
        now=now,
    )
    for each in (welcome, members):
        crm.move_discount(discount_id=each.pk, state="ACTIVE", by=by, now=now)
