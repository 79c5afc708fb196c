"""Verbs about members and their points. They run inside the transaction that also posts what the books owe for the points
(`finance.workflows.loyalty`); none of them posts anything itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from crm.models import LoyaltyAccount, LoyaltyEntry, LoyaltyProgram, Tier
from crm.points import Lot, Slice, slices
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User
from retail.kernel.money import ZERO

EARNED, BURNED, RELEASED, REVERSED, EXPIRED = "EARNED", "BURNED", "RELEASED", "REVERSED", "EXPIRED"
MERGED_IN, MERGED_OUT = "MERGED_IN", "MERGED_OUT"
MERGE, MERGE_UNDONE = "merge", "merge undone"
CARD_NUMBER = "29{:09d}"


class NotEnoughPoints(Refusal):
    """More points were asked for than the member has, or than may pay for this order."""

    code = "NOT_ENOUGH_POINTS"


class NoMember(Refusal):
    code = "NO_MEMBER"


class BadProgram(InvalidInput):
    code = "BAD_PROGRAM"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms points are given now: where they come from, whose books owe them, until when they are good."""

    source: tuple[str, str]
    rate: Decimal
    point_value: Decimal
    entity_id: int
    expires_on: date
    order_number: str = ""


def join_program(*, customer_id: int, now: datetime) -> LoyaltyAccount:
    """A member from now on; the same again for a member. Refuses BadProgram when no tier stands to begin in."""
    lowest = Tier.objects.order_by("spend_from", "rank").first()
    if lowest is None:
        raise BadProgram("There is no tier to begin in.")
    account, _ = LoyaltyAccount.objects.get_or_create(
        customer_id=customer_id,
        defaults={"number": CARD_NUMBER.format(customer_id), "tier": lowest, "joined_on": now.date()},
    )
    return account


def lock_member(*, customer_id: int) -> LoyaltyAccount | None:
    """The member's account, locked: what is read of its points afterwards stays so."""
    return (
        LoyaltyAccount.objects.select_for_update(of=("self",))
        .select_related("tier")
        .filter(customer_id=customer_id)
        .first()
    )


def earn_points(*, account: LoyaltyAccount, points: int, terms: Terms, now: datetime) -> LoyaltyEntry | None:
    """Points for a document, once; None when nothing is earned or it was earned before. The account is locked."""
    if points <= 0:
        return None
    entry, is_new = LoyaltyEntry.objects.get_or_create(
        source_kind=terms.source[0],
        source_key=terms.source[1],
        reason=EARNED,
        defaults={
            "account": account,
            "points": points,
            "entity_id": terms.entity_id,
            "value": terms.point_value * points,
            "order_number": terms.order_number,
            "rate": terms.rate,
            "expires_on": terms.expires_on,
            "created_at": now,
        },
    )
    if not is_new:
        return None
    _add(account, points)
    return entry


def use_points(
    *,
    account: LoyaltyAccount,
    points: int,
    reason: str,
    source: tuple[str, str],
    now: datetime,
    order_number: str = "",
) -> list[LoyaltyEntry]:
    """Take points, oldest first: burned, expired, or taken back with what they were earned on. The account is locked.

    One entry for each company whose books owe them. Refuses NotEnoughPoints.
    """
    if points > account.points:
        raise NotEnoughPoints(f"The member has {account.points} points.", points=account.points, asked=points)
    lots, used = lots_of(account)
    parts = slices(lots, used, used + points)
    return _write(account, parts, -1, reason, source, now, order_number)


def give_back_points(
    *,
    account: LoyaltyAccount,
    points: int,
    reason: str,
    source: tuple[str, str],
    now: datetime,
    order_number: str = "",
) -> list[LoyaltyEntry]:
    """Points that were used come back into the lots that they were taken from last. The account is locked."""
    lots, used = lots_of(account)
    parts = slices(lots, used - points, used)
    return _write(account, parts, 1, reason, source, now, order_number)


def lots_of(account: LoyaltyAccount) -> tuple[list[Lot], int]:
    """The member's lots in the order of their use, and how many points of them are used."""
    lots = [Lot(row.points, row.value, row.entity_id, row.expires_on) for row in _lot_rows(account)]
    return lots, sum(lot.points for lot in lots) - account.points


def _lot_rows(account: LoyaltyAccount) -> list[LoyaltyEntry]:
    """Lots that came with a merge which was undone are no lots any more."""
    undone = account.entries.filter(source_kind=MERGE_UNDONE, reason=MERGED_OUT).values("source_key")
    rows = account.entries.filter(points__gt=0, expires_on__isnull=False)
    return list(rows.exclude(source_kind=MERGE, source_key__in=undone).order_by("pk"))


