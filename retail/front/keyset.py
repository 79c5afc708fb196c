"""Pages of a list by cursor: newest first, each page costs the same however deep it lies."""

from datetime import date, datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet

from retail.rest.paging import InvalidCursor, decode, encode

PAGE_SIZE = 50
M = TypeVar("M", bound=Model)


def newest_first(
    rows: QuerySet[M], *, by: str, cursor: str = "", size: int = PAGE_SIZE
) -> tuple[list[M], str]:
    """A page in the order of `-by, -pk`, and the cursor of the next one or "". A cursor that was cut short begins anew.

    `by` is a day or a moment that is never empty; it is a name of ours, not of the address.
    """
    if cursor and (place := _place(cursor)) is not None:
        at, pk = place
        # The plain bound is what the index begins at; the alternative alone would be read from the newest on.
        rows = rows.filter(Q(**{f"{by}__lt": at}) | Q(**{by: at, "pk__lt": pk}), **{f"{by}__lte": at})
    found = list(rows.order_by(f"-{by}", "-pk")[: size + 1])
    if len(found) <= size:
        return found, ""
    last = found[size - 1]
    value: date | datetime = getattr(last, by)
    return found[:size], encode([value.isoformat(), last.pk])


def _place(cursor: str) -> tuple[Any, int] | None:
    try:
        text, pk = decode(cursor, 2)
        at = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
        if (isinstance(at, datetime) and at.tzinfo is None) or not 0 <= int(pk) < 2**63:
            return None
        return at, int(pk)
    except (InvalidCursor, ValueError, TypeError):
        return None
