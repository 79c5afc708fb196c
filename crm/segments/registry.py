"""The allow-list: the conditions that rooms register at start-up, and the check of a tree against them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from crm.segments.problems import InvalidDefinition, Problem, refuse
from crm.segments.tree import Argument, Day, Duration, Flag, Leaf, Money, Node, Number, Text, Value, leaves

EQUAL = ("=", "!=", "in", "not in")
ORDERED = ("=", "!=", "<", "<=", ">", ">=")
KINDS: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "text": (Text,),
        "number": (Number,),
        "money": (Money, Number),
        "duration": (Duration,),
        "date": (Day,),
        "flag": (Flag,),
        # A moment, said as a day or as how long ago.
        "moment": (Day, Duration),
    }
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of SQL whose text is ours and whose values are parameters.

    `ids` says the same of all accounts at once, where that can be said: a SELECT of their `id` with the same parameters, each account
    once when `is_once`. Who counts begins there; who asks about one account asks `sql`.
    """

    sql: str
    params: tuple[Any, ...] = ()
    ids: str = ""
    is_once: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    """Stands among the params of a Fragment for: the column is one of the keys that this SELECT gives.

    It is written as the SELECT where one statement must do. Who counts reads the keys first: the planner knows how frequent each of them is,
    and nothing of what a SELECT will give.
    """

    column: str
    keys: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Name:
    """A value that exists, with its words for people."""

    value: str
    label: str


# What exists: (what was typed, how many) -> names that fit; and whether exactly this one exists.
Suggest = Callable[[str, int], Sequence[Name]]
Exists = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be. A closed list is `choices`; an open one says what it suggests and how it knows a name."""

    kind: str
    words: Any = ""
    choices: Callable[[], Sequence[Name]] | None = None
    suggest: Suggest | None = None
    exists: Exists | None = None
    most: int | None = None

    def names(self, typed: str, limit: int = 20) -> list[Name]:
        if self.choices is not None:
            fitting = [
                each for each in self.choices() if typed.lower() in f"{each.value} {each.label}".lower()
            ]
            return fitting[:limit]
        return list(self.suggest(typed, limit)) if self.suggest is not None else []

    def knows(self, value: str) -> bool:
        if self.choices is not None:
            return any(each.value == value for each in self.choices())
        return self.exists is None or self.exists(value)


Compile = Callable[[Leaf, datetime], Fragment]


@dataclass(frozen=True, slots=True)
class Condition:
    """One name of the language. `compile` writes a boolean over alias `c` (crm_customer) that is never NULL.

    `value` is what it is compared with; None: it is asked as it stands. `needed` are groups of arguments of which one must be there.
    """

    name: str
    words: Any
    compile: Compile
    value: Kind | None = None
    operators: Sequence[str] = ()
    arguments: Mapping[str, Kind] = field(default_factory=lambda: MappingProxyType({}))
    needed: Sequence[str] = ()
    is_compared_always: bool = True
    help: Any = ""
    group: Any = ""
    # Who put the condition here when it is no room of ours: a model's conditions say which model.
    source: str = ""
    # What it says of an earlier moment is today's value: it has no history.
    has_history: bool = False
    # `compile` looks at the moment; what does not is written once in a process.
    asks_clock: bool = True


_conditions: dict[str, Condition] = {}
_changes = 0


def version() -> int:
    """Another number after every change of the list: what was worked out of it before no longer holds."""
    return _changes


def register(*conditions: Condition) -> None:
    """Called at start-up; the last one of a name holds, so that a model may renew its own."""
    global _changes
    _changes += 1
    for each in conditions:
        assert each.name.isidentifier() and each.name == each.name.lower(), each.name
        assert bool(each.operators) == (each.value is not None), f"{each.name} is compared, or it is not"
        _conditions[each.name] = each


def unregister(name: str) -> None:
    global _changes
    _changes += 1
    _conditions.pop(name, None)


def conditions() -> list[Condition]:
    return list(_conditions.values())


def condition(name: str) -> Condition | None:
    return _conditions.get(name)


def check(node: Node, *, with_names: bool = True) -> None:
    """Every name is known and every value fits, or InvalidDefinition with the place. `with_names` asks the rows too."""
    for problem in problems(node, with_names=with_names):
        raise InvalidDefinition(problem)


def problems(node: Node, *, with_names: bool = True) -> Iterator[Problem]:
    for leaf in leaves(node):
        yield from _of_leaf(leaf, with_names)


def _of_leaf(leaf: Leaf, with_names: bool) -> Iterator[Problem]:
    found = _conditions.get(leaf.name)
    name_end = leaf.start + len(leaf.name)
    if found is None:
        near = difflib.get_close_matches(leaf.name, _conditions, n=3)
        yield _problem("UNKNOWN_CONDITION", leaf.start, name_end, found=leaf.name, near=near)
        return
    for argument in leaf.arguments:
        yield from _of_argument(found, argument, with_names)
    if found.needed and not {each.name for each in leaf.arguments} & set(found.needed):
        yield _problem("MISSING_ARGUMENT", leaf.start, leaf.end, expected=list(found.needed))
    yield from _of_comparison(found, leaf, with_names)


def _of_argument(found: Condition, argument: Argument, with_names: bool) -> Iterator[Problem]:
    kind = found.arguments.get(argument.name)
    if kind is None:
        yield _problem(
            "UNKNOWN_ARGUMENT",
            argument.start,
            argument.end,
            found=argument.name,
            near=difflib.get_close_matches(argument.name, found.arguments, n=3),
            expected=list(found.arguments),
        )
        return
    yield from _of_value(kind, argument.value, argument.start, argument.end, with_names)


def _of_comparison(found: Condition, leaf: Leaf, with_names: bool) -> Iterator[Problem]:
    if found.value is None:
        if leaf.operator:
            yield _problem("NO_COMPARISON", leaf.start, leaf.end, found=leaf.operator)
        return
    if not leaf.operator:
        if found.is_compared_always:
            yield _problem("MISSING_COMPARISON", leaf.start, leaf.end, expected=list(found.operators))
        return
    if leaf.operator not in found.operators:
        yield _problem(
            "WRONG_OPERATOR", leaf.start, leaf.end, found=leaf.operator, expected=list(found.operators)
        )
    for value in leaf.values:
        yield from _of_value(found.value, value, leaf.start, leaf.end, with_names)


def _of_value(kind: Kind, value: Value, start: int, end: int, with_names: bool) -> Iterator[Problem]:
    if not isinstance(value, KINDS[kind.kind]):
        yield _problem("WRONG_VALUE", start, end, expected=kind.kind)
    elif isinstance(value, Number) and kind.most is not None and not value.value <= kind.most:
        yield _problem("TOO_LARGE", start, end, most=kind.most)
    elif with_names and isinstance(value, Text) and not kind.knows(value.value):
        near = [each.value for each in kind.names(value.value, 3)]
        yield _problem("UNKNOWN_NAME", start, end, found=value.value, near=near)


def _problem(code: str, start: int, end: int, **details: Any) -> Problem:
    return refuse(code, start, end, **details).problem
