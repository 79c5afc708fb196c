"""How far a visit came: counted once a day for each, without anything of a person."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from django.conf import settings

from storefront.models import ShopVisit
from storefront.states import FunnelStep

KEPT = timedelta(days=400)


def count_visit(*, step: str, client_hash: str, day: date) -> None:
    """The second time on one day changes nothing. The hash is of that day alone, so that no two days can be put together."""
    assert step in FunnelStep.values, "the page knows the steps"
    digest = hashlib.sha256(f"{settings.SECRET_KEY}|shop.visit|{day}|{client_hash}".encode()).hexdigest()
    ShopVisit.objects.bulk_create([ShopVisit(step=step, day=day, visit_hash=digest)], ignore_conflicts=True)


def forget_visits(*, today: date) -> int:
    """Older ones than a year and a bit are of no use."""
    return ShopVisit.objects.filter(day__lt=today - KEPT).delete()[0]
