"""Numbers of documents inside the company; unlike those of invoices they may have gaps."""

from typing import Any

from django.db import connection
from django.db.models import QuerySet


def next_number(rows: QuerySet[Any], prefix: str) -> str:
    """The one after the highest with this prefix, for example TR-2026-000124; whoever asks at the same time waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (prefix,))
    last = rows.filter(number__startswith=prefix).order_by("-number").values_list("number", flat=True).first()
    return f"{prefix}{int(last.removeprefix(prefix)) + 1 if last else 1:06d}"
