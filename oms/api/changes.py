"""Changing an order by API: the same call shows what it would do, and does it."""

from dataclasses import fields
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from oms.api import answers, bodies
from oms.api.views import OrderView
from oms.models import Order
from oms.workflows.changes import Changes, Outcome, apply_changes, preview_changes
from oms.workflows.checkout import Company
from retail.kernel.errors import Refusal, StaleVersion
from retail.rest.fields import amount_of, money, read


class VersionMissing(Refusal):
    """Applying a change needs the version that was looked at: `version` in the body, or `If-Match`."""

    code = "VERSION_REQUIRED"
    status = 428


class OrderChanges(OrderView):
    scopes = {"POST": ""}
    idempotent = "optional"
    needs_version = True

    @extend_schema(
        operation_id="order_change",
        request=bodies.ChangeBody,
        parameters=[OpenApiParameter("If-Match", OpenApiTypes.STR, OpenApiParameter.HEADER)],
        responses={200: answers.ChangeAnswer},
    )
    def post(self, request: Request, number: str) -> Response:
        """Until picking begins: contact, address, note, company, units. Shown first, then applied whole or not at all.

        Refuses TOO_LATE_TO_CHANGE, STALE_ORDER, NOTHING_TO_CHANGE, NOTHING_LEFT, OUT_OF_STOCK, PRICE_CHANGED, PAPERS_ISSUED.
        """
        data = read(bodies.ChangeBody, request)
        order = self.order(request, number)
        changes, now = changes_of(data), timezone.now()
        if not data["apply"]:
            outcome = preview_changes(order_id=order.pk, changes=changes, now=now)
            shown = show_outcome(outcome) | {"is_applied": False, "payment": None}
            return Response(shown, headers={"ETag": f'"{outcome.version}"'})
        done = apply_changes(
            order_id=order.pk,
            changes=changes,
            version=_version(request, order, data),
            expected_total=amount_of(data.get("expected_total"), order.currency),
            by=self.actor,
            now=now,
        )
        payment = done.payment and {
            "method": done.payment.method,
            "status": done.payment.state,
            "reference": done.payment.reference,
            "redirect_url": done.redirect_url,
        }
        shown = show_outcome(done.outcome) | {"is_applied": True, "payment": payment}
        return Response(shown, headers={"ETag": f'"{done.order.version}"'})


def _version(request: Request, order: Order, data: dict[str, Any]) -> int:
    """The version that was looked at; the verb compares it once more under its lock."""
    tag = request.headers.get("If-Match", "").strip()
    if tag and tag != f'"{order.version}"':
        raise StaleVersion("The order has changed since it was read.", version=order.version)
    if "version" in data:
        return int(data["version"])
    if not tag:
        raise VersionMissing("Say which version of the order the change was made for.")
    return order.version


def changes_of(data: dict[str, Any]) -> Changes:
    given = {**data, **data.get("address", {})}
    values = {one.name: given[one.name] for one in fields(Changes) if one.name in given}
    if "company" in values:
        values["company"] = Company(**values["company"])
    values["lines"] = [(line["sku"], line["quantity"]) for line in values.get("lines", [])]
    return Changes(**values)


def show_outcome(outcome: Outcome) -> dict[str, Any]:
    currency = outcome.currency
    sums = ("total_before", "total", "due_before", "due", "to_pay", "to_refund")
    return {
        "number": outcome.number,
        "version": outcome.version,
        "changes": [{"field": one.field, "before": one.before, "after": one.after} for one in outcome.fields],
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "before": line.before,
                "after": line.after,
                "amount": money(line.amount, currency),
            }
            for line in outcome.lines
        ],
        **{name: money(getattr(outcome, name), currency) for name in sums},
        "promise_before": outcome.promise_before,
        "promise": outcome.promise,
        "is_replanned": outcome.is_replanned,
    }
