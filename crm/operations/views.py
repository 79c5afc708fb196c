"""Looks at products, of those who let the shop remember them: one statement for each, nothing of anybody else."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection

from crm.models import CampaignVisit, ProductView
from crm.states import ConsentKind
from retail.kernel.clock import business_date

KEPT = timedelta(days=400)

# The account of a login whose newest word about personal offers is yes.
CONSENTING = """
SELECT c.id FROM crm_customer c
 WHERE c.user_id = %(user)s
   AND (SELECT k.is_given FROM crm_consent k WHERE k.customer_id = c.id AND k.kind = %(kind)s
         ORDER BY k.given_at DESC, k.id DESC LIMIT 1)"""

_RECORD = f"""
INSERT INTO crm_productview (customer_id, variant_id, day, at)
SELECT c.id, v.id, %(day)s::date, %(now)s::timestamptz FROM ({CONSENTING}) c, storefront_variant v WHERE v.sku = %(sku)s
ON CONFLICT DO NOTHING"""  # noqa: S608 only our own text is put together


def record_view(*, user_id: int, sku: str, now: datetime) -> bool:
    """False when the account has not agreed to it, or has been here today already. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "user": user_id,
                "kind": ConsentKind.PROFILING.value,
                "sku": sku,
                "day": business_date(now),
                "now": now,
            },
        )
        return bool(cursor.rowcount)


def forget_views_of(*, customer_id: int) -> None:
    """Nothing that was looked at leads to the account any more."""
    ProductView.objects.filter(customer_id=customer_id).delete()
    CampaignVisit.objects.filter(customer_id=customer_id).update(customer=None)


def forget_old_views(*, today: date) -> int:
    """Older ones than a year and a bit are of no use."""
    return ProductView.objects.filter(day__lt=today - KEPT).delete()[0]
