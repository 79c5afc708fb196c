"""Electronic editions in the back office: which titles have one, and where their files are put."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from oms.workflows.electronic import upload_file
from retail.front.keyset import newest_first
from retail.front.refusals import say
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.access import EDIT_CAMPAIGNS, VIEW_CAMPAIGNS, may, staff_page
from retail.kernel.errors import Refusal
from storefront.models import DigitalFile


class FileForm(forms.Form):
    """A file for a SKU of its own."""

    sku = forms.CharField(
        label=gettext_lazy("SKU of the edition"),
        max_length=40,
        help_text=gettext_lazy("A variant of its own, beside the printed one, that no units were bought of"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    file = forms.FileField(
        label=gettext_lazy("EPUB or PDF"),
        help_text=gettext_lazy(
            "At most 50 MB. A file that is there already is replaced for all who bought it."
        ),
        widget=forms.FileInput(attrs={"accept": ".epub,.pdf,application/epub+zip,application/pdf"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(VIEW_CAMPAIGNS)
def files(request: HttpRequest) -> HttpResponse:
    may_edit = may(request.user, EDIT_CAMPAIGNS)
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied("Your role does not put files here.")
        if form.is_valid() and _kept(request, form):
            return redirect("ops:files")
    rows, following = newest_first(
        DigitalFile.objects.select_related("variant__product"),
        by="uploaded_at",
        cursor=request.GET.get("after", ""),
    )
    context = {"form": form, "rows": rows, "next": following, "may_edit": may_edit, "now": clock.now()}
    return render(request, "shop/ops/files.html", context, status=422 if request.method == "POST" else 200)


def _kept(request: HttpRequest, form: FileForm) -> bool:
    assert request.user.is_authenticated, "the guard lets in staff only"
    given = form.cleaned_data["file"]
    if given.size > settings.DIGITAL_FILE_BYTES_MAX:
        form.add_error("file", _("The file is larger than 50 MB."))
        return False
    try:
        upload_file(
            sku=form.cleaned_data["sku"].strip(), content=given.read(), by=request.user, now=clock.now()
        )
    except Refusal as refusal:
        form.add_error("file" if refusal.code == "INVALID_FILE" else "sku", say(refusal))
        return False
    toast(request, _("The file is kept, the edition is on sale."))
    return True
