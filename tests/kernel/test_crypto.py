"""Encrypted texts: readable with every key in rotation, by nobody else, never changed unseen."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from retail.kernel import crypto

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))


def test_text_comes_back_and_its_token_says_nothing(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]

    token = crypto.encrypt("20:007123456 č")

    assert "007123456" not in token
    assert crypto.decrypt(token) == "20:007123456 č"
    assert crypto.encrypt("20:007123456 č") != token
    assert (crypto.encrypt(""), crypto.decrypt(""), crypto.rotate("")) == ("", "", "")


def test_old_key_reads_until_the_text_is_rotated(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    token = crypto.encrypt("secret")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert crypto.decrypt(token) == "secret"
    rotated = crypto.rotate(token)

    settings.ENCRYPTION_KEYS = [NEW]

    assert crypto.decrypt(rotated) == "secret"
    for unreadable in (
        token,
        rotated[:20] + ("A" if rotated[20] != "A" else "B") + rotated[21:],
        "not a token",
    ):
        with pytest.raises(crypto.Unreadable):
            crypto.decrypt(unreadable)


def test_foreign_key_reads_nothing(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    token = crypto.encrypt("secret")
    settings.ENCRYPTION_KEYS = [FOREIGN]

    with pytest.raises(crypto.Unreadable):
        crypto.decrypt(token)
    with pytest.raises(crypto.Unreadable):
        crypto.rotate(token)
