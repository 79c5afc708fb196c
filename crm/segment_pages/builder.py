"""The builder: a tree that is edited by plain forms, the same definition as text, and what it finds while one types."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from crm import operations as crm
from crm.models import Customer, Segment
from crm.segment_pages import draft as drafts
from crm.segment_pages.words import Shown, sentence, shown
from crm.segments import InvalidDefinition, Problem, check, conditions, leaves, parse
from crm.selectors import SegmentTooCostly, count_members, sample_members, uses_of_segment
from retail.front import refusals
from retail.front.toasts import toast
from retail.kernel.access import EDIT_SEGMENTS, VIEW_SEGMENTS, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.fold import fold
from retail.kernel.models import User

SAMPLE = 8
START = "bought(within: 90 days)"


@dataclass
class Editing:
    """What the form says now."""

    view: str
    words: str
    tree: drafts.DraftGroup
    name: str = ""
    description: str = ""
    reason: str = ""
    problem: Problem | None = None
    refusal: str = ""
    segment: Segment | None = None


@dataclass
class Found:
    """What the words find: members, some of them, or why not."""

    words: str
    count: int | None = None
    sample: list[Customer] = field(default_factory=list)
    milliseconds: int = 0
    refusal: str = ""
    mistake: Shown | None = None


@require_http_methods(["GET", "POST"])
@staff_page(EDIT_SEGMENTS)
def new(request: HttpRequest) -> HttpResponse:
    return _page(request, None)


@require_http_methods(["GET", "POST"])
@staff_page(EDIT_SEGMENTS)
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, get_object_or_404(Segment, slug=slug))


@require_POST
@staff_page(VIEW_SEGMENTS)
def look(request: HttpRequest) -> HttpResponse:
    """The part of the page that follows the fingers: nothing is written."""
    editing = _sent(request, None)
    return render(request, "crm/segments/look.html", {"found": find(editing.words), "view": editing.view})


@require_GET
@staff_page(VIEW_SEGMENTS)
def names(request: HttpRequest) -> HttpResponse:
    """What exists for a field: categories, titles, campaigns, stores …"""
    source = request.GET.get("source", "")[:80]
    typed = next((value for key, value in request.GET.items() if ":" in key), request.GET.get("q", ""))
    found = drafts.names_for(source, str(typed).strip()[:100].replace("\0", ""))
    return render(request, "crm/segments/names.html", {"names": found})


def find(words: str) -> Found:
    """Count and sample within the limits; a mistake is told with its place."""
    problem = problem_of(words)
    if problem is not None:
        return Found(words, mistake=shown(problem, words))
    began, now = time.monotonic(), timezone.now()
    try:
        count = count_members(definition=words, now=now)
        sample = sample_members(definition=words, now=now, limit=SAMPLE) if count else []
    except SegmentTooCostly as refusal:
        return Found(words, refusal=refusals.say(refusal))
    return Found(words, count, sample, round((time.monotonic() - began) * 1_000))


def problem_of(words: str) -> Problem | None:
    try:
        check(parse(words))
    except InvalidDefinition as refusal:
        return refusal.problem
    return None


def _page(request: HttpRequest, segment: Segment | None) -> HttpResponse:
    if request.method == "GET":
        return _shown(request, _stored(request, segment))
    editing = _sent(request, segment)
    what = request.POST.get("act", "save")
    if what in ("save", "propose"):
        return _save(request, editing, is_proposal=what == "propose")
    if what == "text":
        editing.view = "text"
    elif what == "tree":
        editing.problem = problem_of(editing.words)
        if editing.problem is None:
            editing.view, editing.tree = "tree", drafts.from_words(editing.words)
    elif what != "look":
        place = what.partition(":")[2]
        drafts.act(editing.tree, what, request.POST.get(f"{place}:new", ""))
        editing.words = drafts.to_words(editing.tree)
    return _shown(request, editing)


def _stored(request: HttpRequest, segment: Segment | None) -> Editing:
    words = segment.definition if segment is not None else request.GET.get("definition", START)[:4_000]
    problem = problem_of(words)
    is_text = request.GET.get("view") == "text" or (problem is not None and not _parses(words))
    tree = drafts.DraftGroup() if is_text and not _parses(words) else drafts.from_words(words)
    return Editing(
        "text" if is_text else "tree",
        words,
        tree,
        segment.name if segment is not None else "",
        segment.description if segment is not None else "",
        problem=problem,
        segment=segment,
    )


def _parses(words: str) -> bool:
    try:
        parse(words)
    except InvalidDefinition:
        return False
    return True


def _sent(request: HttpRequest, segment: Segment | None) -> Editing:
    """What came, as it is: it may be unfinished or wrong."""
    fields = {key: str(value).replace("\0", "") for key, value in request.POST.items()}
    view = "text" if fields.get("view") == "text" else "tree"
    tree = drafts.from_form(fields)
    words = fields.get("definition", "").strip() if view == "text" else drafts.to_words(tree)
    return Editing(
        view,
        words,
        tree,
        fields.get("name", "").strip()[:120],
        fields.get("description", "").strip()[:1_000],
        fields.get("reason", "").strip()[:300],
        segment=segment,
    )


def _save(request: HttpRequest, editing: Editing, *, is_proposal: bool) -> HttpResponse:
    assert isinstance(request.user, User), "the page is for staff"
    now = timezone.now()
    try:
        if editing.segment is None:
            made = crm.create_segment(
                slug=slugify(fold(editing.name))[:60],
                name=editing.name,
                description=editing.description,
                definition=editing.words,
                by=request.user,
                now=now,
            )
            toast(request, _("The segment is saved as a draft."))
            return redirect("ops:segment", made.slug)
        version = (
            int(request.POST.get("version", "0") or 0) if request.POST.get("version", "0").isdigit() else 0
        )
        if is_proposal:
            crm.propose_change(
                segment_id=editing.segment.pk,
                version=version,
                definition=editing.words,
                reason=editing.reason,
                by=request.user,
                now=now,
            )
            toast(request, _("The change waits for another person."))
            return redirect("ops:segment", editing.segment.slug)
        crm.change_segment(
            segment_id=editing.segment.pk,
            version=version,
            definition=editing.words,
            name=editing.name,
            description=editing.description,
            by=request.user,
            now=now,
        )
        toast(request, _("The segment is changed."))
        return redirect("ops:segment", editing.segment.slug)
    except crm.InvalidSegment as refusal:
        editing.problem = refusal.problem
    except Refusal as refusal:
        editing.refusal = refusals.say(refusal)
        messages.error(request, editing.refusal)
    return _shown(request, editing, status=422)


def _shown(request: HttpRequest, editing: Editing, *, status: int = 200) -> HttpResponse:
    segment = editing.segment
    uses = uses_of_segment(segment_id=segment.pk, now=timezone.now()) if segment is not None else []
    title = segment.name if segment is not None else _("New segment")
    return render(
        request,
        "crm/segments/edit.html",
        {
            "editing": editing,
            "segment": segment,
            "title": title,
            "root": drafts.rows(editing.tree, _problems_by_place(editing)),
            "mistake": shown(editing.problem, editing.words) if editing.problem else None,
            "groups": _grouped(),
            "units": [("day", _("days")), ("week", _("weeks")), ("month", _("months")), ("year", _("years"))],
            "found": find(editing.words),
            "live_uses": [use for use in uses if use.is_live],
            "crumbs": _crumbs(segment, title),
        },
        status=status,
    )


def _problems_by_place(editing: Editing) -> dict[str, str]:
    """The sentence stands at the condition that it is about."""
    problem = editing.problem or problem_of(editing.words)
    if problem is None or editing.view == "text" or not _parses(editing.words):
        return {}
    places = drafts.places_of_leaves(editing.tree)
    for place, leaf in zip(places, leaves(parse(editing.words)), strict=False):
        if leaf.start <= problem.start <= leaf.end:
            return {place: sentence(problem)}
    return {}


def _grouped() -> list[tuple[str, list[tuple[str, str]]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for each in conditions():
        found.setdefault(str(each.group), []).append((each.name, str(each.words)))
    return list(found.items())


def _crumbs(segment: Segment | None, title: str) -> list[tuple[Any, str]]:
    found: list[tuple[Any, str]] = [
        (_("Customers"), reverse("ops:customers")),
        (_("Segments"), reverse("ops:segments")),
    ]
    if segment is None:
        return [*found, (title, "")]
    return [*found, (segment.name, reverse("ops:segment", args=[segment.slug])), (_("Edit"), "")]
