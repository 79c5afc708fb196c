"""Segments in the back office: the list, one segment with its members, uses and versions, the export, and what waits for ratification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from audit import operations as audit
from audit.models import Proposal
from audit.states import ProposalState
from crm import operations as crm
from crm.models import Customer, LoyaltyAccount, Segment, SegmentVersion
from crm.segment_pages.builder import find
from crm.segment_pages.words import leaf_words
from crm.segments import InvalidDefinition, Leaf, Node, parse
from crm.segments.tree import All, Not
from crm.segments.tree import Any as AnyOf
from crm.selectors import SegmentTooCostly, member_ids, members, segments_in_use, uses_of_segment
from crm.states import ConsentKind, SegmentState
from retail.front import refusals
from retail.front.formats import cell_text
from retail.front.parts import DiffRow
from retail.front.toasts import toast
from retail.kernel.access import EDIT_SEGMENTS, RATIFY_CAMPAIGNS, VIEW_SEGMENTS, may, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.models import User

PAGE = 50
VERSIONS_SHOWN = 20
CHUNK = 1_000


@require_GET
@staff_page(VIEW_SEGMENTS)
def segment_list(request: HttpRequest) -> HttpResponse:
    """Those in use first; counts are asked on the segment's own page, live."""
    now = timezone.now()
    state = request.GET.get("state", "")
    rows = Segment.objects.order_by("name")
    rows = (
        rows.filter(state=state) if state in SegmentState.values else rows.exclude(state=SegmentState.RETIRED)
    )
    return render(
        request,
        "crm/segments/list.html",
        {
            "rows": list(rows),
            "live": segments_in_use(now=now),
            "waiting": set(_waiting().values_list("subject_key", flat=True)),
            "states": SegmentState.choices,
            "state": state,
            "now": now,
            "may_edit": may(request.user, EDIT_SEGMENTS),
        },
    )


@require_GET
@staff_page(VIEW_SEGMENTS)
def segment_page(request: HttpRequest, slug: str) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.select_related("created_by"), slug=slug)
    now = timezone.now()
    uses = uses_of_segment(segment_id=segment.pk, now=now)
    return render(
        request,
        "crm/segments/segment.html",
        {
            "segment": segment,
            "lines": _outline(segment.definition),
            "found": find(segment.definition),
            "uses": uses,
            "is_live": any(use.is_live for use in uses),
            "versions": _versions(segment),
            "proposal": _waiting().filter(subject_key=slug).first(),
            "consents": ConsentKind.choices,
            "exports": segment.exports.select_related("by")[:5],
            "may_edit": may(request.user, EDIT_SEGMENTS),
            "now": now,
            "crumbs": _crumbs(segment.name),
        },
    )


@require_GET
@staff_page(VIEW_SEGMENTS)
def member_list(request: HttpRequest, slug: str) -> HttpResponse:
    """The members as they are now, by account number; paging goes on from the last one."""
    segment = get_object_or_404(Segment, slug=slug)
    consent = _consent(request.GET.get("consent", ""))
    typed = request.GET.get("after", "")
    after = int(typed) if typed.isdigit() and len(typed) < 19 else 0
    try:
        rows = members(
            definition=segment.definition, now=timezone.now(), consent=consent, after_id=after, limit=PAGE + 1
        )
        refusal = ""
    except (InvalidDefinition, SegmentTooCostly) as problem:
        rows, refusal = [], _refusal_words(problem)
    return render(
        request,
        "crm/segments/members.html",
        {
            "segment": segment,
            "rows": rows[:PAGE],
            "next": str(rows[PAGE - 1].pk) if len(rows) > PAGE else "",
            "refusal": refusal,
            "consent": consent,
            "consents": ConsentKind.choices,
            "crumbs": _crumbs(_("Members"), segment),
        },
    )


