"""Every fault strikes, is counted, and our clients judge it rightly: done, not begun, or unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from retail.kernel.outside import (
    Breaker,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    close_breakers,
    shared_breaker,
)
from retail.sandbox import faults
from tests.sandbox.stand import Stand, open_session, parcel_request

RSD = "RSD"
UNKNOWN = [
    ("TIMEOUT", "TIMEOUT"),
    ("RESET", "CONNECTION_LOST"),
    ("TRUNCATED", "UNREADABLE"),
    ("HTML_ANSWER", "UNREADABLE"),
]
DONE_OR_NOT = ["HTTP_500", "HTTP_502", "HTTP_503"]


def authorized(outside: Stand) -> None:
    open_session(outside.card())
    outside.choose("PAY-1")


@pytest.mark.parametrize(("fault", "code"), UNKNOWN)
def test_capture_whose_answer_is_lost_is_unknown_and_a_repeat_takes_it_once(
    outside: Stand, fault: str, code: str
) -> None:
    authorized(outside)
    outside.fault("card", fault, operation="capture")
    provider = outside.card(timeout_seconds=1.0 if fault == "TIMEOUT" else 5.0)

    with pytest.raises(ProviderTimeout) as lost:
        provider.capture(reference="PAY-1", key="c1", amount=Decimal("1299.00"), currency=RSD)

    assert lost.value.code == code
    found = provider.fetch(reference="PAY-1")
    assert found is not None
    assert found.operation(key="c1") is not None
    again = provider.capture(reference="PAY-1", key="c1", amount=Decimal("1299.00"), currency=RSD)
    assert (again.captured, len(again.operations)) == (Decimal("1299.00"), 1)
    assert outside.fired() == {("card", fault): 1}


@pytest.mark.parametrize("fault", DONE_OR_NOT)
@pytest.mark.parametrize(("stage", "is_done"), [("BEFORE", False), ("AFTER", True)])
def test_server_error_leaves_the_outcome_open_and_the_look_up_settles_it(
    outside: Stand, fault: str, stage: str, is_done: bool
) -> None:
    authorized(outside)
    outside.fault("card", fault, operation="capture", stage=stage)
    provider = outside.card()

    with pytest.raises(ProviderTimeout) as lost:
        provider.capture(reference="PAY-1", key="c1", amount=Decimal("1299.00"), currency=RSD)

    assert (lost.value.code, lost.value.status) == (fault, int(fault.removeprefix("HTTP_")))
    found = provider.fetch(reference="PAY-1")
    assert found is not None
    assert (found.operation(key="c1") is not None) is is_done
    provider.capture(reference="PAY-1", key="c1", amount=Decimal("1299.00"), currency=RSD)
    after = provider.fetch(reference="PAY-1")
    assert after is not None
    assert (after.captured, len(after.operations)) == (Decimal("1299.00"), 1)


@pytest.mark.parametrize(("fault", "seconds"), [("HTTP_429", None), ("HTTP_429_RETRY_AFTER", 7)])
def test_too_many_requests_did_nothing_and_may_say_when(
    outside: Stand, fault: str, seconds: int | None
) -> None:
    authorized(outside)
    outside.fault("card", fault, operation="capture")
    provider = outside.card()

    with pytest.raises(ProviderUnavailable) as busy:
        provider.capture(reference="PAY-1", key="c1", amount=Decimal("1.00"), currency=RSD)

    assert busy.value.retry_after_seconds == seconds
    found = provider.fetch(reference="PAY-1")
    assert found is not None
    assert found.captured == 0


def test_slow_answer_within_the_deadline_is_an_answer(outside: Stand) -> None:
    outside.fault("card", "SLOW", operation="create", seconds=0.2)

    assert open_session(outside.card()).reference == "PAY-1"
    assert outside.fired() == {("card", "SLOW"): 1}


@pytest.mark.parametrize("fault", ["TIMEOUT", "RESET", "TRUNCATED", "HTML_ANSWER", "HTTP_502"])
def test_session_opened_under_a_lost_answer_is_the_one_that_a_repeat_gets(outside: Stand, fault: str) -> None:
    outside.fault("card", fault, operation="create", stage="AFTER")
    provider = outside.card(timeout_seconds=1.0)
    with pytest.raises(ProviderTimeout):
        open_session(provider)

    found = provider.fetch(reference="PAY-1")
    again = open_session(provider)

    assert found is not None
    assert (found.provider_id, found.status) == (again.provider_id, "CREATED")


@pytest.mark.parametrize(("fault", "code"), UNKNOWN)
def test_parcel_announced_under_a_lost_answer_gets_one_label(outside: Stand, fault: str, code: str) -> None:
    outside.fault("carrier", fault, operation="announce")
    client = outside.carrier(timeout_seconds=1.0)
    with pytest.raises(ProviderTimeout) as lost:
        client.announce(parcel=parcel_request())

    again = client.announce(parcel=parcel_request())

    assert lost.value.code == code
    assert client.fetch(reference="PCL-1") == again
    assert again.tracking_number == "KU0000000014RS"


def test_fault_meets_only_the_operation_it_was_made_for(outside: Stand) -> None:
    outside.fault("card", "HTTP_500", operation="capture")

    open_session(outside.card())

    assert outside.fired() == {}


def test_fault_of_one_part_spares_the_others(outside: Stand) -> None:
    outside.fault("card", "HTTP_500")

    assert outside.carrier().announce(parcel=parcel_request()).status == "ANNOUNCED"


def test_counted_fault_strikes_as_often_as_asked(outside: Stand) -> None:
    outside.fault("card", "HTTP_503", count=3)
    provider = outside.card()
    outcomes = []

    for _ in range(5):
        try:
            provider.fetch(reference="PAY-1")
            outcomes.append("answer")
        except ProviderError as error:
            outcomes.append(error.code)

    assert outcomes == ["HTTP_503"] * 3 + ["answer"] * 2
    assert outside.fired() == {("card", "HTTP_503"): 3}
    assert outside.http.get("/admin/faults").json()["active"] == []


def test_chance_repeats_itself_from_the_same_seed(outside: Stand) -> None:
    outside.fault("card", "HTTP_503", probability=0.5)

    def forty() -> list[int]:
        assert outside.http.post("/admin/seed", json={"seed": 7}).status_code == 200
        headers = {"Authorization": "Bearer card-key"}
        return [outside.http.get("/kartica/v1/payments/X", headers=headers).status_code for _ in range(40)]

    first = forty()

    assert forty() == first
    assert set(first) == {404, 503}
    assert outside.fired() == {("card", "HTTP_503"): 2 * first.count(503)}


def test_switching_off_ends_a_fault_and_keeps_its_count(outside: Stand) -> None:
    outside.fault("card", "HTTP_503", probability=1.0)
    with pytest.raises(ProviderTimeout):
        outside.card().fetch(reference="PAY-1")

    removed = outside.http.delete("/admin/faults", params={"part": "card"}).json()

    assert removed["removed"] == 1
    assert outside.card().fetch(reference="PAY-1") is None
    assert outside.fired() == {("card", "HTTP_503"): 1}


@pytest.mark.parametrize(
    "switch",
    [
        {"part": "cards", "fault": "RESET"},
        {"part": "card", "fault": "EARTHQUAKE"},
        {"part": "fiscal", "fault": "DUPLICATE"},
        {"part": "card", "fault": "RESET", "count": 0},
        {"part": "card", "fault": "RESET", "count": "many"},
        {"part": "card", "fault": "RESET", "probability": 0},
        {"part": "card", "fault": "RESET", "probability": 1.5},
        {"part": "card", "fault": "RESET", "seconds": -1},
        {"part": "card", "fault": "RESET", "stage": "DURING"},
        {"part": "card", "fault": "HTTP_429", "stage": "AFTER"},
        {"part": "card", "fault": "LOST", "stage": "AFTER"},
        {"part": "card", "fault": "RESET", "wish": 1},
    ],
)
def test_switch_that_makes_no_sense_is_refused(outside: Stand, switch: dict[str, object]) -> None:
    answer = outside.http.post("/admin/faults", json=switch)

    assert answer.status_code == 400
    assert outside.http.get("/admin/faults").json()["active"] == []


def test_every_request_fault_of_every_part_can_strike(outside: Stand) -> None:
    """No fault is only listed: each one is switched on, met and counted."""
    calls = {
        "card": "/kartica/v1/payments/X",
        "fiscal": "/fiscal/api/v3/status",
        "carrier": "/kurir/v1/parcels/X",
        "bank": "/bank/statements/1.csv",
        "sef": "/sef/api/publicApi/getAllCompanies",
        "mail": "/mail.json",
    }
    for part, path in calls.items():
        for kind in faults.REQUEST_KINDS:
            outside.fault(part, kind, seconds=0)
            try:
                outside.http.get(path)
            except Exception as broken:
                assert kind == "RESET", broken

    assert outside.fired() == {(part, kind): 1 for part in calls for kind in faults.REQUEST_KINDS}


def test_what_was_struck_stands_in_the_record(outside: Stand) -> None:
    outside.fault("card", "HTTP_500")
    with pytest.raises(ProviderTimeout):
        outside.card().fetch(reference="PAY-1")
    outside.card().fetch(reference="PAY-1")

    record = [(one["operation"], one["status"], one["fault"]) for one in outside.received("card")]

    assert record == [("fetch", 0, "HTTP_500"), ("fetch", 404, "")]


def test_breaker_stops_asking_a_failing_provider_and_tries_again_after_a_pause(outside: Stand) -> None:
    ticks = [0.0]
    breaker = Breaker(failures_max=3, pause_seconds=30.0, clock=lambda: ticks[0])
    provider = outside.card(breaker=breaker)
    outside.fault("card", "HTTP_503", count=4)
    for _ in range(3):
        with pytest.raises(ProviderTimeout):
            provider.fetch(reference="PAY-1")

    with pytest.raises(ProviderUnavailable) as paused:
        provider.fetch(reference="PAY-1")
    assert (paused.value.code, paused.value.retry_after_seconds) == ("PAUSED", 31)
    assert len(outside.received("card")) == 3

    ticks[0] = 30.0
    with pytest.raises(ProviderTimeout):
        provider.fetch(reference="PAY-1")
    with pytest.raises(ProviderUnavailable, match="PAUSED"):
        provider.fetch(reference="PAY-1")

    ticks[0] = 61.0
    assert provider.fetch(reference="PAY-1") is None
    assert provider.fetch(reference="PAY-1") is None
    assert len(outside.received("card")) == 6


def test_breaker_is_shared_by_address_and_can_be_closed(outside: Stand) -> None:
    breaker = shared_breaker("http://shared.example")
    assert shared_breaker("http://shared.example") is breaker
    assert shared_breaker("http://other.example") is not breaker
    for _ in range(5):
        breaker.failed()
    assert breaker.seconds_to_wait() > 0

    close_breakers()

    assert breaker.seconds_to_wait() == 0


def test_unreachable_provider_was_certainly_not_asked(outside: Stand) -> None:
    provider = type(outside.card())(base_url="http://127.0.0.1:9", api_key="card-key", timeout_seconds=1.0)

    with pytest.raises(ProviderUnavailable, match="UNREACHABLE"):
        open_session(provider)


def test_errors_name_no_person_and_no_payment(outside: Stand, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    client = outside.carrier()
    client.announce(parcel=parcel_request())
    outside.fault("carrier", "HTTP_500")

    messages = []
    for request in (parcel_request(), parcel_request(weight_grams=700)):
        with pytest.raises(ProviderError) as failed:
            client.announce(parcel=request)
        messages.append(str(failed.value))

    assert messages == [
        "carrier announce: HTTP_500 (HTTP 500)",
        "carrier announce: REFERENCE_EXISTS (HTTP 409)",
    ]
    told = " ".join(
        [*messages, *(record.getMessage() for record in caplog.records if record.name.startswith("retail"))]
    )
    assert not any(word in told for word in ("Ana", "Zmaj", "+3816", "ana@", "carrier-key"))
