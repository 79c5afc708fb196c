"""Two accounts that are one person or company: what would move, the move in one transaction, and its undoing.

What moved is kept by ids on the row of the merge; the merged account stays, empty, and points to the survivor. Consents are never
moved: they are proofs of what was said on their account; the newest word of each kind is written down again on the survivor.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, Model, OuterRef, QuerySet

from cms.models import FormAnswer
from crm.models import (
    Address,
    Alert,
    Consent,
    Coupon,
    CouponRedemption,
    Customer,
    CustomerDiscount,
    CustomerMerge,
    CustomerNote,
    CustomerTask,
    GiftCard,
    LoyaltyAccount,
    Message,
    ProductView,
    Review,
    Wish,
)
from crm.operations import loyalty as points
from finance.workflows import loyalty as books
from oms import operations as orders
from oms.models import Basket, Order
from oms.operations import accounts as oms
from retail.kernel.errors import NotFound, Refusal
from retail.kernel.models import User

# What simply changes hands; what the survivor has of the very same (an offer, a wish, a review of one product) stays.
OWNED: dict[str, type[Model]] = {
    "addresses": Address,
    "notes": CustomerNote,
    "tasks": CustomerTask,
    "messages": Message,
    "alerts": Alert,
    "gift_cards": GiftCard,
    "offers": CustomerDiscount,
    "coupons": Coupon,
    "redemptions": CouponRedemption,
    "reviews": Review,
    "wishes": Wish,
    "views": ProductView,
    "form_answers": FormAnswer,
}
# By what an account has only one of each.
_ONCE = {"reviews": ("product",), "wishes": ("variant",), "views": ("variant", "day")}
# Filled on the survivor where it has nothing; the rest is a conflict, and the survivor's word stays.
FILLED = ("email", "phone", "registration_number", "jbkjs", "external_ref")


class UnknownMerge(NotFound):
    code = "UNKNOWN_MERGE"


class CannotMerge(Refusal):
    """The two can't be one account; `reason` says why."""

    code = "CANNOT_MERGE"


class MergedAlready(Refusal):
    code = "MERGED_ALREADY"


class CannotUndoMerge(Refusal):
    """Something happened since that can't be taken apart; `reason` says what."""

    code = "CANNOT_UNDO_MERGE"


@dataclass(frozen=True, slots=True)
class Preview:
    """How many of each thing would move, the points among them, and what differs: (field, the survivor's, the other's)."""

    moves: dict[str, int]
    points: int
    conflicts: list[tuple[str, str, str]]
    filled: dict[str, str]


def preview_merge(*, survivor_id: int, merged_id: int) -> Preview:
    """What `merge_customers` would do; it changes nothing. Refuses as it would."""
    survivor, merged = _both(survivor_id, merged_id, Customer.objects.all())
    _check(survivor, merged)
    owned: dict[str, type[Model]] = {**OWNED, "orders": Order, "baskets": Basket}
    moves = {name: _rows_of(name, model, survivor, merged).count() for name, model in owned.items()}
    account = LoyaltyAccount.objects.filter(customer=merged).first()
    return Preview(
        moves={name: count for name, count in moves.items() if count},
        points=account.points if account else 0,
        conflicts=_conflicts(survivor, merged),
        filled=_fillings(survivor, merged),
    )


def _rows_of(name: str, model: type[Model], survivor: Customer, merged: Customer) -> QuerySet[Any]:
    rows = model._default_manager.filter(customer=merged)
    if name == "offers":
        return rows.exclude(pk__in=_offers_of(survivor))
    if name in _ONCE:
        own = model._default_manager.filter(customer=survivor, **{key: OuterRef(key) for key in _ONCE[name]})
        return rows.exclude(Exists(own))
    return rows


@transaction.atomic
def merge_customers(*, survivor_id: int, merged_id: int, by: User | None, now: datetime) -> CustomerMerge:
    """Everything of the second account becomes the first one's. Refuses CannotMerge, MergedAlready."""
    order_ids = oms.lock_orders_of(customer_id=merged_id)
    basket_ids = oms.lock_baskets_of(customer_id=merged_id)
    survivor, merged = _lock(survivor_id, merged_id)
    _check(survivor, merged)
    merge = CustomerMerge.objects.create(survivor=survivor, merged=merged, merged_by=by, merged_at=now)
    moved: dict[str, Any] = {"orders": order_ids, "baskets": basket_ids}
    oms.move_orders(order_ids=order_ids, from_id=merged.pk, to_id=survivor.pk)
    oms.move_baskets(basket_ids=basket_ids, from_id=merged.pk, to_id=survivor.pk)
    moved |= _move_owned(survivor, merged)
    moved["consents"] = _repeat_consents(survivor, merged, now)
    moved |= _move_points(merge, survivor, merged, now)
    moved["filled"] = _fillings(survivor, merged)
    moved["login"] = merged.user_id
    _join(survivor, merged, moved["filled"])
    merge.moved = moved
    merge.save(update_fields=["moved"])
    return merge