def _write(
    account: LoyaltyAccount,
    parts: Sequence[Slice],
    sign: int,
    reason: str,
    source: tuple[str, str],
    now: datetime,
    order_number: str,
) -> list[LoyaltyEntry]:
    kind, key = source
    entries = LoyaltyEntry.objects.bulk_create(
        LoyaltyEntry(
            account=account,
            points=sign * part.points,
            reason=reason,
            source_kind=kind,
            source_key=key if number == 0 else f"{key}/{number}",
            entity_id=part.entity_id,
            value=sign * part.value,
            order_number=order_number,
            created_at=now,
        )
        for number, part in enumerate(parts)
    )
    _add(account, sum(entry.points for entry in entries))
    return entries


def _add(account: LoyaltyAccount, points: int) -> None:
    account.points += points
    account.save(update_fields=["points"])


@transaction.atomic
def save_program(
    *,
    currency: str,
    spend_per_point: Decimal,
    point_value: Decimal,
    expiry_months: int,
    window_months: int,
    burn_points_min: int,
    burn_percent_max: Decimal,
    by: User | None,
    now: datetime,
) -> LoyaltyProgram:
    """New numbers from now on; what was earned before keeps its terms. Refuses BadProgram."""
    if spend_per_point <= 0 or point_value <= 0:
        raise BadProgram("Money for a point and the value of a point are more than zero.")
    if not ZERO <= burn_percent_max <= 100:
        raise BadProgram("The share of an order is between 0 and 100 percent.")
    if expiry_months < 1 or window_months < 1:
        raise BadProgram("Points are good, and spending counts, for a month at least.")
    LoyaltyProgram.objects.select_for_update().filter(currency=currency, valid_to__isnull=True).update(
        valid_to=now
    )
    return LoyaltyProgram.objects.create(
        currency=currency,
        spend_per_point=spend_per_point,
        point_value=point_value,
        expiry_months=expiry_months,
        window_months=window_months,
        burn_points_min=burn_points_min,
        burn_percent_max=burn_percent_max,
        valid_from=now,
        created_by=by,
        created_at=now,
    )


def move_points(
    *, source_account: LoyaltyAccount, target_account: LoyaltyAccount, merge: str, now: datetime
) -> list[LoyaltyEntry]:
    """All points of one member become another's, lot by lot with their last days. Both accounts are locked."""
    lots, used = lots_of(source_account)
    left, place = [], 0
    for lot in lots:
        start = max(used - place, 0)
        place += lot.points
        if start < lot.points:
            (part,) = slices([lot], start, lot.points)
            left.append((part, lot.expires_on))
    if not left:
        return []
    entries = use_points(
        account=source_account,
        points=source_account.points,
        reason=MERGED_OUT,
        source=(MERGE, merge),
        now=now,
    )
    entries += LoyaltyEntry.objects.bulk_create(
        LoyaltyEntry(
            account=target_account,
            points=part.points,
            reason=MERGED_IN,
            source_kind=MERGE,
            source_key=f"{merge}/{number}",
            entity_id=part.entity_id,
            value=part.value,
            expires_on=expires_on,
            created_at=now,
        )
        for number, (part, expires_on) in enumerate(left)
    )
    _add(target_account, sum(part.points for part, _ in left))
    return entries


def move_points_back(
    *, source_account: LoyaltyAccount, target_account: LoyaltyAccount, merge: str, now: datetime
) -> list[LoyaltyEntry]:
    """The same lots leave the second member, and the first has what it had. Both are locked. Refuses NotEnoughPoints when some are used."""
    rows = _lot_rows(target_account)
    moved = [row for row in rows if row.source_kind == MERGE and row.source_key.startswith(f"{merge}/")]
    if not moved:
        return []
    before = sum(row.points for row in rows if row.pk < moved[0].pk)
    if sum(row.points for row in rows) - target_account.points > before:
        raise NotEnoughPoints("Points that came with the merge are used.")
    entries = LoyaltyEntry.objects.bulk_create(
        LoyaltyEntry(
            account=target_account,
            points=-row.points,
            reason=MERGED_OUT,
            source_kind=MERGE_UNDONE,
            source_key=row.source_key,
            entity_id=row.entity_id,
            value=-row.value,
            created_at=now,
        )
        for row in moved
    )
    points = sum(row.points for row in moved)
    _add(target_account, -points)
    entries += give_back_points(
        account=source_account, points=points, reason=MERGED_IN, source=(MERGE_UNDONE, merge), now=now
    )
    return entries


def save_tier(*, tier_id: int, spend_from: Decimal, earn_factor: Decimal) -> None:
    """From which spending a tier is had, and by how much its members earn more. Refuses BadProgram."""
    if earn_factor <= 0:
        raise BadProgram("Members earn something.")
    Tier.objects.filter(pk=tier_id).update(spend_from=spend_from, earn_factor=earn_factor)
