"""Texts that only the house may read: encrypted with the newest key, readable with every key in rotation."""

from __future__ import annotations

from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(ValueError):
    """The text was not encrypted with a key that we still have, or was changed since."""


def encrypt(text: str) -> str:
    """The encrypted text, or nothing for nothing."""
    return _keys(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    if not token:
        return ""
    try:
        return _keys(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise Unreadable("this text cannot be decrypted") from None


def rotate(token: str) -> str:
    """The same text under the newest key, so that an old key can be dropped."""
    try:
        return _keys(tuple(settings.ENCRYPTION_KEYS)).rotate(token.encode()).decode() if token else ""
    except InvalidToken:
        raise Unreadable("this text cannot be decrypted") from None


@cache
def _keys(keys: tuple[str, ...]) -> MultiFernet:
    """The first key encrypts."""
    return MultiFernet([Fernet(key) for key in keys])