@transaction.atomic
def undo_merge(*, public_id: str, by: User | None, now: datetime) -> CustomerMerge:
    """All that moved goes back. Refuses UnknownMerge, CannotUndoMerge when a later act stands in the way."""
    merge = CustomerMerge.objects.select_for_update(of=("self",)).filter(public_id=public_id).first()
    if merge is None:
        raise UnknownMerge("There is no such merge.")
    moved = merge.moved
    for order_id in moved["orders"]:
        orders.lock_order(order_id=order_id)
    survivor, merged = _lock(merge.survivor_id, merge.merged_id)
    _check_undo(merge, survivor)
    _return_points(merge, survivor, merged, now)
    oms.move_orders(order_ids=moved["orders"], from_id=survivor.pk, to_id=merged.pk)
    oms.move_baskets(basket_ids=moved["baskets"], from_id=survivor.pk, to_id=merged.pk)
    for name, model in OWNED.items():
        rows = model._default_manager.filter(pk__in=moved.get(name, []), customer=survivor)
        rows.update(customer=merged)
    Address.objects.filter(pk__in=moved["defaults"], customer=merged).update(is_default=True)
    _withdraw_consents(survivor, moved["consents"], by, now)
    _part(survivor, merged, moved)
    merge.undone_at, merge.undone_by = now, by
    merge.save(update_fields=["undone_at", "undone_by"])
    return merge


def _both(survivor_id: int, merged_id: int, rows: QuerySet[Customer]) -> tuple[Customer, Customer]:
    found = {row.pk: row for row in rows.filter(pk__in=[survivor_id, merged_id]).order_by("pk")}
    if survivor_id == merged_id or len(found) < 2:
        raise CannotMerge("Two different accounts are merged.", reason="same")
    return found[survivor_id], found[merged_id]


def _lock(survivor_id: int, merged_id: int) -> tuple[Customer, Customer]:
    """Both accounts, the lower id first whoever survives, so that two merges never wait for each other in a ring."""
    return _both(survivor_id, merged_id, Customer.objects.select_for_update())


def _check(survivor: Customer, merged: Customer) -> None:
    if survivor.merged_into_id or merged.merged_into_id:
        raise MergedAlready("One of them was merged into another account already.")
    if survivor.erased_at or merged.erased_at:
        raise CannotMerge("An erased account is nobody's any more.", reason="erased")
    if survivor.kind != merged.kind or survivor.pib != merged.pib:
        raise CannotMerge("A person and a company, or two companies, are not one.", reason="kind")
    if survivor.user_id and merged.user_id:
        raise CannotMerge("Both have a login; one has to be closed first.", reason="logins")


def _offers_of(survivor: Customer) -> list[int]:
    """Offers of anybody on discounts that the survivor carries."""
    own = CustomerDiscount.objects.filter(customer=survivor, withdrawn_at__isnull=True).values("discount")
    return list(CustomerDiscount.objects.filter(discount__in=own).values_list("pk", flat=True))


def _conflicts(survivor: Customer, merged: Customer) -> list[tuple[str, str, str]]:
    return [
        (name, getattr(survivor, name), getattr(merged, name))
        for name in ("name", *FILLED)
        if getattr(survivor, name)
        and getattr(merged, name)
        and getattr(survivor, name) != getattr(merged, name)
    ]


def _fillings(survivor: Customer, merged: Customer) -> dict[str, str]:
    return {
        name: getattr(merged, name)
        for name in FILLED
        if getattr(merged, name) and not getattr(survivor, name)
    }


def _move_owned(survivor: Customer, merged: Customer) -> dict[str, list[int]]:
    moved: dict[str, list[int]] = {"defaults": []}
    if Address.objects.filter(customer=survivor, is_default=True).exists():
        usual = Address.objects.filter(customer=merged, is_default=True)
        moved["defaults"] = list(usual.values_list("pk", flat=True))
        usual.update(is_default=False)
    for name, model in OWNED.items():
        rows = _rows_of(name, model, survivor, merged)
        moved[name] = list(rows.order_by("pk").values_list("pk", flat=True))
        model._default_manager.filter(pk__in=moved[name]).update(customer=survivor)
    return moved


