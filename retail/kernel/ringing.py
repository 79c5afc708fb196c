"""A bell is rung once, however many ring: asked after every order, so by the shortest way that the cache has."""

from django.core.cache import cache


def is_first(key: str, seconds: int) -> bool:
    """Whether nobody said the key in the last `seconds`; it is said now. True when the server that counts is down."""
    said = getattr(cache, "is_first", None)
    return bool(said(key, seconds) if said is not None else cache.add(key, 1, seconds))
