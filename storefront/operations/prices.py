"""Prices: entries are closed and added, so that what was charged when can always be told."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from retail.kernel.context import acting
from retail.kernel.models import User
from retail.kernel.money import rounded
from retail.kernel.outbox import announce
from storefront.events import PriceSet
from storefront.models import Price, PriceList, Variant
from storefront.operations.refusals import InvalidPeriod, InvalidPrice, UnknownPriceList, UnknownVariant

AMOUNT_MAX = Decimal("99999999.99")


@transaction.atomic
def set_price(
    *,
    variant_id: int,
    price_list_id: int,
    amount: Decimal,
    by: User | None,
    now: datetime,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    minimum_quantity: int = 1,
) -> Price:
    """The gross price of one unit from `valid_from` (now) on. Without an end it follows the open entry, which is closed.

    With an end it stands beside the open entry, and the lower of the two holds. The same open price again changes nothing.
    Refuses UnknownVariant, UnknownPriceList, InvalidPrice, InvalidPeriod.
    """
    begins = valid_from or now
    variant = Variant.objects.select_for_update(no_key=True).filter(pk=variant_id).first()
    if variant is None:
        raise UnknownVariant(_("There is no such variant."), variant=variant_id)
    price_list = PriceList.objects.filter(pk=price_list_id).first()
    if price_list is None:
        raise UnknownPriceList(_("There is no such price list."), price_list=price_list_id)
    _check(amount, minimum_quantity, begins, valid_to, now)
    with acting(by=by):
        if valid_to is None:
            entries = Price.objects.filter(
                variant=variant,
                price_list=price_list,
                minimum_quantity=minimum_quantity,
                valid_to__isnull=True,
            )
            open_entry = entries.filter(valid_from__lt=begins).order_by("-valid_from").first()
            planned = entries.filter(valid_from__gte=begins)
            if open_entry is not None and open_entry.amount == amount and not planned.exists():
                return open_entry
            _drop_plans(variant, price_list, minimum_quantity, begins)
            entries.filter(valid_from__lt=begins).update(valid_to=begins)
        price = Price.objects.create(
            variant=variant,
            price_list=price_list,
            amount=amount,
            minimum_quantity=minimum_quantity,
            valid_from=begins,
            valid_to=valid_to,
        )
        Variant.objects.filter(pk=variant.pk).update(updated_at=now)
        announce(
            PriceSet(variant.pk, variant.sku, price_list.code, f"{amount:.2f}"),
            subject=("variant", variant.sku),
        )
    return price


def _drop_plans(variant: Variant, price_list: PriceList, minimum_quantity: int, begins: datetime) -> None:
    """What has not begun before the new price never will; the entry that such a plan had closed ends now instead."""
    entries = Price.objects.filter(variant=variant, price_list=price_list, minimum_quantity=minimum_quantity)
    planned = entries.filter(valid_to__isnull=True, valid_from__gte=begins)
    starts = list(planned.values_list("valid_from", flat=True))
    planned.delete()
    for start in starts:
        # The earliest of those that end there is the regular price; a limited offer began later.
        closed = entries.filter(valid_to=start, valid_from__lt=begins).order_by("valid_from").first()
        if closed is not None:
            closed.valid_to = begins
            closed.save(update_fields=["valid_to"])


def _check(
    amount: Decimal, minimum_quantity: int, begins: datetime, ends: datetime | None, now: datetime
) -> None:
    assert minimum_quantity >= 1, "the form refuses less than one"
    if not amount.is_finite() or not 0 <= amount <= AMOUNT_MAX or rounded(amount) != amount:
        raise InvalidPrice(_("A price has two decimal places and is not negative."), amount=str(amount))
    if begins < now or (ends is not None and ends <= begins):
        raise InvalidPeriod(_("A price begins now or later and ends after it begins."))
