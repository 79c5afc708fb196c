"""Saving a discount: its numbers are checked by the price engine itself, long before they meet a basket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from crm import operations as crm
from crm.models import Discount
from crm.operations import Target
from oms import pricing
from oms import selectors as oms
from oms.pricing import BadDiscount
from retail.kernel.errors import InvalidInput
from retail.kernel.models import User

# What a person may say about a discount; state and version have verbs of their own.
FIELDS = frozenset(
    {
        *(
            "code",
            "name",
            "name_en",
            "campaign_id",
            "kind",
            "value",
            "audience",
            "segment_id",
            "group",
            "priority",
        ),
        *(
            "is_exclusive",
            "minimum_amount",
            "minimum_quantity",
            "minimum_basis",
            "reduction_max",
            "is_per_unit",
        ),
        *("take", "pay", "tiers", "gift_id", "gift_quantity", "delivery_methods", "valid_from", "valid_to"),
    }
)
KEPT_BY_DATABASE = ("discount_numbers", "discount_period", "discount_gift_named", "discount_segment_named")


def save_discount(
    *,
    values: Mapping[str, Any],
    by: User | None,
    now: datetime,
    discount_id: int | None = None,
    targets: Sequence[Target] | None = None,
    channel_ids: Sequence[int] | None = None,
) -> Discount:
    """A new discount as a draft, or other values of one; None leaves targets and channels as they are.

    Refuses BadDiscount (numbers that make no sense), CodeInUse, UnknownDiscount, InvalidInput (a field that is not one).
    """
    unknown = sorted(set(values) - FIELDS)
    if unknown:
        raise InvalidInput("These are not fields of a discount.", fields=unknown)
    if targets is not None:
        _check_targets(targets)
    values = dict(values)
    if "tiers" in values:
        values["tiers"] = [_tier(each) for each in values["tiers"]]
    try:
        return _saved(values, targets, channel_ids, by, now, discount_id)
    except IntegrityError as error:  # the database keeps the coarsest of the engine's rules itself
        if not any(name in str(error) for name in KEPT_BY_DATABASE):
            raise
        raise BadDiscount("The numbers of this discount make no sense.") from error


def _saved(
    values: Mapping[str, Any],
    targets: Sequence[Target] | None,
    channel_ids: Sequence[int] | None,
    by: User | None,
    now: datetime,
    discount_id: int | None,
) -> Discount:
    with transaction.atomic():
        row = crm.write_discount(
            values=values,
            targets=targets,
            channel_ids=channel_ids,
            by=by,
            now=now,
            discount_id=discount_id,
        )
        _check(row)
    return row


def _check_targets(targets: Sequence[Target]) -> None:
    """Each part of the goods is named once, and either covered or left out."""
    named = [(each.category_id, each.product_id, each.variant_id) for each in targets]
    if len(set(named)) < len(named):
        raise BadDiscount("The same goods are named twice, or are covered and left out at once.")


def _check(row: Discount) -> None:
    """As the price will read it: from the row."""
    if row.kind == pricing.DiscountKind.GIFT_LINE and row.gift_id is None:
        raise BadDiscount(f"{row.code}: a gift and GIFT_LINE go together")
    if row.valid_from is not None and row.valid_to is not None and row.valid_to <= row.valid_from:
        raise BadDiscount(f"{row.code}: the end lies after the beginning")
    oms.check_discount(row.pk)


def _tier(tier: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {
            "minimum_amount": f"{Decimal(str(tier.get('minimum_amount', 0))):.2f}",
            "minimum_quantity": int(tier.get("minimum_quantity", 0)),
            "percent": f"{Decimal(str(tier.get('percent', 0))):.2f}",
            "amount": f"{Decimal(str(tier.get('amount', 0))):.2f}",
        }
    except (ArithmeticError, ValueError, TypeError) as error:
        raise BadDiscount("A tier is an amount or quantity, and a percent or amount.") from error
