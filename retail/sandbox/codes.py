"""One-time codes of the sample staff, so that a second factor can be tried without a phone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PERIOD_SECONDS = 30


@dataclass(frozen=True, slots=True)
class StaffCode:
    role: str
    email: str
    now: str
    next: str


def read(sample_file: Path, timestamp: float) -> list[StaffCode]:
    """The codes valid now and next, for every login of sample.json that has a secret; an unreadable file has none."""
    try:
        data: Any = json.loads(sample_file.read_text("utf-8"))
        logins = data["logins"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    step = int(timestamp) // PERIOD_SECONDS
    found = []
    for login in logins:
        secret = login.get("totp_secret")
        if secret:
            found.append(
                StaffCode(
                    str(login.get("role", "")),
                    str(login.get("email", "")),
                    code(secret, step),
                    code(secret, step + 1),
                )
            )
    return found


def code(secret: str, step: int) -> str:
    """RFC 6238 with SHA-1 and six digits; empty for a secret that is not base32."""
    try:
        key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    except binascii.Error:
        return ""
    mac = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"
