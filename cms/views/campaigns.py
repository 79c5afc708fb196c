"""Campaigns in /cms/: the list, the one-page form, submitting, deciding, ending."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import operations as proposals
from audit.models import Proposal
from cms.forms import CampaignForm, DiscountForm, DiscountForms, ReasonForm, details_of, initial_of
from cms.views import words
from cms.workflows import campaigns as workflows
from cms.workflows import description, discounts, guards, page_changes
from crm.models import Campaign
from crm.operations import campaigns as verbs
from crm.states import CampaignState
from oms.pricing import BadDiscount
from retail.kernel import clock
from retail.kernel.access import EDIT_CAMPAIGNS, RATIFY_CAMPAIGNS, VIEW_CAMPAIGNS, may, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.models import User

LISTED = 200


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def index(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    found = (
        Campaign.objects.select_related("segment")
        .annotate(discount_count=Count("discounts", filter=~Q(discounts__state="ENDED")))
        .order_by("-created_at")[:LISTED]
    )
    rows = [(campaign, phase(campaign, now), description.period_words(campaign)) for campaign in found]
    return render(
        request, "cms/campaigns/index.html", {"rows": rows, "may_edit": may(request.user, EDIT_CAMPAIGNS)}
    )


def phase(campaign: Campaign, now: Any) -> str:
    """The word for a list: what the state is at this moment."""
    if campaign.state != CampaignState.RATIFIED:
        return str(campaign.get_state_display())
    if campaign.starts_at and campaign.starts_at > now:
        return _("Ratified, not begun")
    return _("Over") if campaign.ends_at and campaign.ends_at <= now else _("On")


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(EDIT_CAMPAIGNS)
def new(request: HttpRequest) -> HttpResponse:
    """A whole campaign in one form: three words and a number are enough."""
    form = CampaignForm(request.POST or None)
    rows = DiscountForms(_with_row(request), initial=[{}], prefix="d")
    if request.method == "POST" and "add" not in request.POST and form.is_valid() and rows.is_valid():
        try:
            made = workflows.start_campaign(
                details=form.details,
                drafts=[row.draft for row in rows if row.is_wanted],
                makes_page="makes_page" in request.POST,
                by=_user(request),
                now=clock.now(),
            )
        except Refusal as refusal:
            _put_at_field(refusal, form, rows)
        else:
            messages.success(request, _("The campaign is a draft."))
            return redirect("cms:campaign", made.campaign.public_id)
    context = {
        "form": form,
        "rows": rows,
        "makes_page": request.method != "POST" or "makes_page" in request.POST,
    }
    return _form_page(request, context, form, rows)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(VIEW_CAMPAIGNS)
def campaign(request: HttpRequest, public_id: str) -> HttpResponse:
    """The campaign: its form while it is a draft, else what it is; beside it everything that can be done with it."""
    found = _campaign(public_id)
    is_draft = found.state == CampaignState.DRAFT and may(request.user, EDIT_CAMPAIGNS)
    written = description.discounts_of(found)
    initial = [initial_of(each, discounts.draft_of(each)) for each in written]
    form = CampaignForm(request.POST or None, initial=details_of(found))
    rows = DiscountForms(_with_row(request), initial=initial or [{}], prefix="d")
    if (
        request.method == "POST"
        and is_draft
        and "add" not in request.POST
        and form.is_valid()
        and rows.is_valid()
    ):
        try:
            workflows.change_campaign(
                campaign_id=found.pk,
                version=int(request.POST.get("version") or 0),
                details=form.details,
                drafts=[row.draft for row in rows if row.is_wanted],
                by=_user(request),
                now=clock.now(),
            )
        except Refusal as refusal:
            _put_at_field(refusal, form, rows)
        else:
            messages.success(request, _("Saved."))
            return redirect("cms:campaign", found.public_id)
    context = {"form": form, "rows": rows, **_facts(request, found, is_draft=is_draft)}
    return _form_page(request, context, form, rows)


def _facts(request: HttpRequest, found: Campaign, *, is_draft: bool) -> dict[str, Any]:
    proposal = workflows.open_proposal_of(found)
    last = Proposal.objects.filter(kind=workflows.KIND, subject_key=found.public_id).order_by("-pk").first()
    user = _user(request)
    return {
        "campaign": found,
        "is_draft": is_draft,
        "phase": phase(found, clock.now()),
        "diff": description.diff(found),
        "is_on": found.state == CampaignState.RATIFIED and not _is_over(found),
        "changed_pages": page_changes.changed_pages(found),
        "page_diff": proposal.diff if proposal and page_changes.is_of_pages(proposal) else [],
        "pages": workflows.pages_of(found),
        "proposal": proposal,
        "last": last,
        "is_own": proposal is not None and proposal.author_id == user.pk,
        "may_ratify": may(user, RATIFY_CAMPAIGNS),
        "may_edit": may(user, EDIT_CAMPAIGNS),
        "guards": guards.look(campaign=found, now=clock.now(), by=user),
        "reason_form": ReasonForm(),
    }


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def add_page(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _campaign(public_id)
    page = workflows.make_page(campaign=found, by=_user(request))
    messages.success(request, _("A landing page was made as a draft."))
    return redirect("wagtailadmin_pages:edit", page.pk)


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def submit(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _campaign(public_id)
    try:
        reason = request.POST.get("reason", "").strip()[:200]
        workflows.submit_campaign(campaign_id=found.pk, reason=reason, by=_user(request), now=clock.now())
        messages.success(request, _("Submitted: a second person decides."))
    except Refusal as refusal:
        messages.error(request, words.say(refusal))
    return redirect("cms:campaign", found.public_id)


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def submit_pages(request: HttpRequest, public_id: str) -> HttpResponse:
    """The drafts of its pages while it is on; shoppers read the live ones until a second person has decided."""
    found = _campaign(public_id)
    try:
        reason = request.POST.get("reason", "").strip()[:200]
        page_changes.submit_pages(campaign_id=found.pk, reason=reason, by=_user(request), now=clock.now())
        messages.success(
            request, _("Submitted: until a second person has decided, shoppers read the old page.")
        )
    except Refusal as refusal:
        messages.error(request, words.say(refusal))
    return redirect("cms:campaign", found.public_id)


@require_POST
@staff_page(RATIFY_CAMPAIGNS)
def decide(request: HttpRequest, public_id: str) -> HttpResponse:
    found, user, now = _campaign(public_id), _user(request), clock.now()
    proposal = workflows.open_proposal_of(found)
    if proposal is None:
        messages.error(request, _("Nothing waits for a decision here."))
        return redirect("cms:campaign", found.public_id)
    reason = request.POST.get("reason", "").strip()[:200]
    try:
        if request.POST.get("act") == "ratify":
            proposals.ratify(public_id=proposal.public_id, by=user, now=now)
            messages.success(request, _("Ratified: pages, prices and discounts open by the same clock."))
        elif not reason:
            messages.error(request, _("Say why you reject it."))
        else:
            proposals.reject(public_id=proposal.public_id, reason=reason, by=user, now=now)
            messages.success(request, _("Back to its author, with your reason."))
    except Refusal as refusal:
        messages.error(request, words.say(refusal))
    return redirect("cms:campaign", found.public_id)


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def end(request: HttpRequest, public_id: str) -> HttpResponse:
    found = _campaign(public_id)
    try:
        reason = request.POST.get("reason", "")[:200]
        verbs.end_campaign(campaign_id=found.pk, reason=reason, by=_user(request), now=clock.now())
        messages.success(request, _("Ended: page and prices are gone with the next request."))
    except Refusal as refusal:
        messages.error(request, words.say(refusal))
    return redirect("cms:campaign", found.public_id)


def _campaign(public_id: str) -> Campaign:
    found = Campaign.objects.select_related("segment", "budget").filter(public_id=public_id).first()
    if found is None:
        raise Http404("no such campaign")
    return found


def _is_over(found: Campaign) -> bool:
    return found.ends_at is not None and found.ends_at <= clock.now()


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


def _with_row(request: HttpRequest) -> Any:
    """What was posted; "add" asks for one row more."""
    if request.method != "POST":
        return None
    data = request.POST.copy()
    if "add" in data:
        data["d-TOTAL_FORMS"] = str(min(int(data.get("d-TOTAL_FORMS") or 0) + 1, 50))
    return data


def _put_at_field(refusal: Refusal, form: CampaignForm, rows: Any) -> None:
    """A refusal of a verb stands at the field that it names."""
    said, field = words.say(refusal), str(refusal.details.get("field", ""))
    is_of_row = isinstance(refusal, BadDiscount)
    field = "value" if is_of_row else field
    if field in form.fields:
        form.add_error(field, said)
        return
    for row in rows:
        if field in row.fields and row.is_wanted and _is_about(refusal, row):
            row.add_error(field, said)
            return
    form.add_error(None, said)


def _is_about(refusal: Refusal, row: DiscountForm) -> bool:
    """The engine puts the name of the discount before its complaint."""
    return not isinstance(refusal, BadDiscount) or refusal.message.startswith(row.draft.name)


def _form_page(request: HttpRequest, context: dict[str, Any], form: CampaignForm, rows: Any) -> HttpResponse:
    is_refused = request.method == "POST" and (bool(form.errors) or any(row.errors for row in rows))
    context["media"] = form.media + rows.media
    template = "cms/campaigns/campaign.html" if "campaign" in context else "cms/campaigns/new.html"
    return render(request, template, context, status=422 if is_refused else 200)
