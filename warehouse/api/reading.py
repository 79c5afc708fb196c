"""What the lists of goods have in common."""

from typing import TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from retail.rest.fields import moment_of

Row = TypeVar("Row", bound=Model)


def since(request: Request, rows: QuerySet[Row], *, newest: str) -> tuple[QuerySet[Row], tuple[str, str]]:
    """The rows asked for and their order: with `updated_after` in the order of change, so that a reader can go on from the last one."""
    if asked := request.query_params.get("updated_after"):
        return rows.filter(updated_at__gt=moment_of(asked, "updated_after")), ("updated_at", "id")
    return rows, (newest, "-id")
