"""The tree while a person edits it: it may be unfinished. Read from the form, written into it, and turned into words that are checked.

A place is its way from the root: `0` is the root group, `0.1` its second part. The fields of a place begin with it: `0.1:name`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from crm.segments import InvalidDefinition, Name, Node, condition, conditions, parse, text
from crm.segments.parser import DEPTH_MAX, LEAVES_MAX
from crm.segments.registry import Condition, Kind
from crm.segments.tree import All, Any, Argument, Leaf, Not, Text, Value, value_text

FIELDS_SHOWN = 3
_PLACE = re.compile(r"0(?:\.\d{1,2})*")


@dataclass
class DraftLeaf:
    """A condition with its fields as they were typed."""

    name: str
    operator: str = ""
    value: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    is_not: bool = False


@dataclass
class DraftGroup:
    parts: list[DraftLeaf | DraftGroup] = field(default_factory=list)
    is_any: bool = False
    is_not: bool = False


Draft = DraftLeaf | DraftGroup


# --- from and to words


def from_words(words: str) -> DraftGroup:
    """The tree of a definition that parses; the root is always a group."""
    found = _draft(parse(words))
    return found if isinstance(found, DraftGroup) and not found.is_not else DraftGroup([found])


def _draft(node: Node) -> Draft:
    match node:
        case Leaf():
            arguments = {each.name: _typed(each.value) for each in node.arguments}
            value = ", ".join(map(_typed, node.values))
            return DraftLeaf(node.name, node.operator, value, arguments)
        case Not(part):
            inner = _draft(part)
            if inner.is_not:
                inner = DraftGroup([inner])
            inner.is_not = True
            return inner
        case All(parts) | Any(parts):
            return DraftGroup([_draft(part) for part in parts], is_any=isinstance(node, Any))


def to_words(draft: DraftGroup) -> str:
    """What stands in the form, as words; empty groups are left out. It may not parse: then the problem says where."""
    node = _node(draft)
    return "" if node is None else text(node)


def _node(draft: Draft) -> Node | None:
    if isinstance(draft, DraftLeaf):
        node: Node | None = _leaf(draft)
    else:
        parts = tuple(node for part in draft.parts if (node := _node(part)) is not None)
        if len(parts) > 1:
            node = Any(parts) if draft.is_any else All(parts)
        else:
            node = parts[0] if parts else None
    return Not(node) if node is not None and draft.is_not else node


def _leaf(draft: DraftLeaf) -> Leaf:
    known = condition(draft.name)
    kinds: Mapping[str, Kind] = known.arguments if known is not None else {}
    arguments = tuple(
        Argument(name, _value(kinds.get(name), typed)) for name, typed in draft.arguments.items() if typed
    )
    if known is None or known.value is None or not draft.operator:
        return Leaf(draft.name, arguments)
    typed = _split(draft.value) if draft.operator in ("in", "not in") else [draft.value.strip()]
    return Leaf(
        draft.name, arguments, draft.operator, tuple(_value(known.value, each) for each in typed or [""])
    )


def _split(typed: str) -> list[str]:
    return [each.strip() for each in typed.split(",") if each.strip()]


def _value(kind: Kind | None, typed: str) -> Value:
    """A value of the kind that is wanted; what does not fit becomes a text, and the check says that it does not."""
    wanted = kind.kind if kind is not None else "text"
    if wanted == "text":
        return Text("".join(sign for sign in typed if ord(sign) >= 32))
    try:
        found = parse(f"x = {typed.replace(',', '.') if wanted in ('number', 'money') else typed}")
    except InvalidDefinition:
        return Text("".join(sign for sign in typed if ord(sign) >= 32))
    return found.values[0] if isinstance(found, Leaf) and len(found.values) == 1 else Text(typed)


def _typed(value: Value) -> str:
    return value.value if isinstance(value, Text) else value_text(value)


# --- from and to a form


def from_form(fields: Mapping[str, str]) -> DraftGroup:
    """What was sent, whatever it is: unknown places and names are left out."""
    places = sorted(
        tuple(int(step) for step in key.removesuffix(":at").split("."))
        for key in fields
        if key.endswith(":at") and _PLACE.fullmatch(key.removesuffix(":at"))
    )[: LEAVES_MAX * 2]
    root = DraftGroup()
    found: dict[tuple[int, ...], Draft] = {}
    for place in places:
        draft = _read(fields, ".".join(map(str, place)))
        found[place] = draft
        if place == (0,):
            root = draft if isinstance(draft, DraftGroup) else DraftGroup([draft])
        elif isinstance(parent := found.get(place[:-1]), DraftGroup):
            parent.parts.append(draft)
    return root


def _read(fields: Mapping[str, str], place: str) -> Draft:
    is_not = bool(fields.get(f"{place}:not"))
    name = fields.get(f"{place}:name", "")
    if not name:
        return DraftGroup(is_any=fields.get(f"{place}:join") == "or", is_not=is_not)
    known = condition(name)
    arguments = {
        key: _argument(fields, f"{place}:arg:{key}") for key in (known.arguments if known is not None else ())
    }
    return DraftLeaf(
        name,
        fields.get(f"{place}:operator", ""),
        fields.get(f"{place}:value", "")[:500],
        {key: value for key, value in arguments.items() if value},
        is_not,
    )


def _argument(fields: Mapping[str, str], key: str) -> str:
    """A duration is sent as a number and a unit, everything else in one field."""
    typed = fields.get(key, "").strip()[:200]
    unit = fields.get(f"{key}:unit", "")
    return f"{typed} {unit}" if typed and unit and typed.isdigit() else typed


def act(root: DraftGroup, what: str, name: str) -> None:
    """A button of the form: `add:<place>`, `group:<place>`, `remove:<place>`."""
    verb, _, place = what.partition(":")
    if not _PLACE.fullmatch(place):
        return
    steps = [int(step) for step in place.split(".")][1:]
    if verb == "remove" and steps:
        parent = _at(root, steps[:-1])
        if isinstance(parent, DraftGroup) and steps[-1] < len(parent.parts):
            del parent.parts[steps[-1]]
    target = _at(root, steps)
    if verb == "add" and isinstance(target, DraftGroup):
        target.parts.append(new_leaf(name))
    if verb == "group" and isinstance(target, DraftGroup) and len(steps) < DEPTH_MAX - 1:
        target.parts.append(DraftGroup([new_leaf(name)], is_any=not target.is_any))


def new_leaf(name: str) -> DraftLeaf:
    known = condition(name) or conditions()[0]
    operator = known.operators[0] if known.value is not None and known.operators else ""
    return DraftLeaf(known.name, operator)


def _at(root: DraftGroup, steps: list[int]) -> Draft | None:
    here: Draft = root
    for step in steps:
        if not isinstance(here, DraftGroup) or step >= len(here.parts):
            return None
        here = here.parts[step]
    return here


# --- for the template


@dataclass(frozen=True)
class Field:
    """One control: `kind` is that of the language. A closed one has its choices, an open one the address of its suggestions."""

    key: str
    label: str
    kind: str
    value: str
    unit: str = ""
    choices: tuple[Name, ...] = ()
    source: str = ""
    # Of several values, each after a comma.
    is_list: bool = False


@dataclass(frozen=True)
class Row:
    """A place of the tree as the page draws it."""

    place: str
    is_not: bool
    is_group: bool
    is_any: bool = False
    is_root: bool = False
    may_nest: bool = True
    name: str = ""
    title: str = ""
    help: str = ""
    operators: tuple[str, ...] = ()
    operator: str = ""
    value: Field | None = None
    arguments: tuple[Field, ...] = ()
    # Details that nothing is said of, beyond the first few: folded away.
    more: tuple[Field, ...] = ()
    parts: tuple[Row, ...] = ()
    problem: str = ""


def rows(draft: Draft, problems: Mapping[str, str], place: str = "0") -> Row:
    """What the page draws; `problems` are sentences by place."""
    if isinstance(draft, DraftGroup):
        return Row(
            place,
            draft.is_not,
            True,
            is_any=draft.is_any,
            is_root=place == "0",
            may_nest=place.count(".") < DEPTH_MAX - 2,
            parts=tuple(rows(part, problems, f"{place}.{number}") for number, part in enumerate(draft.parts)),
        )
    known = condition(draft.name)
    problem = problems.get(place, "")
    if known is None:
        return Row(place, draft.is_not, False, name=draft.name, title=draft.name, problem=problem)
    arguments = tuple(
        _field(f"{place}:arg:{name}", kind, draft.arguments.get(name, ""), f"{known.name}.{name}", known)
        for name, kind in known.arguments.items()
    )
    shown = [field for number, field in enumerate(arguments) if field.value or number < FIELDS_SHOWN]
    return Row(
        place,
        draft.is_not,
        False,
        name=known.name,
        title=str(known.words),
        help=str(known.help),
        operators=tuple(known.operators),
        operator=draft.operator,
        value=_field(
            f"{place}:value",
            known.value,
            draft.value,
            known.name,
            known,
            is_list=draft.operator in ("in", "not in"),
        )
        if known.value
        else None,
        arguments=tuple(shown),
        more=tuple(field for field in arguments if field not in shown),
        problem=problem,
    )


def places_of_leaves(draft: Draft, place: str = "0") -> Iterator[str]:
    """In the order in which their words stand in the text."""
    if isinstance(draft, DraftLeaf):
        yield place
    else:
        for number, part in enumerate(draft.parts):
            yield from places_of_leaves(part, f"{place}.{number}")


def _field(
    key: str, kind: Kind, value: str, source: str, known: Condition, *, is_list: bool = False
) -> Field:
    unit = ""
    if kind.kind == "duration":
        count, _, word = value.partition(" ")
        value, unit = count, word.removesuffix("s") or "day"
    choices = tuple(kind.names("", 200)) if kind.choices is not None else ()
    has_names = kind.suggest is not None
    return Field(
        key,
        str(kind.words or known.words),
        kind.kind,
        value,
        unit,
        choices,
        source if has_names else "",
        is_list,
    )


def names_for(source: str, typed: str, limit: int = 30) -> list[Name]:
    """Suggestions of `condition` or `condition.argument`."""
    name, _, argument = source.partition(".")
    known = condition(name)
    kind = None if known is None else known.arguments.get(argument) if argument else known.value
    return kind.names(typed, limit) if kind is not None else []
