"""Whether any discount may be live for guests: known only by a later step of the sale, so registered from there at start-up.

A page that asks this with its own statement need not ask for discounts while there are none.
"""

from __future__ import annotations

_registered: list[str] = []


def register(condition: str) -> None:
    """`condition` is SQL without parameters; a second registration replaces it."""
    _registered[:] = [condition]


def any_offer() -> str:
    return _registered[0] if _registered else "false"
