"""Collections in the back office: saved listings, made and changed by merchandisers."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from retail.front.refusals import say
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.access import EDIT_CAMPAIGNS, VIEW_CAMPAIGNS, may, staff_page
from retail.kernel.errors import Refusal
from storefront import operations
from storefront.models import Collection
from storefront.operations import CollectionData


class CollectionForm(forms.ModelForm[Collection]):
    """What a collection says and holds; the verb judges it."""

    class Meta:
        model = Collection
        fields = ("name", "name_en", "slug", "description", "category", "filters", "position", "is_shown")
        labels = {"category": gettext_lazy("Department")}
        help_texts = {
            "slug": gettext_lazy("Small letters, digits and hyphens, for example letnje-citanje"),
            "filters": gettext_lazy(
                "Open a listing in the shop, choose filters, and copy what stands after the question mark of its address"
            ),
        }

    def validate_unique(self) -> None:
        """The verb says it, for this form and for everybody else."""


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def collection_list(request: HttpRequest) -> HttpResponse:
    rows = Collection.objects.select_related("category")
    return render(
        request,
        "shop/ops/collections.html",
        {"rows": rows, "may_edit": may(request.user, EDIT_CAMPAIGNS), "now": clock.now()},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(EDIT_CAMPAIGNS)
def collection_page(request: HttpRequest, pk: int = 0) -> HttpResponse:
    row = get_object_or_404(Collection, pk=pk) if pk else None
    form = CollectionForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid() and _saved(request, form, pk):
        return redirect("ops:collections")
    title = row.name if row else _("New collection")
    context = {
        "form": form,
        "row": row,
        "title": title,
        "crumbs": [(_("Collections"), reverse("ops:collections")), (title, "")],
    }
    return render(
        request, "shop/ops/collection.html", context, status=422 if request.method == "POST" else 200
    )


def _saved(request: HttpRequest, form: CollectionForm, pk: int) -> bool:
    given = {name: form.cleaned_data[name] for name in form.cleaned_data if name != "category"}
    category = form.cleaned_data["category"]
    data = CollectionData(**given, category_id=category.pk if category else None)
    assert request.user.is_authenticated, "the guard lets in staff only"
    try:
        operations.save_collection(data=data, by=request.user, now=clock.now(), collection_id=pk)
    except Refusal as refusal:
        form.add_error(
            "filters"
            if refusal.code == "UNKNOWN_FILTER"
            else "name"
            if refusal.code == "MISSING_TITLE"
            else "slug",
            say(refusal),
        )
        return False
    toast(request, _("The collection is saved."))
    return True


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Collection, pk=pk)
    assert request.user.is_authenticated, "the guard lets in staff only"
    operations.remove_collection(collection_id=row.pk, by=request.user)
    toast(request, _("The collection is gone."))
    return redirect("ops:collections")
