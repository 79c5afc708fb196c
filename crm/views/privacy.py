"""Everything about a person as a file, and its erasure: for staff, on the page of the account."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.models import Customer
from crm.views.acts import user_of
from crm.workflows import privacy
from retail.front import refusals
from retail.front.formats import cell_text
from retail.front.toasts import toast
from retail.kernel.access import EDIT_CUSTOMERS, staff_page
from retail.kernel.errors import Refusal


@require_POST
@staff_page(EDIT_CUSTOMERS)
def export(request: HttpRequest, public_id: str) -> HttpResponse:
    """A download; that it was taken stands in the trace."""
    customer = get_object_or_404(Customer, public_id=public_id)
    found = privacy.hand_over(customer_id=customer.pk, by=user_of(request), now=timezone.now())
    return as_file(found, customer.public_id, is_table=request.POST.get("format") == "csv")


def as_file(found: dict[str, Any], name: str, *, is_table: bool) -> HttpResponse:
    """One JSON, or a table for each kind of thing in one archive."""
    if not is_table:
        answer = HttpResponse(
            json.dumps(found, ensure_ascii=False, indent=1), content_type="application/json; charset=utf-8"
        )
    else:
        answer = HttpResponse(_tables(found), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{name}.{"zip" if is_table else "json"}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _tables(found: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in found.items():
            if rows:
                text = io.StringIO()
                writer = csv.DictWriter(text, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
                archive.writestr(f"{name}.csv", "\ufeff" + text.getvalue())
    return out.getvalue()


def _cell(value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
    return cell_text(text) if isinstance(text, str) else text


@require_http_methods(["GET", "POST"])
@staff_page(EDIT_CUSTOMERS)
def erase(request: HttpRequest, public_id: str) -> HttpResponse:
    """GET says what goes and what the law keeps; POST erases, when the name was typed."""
    customer = get_object_or_404(Customer, public_id=public_id)
    if request.method == "POST":
        if request.POST.get("name", "").strip() != customer.name:
            messages.error(request, _("Type the name of the account as it stands."))
            return redirect("ops:customer_erase", customer.public_id)
        try:
            privacy.erase_person(customer_id=customer.pk, by=user_of(request), now=timezone.now())
            toast(request, _("The person is erased."))
        except Refusal as refusal:
            messages.error(request, refusals.say(refusal))
        return redirect("ops:customer", customer.public_id)
    return render(
        request,
        "crm/erase.html",
        {
            "customer": customer,
            "crumbs": [
                (_("Customers"), reverse("ops:customers")),
                (customer.name, reverse("ops:customer", args=[customer.public_id])),
                (_("Erase the person"), ""),
            ],
        },
    )
