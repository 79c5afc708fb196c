"""A receipt is signed exactly once, whatever happens to the answer; and what the processor itself can refuse."""

from __future__ import annotations

import base64

import pytest

from retail.kernel.outside import ProviderRefused, ProviderTimeout, ProviderUnavailable
from tests.sandbox.receipts import (
    receipt,
    refused_codes,
    sign,
)
from tests.sandbox.stand import Stand


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        ("TIMEOUT", "AFTER"),
        ("RESET", "AFTER"),
        ("TRUNCATED", "AFTER"),
        ("HTML_ANSWER", "AFTER"),
        ("HTTP_502", "AFTER"),
    ],
)
def test_lost_answer_is_found_by_its_request_id_and_signed_once(
    outside: Stand, fault: str, stage: str
) -> None:
    outside.fault("fiscal", fault, operation="sign", stage=stage)

    result = outside.fiscal(timeout_seconds=1.0).sign(request_id="r1", payload=receipt(), was_sent=False)

    assert result.total_counter == 1
    assert outside.fiscal().sign(request_id="r1", payload=receipt(), was_sent=True) == result
    assert sign(outside).total_counter == 2
    assert outside.fired() == {("fiscal", fault): 1}


def test_resend_without_looking_up_signs_a_second_receipt(outside: Stand) -> None:
    """The control of the test above: this is what `was_sent` protects from."""
    first = outside.fiscal().sign(request_id="r1", payload=receipt(), was_sent=False)
    second = outside.fiscal().sign(request_id="r1", payload=receipt(), was_sent=False)

    assert (first.total_counter, second.total_counter) == (1, 2)
    assert outside.fiscal().fetch(request_id="r1") == first


def test_request_that_never_arrived_may_be_sent_again(outside: Stand) -> None:
    outside.fault("fiscal", "HTTP_503", operation="sign", stage="BEFORE")
    processor = outside.fiscal()
    with pytest.raises(ProviderTimeout, match="HTTP_503"):
        processor.sign(request_id="r1", payload=receipt(), was_sent=False)

    result = processor.sign(request_id="r1", payload=receipt(), was_sent=True)

    assert result.total_counter == 1
    assert [one["operation"] for one in outside.received("fiscal")] == ["sign", "fetch", "fetch", "sign"]


def test_look_up_that_fails_too_leaves_the_outcome_open_and_signs_nothing_more(outside: Stand) -> None:
    outside.fault("fiscal", "RESET", operation="sign")
    outside.fault("fiscal", "HTTP_500", operation="fetch", count=2)
    processor = outside.fiscal()
    with pytest.raises(ProviderTimeout, match="CONNECTION_LOST"):
        processor.sign(request_id="r1", payload=receipt(), was_sent=False)
    with pytest.raises(ProviderTimeout, match="HTTP_500"):
        processor.sign(request_id="r1", payload=receipt(), was_sent=True)

    assert processor.sign(request_id="r1", payload=receipt(), was_sent=True).total_counter == 1


def test_without_a_request_id_the_result_is_lost(outside: Stand) -> None:
    headers = {"PAC": "A1B2C3", "X-Client-Certificate": "certificate of the first shop"}
    assert outside.http.post("/fiscal/api/v3/invoices", json=receipt(), headers=headers).status_code == 200

    assert outside.http.get("/fiscal/api/v3/invoices/none", headers=headers).status_code == 404


def test_audit_warning_signs_and_audit_lock_refuses(outside: Stand) -> None:
    outside.fault("fiscal", "AUDIT_WARNING")
    assert sign(outside).total_counter == 1

    outside.fault("fiscal", "AUDIT_LOCKED")
    assert refused_codes(outside, receipt()) == ("2210",)
    assert outside.fired() == {("fiscal", "AUDIT_WARNING"): 1, ("fiscal", "AUDIT_LOCKED"): 1}


def test_attention_tells_whether_the_processor_is_there(outside: Stand) -> None:
    assert outside.fiscal().is_alive()

    outside.fault("fiscal", "ATTENTION_DOWN")
    assert not outside.fiscal().is_alive()
    assert outside.fiscal().is_alive()


def test_expired_certificate_is_refused(outside: Stand) -> None:
    outside.fault("fiscal", "CERTIFICATE_EXPIRED")

    with pytest.raises(ProviderRefused, match="CERTIFICATE_EXPIRED"):
        sign(outside)


def test_processors_clock_may_differ_from_ours(outside: Stand) -> None:
    outside.fault("fiscal", "CLOCK_DRIFT", seconds=7200)

    assert (sign(outside).signed_at - sign(outside).signed_at).total_seconds() > 7100


def test_too_many_requests_signed_nothing(outside: Stand) -> None:
    outside.fault("fiscal", "HTTP_429_RETRY_AFTER", operation="sign")

    with pytest.raises(ProviderUnavailable) as busy:
        sign(outside, request_id="r1")

    assert busy.value.retry_after_seconds == 7
    assert outside.fiscal().fetch(request_id="r1") is None


def test_qr_code_is_an_image_when_it_is_wanted(outside: Stand) -> None:
    payload = receipt() | {"options": {"omitQRCodeGen": "0", "omitTextualRepresentation": "1"}}

    result = sign(outside, payload)

    assert base64.b64decode(result.verification_qr_code).startswith(b"\x89PNG")
    assert result.journal == ""
