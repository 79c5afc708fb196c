"""From a tree to SQL over alias `c` (crm_customer): one text for counting, listing and asking about one account."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter

from crm.segments.parser import parse
from crm.segments.problems import refuse
from crm.segments.registry import Fragment, check, condition
from crm.segments.tree import All, Any, Leaf, Node, Not
from crm.segments.writing import written


@lru_cache(maxsize=2_048)
def tree_of(definition: str) -> Node:
    """The parsed tree, kept in the process by its text."""
    return parse(definition)


def where(definition: str | Node, now: datetime) -> Fragment:
    """The whole question as one boolean. Refuses InvalidDefinition when it does not parse or names what nobody registered."""
    node = tree_of(definition) if isinstance(definition, str) else definition
    check(node, with_names=False)
    return written(_compiled(node, now))


def accounts(definition: str | Node, now: datetime) -> Fragment:
    """The same accounts as those of `where`, as "FROM … c WHERE …", for who wants all of them.

    A condition that can name its accounts is begun with, and the table of accounts is read only where something of it is asked: whoever
    is in a tier stands in the memberships, whoever bought stands on the lines. `OneOf` still stands among the params: `written` puts in
    what the caller has read of it. Refuses as `where` does.
    """
    node = tree_of(definition) if isinstance(definition, str) else definition
    check(node, with_names=False)
    return _begun(node, now) or _all_accounts(node, now)


def leaf_fragment(leaf: Leaf, now: datetime) -> Fragment:
    """One condition."""
    return written(_of_leaf(leaf, now))


def _of_leaf(leaf: Leaf, now: datetime) -> Fragment:
    found = condition(leaf.name)
    if found is None:
        raise refuse("UNKNOWN_CONDITION", leaf.start, leaf.end, found=leaf.name, near=[])
    return found.compile(leaf, now)


def holds(node: Node, truth: Mapping[Leaf, bool]) -> bool:
    """What the tree says when its conditions are these: the same as its SQL."""
    match node:
        case Leaf():
            return truth[node]
        case Not(part):
            return not holds(part, truth)
        case All(parts):
            return all(holds(part, truth) for part in parts)
        case Any(parts):
            return any(holds(part, truth) for part in parts)


# Whether a tree holds, of the answers to its conditions in their order.
Decide = Callable[[Sequence[bool]], bool]


def decider(node: Node, places: Mapping[Leaf, int]) -> Decide:
    """`holds`, made once for many answers: each condition is looked up by its place."""
    match node:
        case Leaf():
            return itemgetter(places[node])
        case Not(part):
            inner = decider(part, places)
            return lambda truth: not inner(truth)
        case All(parts):
            every = [decider(part, places) for part in parts]
            return lambda truth: all(each(truth) for each in every)
        case Any(parts):
            some = [decider(part, places) for part in parts]
            return lambda truth: any(each(truth) for each in some)


_EACH_ONCE = "SELECT DISTINCT id FROM ({}) d"
# Something of an account that its number does not say.
_OWN_COLUMN = re.compile(r"\bc\.(?!id\b)")


def _all_accounts(node: Node, now: datetime) -> Fragment:
    found = _compiled(node, now)
    return Fragment(f"FROM crm_customer c WHERE {found.sql}", found.params)


def _begun(node: Node, now: datetime) -> Fragment | None:
    """The accounts by what names them; None where only looking at each of them would do."""
    match node:
        case Leaf():
            return _named(_of_leaf(node, now))
        case Any(parts):
            return _either(parts, now)
        case All(parts):
            return _narrowed(parts, now)
        case Not():
            return None


def _named(found: Fragment, rest: Fragment = Fragment("true")) -> Fragment | None:  # noqa: B008 - frozen
    if not found.ids:
        return None
    ids = found.ids if found.is_once else _EACH_ONCE.format(found.ids)
    return Fragment(f"FROM ({ids}) c WHERE {rest.sql}", (*found.params, *rest.params))


def _either(parts: tuple[Node, ...], now: datetime) -> Fragment | None:
    """Each part by itself: a row of accounts that is asked two questions could use no index of either."""
    made = [_begun(part, now) for part in parts]
    if None in made:
        return None
    told = [each for each in made if each is not None]
    ids = " UNION ".join(f"SELECT c.id {each.sql}" for each in told)
    return Fragment(f"FROM ({ids}) c WHERE true", tuple(value for each in told for value in each.params))


def _narrowed(parts: tuple[Node, ...], now: datetime) -> Fragment | None:
    """From one condition that names its accounts, the others asked of those; best one that names each once."""
    made = {place: _of_leaf(part, now) for place, part in enumerate(parts) if isinstance(part, Leaf)}
    first = min(
        (place for place, each in made.items() if each.ids),
        key=lambda place: not made[place].is_once,
        default=None,
    )
    if first is None:
        return None
    rest = _joined(tuple(part for place, part in enumerate(parts) if place != first), "AND", now)
    return None if _OWN_COLUMN.search(rest.sql) else _named(made[first], rest)


def _compiled(node: Node, now: datetime) -> Fragment:
    match node:
        case Leaf():
            found = _of_leaf(node, now)
            return Fragment(f"({found.sql})", found.params)
        case Not(part):
            inner = _compiled(part, now)
            return Fragment(f"(NOT {inner.sql})", inner.params)
        case All(parts):
            return _joined(parts, "AND", now)
        case Any(parts):
            return _joined(parts, "OR", now)


def _joined(parts: tuple[Node, ...], word: str, now: datetime) -> Fragment:
    made = [_compiled(part, now) for part in parts]
    sql = f" {word} ".join(each.sql for each in made)
    return Fragment(f"({sql})", tuple(value for each in made for value in each.params))
