"""Orders that a campaign priced, for tests of what it brought."""

from __future__ import annotations

from decimal import Decimal

from crm.models import Discount
from oms.models import LineDiscount, OrderLine


def taken_off(line: OrderLine, discount: Discount, amount: str) -> LineDiscount:
    """What the discount took off a line when it was placed."""
    off = Decimal(amount)
    found, _ = LineDiscount.objects.get_or_create(
        line=line,
        discount=discount,
        defaults={
            "campaign": discount.campaign,
            "code": discount.code,
            "name": discount.name,
            "kind": discount.kind,
            "discount_version": discount.version,
            "amount": off,
            "tax_share": (off * line.tax_rate / (100 + line.tax_rate)).quantize(Decimal("0.01")),
            "created_at": line.ordered_at,
        },
    )
    assert found.amount == off
    return found
