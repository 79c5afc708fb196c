"""Which segments hold for an account, read live: no list, no job, no cache of members."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from crm.segments import (
    Fragment,
    InvalidDefinition,
    Leaf,
    Node,
    check,
    holds,
    leaf_fragment,
    leaves,
    registry,
    tree_of,
)
from crm.states import SegmentState
from retail.kernel import prepared

logger = logging.getLogger("onerow.segments")


@dataclass(frozen=True, slots=True)
class SegmentFact:
    """A segment that holds, with the words that made it hold."""

    segment_id: int
    slug: str
    version: int
    definition: str


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    slug: str
    version: int
    state: str
    definition: str


# What each segment said when this process last read it: so that its conditions ride in the statement that reads it again.
_expected: dict[int, str] = {}
_NO_FACTS = "SELECT id, slug, version, state, definition, EXISTS (SELECT 1 FROM crm_customer WHERE id = %s) FROM crm_segment WHERE id = ANY(%s)"


def segments_of(
    *, customer_id: int | None, segment_ids: Iterable[int], now: datetime
) -> dict[int, SegmentFact]:
    """Those of the segments that hold for this account, by id, in one statement however many they are.

    A guest is in none. A retired segment, and one that does not parse or whose condition is gone, never holds. The process keeps what
    it knows of each segment's words; when they have changed meanwhile, one more statement asks again.
    """
    wanted = sorted(set(segment_ids))
    if customer_id is None or not wanted:
        return {}
    definitions = {_expected[each] for each in wanted if each in _expected}
    rows, truth = _ask(customer_id, wanted, definitions, now)
    if changed := {row.definition for row in rows} - definitions:
        _expected.update({row.id: row.definition for row in rows})
        truth |= conditions_of(customer_id=customer_id, definitions=changed, now=now)
    return {
        row.id: SegmentFact(row.id, row.slug, row.version, row.definition)
        for row in rows
        if row.state != SegmentState.RETIRED and _holds(row.definition, truth)
    }


def conditions_of(*, customer_id: int, definitions: Iterable[str], now: datetime) -> dict[Leaf, bool]:
    """Each condition of these definitions and whether it holds for the account: one statement."""
    asked = _leaves(definitions, now)
    if not asked:
        return {}
    sql, params = _columns(asked)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql} FROM crm_customer c WHERE c.id = %s", (*params, customer_id))  # noqa: S608 - conditions of the allow-list
        found = cursor.fetchone()
    return dict(zip(asked, found, strict=True)) if found is not None else {}


def definitions_held(*, customer_id: int | None, definitions: Iterable[str], now: datetime) -> set[str]:
    """The same for words that are in no row yet, or no more: previews and replays."""
    wanted = set(definitions)
    if customer_id is None or not wanted:
        return set()
    truth = conditions_of(customer_id=customer_id, definitions=wanted, now=now)
    return {each for each in wanted if _holds(each, truth)}


def is_segment_readable(*, definition: str) -> bool:
    """It parses, and somebody registered all of its conditions."""
    try:
        check(tree_of(definition), with_names=False)
    except InvalidDefinition:
        return False
    return True


def _ask(
    customer_id: int, segment_ids: Sequence[int], definitions: Iterable[str], now: datetime
) -> tuple[list[_Row], dict[Leaf, bool]]:
    asked = _leaves(definitions, now)
    if asked:
        columns, params = _columns(asked)
        sql = (
            # Asked once and kept, not once for each segment; a leading WITH would look like a write to the backend.
            f"SELECT * FROM (WITH facts AS MATERIALIZED (SELECT {columns} FROM crm_customer c WHERE c.id = %s) "  # noqa: S608 - conditions of the allow-list
            "SELECT s.id, s.slug, s.version, s.state, s.definition, facts.* FROM facts, crm_segment s WHERE s.id = ANY(%s)) found"
        )
    else:
        params, sql = (), _NO_FACTS
    found = prepared.asked(sql, (*params, customer_id, list(segment_ids)))
    rows = [_Row(*row[:5]) for row in found if asked or row[5]]
    return rows, dict(zip(asked, found[0][5:], strict=True)) if found and asked else {}


def _leaves(definitions: Iterable[str], now: datetime) -> dict[Leaf, Fragment]:
    """The conditions that somebody registered, each once."""
    asked = _asked(frozenset(definitions), registry.version())
    return {leaf: leaf_fragment(leaf, now) for leaf in asked}


@lru_cache(maxsize=256)
def _asked(definitions: frozenset[str], version: int) -> tuple[Leaf, ...]:
    """`version` is the registry's: what it lets pass is worked out once for each."""
    found: dict[Leaf, None] = {}
    for definition in sorted(definitions):
        found |= dict.fromkeys(
            leaf for leaf in _words(definition)[1] if leaf not in found and _is_known(leaf)
        )
    return tuple(found)


@lru_cache(maxsize=2_048)
def _words(definition: str) -> tuple[Node | None, tuple[Leaf, ...]]:
    """The tree and its conditions; no tree where it does not parse."""
    try:
        node = tree_of(definition)
    except InvalidDefinition:
        return None, ()
    return node, tuple(leaves(node))


def _is_known(leaf: Leaf) -> bool:
    try:
        check(leaf, with_names=False)
    except InvalidDefinition as problem:
        logger.warning("a segment never holds: %s", problem)
        return False
    return True


def _columns(asked: dict[Leaf, Fragment]) -> tuple[str, tuple[Any, ...]]:
    made = asked.values()
    named = (f"({each.sql}) AS f{place}" for place, each in enumerate(made))
    return ", ".join(named), tuple(value for each in made for value in each.params)


def _holds(definition: str, truth: dict[Leaf, bool]) -> bool:
    node, asked = _words(definition)
    return node is not None and all(leaf in truth for leaf in asked) and holds(node, truth)
