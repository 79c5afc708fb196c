"""Verbs of wishes: kept on the account until taken off."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from crm.models import Wish
from retail.kernel.context import acting
from retail.kernel.models import User

WISHES_MAX = 200


@transaction.atomic
def add_wishes(*, customer_id: int, variant_ids: Iterable[int], by: User | None, now: datetime) -> int:
    """Those that are not there yet, as many as an account may keep; says how many came."""
    known = set(Wish.objects.filter(customer_id=customer_id).values_list("variant_id", flat=True))
    wanted = [pk for pk in dict.fromkeys(variant_ids) if pk not in known][: max(0, WISHES_MAX - len(known))]
    with acting(by=by):
        Wish.objects.bulk_create(
            (Wish(customer_id=customer_id, variant_id=pk, added_at=now) for pk in wanted),
            ignore_conflicts=True,
        )
    return len(wanted)


@transaction.atomic
def remove_wish(*, customer_id: int, variant_id: int, by: User | None) -> None:
    with acting(by=by):
        Wish.objects.filter(customer_id=customer_id, variant_id=variant_id).delete()
