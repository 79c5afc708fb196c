"""Which variants can be had now, and which can be ordered ahead: known only by a later step of the sale, so registered from there at start-up."""

# ruff: noqa: S608 - the fragments are this package's own and what a later room registered
from __future__ import annotations

_registered: list[str] = []
_coming: list[str] = []


def register(sql: str) -> None:
    """`sql` is a query without parameters that yields one column `variant_id`; a second registration replaces it."""
    _registered[:] = [sql]


def register_coming(sql: str) -> None:
    """`sql` yields `variant_id` and `day` of what is under way and not spoken for; it may ask %(now)s. Else as `register`."""
    _coming[:] = [sql]


def coming_sql() -> str | None:
    return _coming[0] if _coming else None


def coming_day(variant: str) -> str:
    """An SQL expression: the first day on which units come that nobody has spoken for, else NULL."""
    sql = coming_sql()
    if sql is None:
        return "NULL::date"
    return f"(SELECT min(a.day) FROM ({sql}) a WHERE a.variant_id = {variant})"


def available_sql() -> str | None:
    return _registered[0] if _registered else None


def availability_condition(variant: str) -> str:
    """An SQL condition on the variant's id, asked for each row: OFFSET keeps it from becoming a scan of the whole stock."""
    sql = available_sql()
    if sql is None:
        return "NULL::bool"
    return f"EXISTS (SELECT 1 FROM ({sql}) a WHERE a.variant_id = {variant} OFFSET 0)"


def available_product() -> str:
    """Whether something of the product `p` can be had now; NULL while nobody has said what can."""
    return (
        "EXISTS (SELECT 1 FROM storefront_variant v WHERE v.product_id = p.id AND v.is_sellable "
        f"AND {availability_condition('v.id')})"
    )


def coming_product() -> str:
    """With nothing of the product `p` to be had now: the first day on which something comes that can be ordered ahead, else NULL."""
    if coming_sql() is None:
        return "NULL::date"
    first = f"(SELECT min({coming_day('v.id')}) FROM storefront_variant v WHERE v.product_id = p.id AND v.is_sellable)"
    return f"CASE WHEN NOT {available_product()} THEN {first} END"
