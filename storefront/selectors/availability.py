"""Which variants can be had now: known only by a later step of the sale, so registered from there at start-up."""

from __future__ import annotations

_registered: list[str] = []


def register(sql: str) -> None:
    """`sql` is a query without parameters that yields one column `variant_id`; a second registration replaces it."""
    _registered[:] = [sql]


def available_sql() -> str | None:
    return _registered[0] if _registered else None


def availability_condition(variant: str) -> str:
    """An SQL condition on the variant's id, asked for each row: OFFSET keeps it from becoming a scan of the whole stock."""
    sql = available_sql()
    if sql is None:
        return "NULL::bool"
    return f"EXISTS (SELECT 1 FROM ({sql}) a WHERE a.variant_id = {variant} OFFSET 0)"  # noqa: S608 - registered by our own code