@require_POST
@staff_page(EDIT_SEGMENTS)
def export(request: HttpRequest, slug: str) -> HttpResponse:
    """A streamed CSV of the members at this moment. Who took it, by which words and how many they are is written first."""
    assert isinstance(request.user, User), "the page is for staff"
    segment = get_object_or_404(Segment, slug=slug)
    now, consent = timezone.now(), _consent(request.POST.get("consent", ""))
    try:
        ids = member_ids(definition=segment.definition, now=now, consent=consent)
    except (InvalidDefinition, SegmentTooCostly) as problem:
        messages.error(request, _refusal_words(problem))
        return redirect("ops:segment", slug)
    crm.record_export(
        segment_id=segment.pk, consent=consent, members_count=len(ids), by=request.user, now=now
    )
    response = StreamingHttpResponse(_csv(ids), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{segment.slug}-{now:%Y-%m-%d}.csv"'
    return response  # type: ignore[return-value]


@require_POST
@staff_page(EDIT_SEGMENTS)
def move(request: HttpRequest, slug: str) -> HttpResponse:
    """Put it to use, or retire it."""
    assert isinstance(request.user, User), "the page is for staff"
    segment = get_object_or_404(Segment, slug=slug)
    verb, said = (
        (crm.retire_segment, _("The segment is retired."))
        if request.POST.get("act") == "retire"
        else (crm.activate_segment, _("The segment is in use."))
    )
    typed = request.POST.get("version", "")
    try:
        verb(
            segment_id=segment.pk,
            version=int(typed) if typed.isdigit() else 0,
            by=request.user,
            now=timezone.now(),
        )
        toast(request, said)
    except crm.SegmentInUse as refusal:
        where = ", ".join(refusal.details["uses"])
        messages.error(request, _("It is used by %(where)s; end that first.") % {"where": where})
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
    return redirect("ops:segment", slug)


@require_GET
@staff_page(VIEW_SEGMENTS)
def proposal_page(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    segment = get_object_or_404(Segment, slug=slug)
    proposal = get_object_or_404(
        Proposal.objects.select_related("author", "decided_by"),
        public_id=public_id,
        kind=crm.SEGMENT_PROPOSAL,
        subject_key=slug,
    )
    effect = proposal.effect
    return render(
        request,
        "crm/segments/proposal.html",
        {
            "segment": segment,
            "proposal": proposal,
            "effect": effect,
            "before": _outline(proposal.diff[0]["before"]),
            "after": _outline(proposal.diff[0]["after"]),
            "diff": [DiffRow(_("Definition"), proposal.diff[0]["before"], proposal.diff[0]["after"])],
            "added": _named(effect.get("added_examples", [])),
            "removed": _named(effect.get("removed_examples", [])),
            "is_open": proposal.state == ProposalState.OPEN,
            "is_stale": proposal.base.get("version") != segment.version,
            "is_own": proposal.author_id == request.user.pk,
            "may_ratify": may(request.user, RATIFY_CAMPAIGNS),
            "crumbs": _crumbs(_("Proposed change"), segment),
        },
    )


@require_POST
@staff_page(RATIFY_CAMPAIGNS)
def decide(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """Ratify or reject; the author can do neither the first nor for somebody else."""
    assert isinstance(request.user, User), "the page is for staff"
    get_object_or_404(Proposal, public_id=public_id, kind=crm.SEGMENT_PROPOSAL, subject_key=slug)
    reason = request.POST.get("reason", "").strip()[:300]
    try:
        if request.POST.get("act") == "reject":
            if not reason:
                messages.error(request, _("Say why you reject it."))
                return redirect("ops:segment_proposal", slug, public_id)
            audit.reject(public_id=public_id, reason=reason, now=timezone.now(), by=request.user)
            toast(request, _("The change is rejected."))
        else:
            audit.ratify(public_id=public_id, now=timezone.now(), by=request.user)
            toast(request, _("The change is ratified and holds from now on."))
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
        return redirect("ops:segment_proposal", slug, public_id)
    return redirect("ops:segment", slug)


def _waiting() -> Any:
    return Proposal.objects.filter(kind=crm.SEGMENT_PROPOSAL, state=ProposalState.OPEN)


def _versions(segment: Segment) -> list[tuple[SegmentVersion, list[DiffRow]]]:
    """Newest first, each with what it changed."""
    rows = list(segment.versions.select_related("created_by")[: VERSIONS_SHOWN + 1])
    found = []
    for place, row in enumerate(rows[:VERSIONS_SHOWN]):
        before = rows[place + 1].definition if place + 1 < len(rows) else None
        changed = (
            [DiffRow(_("Definition"), before, row.definition)] if before not in (None, row.definition) else []
        )
        found.append((row, changed))
    return found


def _named(public_ids: list[str]) -> list[Customer]:
    found = {each.public_id: each for each in Customer.objects.filter(public_id__in=public_ids)}
    return [found[each] for each in public_ids if each in found]


def _outline(definition: str) -> list[tuple[int, str, str]]:
    """The tree as lines for reading: (depth, joining word, words)."""
    try:
        node = parse(definition)
    except InvalidDefinition:
        return [(0, "", definition)]
    return list(_lines(node, 0, ""))


def _lines(node: Node, depth: int, joint: str) -> Iterator[tuple[int, str, str]]:
    match node:
        case All(parts) | AnyOf(parts):
            word = _("and") if isinstance(node, All) else _("or")
            for place, part in enumerate(parts):
                is_group = isinstance(part, (All, AnyOf))
                yield from _lines(part, depth + is_group, word if place else joint)
        case Not(part) if not isinstance(part, Leaf):
            yield depth, joint, _("not")
            yield from _lines(part, depth + 1, "")
        case Not(Leaf() as leaf):
            yield depth, " ".join(filter(None, (joint, _("not")))), leaf_words(leaf)
        case Leaf():
            yield depth, joint, leaf_words(node)


def _csv(ids: list[int]) -> Iterator[str]:
    """One chunk of accounts at a time; a million members need no memory of their own."""
    yield "\ufeff" + _row(["id", "name", "email", "phone", "language", "tier", "points"])
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        loyalty = {
            account.customer_id: account
            for account in LoyaltyAccount.objects.filter(customer__in=chunk).select_related("tier")
        }
        lines = []
        for each in Customer.objects.filter(pk__in=chunk).order_by("pk"):
            account = loyalty.get(each.pk)
            tier, points = (account.tier.code, str(account.points)) if account else ("", "")
            lines.append(
                _row([each.public_id, each.name, each.email, each.phone, each.language, tier, points])
            )
        yield "".join(lines)


def _row(cells: list[str]) -> str:
    return ",".join('"' + cell_text(cell).replace('"', '""') + '"' for cell in cells) + "\r\n"


def _consent(typed: str) -> str:
    return typed if typed in ConsentKind.values else ""


def _refusal_words(problem: Exception) -> str:
    return refusals.say(problem) if isinstance(problem, Refusal) else _("The definition cannot be read.")


def _crumbs(last: str, segment: Segment | None = None) -> list[tuple[Any, str]]:
    found: list[tuple[Any, str]] = [
        (_("Customers"), reverse("ops:customers")),
        (_("Segments"), reverse("ops:segments")),
    ]
    if segment is not None:
        found.append((segment.name, reverse("ops:segment", args=[segment.slug])))
    return [*found, (last, "")]
