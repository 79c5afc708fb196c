"""Verbs about segments. A definition that a live campaign, discount or page asks changes only when another person has ratified it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from audit.models import Proposal
from audit.operations import OwnProposal, StaleProposal, propose
from crm.events import SegmentChanged
from crm.models import Segment, SegmentExport, SegmentVersion
from crm.segments import InvalidDefinition, Problem, check, parse, text
from crm.selectors.segment_members import compare
from crm.selectors.segment_uses import uses_of_segment
from crm.states import SEGMENT_MOVES, SegmentState
from retail.kernel.access import RATIFY_CAMPAIGNS
from retail.kernel.errors import InvalidInput, NotFound, Refusal, StaleVersion
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move

KIND = "segment"
PERMISSION = RATIFY_CAMPAIGNS
NAME_MAX = 120


class InvalidSegment(InvalidInput):
    """The words make no segment; `start` and `end` say where, `problem` says what."""

    code = "INVALID_SEGMENT"

    def __init__(self, problem: Problem) -> None:
        super().__init__(
            "The definition cannot be read.",
            problem=problem.code,
            start=problem.start,
            end=problem.end,
            **{name: _json(value) for name, value in problem.details.items()},
        )
        self.problem = problem


class InvalidSegmentName(InvalidInput):
    code = "INVALID_SEGMENT_NAME"


class UnknownSegment(NotFound):
    code = "UNKNOWN_SEGMENT"


class SegmentTaken(Refusal):
    """Another segment has this slug."""

    code = "SEGMENT_TAKEN"


class StaleSegment(StaleVersion):
    code = "STALE_SEGMENT"


class SegmentInUse(Refusal):
    """A live campaign, discount or page asks it (`details["uses"]`): it is not retired, and its words change through a proposal."""

    code = "SEGMENT_IN_USE"


class SegmentUnchanged(Refusal):
    """The proposal would change nothing."""

    code = "SEGMENT_UNCHANGED"


def canonical(definition: str) -> str:
    """The definition in its one form, every name known; refuses InvalidSegment."""
    try:
        node = parse(definition)
        check(node)
    except InvalidDefinition as refusal:
        raise InvalidSegment(refusal.problem) from None
    return text(node)


def create_segment(
    *, slug: str, name: str, definition: str, by: User | None, now: datetime, description: str = ""
) -> Segment:
    """A draft. Refuses InvalidSegment, InvalidSegmentName, SegmentTaken."""
    words = canonical(definition)
    if not name.strip() or not slug:
        raise InvalidSegmentName("A segment needs a name.")
    with transaction.atomic():
        if Segment.objects.filter(slug=slug).exists():
            raise SegmentTaken("Another segment has this name already.", slug=slug)
        segment = Segment.objects.create(
            slug=slug,
            name=name.strip()[:NAME_MAX],
            description=description.strip(),
            definition=words,
            created_by=by,
            created_at=now,
        )
        _keep_version(segment, by, now)
        _announce(segment)
        return segment


def change_segment(
    *,
    segment_id: int,
    version: int,
    definition: str,
    by: User | None,
    now: datetime,
    name: str | None = None,
    description: str | None = None,
) -> Segment:
    """New words hold at once. Refuses InvalidSegment, StaleSegment, SegmentInUse (propose_change is the way then)."""
    words = canonical(definition)
    with transaction.atomic():
        segment = _locked(segment_id, version)
        if words != segment.definition:
            _check_unused(segment, now)
        if name is not None:
            if not name.strip():
                raise InvalidSegmentName("A segment needs a name.")
            segment.name = name.strip()[:NAME_MAX]
        if description is not None:
            segment.description = description.strip()
        _write(segment, words, by, now)
        return segment


def propose_change(
    *,
    segment_id: int,
    version: int,
    definition: str,
    now: datetime,
    by: User | None,
    author_label: str = "",
    reason: str = "",
    evidence: dict[str, Any] | None = None,
) -> Proposal:
    """New words for another person to ratify, with their effect. A model proposes the same way: `author_label` is its name and
    version, `evidence` what it learned from.

    Refuses InvalidSegment, StaleSegment, SegmentUnchanged, SegmentTooCostly.
    """
    words = canonical(definition)
    with transaction.atomic():
        segment = _locked(segment_id, version)
        if words == segment.definition:
            raise SegmentUnchanged("These are the words that the segment has already.", slug=segment.slug)
        effect = compare(before=segment.definition, after=words, now=now)
        return propose(
            kind=KIND,
            title=segment.name,
            subject=(KIND, segment.slug),
            change={"definition": words},
            diff=[{"field": "definition", "before": segment.definition, "after": words}],
            effect={
                "kept": effect.kept,
                "added": effect.added,
                "removed": effect.removed,
                "added_examples": list(effect.added_examples),
                "removed_examples": list(effect.removed_examples),
                **({"evidence": evidence} if evidence else {}),
            },
            base={"version": segment.version},
            now=now,
            by=by,
            author_label=author_label,
            reason=reason,
        )


def apply(proposal: Proposal, by: User | None, now: datetime) -> None:
    """What ratifying does: the words hold from now on. Nobody ratifies their own, however small its value."""
    if by is not None and by.pk == proposal.author_id:
        raise OwnProposal("You made this proposal; another person must ratify it.")
    segment = Segment.objects.select_for_update().filter(slug=proposal.subject_key).first()
    if segment is None or segment.version != proposal.base["version"]:
        raise StaleProposal("The segment has changed since this was proposed.", slug=proposal.subject_key)
    try:
        words = canonical(proposal.change["definition"])
    except InvalidSegment as refusal:
        raise StaleProposal(
            "The definition cannot be read any more.", slug=segment.slug, **refusal.details
        ) from None
    _write(segment, words, proposal.author, now)


def activate_segment(*, segment_id: int, version: int, by: User | None, now: datetime) -> Segment:
    """From now on it may be chosen for discounts, campaigns and pages."""
    with transaction.atomic():
        segment = _locked(segment_id, version)
        canonical(segment.definition)
        return _move(segment, SegmentState.ACTIVE)


def retire_segment(*, segment_id: int, version: int, by: User | None, now: datetime) -> Segment:
    """Nobody is in it any more; its words stay readable. Refuses SegmentInUse."""
    with transaction.atomic():
        segment = _locked(segment_id, version)
        _check_unused(segment, now)
        return _move(segment, SegmentState.RETIRED)


def record_export(
    *, segment_id: int, consent: str, members_count: int, by: User | None, now: datetime
) -> SegmentExport:
    """Written before the first row leaves."""
    segment = Segment.objects.get(pk=segment_id)
    return SegmentExport.objects.create(
        segment=segment,
        version=segment.version,
        definition=segment.definition,
        consent=consent,
        members_count=members_count,
        by=by,
        created_at=now,
    )


def _locked(segment_id: int, version: int) -> Segment:
    segment = Segment.objects.select_for_update().filter(pk=segment_id).first()
    if segment is None:
        raise UnknownSegment("There is no such segment.")
    if segment.version != version:
        raise StaleSegment("Somebody has changed this segment meanwhile.", slug=segment.slug)
    return segment


def _check_unused(segment: Segment, now: datetime) -> None:
    live = [use.title for use in uses_of_segment(segment_id=segment.pk, now=now) if use.is_live]
    if live:
        raise SegmentInUse(
            "A live campaign, discount or page uses this segment.", slug=segment.slug, uses=live
        )


def _write(segment: Segment, words: str, by: User | None, now: datetime) -> None:
    """Every change is a version, so that whoever edits an older one is told."""
    is_new = words != segment.definition
    segment.definition = words
    segment.version += 1
    segment.save(update_fields=["name", "description", "definition", "version", "updated_at"])
    _keep_version(segment, by, now)
    if is_new:
        _announce(segment)


def _keep_version(segment: Segment, by: User | None, now: datetime) -> None:
    SegmentVersion.objects.create(
        segment=segment,
        version=segment.version,
        definition=segment.definition,
        created_by=by,
        created_at=now,
    )


def _move(segment: Segment, state: SegmentState) -> Segment:
    check_move(SEGMENT_MOVES, segment.state, state, what=segment.name)
    segment.state = state
    segment.save(update_fields=["state", "updated_at"])
    _announce(segment)
    return segment


def _announce(segment: Segment) -> None:
    announce(
        SegmentChanged(segment=segment.slug, version=segment.version, state=str(segment.state)),
        subject=("segment", segment.slug),
    )


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
