"""Whether a company takes electronic invoices: asked of SEF at placement and again before the goods leave.

SEF being down stops no sale: then the last answer counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from crm import operations as crm
from crm.models import Customer
from finance import rules, selectors
from finance.models import Capture, FiscalReceipt, Invoice
from finance.providers import sef
from oms import operations as orders
from oms.models import Order
from retail.kernel.outside import ProviderError

AT_PLACEMENT = timedelta(days=1)
AT_ISSUE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Registration:
    """`is_registered` is None when nobody could say; `is_new` when SEF was asked just now.

    `registration_number` is the company's: as it was given, else as we know it from earlier.
    """

    is_registered: bool | None
    is_new: bool
    registration_number: str = ""


def look_up(*, pib: str, registration_number: str, now: datetime, max_age: timedelta) -> Registration:
    """What is known of a company, asked anew when it is older than `max_age`. Call it outside any transaction."""
    known = Customer.objects.filter(pib=pib, kind="COMPANY").order_by("pk").first()
    last = known.is_sef_registered if known else None
    number = registration_number or (known.registration_number if known else "")
    if known is not None and known.sef_checked_at and known.sef_checked_at > now - max_age:
        return Registration(last, False, number)
    try:
        found = sef.from_settings().is_registered(pib=pib, registration_number=registration_number)
    except (ProviderError, ImproperlyConfigured):
        return Registration(last, False, number)
    return Registration(found, True, number)


def check_before_issue(*, order: Order, now: datetime) -> None:
    """Before the first paper of a company's order: it gets the paper that fits what SEF says today."""
    if not order.company_pib or _has_papers(order):
        return
    found = look_up(
        pib=order.company_pib,
        registration_number=order.company_registration_number,
        now=now,
        max_age=AT_ISSUE,
    )
    if found.is_new:
        _apply(order, found, now)


@transaction.atomic
def _apply(order: Order, found: Registration, now: datetime) -> None:
    locked = orders.lock_order(order_id=order.pk)
    if locked.customer_id is not None:
        crm.record_sef_registration(
            customer_id=locked.customer_id, is_registered=bool(found.is_registered), now=now
        )
    paper = rules.paper_of(is_company=True, is_sef_registered=bool(found.is_registered))
    if locked.paper != paper and not _has_papers(locked):
        orders.change_paper(order=locked, paper=paper)


def _has_papers(order: Order) -> bool:
    """Papers and money that was booked under them fix the kind for the whole order."""
    return (
        Invoice.objects.filter(order=order).exists()
        or FiscalReceipt.objects.filter(order=order).exists()
        or Capture.objects.filter(payment__order=order, entry__isnull=False).exists()
        or bool(selectors.entries(order_number=order.number).exists())
    )
