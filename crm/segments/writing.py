"""What conditions write their SQL with. Operators are looked up in a table; every value becomes a parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from crm.segments.registry import Fragment, OneOf
from crm.segments.tree import Day, Duration, Leaf, Number, Value

_SIGNS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_HOLDS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def plain(value: Value) -> Any:
    """What the database is given of a value."""
    assert not isinstance(value, Duration), "a duration is turned into a moment first"
    # A whole number is compared as one: a column cast to numeric could use no index and no statistics.
    if isinstance(value, Number) and value.value == int(value.value):
        return int(value.value)
    return value.value


def is_negative(leaf: Leaf) -> bool:
    """`!=` and `not in` are the opposite of `=` and `in`, also where a thing may be had several times."""
    return leaf.operator in ("!=", "not in")


def exists(rows: Fragment, account: str, *, is_once: bool = False) -> Fragment:
    """The account has such a row. `rows` is "FROM … WHERE …", `account` its column; `is_once`: it never has two of them."""
    return Fragment(
        f"EXISTS (SELECT 1 {rows.sql} AND {account} = c.id)",
        rows.params,
        f"SELECT {account} AS id {rows.sql} AND {account} IS NOT NULL",
        is_once,
    )


def one_of(column: str, keys: str, *params: Any) -> Fragment:
    """The column is one of the keys that `keys`, a SELECT, gives."""
    return Fragment("%s", (OneOf(column, keys, params),))


def written(found: Fragment, known: Mapping[OneOf, Sequence[int]] = MappingProxyType({})) -> Fragment:
    """As the database takes it: keys that are known stand as an array, the others as their SELECT."""
    sql, params = _written(found.sql, found.params, known)
    ids, _ = _written(found.ids, found.params, known) if found.ids else ("", ())
    return Fragment(sql, params, ids, found.is_once)


def _written(
    text: str, params: Sequence[Any], known: Mapping[OneOf, Sequence[int]]
) -> tuple[str, tuple[Any, ...]]:
    pieces = text.replace("%%", "\0").split("%s")
    assert len(pieces) == len(params) + 1, "every place has its value"
    sql, values = [pieces[0]], []
    for value, piece in zip(params, pieces[1:], strict=True):
        if not isinstance(value, OneOf):
            sql.append("%s")
            values.append(value)
        elif value in known:
            sql.append(f"{value.column} = ANY (%s)")
            values.append(list(known[value]))
        else:
            sql.append(f"{value.column} IN ({value.keys})")
            values.extend(value.params)
        sql.append(piece)
    return "".join(sql).replace("\0", "%%"), tuple(values)


def among(expression: str, values: Sequence[Any]) -> Fragment:
    """The expression is one of these."""
    return Fragment(f"{expression} IN ({', '.join(['%s'] * len(values))})", tuple(values))


def negated(found: Fragment, when: bool) -> Fragment:
    return Fragment(f"NOT ({found.sql})", found.params) if when else found


def compared(expression: str, leaf: Leaf, convert: Callable[[Value], Any] = plain) -> Fragment:
    """`expression` against the values of the leaf. The expression is ours and never NULL."""
    values = [convert(value) for value in leaf.values]
    if leaf.operator in ("in", "not in"):
        return negated(among(expression, values), leaf.operator == "not in")
    return Fragment(f"{expression} {_SIGNS[leaf.operator]} %s", (values[0],))


def fits_zero(leaf: Leaf) -> bool:
    """Whether the comparison holds for zero: for those who have no row at all."""
    values = [Decimal(str(plain(value))) for value in leaf.values]
    if leaf.operator in ("in", "not in"):
        return (Decimal(0) in values) == (leaf.operator == "in")
    return _HOLDS[leaf.operator](Decimal(0), values[0])


def either(found: Fragment, leaf: Leaf, has_row: str) -> Fragment:
    """`found` asks the one row of an account; who has none has zero."""
    return Fragment(f"({found.sql} OR NOT {has_row})", found.params) if fits_zero(leaf) else found


def summed(rows: Fragment, *, account: str, value: str, leaf: Leaf, is_zero_without: bool = True) -> Fragment:
    """A sum over the rows of an account against the value of the leaf. Who has no rows has zero, or is never in.

    `rows` is "FROM … WHERE …" of rows that have an account. One account is asked for by its index; all of them are grouped once. When zero
    fits, the others are left out.
    """
    operator, limit = leaf.operator, Decimal(str(plain(leaf.values[0])))
    is_zero_in = is_zero_without and _HOLDS[operator](Decimal(0), limit)
    sign = _SIGNS[_OPPOSITE[operator] if is_zero_in else operator]
    ids = f"SELECT {account} AS id {rows.sql} GROUP BY {account} HAVING {value} {sign} %s"
    found = Fragment(
        f"EXISTS (SELECT 1 FROM ({ids}) s WHERE s.id = c.id)", (*rows.params, limit), ids, is_once=True
    )
    return negated(found, is_zero_in)


def moment(value: Value, now: datetime, zone: ZoneInfo) -> datetime:
    """How long ago, or the beginning of a day where the business is."""
    if isinstance(value, Duration):
        return value.before(now)
    assert isinstance(value, Day), "the check lets only days and durations through"
    return datetime.combine(value.value, time(), zone)


def period(column: str, leaf: Leaf, now: datetime, zone: ZoneInfo) -> Fragment:
    """The arguments `within`, `since` and `until` over a column of moments; nothing said: ever."""
    parts: list[str] = []
    values: list[Any] = []
    for name, sign in (("within", ">="), ("since", ">="), ("until", "<")):
        given = leaf.argument(name)
        if given is not None:
            parts.append(f" AND {column} {sign} %s")
            values.append(moment(given, now, zone))
    return Fragment("".join(parts), tuple(values))
