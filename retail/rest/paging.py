"""Lists with opaque cursors: {"results": […], "next": url or null}, at most 100 a page."""

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from retail.kernel.errors import InvalidInput

LIMIT, LIMIT_USUAL = 100, 50
M = TypeVar("M", bound=Model)


class InvalidCursor(InvalidInput):
    code = "INVALID_CURSOR"


def limit_of(request: Request, default: int = LIMIT_USUAL) -> int:
    text = request.query_params.get("limit", "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= LIMIT:
        raise InvalidInput(f"limit is a whole number from 1 to {LIMIT}.", limit=text[:20])
    return int(text)


def encode(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(values), default=str).encode()).decode().rstrip("=")


def decode(cursor: str, count: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if (
            not isinstance(values, list)
            or len(values) != count
            or any(isinstance(v, dict | list) for v in values)
        ):
            raise ValueError
    except (ValueError, UnicodeError):
        raise InvalidCursor("This cursor is not one of ours; begin without it.") from None
    return values


def page(
    request: Request, rows: QuerySet[M], *, by: tuple[str, str], show: Callable[[list[M]], list[Any]]
) -> Response:
    """One page in the order of `by`, e.g. ("updated_at", "id") or ("-placed_at", "-id"): keyset, so a page costs the same at any depth."""
    limit = limit_of(request)
    descending = by[0].startswith("-")
    names = tuple(name.lstrip("-") for name in by)
    if cursor := request.query_params.get("after", ""):
        first, second = decode(cursor, 2)
        side = "lt" if descending else "gt"
        try:
            rows = rows.filter(
                Q(**{f"{names[0]}__{side}": first}) | Q(**{names[0]: first, f"{names[1]}__{side}": second})
            )
            found = list(rows.order_by(*by)[: limit + 1])
        except (ValueError, TypeError, OverflowError, ValidationError, DataError) as error:
            raise InvalidCursor("This cursor is not one of ours; begin without it.") from error
    else:
        found = list(rows.order_by(*by)[: limit + 1])
    following = None
    if len(found) > limit:
        found = found[:limit]
        query = request.query_params.copy()
        query["after"] = encode([_text(getattr(found[-1], name)) for name in names])
        following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return Response({"results": show(found), "next": following})


def _text(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
