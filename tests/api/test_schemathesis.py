"""Whatever fits the description is answered as described: no 5xx, no undescribed status, no body of another shape.

A key of all scopes asks every operation for things that are there and things that are not. `make test` asks a few times, `make proof`
forty times (ONEROW_PROOF=1).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from finance.models import Invoice
from retail.rest.keys import SCOPES, issue_key
from tests.proof.acts import Trade
from tests.proof.trading import outside, trade
from tests.staff import make_staff
from warehouse.models import Shipment

__all__ = ["outside", "trade"]
pytestmark = pytest.mark.django_db(transaction=True)
IS_PROOF = bool(os.environ.get("ONEROW_PROOF"))
ASKED = settings(
    max_examples=40 if IS_PROOF else 3,
    deadline=None,
    derandomize=not IS_PROOF,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/epub+zip", "application/pdf")
def _as_it_is(_: Any, value: Any) -> bytes:
    """A body that is a file: the bytes that were thought up, which schemathesis has only for types that it knows."""
    content = getattr(value, "data", value)
    return content if isinstance(content, bytes) else str(content).encode()


def known(trade: Trade) -> dict[str, list[str]]:
    """Values of path parameters behind which there is something."""
    order = trade.placed("CASH_ON_DELIVERY")
    shipment = trade.routed(order)
    sent = trade.placed("CASH_ON_DELIVERY")
    trade.sent(sent)
    basket = trade.chain.basket((trade.book, 1), now=trade.now)
    assert order.customer is not None
    return {
        "token": [basket.token],
        "line": [str(basket.lines.get().public_id)],
        "sku": [trade.book.sku],
        "number": [
            order.number,
            sent.number,
            shipment.number,
            *Shipment.objects.values_list("number", flat=True),
            *Invoice.objects.values_list("number", flat=True),
        ],
        "public_id": [order.customer.public_id],
        "provider": ["card"],
        "carrier": ["kurir"],
    }


def test_whatever_fits_the_description_is_answered_as_described(trade: Trade) -> None:
    user = make_staff("INTEGRATOR", name="Igor")
    _, key = issue_key(name="schemathesis", user=user, scopes=list(SCOPES), now=timezone.now())
    there = known(trade)
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", get_wsgi_application())
    failures: dict[str, str] = {}
    seen = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        seen += 1

        @ASKED
        @given(case=operation.as_strategy(), data=st.data())
        def ask(case: Any, data: Any) -> None:
            for name in case.path_parameters or {}:
                if name in there and data.draw(st.booleans()):
                    case.path_parameters[name] = data.draw(st.sampled_from(there[name]))
            case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

        try:
            ask()
        except BaseExceptionGroup as group:
            failures[operation.label] = "\n".join(str(one)[:1500] for one in group.exceptions)
        except Exception as failure:
            failures[operation.label] = f"{type(failure).__name__}: {failure}"[:3000]
    assert seen > 60
    assert failures == {}, "\n\n".join(f"== {label}\n{said}" for label, said in failures.items())
