"""Consents: given and withdrawn by the person, each time with the words that were shown."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from crm.events import ConsentChanged
from crm.models import Consent, Customer
from crm.operations.views import forget_views_of
from crm.states import ConsentKind
from retail.kernel.context import acting
from retail.kernel.models import User
from retail.kernel.outbox import announce


@transaction.atomic
def record_consent(
    *,
    customer_id: int,
    kind: str,
    is_given: bool,
    wording: str,
    by: User | None,
    now: datetime,
    source: str = "",
) -> bool:
    """The newest word holds; the same word again writes nothing. True when it changed. `source` says where it was said."""
    assert kind in ConsentKind.values, "the page knows the kinds"
    customer = Customer.objects.select_for_update().get(pk=customer_id)
    newest = Consent.objects.filter(customer=customer, kind=kind).order_by("-given_at", "-pk").first()
    if (newest is not None and newest.is_given) == is_given:
        return False
    with acting(by=by):
        Consent.objects.create(
            customer=customer, kind=kind, is_given=is_given, wording=wording, given_at=now, source=source
        )
        if kind == ConsentKind.PROFILING and not is_given:
            forget_views_of(customer_id=customer_id)
        announce(ConsentChanged(customer.public_id, kind, is_given), subject=("customer", customer.public_id))
    return True
