"""Members for tests: a program, its tiers, points earned."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import count

from django.db import transaction

from crm.models import Customer, LoyaltyAccount, LoyaltyEntry, LoyaltyProgram, Tier
from crm.operations import loyalty as points_verbs
from finance.workflows import loyalty
from retail.kernel.models import LegalEntity
from tests.factories import NOW

_serial = count(1)


def make_program(**changes: object) -> LoyaltyProgram:
    """One point for 100, worth 1; tiers from 0 and 3,000 with a factor of 2."""
    for code, rank, spending, factor in (("osnovni", 1, 0, "1.00"), ("zlatni", 2, 3_000, "2.00")):
        Tier.objects.get_or_create(
            code=code,
            defaults={
                "rank": rank,
                "name": code.title(),
                "spend_from": spending,
                "earn_factor": Decimal(factor),
            },
        )
    return LoyaltyProgram.objects.create(valid_from=NOW - timedelta(days=400), **changes)


def make_member(customer: Customer, *, joined_on: date | None = None) -> LoyaltyAccount:
    account = points_verbs.join_program(customer_id=customer.pk, now=NOW)
    account.joined_on = joined_on or (NOW - timedelta(days=30)).date()
    account.save(update_fields=["joined_on"])
    return account


def earn(
    customer: Customer, points: int, *, value: str = "1.00", expires_on: date | None = None
) -> LoyaltyEntry:
    """Points that the books know, of no order."""
    with transaction.atomic():
        account = points_verbs.lock_member(customer_id=customer.pk)
        assert account is not None
        entry = points_verbs.earn_points(
            account=account,
            points=points,
            terms=points_verbs.Terms(
                source=("test", str(next(_serial))),
                rate=Decimal("0.01"),
                point_value=Decimal(value),
                entity_id=LegalEntity.objects.earliest("pk").pk,
                expires_on=expires_on or date(NOW.year + 2, 1, 31),
            ),
            now=NOW,
        )
        assert entry is not None
        loyalty.post_points([entry], by=None, now=NOW)
    return entry
