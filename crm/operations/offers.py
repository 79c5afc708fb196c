"""Discounts as they are kept, and the offers that are written on accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from crm.events import OfferWithdrawn, OfferWritten
from crm.models import Customer, CustomerDiscount, Discount, DiscountTarget
from crm.states import DISCOUNT_MOVES, Audience, DiscountState
from retail.kernel.errors import IllegalMove, InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce


class UnknownDiscount(NotFound):
    code = "UNKNOWN_DISCOUNT"


class UnknownOffer(NotFound):
    code = "UNKNOWN_OFFER"


class CodeInUse(Refusal):
    """Another discount has this code."""

    code = "DISCOUNT_CODE_TAKEN"


class NotForAccounts(InvalidInput):
    """The discount is not one that accounts carry, or it has ended."""

    code = "NOT_FOR_ACCOUNTS"


class CarriedAlready(Refusal):
    """The account carries this discount; withdraw the offer first."""

    code = "OFFER_CARRIED"


@dataclass(frozen=True, slots=True)
class Target:
    """One part of the goods: exactly one of the three."""

    category_id: int | None = None
    product_id: int | None = None
    variant_id: int | None = None
    is_excluded: bool = False


def write_discount(
    *,
    values: Mapping[str, Any],
    targets: Sequence[Target] | None,
    channel_ids: Sequence[int] | None,
    by: User | None,
    now: datetime,
    discount_id: int | None = None,
) -> Discount:
    """A new discount, or other values of one; None leaves targets and channels as they are. The version counts the changes.

    The numbers are checked by who calls (`oms.workflows.discounts`), with the price engine itself.
    """
    with transaction.atomic():
        if discount_id is None:
            row = Discount(created_by=by, created_at=now)
        else:
            row = lock_discount(discount_id)
            row.version += 1
        for name, value in values.items():
            setattr(row, name, value)
        if Discount.objects.filter(code=row.code).exclude(pk=row.pk).exists():
            raise CodeInUse("Another discount has this code.", discount=row.code)
        row.save()
        if targets is not None:
            row.targets.all().delete()
            DiscountTarget.objects.bulk_create(
                DiscountTarget(
                    discount=row,
                    category_id=each.category_id,
                    product_id=each.product_id,
                    variant_id=each.variant_id,
                    is_excluded=each.is_excluded,
                )
                for each in targets
            )
        if channel_ids is not None:
            row.channels.set(channel_ids)
    return row


def move_discount(*, discount_id: int, state: str, by: User | None, now: datetime) -> Discount:
    with transaction.atomic():
        row = lock_discount(discount_id)
        if row.state == state:
            return row
        if state not in DISCOUNT_MOVES.get(DiscountState(row.state), set()):
            raise IllegalMove(f"{row.code}: {row.state} does not become {state}.")
        row.state = state
        row.version += 1
        row.save(update_fields=["state", "version", "updated_at"])
    return row


def lock_discount(discount_id: int) -> Discount:
    row = Discount.objects.select_for_update().filter(pk=discount_id).first()
    if row is None:
        raise UnknownDiscount("There is no such discount.")
    return row


def write_offer(
    *,
    customer_id: int,
    discount_id: int,
    reason: str,
    by: User | None,
    now: datetime,
    valid_to: datetime | None = None,
    uses_max: int | None = None,
) -> CustomerDiscount:
    """Write a discount on an account: from now on it holds for whoever logs in to it.

    Refuses UnknownDiscount, NotForAccounts, CarriedAlready, InvalidInput.
    """
    if not reason.strip():
        raise InvalidInput("Say why the customer gets it.", fields=["reason"])
    if (valid_to is not None and valid_to <= now) or (uses_max is not None and uses_max < 1):
        raise InvalidInput(
            "The end lies ahead, and it can be used at least once.", fields=["valid_to", "uses_max"]
        )
    with transaction.atomic():
        customer = Customer.objects.select_for_update().get(pk=customer_id)
        discount = Discount.objects.filter(pk=discount_id).first()
        if discount is None:
            raise UnknownDiscount("There is no such discount.")
        if discount.audience != Audience.ACCOUNT or discount.state == DiscountState.ENDED:
            raise NotForAccounts("This discount is not one that accounts carry.", discount=discount.code)
        # One that ran out makes room for another.
        CustomerDiscount.objects.filter(
            Q(valid_to__lte=now), customer=customer, discount=discount, withdrawn_at__isnull=True
        ).update(withdrawn_at=now)
        try:
            with transaction.atomic():
                offer = CustomerDiscount.objects.create(
                    customer=customer,
                    discount=discount,
                    reason=reason.strip()[:200],
                    valid_from=now,
                    valid_to=valid_to,
                    uses_max=uses_max,
                    created_by=by,
                    created_at=now,
                )
        except IntegrityError as error:
            if "offer_once_per_account" not in str(error):
                raise
            raise CarriedAlready(
                "The account carries this discount already.", discount=discount.code
            ) from error
        announce(
            OfferWritten(offer_id=offer.pk, customer=customer.public_id, discount=discount.code),
            subject=("customer", customer.public_id),
        )
    return offer


def withdraw_offer(*, offer_id: int, by: User | None, now: datetime) -> CustomerDiscount:
    """It holds no longer; what was ordered with it stays."""
    with transaction.atomic():
        offer = (
            CustomerDiscount.objects.select_for_update(of=("self",))
            .select_related("customer", "discount")
            .filter(pk=offer_id)
            .first()
        )
        if offer is None:
            raise UnknownOffer("There is no such offer.")
        if offer.withdrawn_at is None:
            offer.withdrawn_at = now
            offer.save(update_fields=["withdrawn_at"])
            announce(
                OfferWithdrawn(
                    offer_id=offer.pk, customer=offer.customer.public_id, discount=offer.discount.code
                ),
                subject=("customer", offer.customer.public_id),
            )
    return offer
