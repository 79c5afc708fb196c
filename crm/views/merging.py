"""Accounts that may be one: the pairs, what a merge would do, the merge and its undoing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from crm.models import Customer
from crm.selectors.duplicates import Pair, duplicates
from crm.views.acts import act, user_of
from crm.workflows import merging
from retail.front import refusals
from retail.front.parts import DiffRow
from retail.front.toasts import toast
from retail.kernel.access import EDIT_CUSTOMERS, staff_page
from retail.kernel.errors import Refusal

SIGNS = {
    "pib": gettext_lazy("same PIB"),
    "email": gettext_lazy("same e-mail"),
    "phone": gettext_lazy("same phone"),
    "street": gettext_lazy("same name and address"),
    "city": gettext_lazy("same name and town"),
}
THINGS = {
    "orders": gettext_lazy("Orders"),
    "baskets": gettext_lazy("Baskets"),
    "addresses": gettext_lazy("Addresses"),
    "notes": gettext_lazy("Notes"),
    "tasks": gettext_lazy("Tasks"),
    "messages": gettext_lazy("Letters"),
    "offers": gettext_lazy("Offers"),
    "coupons": gettext_lazy("Coupons"),
    "redemptions": gettext_lazy("Used coupons"),
}
FIELDS = {
    "name": gettext_lazy("Name"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "registration_number": gettext_lazy("Company number"),
    "jbkjs": "JBKJS",
    "external_ref": gettext_lazy("Key elsewhere"),
}


@require_GET
@staff_page(EDIT_CUSTOMERS)
def duplicate_list(request: HttpRequest) -> HttpResponse:
    pairs = duplicates()
    return render(
        request,
        "crm/duplicates.html",
        {
            "rows": shown(pairs),
            "now": timezone.now(),
            "crumbs": [(_("Customers"), reverse("ops:customers")), (_("Possible duplicates"), "")],
        },
    )


def shown(pairs: list[Pair]) -> list[dict[str, Any]]:
    """The pairs with their accounts; one with a login, else the older one, would survive."""
    ids = {each for pair in pairs for each in (pair.one, pair.other)}
    found = Customer.objects.in_bulk(ids)
    rows = []
    for pair in pairs:
        one, other = found[pair.one], found[pair.other]
        if other.user_id and not one.user_id:
            one, other = other, one
        rows.append(
            {
                "one": one,
                "other": other,
                "signs": [SIGNS[sign] for sign in pair.signs],
                "percent": int(pair.score * 100),
            }
        )
    return rows


@require_http_methods(["GET", "POST"])
@staff_page(EDIT_CUSTOMERS)
def merge_page(request: HttpRequest, public_id: str, other: str) -> HttpResponse:
    """GET says what would move; POST moves it."""
    survivor = get_object_or_404(Customer, public_id=public_id)
    merged = get_object_or_404(Customer, public_id=other)
    try:
        if request.method == "POST":
            merging.merge_customers(
                survivor_id=survivor.pk, merged_id=merged.pk, by=user_of(request), now=timezone.now()
            )
            toast(request, _("The accounts are one."))
            return redirect("ops:customer", survivor.public_id)
        preview = merging.preview_merge(survivor_id=survivor.pk, merged_id=merged.pk)
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
        return redirect("ops:customer", survivor.public_id)
    return render(
        request,
        "crm/merge.html",
        {
            "survivor": survivor,
            "merged": merged,
            "preview": preview,
            "moves": [(THINGS[name], count) for name, count in preview.moves.items()],
            "diff": [
                *(DiffRow(FIELDS[name], own, own) for name, own, _other in preview.conflicts),
                *(DiffRow(FIELDS[name], None, value) for name, value in preview.filled.items()),
            ],
            "lost": [(FIELDS[name], theirs) for name, _own, theirs in preview.conflicts],
            "crumbs": [
                (_("Customers"), reverse("ops:customers")),
                (survivor.name, reverse("ops:customer", args=[survivor.public_id])),
                (_("Merge accounts"), ""),
            ],
        },
    )


@act
def undo_merge(request: HttpRequest, customer: Customer) -> str:
    merging.undo_merge(public_id=request.POST.get("merge", "")[:32], by=user_of(request), now=timezone.now())
    return _("The accounts are two again.")
