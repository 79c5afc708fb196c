"""Who is in a segment: counted, sampled, listed, compared. What people compose runs read-only, within a cost and a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from crm.models import Customer, Segment
from crm.segments import (
    Fragment,
    InvalidDefinition,
    Leaf,
    Node,
    OneOf,
    accounts,
    holds,
    leaves,
    text,
    tree_of,
    where,
    written,
)
from crm.segments.tree import All, Not, Text
from crm.selectors.segments import SegmentFact, conditions_of
from crm.states import SegmentState
from retail.kernel.errors import Refusal
from retail.kernel.reading import TookTooLong, estimated_cost, reading

EXAMPLES = 10
KEYS_MAX = 2_000


class SegmentTooCostly(Refusal):
    """The question would keep the database busy for too long; nothing ran, or it was stopped."""

    code = "SEGMENT_TOO_COSTLY"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changing one definition into another does to its members."""

    kept: int
    added: int
    removed: int
    added_examples: tuple[str, ...]
    removed_examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """A condition as it stands in the segment, and whether it is met: `not` already counted in."""

    words: str
    is_met: bool
    leaf: Leaf
    is_not: bool


@dataclass(frozen=True, slots=True)
class ExplainedSegment:
    fact: SegmentFact
    name: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a letter to a member goes."""

    customer_id: int
    name: str
    email: str
    language: str


def count_members(*, definition: str | Node, now: datetime, consent: str = "") -> int:
    """How many accounts are in. Refuses SegmentTooCostly; InvalidDefinition when the words make no segment."""
    return int(_guarded("SELECT count(*) {}", accounts(_node(definition, consent), now))[0][0])


def members(
    *, definition: str | Node, now: datetime, consent: str = "", after_id: int = 0, limit: int = 50
) -> list[Customer]:
    """A page of members by id, after the one given."""
    found = _guarded(_PAGE, where(_node(definition, consent), now), after_id, limit)
    return _customers([pk for (pk,) in found])


def sample_members(*, definition: str | Node, now: datetime, limit: int = EXAMPLES) -> list[Customer]:
    """Some of the members, whichever are found first."""
    found = _guarded(_SOME, where(definition, now), limit)
    return _customers([pk for (pk,) in found])


def member_ids(*, definition: str | Node, now: datetime, consent: str = "") -> list[int]:
    """All of them, for an export or a mailing."""
    found = _guarded("SELECT c.id {} ORDER BY c.id", accounts(_node(definition, consent), now))
    return [pk for (pk,) in found]


def audience(*, definition: str | Node, consent: str, now: datetime) -> Iterator[Recipient]:
    """Members who said yes to this kind of message and have a mailbox, each mailbox once: what letters are sent to."""
    ids = member_ids(definition=definition, now=now, consent=consent)
    seen: set[str] = set()
    for start in range(0, len(ids), 1_000):
        rows = Customer.objects.filter(pk__in=ids[start : start + 1_000]).exclude(email="").order_by("pk")
        for pk, name, email, language in rows.values_list("pk", "name", "email", "language"):
            if email.lower() not in seen:
                seen.add(email.lower())
                yield Recipient(pk, name, email, language)


def compare(*, before: str | Node, after: str | Node, now: datetime) -> Comparison:
    """Members kept, in and out, with some of each way (public ids: names are looked up where they are shown)."""
    old, new = _node(before, ""), _node(after, "")
    added, removed = All((new, Not(old))), All((old, Not(new)))
    examples = [
        tuple(each.public_id for each in sample_members(definition=node, now=now))
        for node in (added, removed)
    ]
    return Comparison(
        kept=count_members(definition=All((old, new)), now=now),
        added=count_members(definition=added, now=now),
        removed=count_members(definition=removed, now=now),
        added_examples=examples[0],
        removed_examples=examples[1],
    )


def segments_with_reasons(*, customer_id: int, now: datetime) -> list[ExplainedSegment]:
    """The segments in use that hold for the account right now, and by which conditions: two statements."""
    rows = list(Segment.objects.filter(state=SegmentState.ACTIVE))
    truth = conditions_of(customer_id=customer_id, definitions={row.definition for row in rows}, now=now)
    found = []
    for row in rows:
        try:
            node = tree_of(row.definition)
        except InvalidDefinition:
            continue
        if all(leaf in truth for leaf in leaves(node)) and holds(node, truth):
            fact = SegmentFact(row.pk, row.slug, row.version, row.definition)
            found.append(ExplainedSegment(fact, row.name, tuple(_reasons(node, truth, True))))
    return found


def _reasons(node: Node, truth: dict[Leaf, bool], is_plain: bool) -> Iterator[Reason]:
    if isinstance(node, Leaf):
        words = text(node) if is_plain else text(Not(node))
        yield Reason(words, truth[node] == is_plain, node, not is_plain)
    elif isinstance(node, Not):
        yield from _reasons(node.part, truth, not is_plain)
    else:
        for part in node.parts:
            yield from _reasons(part, truth, is_plain)


# What ends early begins with the accounts, looked at one by one.
_PAGE = "SELECT c.id FROM crm_customer c WHERE {} AND c.id > %s ORDER BY c.id LIMIT %s"
_SOME = "SELECT c.id FROM crm_customer c WHERE {} LIMIT %s"


def _node(definition: str | Node, consent: str) -> Node:
    node = tree_of(definition) if isinstance(definition, str) else definition
    return All((node, Leaf("consent", (), "=", (Text(consent.lower()),)))) if consent else node


def _guarded(statement: str, asked: Fragment, *more: Any) -> list[Any]:
    """Run it where nothing can be written, after the planner has said that it is not too much."""
    try:
        with reading(seconds=settings.SEGMENT_SECONDS_MAX) as cursor:
            found = written(asked, _keys(cursor, asked))
            sql, params = statement.format(found.sql), (*found.params, *more)
            cost = estimated_cost(cursor, sql, params)
            if cost > settings.SEGMENT_COST_MAX:
                raise SegmentTooCostly(
                    "This question would read too much at once.",
                    cost=round(cost),
                    most=settings.SEGMENT_COST_MAX,
                )
            cursor.execute(sql, params)
            return list(cursor.fetchall())
    except TookTooLong:
        raise SegmentTooCostly(
            "This question takes too long.", seconds=settings.SEGMENT_SECONDS_MAX
        ) from None


def _keys(cursor: Any, asked: Fragment) -> dict[OneOf, list[int]]:
    """The keys behind the names, in one statement. Of a name with very many the planner knows enough by their number."""
    wanted = list(dict.fromkeys(each for each in asked.params if isinstance(each, OneOf)))
    if not wanted:
        return {}
    arrays = ", ".join(f"ARRAY({each.keys} LIMIT {KEYS_MAX + 1})" for each in wanted)
    cursor.execute(f"SELECT {arrays}", [value for each in wanted for value in each.params])
    found = zip(wanted, cursor.fetchone(), strict=True)
    return {each: keys for each, keys in found if len(keys) <= KEYS_MAX}


def _customers(ids: list[int]) -> list[Customer]:
    found = Customer.objects.select_related("loyalty__tier").in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]
