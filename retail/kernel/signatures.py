"""Signed messages as Standard Webhooks describes them: HMAC-SHA256 over `id.timestamp.body`, two secrets in rotation."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from retail.kernel.errors import Refusal

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


class InvalidSignature(Refusal):
    """The message was not written by who it says, or not now. Nothing in it may be believed."""

    code = "INVALID_SIGNATURE"
    status = 401


def sign(*, secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of one message, with its scheme in front: `v1,<base64>`."""
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def signed_headers(*, secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; every live secret signs, so that a receiver may change it in its own time."""
    assert "." not in message_id, "the dot parts id, time and body in what is signed"
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: " ".join(
            sign(secret=secret, message_id=message_id, timestamp=timestamp, body=body) for secret in secrets
        ),
    }


def verify(
    *,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Sequence[str],
    now: datetime,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> str:
    """The id of a genuine, timely message, else `InvalidSignature`. Header names may have any case."""
    given = {name.lower(): value for name, value in headers.items()}
    message_id = given.get(ID_HEADER, "")
    timestamp = given.get(TIMESTAMP_HEADER, "")
    signatures = given.get(SIGNATURE_HEADER, "").split()
    if not message_id or not signatures or not (timestamp.isascii() and timestamp.isdigit()):
        raise InvalidSignature("The message carries no signature.", reason="MISSING")
    if len(timestamp) > 12 or abs(now.timestamp() - int(timestamp)) > tolerance_seconds:
        raise InvalidSignature("The message was signed too long ago or too far ahead.", reason="TIMESTAMP")
    expected = [
        sign(secret=secret, message_id=message_id, timestamp=int(timestamp), body=body).encode()
        for secret in secrets
    ]
    # Every pair is compared, also after a hit: the time taken tells nothing about which secret or byte fits.
    hits = [hmac.compare_digest(one, given_one.encode()) for one in expected for given_one in signatures]
    if not any(hits):
        raise InvalidSignature("The signature does not fit the message.", reason="SIGNATURE")
    return message_id


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        key = secret.encode()
    else:
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error as error:
            raise ValueError("a signing secret after whsec_ must be base64") from error
    if len(key) < 16:
        raise ValueError("a signing secret must have 16 bytes or more")
    return key
