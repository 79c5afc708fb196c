"""Messages to the shop: at least once, signed, and every way in which they can go wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from finance.providers.card import CardEvent, verify_event
from oms.carriers.client import verify_event as verify_tracking
from retail.kernel.signatures import InvalidSignature
from tests.sandbox.stand import CARD_SECRETS, CARRIER_SECRETS, Stand, open_session, parcel_request


def verified(request: httpx.Request, secrets: tuple[str, ...] = CARD_SECRETS) -> CardEvent:
    return verify_event(
        headers=request.headers, raw_body=request.content, secrets=secrets, now=datetime.now(UTC)
    )


def approve(outside: Stand, reference: str = "PAY-1") -> None:
    open_session(outside.card(), reference=reference, key=f"create {reference}")
    outside.choose(reference)


def states(outside: Stand) -> list[tuple[str, str, int]]:
    results: list[dict[str, Any]] = outside.http.get("/admin/messages").json()["results"]
    return [(one["kind"], one["state"], one["attempts"]) for one in results]


def test_message_carries_the_payment_and_passes_the_check(outside: Stand) -> None:
    approve(outside)
    outside.deliver(everything=False)

    event = verified(outside.shop.requests[0])

    assert event.kind == "payment.authorized"
    assert event.event_id == json.loads(outside.shop.requests[0].content)["id"]
    assert (event.payment.reference, event.payment.status) == ("PAY-1", "AUTHORIZED")
    assert (event.payment.amount, event.payment.currency) == (Decimal("1299.00"), "RSD")


@pytest.mark.parametrize("secret", CARD_SECRETS)
def test_each_live_secret_alone_proves_the_message(outside: Stand, secret: str) -> None:
    approve(outside)
    outside.deliver()

    assert verified(outside.shop.requests[0], (secret,)).kind == "payment.authorized"


def test_message_is_sent_until_the_shop_takes_it(outside: Stand) -> None:
    outside.shop.answers = [500, 0, 302, 204]
    approve(outside)

    arrived = [outside.deliver() for _ in range(5)]

    assert arrived == [0, 0, 0, 1, 0]
    assert len(set(outside.shop.ids())) == 1
    assert states(outside) == [("payment.authorized", "DELIVERED", 4)]


def test_retry_waits_for_its_time(outside: Stand) -> None:
    outside.shop.answers = [503]
    approve(outside)

    assert outside.deliver(everything=False) == 0
    assert outside.deliver(everything=False) == 0
    assert len(outside.shop.requests) == 1


def test_duplicate_is_the_same_message_twice(outside: Stand) -> None:
    outside.fault("card", "DUPLICATE")
    approve(outside)

    assert outside.deliver() == 2
    assert len(outside.shop.ids()) == 2
    assert len(set(outside.shop.ids())) == 1


def test_lost_message_never_leaves_until_somebody_asks(outside: Stand) -> None:
    outside.fault("card", "LOST")
    approve(outside)
    assert outside.deliver() == 0
    assert states(outside) == [("payment.authorized", "LOST", 0)]

    message = outside.http.get("/admin/messages").json()["results"][0]
    outside.http.post(f"/admin/messages/{message['id']}/resend")

    assert outside.deliver() == 1
    assert outside.shop.ids() == [message["id"]]


def test_lost_message_is_found_by_looking_up(outside: Stand) -> None:
    outside.fault("card", "LOST")
    approve(outside)
    outside.deliver()

    payment = outside.card().fetch(reference="PAY-1")

    assert outside.shop.requests == []
    assert payment is not None
    assert payment.status == "AUTHORIZED"


def test_late_message_waits_and_is_signed_when_it_leaves(outside: Stand) -> None:
    outside.fault("card", "LATE", seconds=3600)
    approve(outside)

    assert outside.deliver(everything=False) == 0
    assert outside.deliver(everything=True) == 1
    assert verified(outside.shop.requests[0]).kind == "payment.authorized"


def test_reordered_message_follows_the_next_one(outside: Stand) -> None:
    outside.fault("card", "REORDERED")
    approve(outside)
    assert outside.deliver(everything=False) == 0

    outside.card().capture(reference="PAY-1", key="c1", amount=Decimal("1.00"), currency="RSD")
    outside.deliver()

    assert outside.shop.kinds() == ["payment.captured", "payment.authorized"]


@pytest.mark.parametrize(
    ("fault", "reason"), [("TAMPERED", "SIGNATURE"), ("FORGED", "SIGNATURE"), ("STALE", "TIMESTAMP")]
)
def test_disguised_copy_is_refused_and_the_genuine_one_follows(
    outside: Stand, fault: str, reason: str
) -> None:
    outside.fault("card", fault)
    outside.shop.answers = [401, 204]
    approve(outside)

    outside.deliver()

    first, second = outside.shop.requests
    with pytest.raises(InvalidSignature) as refused:
        verified(first)
    assert refused.value.details == {"reason": reason}
    assert verified(second).payment.amount == Decimal("1299.00")
    assert outside.deliver() == 0


@pytest.mark.parametrize(
    ("fault", "amount", "currency"),
    [("WRONG_AMOUNT", "1298.99", "RSD"), ("WRONG_CURRENCY", "1299.00", "EUR")],
)
def test_wrong_amount_has_a_valid_signature_and_the_look_up_tells_the_truth(
    outside: Stand, fault: str, amount: str, currency: str
) -> None:
    outside.fault("card", fault)
    approve(outside)
    outside.deliver()

    told = verified(outside.shop.requests[0]).payment

    assert (told.authorized, told.currency) == (Decimal(amount), currency)
    truth = outside.card().fetch(reference="PAY-1")
    assert truth is not None
    assert (truth.authorized, truth.currency) == (Decimal("1299.00"), "RSD")


def test_tracking_message_is_signed_with_the_carriers_secret(outside: Stand) -> None:
    outside.carrier().announce(parcel=parcel_request())
    outside.http.post("/admin/carrier/parcels/PCL-1/events", json={"status": "PICKED_UP", "place": "Beograd"})
    outside.deliver()

    request = outside.shop.requests[0]
    message = verify_tracking(
        headers=request.headers, raw_body=request.content, secrets=CARRIER_SECRETS, now=datetime.now(UTC)
    )

    assert (message.kind, message.parcel.reference, message.parcel.status) == (
        "parcel.picked_up",
        "PCL-1",
        "PICKED_UP",
    )
    assert [event.status for event in message.parcel.events] == ["ANNOUNCED", "PICKED_UP"]
    with pytest.raises(InvalidSignature):
        verified(request)


def test_message_and_its_cause_are_kept_together(outside: Stand) -> None:
    """A capture whose answer is lost has still told the shop."""
    approve(outside)
    outside.fault("card", "HTTP_500", stage="AFTER", operation="capture")

    answer = outside.http.post(
        "/kartica/v1/payments/PAY-1/capture",
        json={"amount": {"amount": "5.00", "currency": "RSD"}},
        headers={"Authorization": "Bearer card-key", "Idempotency-Key": "c1"},
    )
    outside.deliver()

    assert answer.status_code == 500
    assert outside.shop.kinds() == ["payment.authorized", "payment.captured"]
