"""Which segments hold for an account, read live: no list, no job, no cache of members."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

from django.db import connection

from crm.segments import (
    Decide,
    Fragment,
    InvalidDefinition,
    Leaf,
    Node,
    check,
    decider,
    holds,
    leaf_fragment,
    leaves,
    registry,
    tree_of,
)
from crm.selectors.offers import NAME_OF_OFFERS
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


@dataclass(frozen=True, slots=True)
class _Known:
    """Segments as they were under this name of the rows (`NAME_OF_OFFERS`); None is one that is not there."""

    name: str | None
    rows: dict[int, _Row | None]


_known = _Known(None, {})
# The segments themselves only for who does not know them under the name that they have now.
_ASK = f"""SELECT n.name, ARRAY[{{columns}}]::boolean[], CASE WHEN n.name IS DISTINCT FROM %s THEN
        (SELECT COALESCE(json_agg(json_build_array(s.id, s.slug, s.version, s.state, s.definition)), '[]') FROM crm_segment s WHERE s.id = ANY(%s::bigint[])) END
   FROM crm_customer c, ({NAME_OF_OFFERS}) n WHERE c.id = %s"""  # noqa: S608 - texts of our own


def segments_of(
    *, customer_id: int | None, segment_ids: Iterable[int], now: datetime
) -> dict[int, SegmentFact]:
    """Those of the segments that hold for this account, by id, in one statement however many they are.

    A guest is in none. A retired segment, and one that does not parse or whose condition is gone, never holds. The process keeps what
    it knows of each segment's words; when they have changed meanwhile, one more statement asks again.
    """
    wanted = frozenset(segment_ids)
    if customer_id is None or not wanted:
        return {}
    known = _known
    is_known = wanted <= known.rows.keys()
    plan = _plan(_definitions(known, wanted), registry.version())
    sql, params = plan.question(now)
    found = prepared.asked(
        sql, (*params, known.name if is_known else None, prepared.as_array(wanted), customer_id)
    )
    if not found:
        return {}
    ((name, facts, rows),) = found
    if rows is not None:
        known = _remember(name, wanted, rows)
        plan = _plan(_definitions(known, wanted), registry.version())
        truth = conditions_of(customer_id=customer_id, definitions=plan.tests, now=now)
        facts = [truth.get(leaf, False) for leaf in plan.asked]
    return _facts(known, wanted, plan, facts)


def _definitions(known: _Known, wanted: Iterable[int]) -> frozenset[str]:
    rows = (known.rows.get(each) for each in wanted)
    return frozenset(row.definition for row in rows if row is not None and row.state != SegmentState.RETIRED)


def _facts(
    known: _Known, wanted: Iterable[int], plan: _Plan, facts: Sequence[bool]
) -> dict[int, SegmentFact]:
    held = plan.held(facts)
    rows = (known.rows[each] for each in sorted(wanted))
    return {
        row.id: SegmentFact(row.id, row.slug, row.version, row.definition)
        for row in rows
        if row is not None and row.state != SegmentState.RETIRED and row.definition in held
    }


def _remember(name: str, wanted: Iterable[int], rows: Iterable[Sequence[Any]]) -> _Known:
    global _known
    kept = _known.rows if _known.name == name else {}
    _known = _Known(name, {**kept, **dict.fromkeys(wanted), **{row[0]: _Row(*row) for row in rows}})
    return _known


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
    return ", ".join(f"({each.sql})" for each in made), tuple(value for each in made for value in each.params)


@dataclass(frozen=True)
class _Plan:
    """What a set of definitions asks, each condition once, and which of them the answers make hold."""

    asked: Sequence[Leaf]
    tests: dict[str, Decide]

    def question(self, now: datetime) -> tuple[str, tuple[Any, ...]]:
        if self._at_any_time is not None:
            return self._at_any_time
        return self._question(now)

    def held(self, facts: Sequence[bool]) -> set[str]:
        return {definition for definition, decide in self.tests.items() if decide(facts)}

    @cached_property
    def _at_any_time(self) -> tuple[str, tuple[Any, ...]] | None:
        """Most segments ask nothing of the clock: their SQL is written once."""
        found = (registry.condition(leaf.name) for leaf in self.asked)
        if any(each is None or each.asks_clock for each in found):
            return None
        return self._question(datetime.min.replace(tzinfo=UTC))

    def _question(self, now: datetime) -> tuple[str, tuple[Any, ...]]:
        columns, params = _columns({leaf: leaf_fragment(leaf, now) for leaf in self.asked})
        return _ASK.format(columns=columns), params


@lru_cache(maxsize=256)
def _plan(definitions: frozenset[str], version: int) -> _Plan:
    asked = _asked(definitions, version)
    places = {leaf: place for place, leaf in enumerate(asked)}
    tests = {}
    for definition in definitions:
        node, own = _words(definition)
        if node is not None and all(leaf in places for leaf in own):
            tests[definition] = decider(node, places)
    return _Plan(asked, tests)


def _holds(definition: str, truth: dict[Leaf, bool]) -> bool:
    node, asked = _words(definition)
    return node is not None and all(leaf in truth for leaf in asked) and holds(node, truth)
