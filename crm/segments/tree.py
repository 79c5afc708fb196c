"""A segment as a tree, and its one canonical text: `parse(text(tree)) == tree` for every tree."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

UNITS = ("day", "week", "month", "year")
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in", "not in")


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal


@dataclass(frozen=True, slots=True)
class Money:
    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Day:
    value: date


@dataclass(frozen=True, slots=True)
class Flag:
    value: bool


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of units. Months and years go by the calendar."""

    count: int
    unit: str

    def before(self, moment: datetime) -> datetime:
        """The moment this long ago; a day that the month does not have becomes its last one."""
        if self.unit in ("day", "week"):
            return moment - timedelta(days=self.count * (7 if self.unit == "week" else 1))
        months = moment.year * 12 + moment.month - 1 - self.count * (12 if self.unit == "year" else 1)
        year, month = divmod(months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


Value = Text | Number | Money | Day | Flag | Duration


@dataclass(frozen=True, slots=True)
class Argument:
    name: str
    value: Value
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition with its arguments, and what it is compared with. Where it stands is no part of what it is."""

    name: str
    arguments: tuple[Argument, ...] = ()
    operator: str = ""
    values: tuple[Value, ...] = ()
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    def argument(self, name: str) -> Value | None:
        return next((each.value for each in self.arguments if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; at least two."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One part holds; at least two."""

    parts: tuple[Node, ...]


Node = Leaf | Not | All | Any


def leaves(node: Node) -> Iterator[Leaf]:
    """The conditions of a tree, in the order of its text."""
    match node:
        case Leaf():
            yield node
        case Not(part):
            yield from leaves(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from leaves(part)


def depth(node: Node) -> int:
    match node:
        case Leaf():
            return 0
        case Not(part):
            return 1 + depth(part)
        case All(parts) | Any(parts):
            return 1 + max(depth(part) for part in parts)


def text(node: Node) -> str:
    """The tree in words."""
    match node:
        case Leaf():
            return _leaf(node)
        case Not(part):
            return f"not {text(part) if isinstance(part, (Leaf, Not)) else f'({text(part)})'}"
        case All(parts):
            return " and ".join(_inside(part) for part in parts)
        case Any(parts):
            return " or ".join(text(part) if isinstance(part, All) else _inside(part) for part in parts)


def _inside(part: Node) -> str:
    return f"({text(part)})" if isinstance(part, (All, Any)) else text(part)


def _leaf(leaf: Leaf) -> str:
    arguments = ", ".join(f"{each.name}: {value_text(each.value)}" for each in leaf.arguments)
    head = f"{leaf.name}({arguments})" if arguments else leaf.name
    if not leaf.operator:
        return head
    if leaf.operator in ("in", "not in"):
        return f"{head} {leaf.operator} ({', '.join(map(value_text, leaf.values))})"
    return f"{head} {leaf.operator} {value_text(leaf.values[0])}"


def value_text(value: Value) -> str:
    """A value as it is written."""
    match value:
        case Text(words):
            return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case Number(amount):
            return _plain(amount)
        case Money(amount, currency):
            return f"{_plain(amount)} {currency}"
        case Day(day):
            return day.isoformat()
        case Flag(is_true):
            return "true" if is_true else "false"
        case Duration(count, unit):
            return f"{count} {unit if count == 1 else unit + 's'}"


def _plain(amount: Decimal) -> str:
    shown = f"{amount:f}"
    return (shown.rstrip("0").rstrip(".") or "0") if "." in shown else shown
