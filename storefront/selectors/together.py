"""Which products are bought with which: known only by a later step of the sale, so registered from there at start-up."""

from __future__ import annotations

_registered: list[str] = []


def register(sql: str) -> None:
    """`sql` yields (id, score) for the product whose id is put in for `{product}`; a second registration replaces it."""
    _registered[:] = [sql]


def together_sql(product: str) -> str:
    if not _registered:
        return "SELECT NULL::bigint AS id, 0 AS score WHERE false"
    return _registered[0].format(product=product)
