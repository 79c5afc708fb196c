"""Loads the sample chain section by section, each in one transaction that is either there or not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from crm.models import Customer
from retail.kernel.context import acting
from retail.kernel.errors import NotAllowed
from retail.kernel.models import User
from retail.running import home as local
from retail.sample import (
    bundles,
    campaigns,
    company,
    delivery,
    ebooks,
    history,
    offers,
    people,
    pictures,
    preorders,
    stock,
    titles,
)

LIVE = "retail.sample.live"


class SampleNotAllowed(NotAllowed):
    """Sample logins and invented stock have no place in a production database."""

    code = "SAMPLE_NOT_ALLOWED"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to load. Without `books` titles are invented; `data` is the folder of the public data sets, if there is one."""

    is_full: bool
    books: Path | None = None
    data: Path | None = None

    @property
    def toys(self) -> Path | None:
        path = self.data / "toys" / "lego_sets_1970_2015.csv.gz" if self.data else None
        return path if path and path.is_file() and self.books else None


def load(plan: Plan, *, now: datetime, tell: Callable[[str], None] = lambda text: None) -> None:
    """Whatever is missing of the sample chain; a second run finds everything there and changes nothing."""
    if not settings.SAMPLE_IS_ALLOWED:
        raise SampleNotAllowed("The sample chain is for a local database, never for production.")
    owner, now = _owner(now)
    has_made = False
    with acting(by=owner, reason="sample chain"):
        for name, is_there, make in _sections(plan, owner, now):
            if is_there():
                continue
            began = time.monotonic()
            with transaction.atomic():
                _mark_batch(name)
                make()
            has_made = True
            tell(f"{name}: {time.monotonic() - began:.1f} s")
        if has_made:
            _analyze()
        if find_spec(LIVE):
            import_module(LIVE).make(now=now, tell=tell)
    _write_logins()
    _write_companies()


def _sections(
    plan: Plan, owner: User, now: datetime
) -> list[tuple[str, Callable[[], bool], Callable[[], Any]]]:
    customers = people.FULL_CUSTOMERS if plan.is_full else people.SMALL_CUSTOMERS
    orders = history.FULL_ORDERS if plan.is_full else history.SMALL_ORDERS
    return [
        ("company", company.exists, lambda: company.make(now)),
        ("staff", _has_staff, lambda: people.make_staff(owner, now)),
        ("delivery", delivery.exists, lambda: delivery.make(company.read(), delivery.read_postcodes(plan.data), now)),
        ("titles", titles.exist, lambda: titles.make(company.read(), plan.books, plan.toys, is_full=plan.is_full, by=owner, now=now)),
        ("stock", stock.exists, lambda: stock.make(company.read(), by=owner, now=now)),
        ("customers", people.customers_exist, lambda: people.make_customers(company.read(), customers, now)),
        ("year of orders", history.exists, lambda: history.make(company.read(), orders, now)),
        ("bundles", bundles.exist, lambda: bundles.make(by=owner, now=now)),
        ("pictures", pictures.exist, lambda: pictures.make(by=owner, now=now)),
        ("ebooks", ebooks.exist, lambda: ebooks.make(by=owner, now=now)),
        ("preorders", preorders.exist, lambda: preorders.make(by=owner, now=now)),
        ("offers", offers.exist, lambda: offers.make(by=owner, now=now)),
        ("campaigns", campaigns.exist, lambda: campaigns.make(now)),
    ]  # fmt: skip


def _has_staff() -> bool:
    return User.objects.filter(email=people.persona_of("integrator").email).exists()


def _owner(now: datetime) -> tuple[User, datetime]:
    """The owner's first day is the anchor of all dates, also for a load that was interrupted and goes on later."""
    found = User.objects.filter(email=people.PERSONAS[0].email).first()
    if found is None:
        anchor = now.replace(microsecond=0)
        with transaction.atomic():
            _mark_batch("owner")
            found = people.make_owner(anchor)
    return found, found.date_joined


def _mark_batch(name: str) -> None:
    """One audit row per statement. The second setting is what every trigger asks first: unset, it answers with a caught error,
    whose cleanup walks all deferred checks of the transaction, so that many of them would cost their square.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('retail.audit_batch', %s, true), set_config('pgtrigger.ignore', '{}', true)",
            [f"sample: {name}"],
        )


def _analyze() -> None:
    """The planner should know from the first page on."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _write_companies() -> None:
    """Who is registered at SEF, for the stand-in: it knows nothing of the house but this file."""
    rows = Customer.objects.filter(kind="COMPANY").order_by("pk")
    companies = [
        {
            "pib": one.pib,
            "registration_number": one.registration_number,
            "jbkjs": one.jbkjs,
            "name": one.name,
            "is_registered": bool(one.is_sef_registered),
        }
        for one in rows
    ]
    text = json.dumps({"companies": companies}, ensure_ascii=False)
    local.write_private(settings.ONEROW_HOME / "sample-companies.json", text + "\n")


def _write_logins() -> None:
    content = {"base_url": settings.BASE_URL, "api_key": people.api_key(), "logins": people.logins()}
    local.write_private(
        settings.ONEROW_HOME / "sample.json", json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    )
