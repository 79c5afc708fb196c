"""The queue of what waits for a person, one or many at a time, with the diff and the terms of the score."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from audit import selectors as audit
from audit.models import Proposal
from oms import routing as engine
from oms.models import Order, RoutingDecision
from oms.workflows import routing
from retail.front import refusals
from retail.front.charts import Term
from retail.front.parts import DiffRow
from retail.front.toasts import toast
from retail.kernel.access import RATIFY_ROUTING, VIEW_ROUTING, may, staff_page
from retail.kernel.errors import Refusal
from retail.kernel.models import User

QUEUE_SHOWN = 100
KINDS = {
    "ONE_PARCEL": gettext_lazy("in one parcel"),
    "SPLIT": gettext_lazy("in several parcels"),
    "LATE": gettext_lazy("later than promised"),
    "SHORT": gettext_lazy("a line stays open"),
}
# Kinds that are looked at and decided on a page of their own, which takes the subject and the proposal.
PAGES = {"segment": "ops:segment_proposal"}


@require_GET
@staff_page(VIEW_ROUTING)
def proposal_queue(request: HttpRequest) -> HttpResponse:
    """The open ones; the first is opened beside the list."""
    return _page(request, None)


@require_GET
@staff_page(VIEW_ROUTING)
def proposal_page(request: HttpRequest, public_id: str) -> HttpResponse:
    chosen = (
        Proposal.objects.select_related("author", "decided_by", "replaced_by")
        .filter(public_id=public_id)
        .first()
    )
    if chosen is None:
        raise Http404
    if chosen.kind in PAGES:
        return redirect(PAGES[chosen.kind], chosen.subject_key, chosen.public_id)
    return _page(request, chosen)


def _page(request: HttpRequest, chosen: Proposal | None) -> HttpResponse:
    waiting = list(audit.open_proposals()[:QUEUE_SHOWN])
    chosen = chosen or next((each for each in waiting if each.kind not in PAGES), None)
    decision = (
        RoutingDecision.objects.select_related("order").filter(proposal=chosen).first() if chosen else None
    )
    return render(
        request,
        "ops/proposals.html",
        {
            "waiting": waiting,
            "total": audit.open_proposals().count(),
            "chosen": chosen,
            "decision": decision,
            "cost": decision.cost if decision else None,
            "diff": [DiffRow(row["field"], row["before"] or None, row["after"]) for row in chosen.diff]
            if chosen
            else [],
            "candidates": _candidates(decision) if decision else [],
            "scale": _scale(decision) if decision else 0,
            "rejected": _rejected(decision) if decision else [],
            "is_stale": bool(
                decision and chosen and chosen.state == "OPEN" and _is_stale(chosen, decision.order)
            ),
            "may_ratify": may(request.user, RATIFY_ROUTING),
        },
    )


def _is_stale(proposal: Proposal, order: Order) -> bool:
    return bool(proposal.base.get("version") != order.version)


def _candidates(decision: RoutingDecision) -> list[dict[str, Any]]:
    """The chosen plan and the best plan of each other kind, each with its terms on one scale."""
    plans = [
        {"kind": "CHOSEN", "plan": decision.plan, "terms": decision.terms, "cost": str(decision.cost)},
        *decision.runners_up,
    ]
    return [
        {
            "kind": KINDS.get(each["kind"], each["kind"]),
            "is_chosen": each["kind"] == "CHOSEN",
            "where": " + ".join(sorted({step["location"] for step in each["plan"] if step["location"]})),
            "carriers": ", ".join(sorted({step["carrier"] for step in each["plan"] if step["carrier"]})),
            "parcels": len({step["parcel"] for step in each["plan"] if step["parcel"]}),
            "terms": _terms(each["terms"]),
            "cost": Decimal(each["cost"]),
            "more": Decimal(each["cost"]) - decision.cost,
        }
        for each in plans
    ]


def _terms(terms: dict[str, str]) -> list[Term]:
    """Five bars: a split and an overload are both load on the house, what is left open counts as lateness."""
    value = {name: float(terms.get(name, 0)) for name in engine.TERMS}
    return [
        Term(_("Carriage"), value["parcel"]),
        Term(_("Labor"), value["pick"]),
        Term(_("Lateness"), value["late"] + value["short"]),
        Term(_("Load and splits"), value["overflow"] + value["split"]),
        Term(_("Scarcity"), value["scarcity"]),
    ]


def _scale(decision: RoutingDecision) -> float:
    return max([float(decision.cost), *(float(each["cost"]) for each in decision.runners_up)]) or 1.0


def _rejected(decision: RoutingDecision) -> list[tuple[str, str]]:
    return [(code, each["reject"]) for code, each in sorted(decision.by_location.items()) if "reject" in each]


@require_POST
@staff_page(RATIFY_ROUTING)
def decide(request: HttpRequest) -> HttpResponse:
    """Ratify or reject the chosen ones, each in its own transaction; the result is told per row."""
    assert isinstance(request.user, User), "the page is for staff"
    chosen = request.POST.getlist("id")[:QUEUE_SHOWN]
    act, reason = request.POST.get("act", ""), request.POST.get("reason", "").strip()
    if act == "reject" and not reason:
        messages.error(request, _("Say why you reject it."))
        return redirect(request.POST.get("back") or "ops:proposals")
    elsewhere = set(
        Proposal.objects.filter(public_id__in=chosen, kind__in=PAGES).values_list("public_id", flat=True)
    )
    if elsewhere:
        messages.error(request, _("Some of them are decided on pages of their own; open them one by one."))
    done = 0
    for public_id in [each for each in chosen if each not in elsewhere]:
        try:
            if act == "reject":
                routing.reject_routing(
                    public_id=public_id, reason=reason, by=request.user, now=timezone.now()
                )
            else:
                routing.ratify_routing(public_id=public_id, by=request.user, now=timezone.now())
            done += 1
        except Refusal as refusal:
            title = (
                Proposal.objects.filter(public_id=public_id).values_list("title", flat=True).first()
                or public_id
            )
            messages.error(request, f"{title}: {refusals.say(refusal)}")
    if done:
        text = (
            ngettext("%(n)s proposal rejected.", "%(n)s proposals rejected.", done)
            if act == "reject"
            else ngettext("%(n)s proposal ratified.", "%(n)s proposals ratified.", done)
        )
        toast(request, text % {"n": done})
    return redirect("ops:proposals")
