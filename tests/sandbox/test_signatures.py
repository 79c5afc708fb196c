"""Signed messages: what is genuine passes, and every single change to it is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from finance.providers import card
from oms.carriers import client as carrier
from retail.kernel.errors import InvalidInput
from retail.kernel.signatures import InvalidSignature, sign, signed_headers, verify

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes ok!").decode()
OLD_SECRET = "the secret from before, in plain text"
BODY = b'{"id": "evt_1", "type": "payment.captured"}'


@dataclass(frozen=True)
class Message:
    headers: dict[str, str]
    body: bytes = BODY
    now: datetime = NOW
    secrets: tuple[str, ...] = (SECRET, OLD_SECRET)

    def check(self) -> str:
        return verify(headers=self.headers, body=self.body, secrets=self.secrets, now=self.now)

    def with_header(self, name: str, value: str) -> Message:
        return replace(self, headers=self.headers | {name: value})

    def without(self, name: str) -> Message:
        return replace(self, headers={key: value for key, value in self.headers.items() if key != name})


def genuine(secret: str = SECRET, at: datetime = NOW, message_id: str = "evt_1") -> Message:
    timestamp = int(at.timestamp())
    return Message(
        headers=signed_headers(secrets=[secret], message_id=message_id, timestamp=timestamp, body=BODY)
    )


def test_example_of_the_standard() -> None:
    """The test vector that the Standard Webhooks libraries share."""
    body = b'{"test": 2432232314}'
    signature = sign(
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=body,
    )

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_genuine_message_gives_its_id() -> None:
    assert genuine().check() == "evt_1"


def test_both_secrets_in_rotation_are_good() -> None:
    assert genuine(OLD_SECRET).check() == "evt_1"


def test_one_good_signature_among_foreign_ones_is_enough() -> None:
    message = genuine()
    mark = message.headers["webhook-signature"]

    assert message.with_header("webhook-signature", f"v1a,xxxx v1,AAAA {mark}").check() == "evt_1"


def test_header_names_may_have_any_case() -> None:
    message = genuine()

    assert replace(message, headers={k.title(): v for k, v in message.headers.items()}).check() == "evt_1"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    assert replace(genuine(), now=NOW + timedelta(seconds=seconds)).check() == "evt_1"


@pytest.mark.parametrize(
    ("mutate", "reason"),
    [
        (lambda m: replace(m, body=m.body + b" "), "SIGNATURE"),
        (lambda m: replace(m, body=m.body.replace(b"captured", b"refunded")), "SIGNATURE"),
        (lambda m: replace(m, body=b""), "SIGNATURE"),
        (lambda m: m.with_header("webhook-id", "evt_2"), "SIGNATURE"),
        (lambda m: m.with_header("webhook-timestamp", str(int(NOW.timestamp()) + 1)), "SIGNATURE"),
        (lambda m: m.with_header("webhook-signature", m.headers["webhook-signature"].replace("v1,", "v2,")), "SIGNATURE"),
        (lambda m: m.with_header("webhook-signature", m.headers["webhook-signature"].removeprefix("v1,")), "SIGNATURE"),
        (lambda m: m.with_header("webhook-signature", m.headers["webhook-signature"][:-2]), "SIGNATURE"),
        (lambda m: m.with_header("webhook-signature", "v1," + "A" * 43 + "="), "SIGNATURE"),
        (lambda m: m.with_header("webhook-signature", "v1,čćž"), "SIGNATURE"),
        (lambda m: replace(m, secrets=("another secret of enough length",)), "SIGNATURE"),
        (lambda m: replace(m, secrets=()), "SIGNATURE"),
        (lambda m: replace(m, now=NOW + timedelta(seconds=301)), "TIMESTAMP"),
        (lambda m: replace(m, now=NOW - timedelta(seconds=301)), "TIMESTAMP"),
        (lambda m: m.with_header("webhook-timestamp", "9" * 400), "TIMESTAMP"),
        (lambda m: m.with_header("webhook-timestamp", "-1"), "MISSING"),
        (lambda m: m.with_header("webhook-timestamp", "١٢٣"), "MISSING"),
        (lambda m: m.with_header("webhook-timestamp", ""), "MISSING"),
        (lambda m: m.with_header("webhook-signature", " "), "MISSING"),
        (lambda m: m.without("webhook-id"), "MISSING"),
        (lambda m: m.without("webhook-timestamp"), "MISSING"),
        (lambda m: m.without("webhook-signature"), "MISSING"),
    ],
)  # fmt: skip
def test_every_mutant_is_refused(mutate: Callable[[Message], Message], reason: str) -> None:
    with pytest.raises(InvalidSignature) as refused:
        mutate(genuine()).check()

    assert (refused.value.code, refused.value.status) == ("INVALID_SIGNATURE", 401)
    assert refused.value.details == {"reason": reason}


def test_our_own_ids_hold_no_dot() -> None:
    """The dot parts id, time and body in what is signed; an id with one could be read in two ways."""
    with pytest.raises(AssertionError):
        genuine(message_id="evt.1")


@pytest.mark.parametrize("secret", ["", "short", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64!"])
def test_secret_that_protects_nothing_is_our_own_mistake(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        verify(headers=genuine().headers, body=BODY, secrets=[secret], now=NOW)


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"null", b"not json", b'{"type": "x", "created_at": "soon"}', b"\xff"]
)
@pytest.mark.parametrize("module", [card, carrier])
def test_signed_nonsense_is_refused_by_name(module: object, body: bytes) -> None:
    headers = signed_headers(secrets=[SECRET], message_id="evt_1", timestamp=int(NOW.timestamp()), body=body)

    with pytest.raises(InvalidInput):
        module.verify_event(headers=headers, raw_body=body, secrets=[SECRET], now=NOW)  # type: ignore[attr-defined]
