"""Verbs of the trace: seal it, and propose, ratify or reject a change that waits for a person."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from audit.events import ProposalDecided, ProposalMade
from audit.models import AuditLink, LogEntry, PersonalChange, Proposal
from audit.states import PROPOSAL_MOVES, ProposalState
from retail.kernel.errors import NotAllowed, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move

GENESIS = "0" * 64
_SEALER = 7_301_001  # advisory lock number: one sealer at a time

# The text that a link signs: every column that says who did what to which row. Order and separators are part of the format.
_CANONICAL = """concat_ws('|', e.id, e.xid, e.content_type_id, e.object_pk, e.action, COALESCE(e.changes::text, ''), COALESCE(e.actor_id::text, ''),
    e.actor_label, COALESCE(e.cid, ''), e.reason, e.batch, e.row_count, to_char(e."timestamp" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'))"""


class StaleProposal(Refusal):
    code = "STALE_PROPOSAL"


class OwnProposal(NotAllowed):
    code = "OWN_PROPOSAL"


class ProposalNotFound(NotFound):
    code = "UNKNOWN_PROPOSAL"


class ProposalDecidedAlready(Refusal):
    code = "PROPOSAL_DECIDED"


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the chain and the entries differ."""

    position: int
    entry_id: int
    what: str


def link_digest(previous: str, content: str) -> str:
    return hashlib.sha256(f"{previous}|{content}".encode()).hexdigest()


def seal(*, now: datetime, limit: int = 5_000) -> int:
    """Chain the next entries that no open transaction can still precede; returns how many. Never blocks a writer."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_SEALER,))
        if not cursor.fetchone()[0]:
            return 0
        last = AuditLink.objects.order_by("-position").first()
        position, previous = (last.position, last.digest) if last else (0, GENESIS)
        after = (last.xid, last.entry_id) if last else (0, 0)
        cursor.execute(
            f"SELECT e.id, e.xid, {_CANONICAL} FROM audit_logentry e WHERE (e.xid, e.id) > (%s, %s) "  # noqa: S608
            "AND e.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint ORDER BY e.xid, e.id LIMIT %s",
            (*after, limit),
        )
        links = []
        for entry_id, xid, content in cursor.fetchall():
            position += 1
            previous = link_digest(previous, content)
            links.append(
                AuditLink(position=position, entry_id=entry_id, xid=xid, digest=previous, sealed_at=now)
            )
        AuditLink.objects.bulk_create(links, batch_size=1_000)
        return len(links)


def verify() -> Break | None:
    """Read the chain again from the beginning; None when every sealed entry is as it was, else the first that does not fit."""
    previous, expected, last = GENESIS, 0, (0, 0)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"DECLARE audit_chain NO SCROLL CURSOR FOR SELECT l.position, l.entry_id, l.xid, l.digest, e.id IS NOT NULL, {_CANONICAL} "  # noqa: S608
            "FROM audit_auditlink l LEFT JOIN audit_logentry e ON e.id = l.entry_id ORDER BY l.position"
        )
        while True:
            cursor.execute("FETCH 5000 FROM audit_chain")
            rows = cursor.fetchall()
            if not rows:
                break
            for position, entry_id, xid, digest, is_there, content in rows:
                expected += 1
                if position != expected:
                    return Break(expected, entry_id, "a link was removed")
                if not is_there:
                    return Break(position, entry_id, "the entry was removed")
                if link_digest(previous, content) != digest:
                    return Break(position, entry_id, "the entry was changed")
                previous, last = digest, (xid, entry_id)
        cursor.execute(
            "SELECT e.id FROM audit_logentry e WHERE (e.xid, e.id) < (%s, %s) "
            "AND NOT EXISTS (SELECT 1 FROM audit_auditlink l WHERE l.entry_id = e.id) ORDER BY e.xid, e.id LIMIT 1",
            last,
        )
        row = cursor.fetchone()
    return Break(expected, row[0], "an entry was slipped in") if row else None


# --- proposals -----------------------------------------------------------------------------------------------------------------

# Applies a ratified change inside the ratifying transaction; raises StaleProposal when the base no longer holds.
Apply = Callable[[Proposal, User | None, datetime], None]


@dataclass(frozen=True, slots=True)
class Kind:
    apply: Apply
    permission: str
    turned_down: Apply | None


_kinds: dict[str, Kind] = {}


def register_kind(kind: str, *, apply: Apply, permission: str, turned_down: Apply | None = None) -> None:
    """A room says at start-up what ratifying its kind of proposal does, which permission it takes, and what becomes of its
    rows when the proposal is rejected or found stale."""
    _kinds[kind] = Kind(apply, permission, turned_down)


def permission_of(kind: str) -> str:
    return _kinds[kind].permission


def _turn_down(proposal: Proposal, by: User | None, now: datetime) -> None:
    if after := _kinds[proposal.kind].turned_down:
        after(proposal, by, now)


def propose(
    *,
    kind: str,
    title: str,
    subject: tuple[str, str],
    change: dict[str, Any],
    diff: list[dict[str, Any]],
    effect: dict[str, Any],
    base: dict[str, Any],
    now: datetime,
    by: User | None,
    author_label: str = "",
    reason: str = "",
    value: Decimal = Decimal(0),
    currency: str = "RSD",
    is_exception: bool = False,
) -> Proposal:
    """Put a change before a person. An open one on the same subject is replaced by it."""
    assert kind in _kinds, f"nobody registered proposals of kind {kind}"
    older = list(
        Proposal.objects.select_for_update().filter(
            kind=kind, subject_kind=subject[0], subject_key=subject[1], state=ProposalState.OPEN
        )
    )
    for proposal in older:
        _decide(proposal, ProposalState.STALE, now=now, by=None, reason="replaced by a newer one")
    made = Proposal.objects.create(
        kind=kind,
        title=title,
        subject_kind=subject[0],
        subject_key=subject[1],
        change=change,
        diff=diff,
        effect=effect,
        base=base,
        author=by,
        author_label=author_label,
        reason=reason,
        value=value,
        currency=currency,
        is_exception=is_exception,
        created_at=now,
    )
    for proposal in older:
        proposal.replaced_by = made
        proposal.save(update_fields=["replaced_by"])
    announce(ProposalMade(proposal=made.public_id, kind=kind), subject=("proposal", made.public_id))
    return made


def ratify(
    *, public_id: str, now: datetime, by: User | None, rule: str = "", limit: Decimal | None = None
) -> Proposal:
    """Apply the change, whole or not at all. A person can't ratify their own above `limit`; a rule ratifies with its name.

    A stale base marks the proposal stale (that stays) and raises StaleProposal.
    """
    try:
        with transaction.atomic():
            proposal = _claim(public_id)
            if by is not None and proposal.author_id == by.pk and (limit is None or proposal.value > limit):
                raise OwnProposal("You made this proposal; another person must ratify it.")
            _decide(proposal, ProposalState.RATIFIED, now=now, by=by, rule=rule)
            _kinds[proposal.kind].apply(proposal, by, now)
            return proposal
    except StaleProposal as refusal:
        with transaction.atomic():
            proposal = _claim(public_id)
            _decide(proposal, ProposalState.STALE, now=now, by=by, reason=refusal.message)
            _turn_down(proposal, by, now)
        raise


def reject(*, public_id: str, reason: str, now: datetime, by: User) -> Proposal:
    with transaction.atomic():
        proposal = _claim(public_id)
        _decide(proposal, ProposalState.REJECTED, now=now, by=by, reason=reason)
        _turn_down(proposal, by, now)
        return proposal


def _claim(public_id: str) -> Proposal:
    proposal = Proposal.objects.select_for_update().filter(public_id=public_id).first()
    if proposal is None:
        raise ProposalNotFound("There is no such proposal.", proposal=public_id)
    if proposal.state != ProposalState.OPEN:
        raise ProposalDecidedAlready(
            f"This proposal was decided already: {proposal.get_state_display()}.", state=proposal.state
        )
    return proposal


def _decide(
    proposal: Proposal,
    state: ProposalState,
    *,
    now: datetime,
    by: User | None,
    reason: str = "",
    rule: str = "",
) -> Proposal:
    check_move(PROPOSAL_MOVES, proposal.state, state, what=proposal.title)
    proposal.state = state
    proposal.decided_by = by
    proposal.decided_by_rule = rule
    proposal.decision_reason = reason
    proposal.decided_at = now
    proposal.save(update_fields=["state", "decided_by", "decided_by_rule", "decision_reason", "decided_at"])
    announce(
        ProposalDecided(proposal=proposal.public_id, kind=proposal.kind, state=str(state)),
        subject=("proposal", proposal.public_id),
    )
    return proposal


def erase_personal(*, rows: Mapping[str, Sequence[int]], now: datetime) -> int:
    """Empty the personal before and after of these rows ({"crm.customer": [7]}) in the trace; returns how many entries had some.

    The entries themselves stay with their digests, so the chain verifies as before; the salt goes with the text.
    """
    erased = 0
    for label, keys in rows.items():
        app_label, model = label.split(".")
        kind = ContentType.objects.get_by_natural_key(app_label, model)
        entries = LogEntry.objects.filter(content_type=kind, object_id__in=list(keys)).values("pk")
        erased += PersonalChange.objects.filter(entry__in=entries, erased_at__isnull=True).update(
            changes=None, erased_at=now
        )
    return erased
