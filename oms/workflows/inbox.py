"""The inbox of exceptions: a case is closed when what it is about is in order."""

from datetime import datetime

from django.db import transaction

from oms import operations as orders
from oms.models import OrderException
from oms.states import ExceptionKind, OrderStatus
from retail.kernel.errors import Refusal
from retail.kernel.models import User
from warehouse import selectors as warehouse

ABOUT_MISSING_UNITS = (ExceptionKind.SHORT_PICK, ExceptionKind.DISPLACED_CLAIM, ExceptionKind.UNROUTABLE)


class StillMissing(Refusal):
    """Units of the order lie nowhere: without the case nobody would look for them. Plan it anew, or cancel them."""

    code = "STILL_MISSING"


@transaction.atomic
def resolve_case(*, public_id: str, resolution: str, by: User, now: datetime) -> OrderException:
    """A person says how it was resolved. Refuses StillMissing, AlreadyResolved, ExceptionNotFound, InvalidInput."""
    case = OrderException.objects.filter(public_id=public_id, kind__in=ABOUT_MISSING_UNITS).first()
    if case is not None and case.order_id is not None:
        order = orders.lock_order(order_id=case.order_id)
        missing = warehouse.missing_units(order_id=order.pk)
        if missing and order.status not in (OrderStatus.CANCELED, OrderStatus.COMPLETED):
            raise StillMissing(
                f"{order.number}: "
                + ", ".join(f"{units} × {sku}" for sku, units in sorted(missing.items()))
                + " not to be had yet.",
                number=order.number,
                missing=missing,
            )
    return orders.resolve_exception(public_id=public_id, resolution=resolution, by=by, now=now)
