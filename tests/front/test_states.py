"""Every state that a row can have has its chip: a tone, an icon and a word, never a bare code."""

from __future__ import annotations

import pytest
from django.db.models import TextChoices

from audit.states import ProposalState
from finance.states import (
    EInvoiceState,
    FiscalState,
    OperationState,
    PaymentState,
    PeriodState,
    StatementState,
    VatRecordState,
)
from oms.states import (
    Disposition,
    ExceptionKind,
    ExceptionState,
    FulfillmentStatus,
    OrderStatus,
    PaymentStatus,
    ReturnStatus,
)
from retail.front.states import TABLE, state_of
from warehouse.states import (
    CountStatus,
    PurchaseOrderStatus,
    ReservationState,
    ShipmentStatus,
    TransferStatus,
)

SHOWN: list[tuple[str, type[TextChoices]]] = [
    ("order", OrderStatus),
    ("payment", PaymentStatus),
    ("fulfillment", FulfillmentStatus),
    ("reservation", ReservationState),
    ("shipment", ShipmentStatus),
    ("return", ReturnStatus),
    ("disposition", Disposition),
    ("proposal", ProposalState),
    ("exception", ExceptionKind),
    ("exception", ExceptionState),
    ("einvoice", EInvoiceState),
    ("vat_record", VatRecordState),
    ("fiscal", FiscalState),
    ("attempt", PaymentState),
    ("refund", OperationState),
    ("supply", PurchaseOrderStatus),
    ("supply", TransferStatus),
    ("count", CountStatus),
    ("period", PeriodState),
    ("statement", StatementState),
]


@pytest.mark.parametrize(("kind", "states"), SHOWN, ids=lambda value: getattr(value, "__name__", value))
def test_each_code_has_its_words(kind: str, states: type[TextChoices]) -> None:
    assert [code for code in states.values if code not in TABLE[kind]] == []


# Why a parcel came back, beside what became of it.
BESIDE = {"shipment": {"REFUSED"}}


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in SHOWN}))
def test_no_chip_is_of_a_state_that_no_row_can_have(kind: str) -> None:
    possible = {code for shown, states in SHOWN if shown == kind for code in states.values}
    assert set(TABLE[kind]) - possible - BESIDE.get(kind, set()) == set()


def test_an_unknown_code_is_shown_as_it_stands() -> None:
    assert (state_of("order", "NEW_ONE").tone, state_of("order", "NEW_ONE").word) == ("idle", "NEW_ONE")