def _newest(customer: Customer) -> dict[str, Consent]:
    return {one.kind: one for one in customer.consents.order_by("given_at", "pk")}


def _repeat_consents(survivor: Customer, merged: Customer, now: datetime) -> list[int]:
    """The newest word of each kind holds for both; what was said on the merged account stands there as it was."""
    own = _newest(survivor)
    newer = [
        one for kind, one in _newest(merged).items() if kind not in own or own[kind].given_at < one.given_at
    ]
    written = Consent.objects.bulk_create(
        Consent(
            customer=survivor,
            kind=one.kind,
            is_given=one.is_given,
            wording=one.wording,
            source="merge",
            recorded_by=one.recorded_by,
            given_at=one.given_at,
        )
        for one in newer
    )
    return [one.pk for one in written]


def _withdraw_consents(survivor: Customer, repeated: list[int], by: User | None, now: datetime) -> None:
    """A consent that only the merged account gave no longer holds for the survivor."""
    newest = _newest(survivor)
    Consent.objects.bulk_create(
        Consent(
            customer=survivor,
            kind=one.kind,
            is_given=False,
            wording=one.wording,
            source="merge undone",
            recorded_by=by,
            given_at=now,
        )
        for one in newest.values()
        if one.pk in repeated and one.is_given
    )


def _move_points(merge: CustomerMerge, survivor: Customer, merged: Customer, now: datetime) -> dict[str, Any]:
    """The membership goes over when the survivor has none; else its points do, by entries on both."""
    theirs = points.lock_member(customer_id=merged.pk)
    if theirs is None:
        return {"membership": None, "points": 0}
    own = points.lock_member(customer_id=survivor.pk)
    if own is None:
        LoyaltyAccount.objects.filter(pk=theirs.pk).update(customer=survivor)
        return {"membership": theirs.pk, "points": 0}
    entries = points.move_points(source_account=theirs, target_account=own, merge=merge.public_id, now=now)
    books.post_points(entries, by=merge.merged_by, now=now)
    return {"membership": None, "points": sum(one.points for one in entries if one.points > 0)}


def _return_points(merge: CustomerMerge, survivor: Customer, merged: Customer, now: datetime) -> None:
    moved = merge.moved
    if moved["membership"] is not None:
        LoyaltyAccount.objects.filter(pk=moved["membership"]).update(customer=merged)
    if not moved["points"]:
        return
    own = points.lock_member(customer_id=survivor.pk)
    theirs = points.lock_member(customer_id=merged.pk)
    assert own is not None and theirs is not None, "both were members when their points were joined"
    try:
        entries = points.move_points_back(
            source_account=theirs, target_account=own, merge=merge.public_id, now=now
        )
    except points.NotEnoughPoints as refusal:
        raise CannotUndoMerge("Points that came with it were used.", reason="points") from refusal
    books.post_points(entries, by=None, now=now)


def _join(survivor: Customer, merged: Customer, filled: dict[str, str]) -> None:
    login = merged.user
    merged.merged_into, merged.user = survivor, None
    if "external_ref" in filled:
        merged.external_ref = ""
    merged.save(update_fields=["merged_into", "user", "external_ref", "updated_at"])
    for name, value in filled.items():
        setattr(survivor, name, value)
    if login is not None:
        survivor.user = login
    survivor.save(update_fields=[*filled, "user", "updated_at"])


def _check_undo(merge: CustomerMerge, survivor: Customer) -> None:
    if merge.undone_at is not None:
        raise CannotUndoMerge("It was undone already.", reason="undone")
    if survivor.merged_into_id is not None:
        raise CannotUndoMerge("The account was merged into another one since.", reason="merged")
    if survivor.erased_at is not None:
        raise CannotUndoMerge("The account was erased since.", reason="erased")


def _part(survivor: Customer, merged: Customer, moved: dict[str, Any]) -> None:
    """What was filled is emptied again, unless somebody has written something else since."""
    filled = {name for name, value in moved["filled"].items() if getattr(survivor, name) == value}
    for name in filled:
        setattr(survivor, name, "")
    if moved["login"] is not None and survivor.user_id == moved["login"]:
        survivor.user = None
        merged.user_id = moved["login"]
    survivor.save(update_fields=[*filled, "user", "updated_at"])
    if "external_ref" in filled:
        merged.external_ref = moved["filled"]["external_ref"]
    merged.merged_into = None
    merged.save(update_fields=["merged_into", "user", "external_ref", "updated_at"])
