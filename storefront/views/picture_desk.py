"""Pictures of products in the back office: which products have some, and the desk where one product's are put, described and ordered."""

from __future__ import annotations

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
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
from retail.kernel.models import User
from storefront import operations
from storefront import selectors as catalog
from storefront.models import Product, ProductPicture
from storefront.selectors.pictures import Picture

SHOWN = 50
_STEPS = {"earlier": -1, "later": 1}


class PictureForm(forms.Form):
    """A picture and what it shows."""

    picture = forms.FileField(
        label=gettext_lazy("JPEG, PNG or WebP"),
        help_text=gettext_lazy("At most 10 MB, at least 250 pixels on each side"),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )
    text = forms.CharField(
        label=gettext_lazy("What it shows"),
        help_text=gettext_lazy("For who does not see it, for example: back cover with a word by the author"),
        max_length=200,
        required=False,
    )
    text_en = forms.CharField(label=gettext_lazy("What it shows, in English"), max_length=200, required=False)


@require_safe
@staff_page(VIEW_CAMPAIGNS)
def pictured(request: HttpRequest) -> HttpResponse:
    """The products that have pictures, and a field that leads to any other."""
    code = request.GET.get("code", "").strip()[:40]
    if code:
        variant = catalog.variant_by_code(code)
        if variant is not None:
            return redirect("ops:product_pictures", slug=variant.product.slug)
    rows = _with_pictures().order_by("-updated_at", "-pk")[:SHOWN]
    context = {"rows": rows, "code": code, "is_unknown": bool(code), "now": clock.now()}
    return render(request, "shop/ops/pictured.html", context, status=404 if code else 200)


def _with_pictures() -> QuerySet[Product]:
    ids = ProductPicture.objects.values("product_id")
    return Product.objects.filter(pk__in=ids).annotate(
        count=Count("pictures", distinct=True), sku=Min("variants__sku")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page(VIEW_CAMPAIGNS)
def desk(request: HttpRequest, slug: str) -> HttpResponse:
    product = get_object_or_404(Product, slug=slug)
    form = PictureForm(request.POST or None, request.FILES or None)
    if request.method == "POST":
        by = _editor(request)
        if form.is_valid() and _added(form, product, by):
            toast(request, _("The picture is in its place."))
            return redirect("ops:product_pictures", slug=slug)
    return _shown(request, product, form, status=422 if request.method == "POST" else 200)


def _shown(
    request: HttpRequest, product: Product, form: PictureForm, *, status: int, refused: str = ""
) -> HttpResponse:
    rows = list(ProductPicture.objects.filter(product=product))
    context = {
        "product": product,
        "rows": [(row, Picture(row.key, row.width, row.height, row.text, row.text_en)) for row in rows],
        "form": form,
        "refused": refused,
        "may_edit": may(request.user, EDIT_CAMPAIGNS),
        "has_room": len(rows) < operations.PICTURES_MAX,
        "crumbs": [(_("Pictures of products"), reverse("ops:pictured")), (product.title, "")],
    }
    return render(request, "shop/ops/pictures.html", context, status=status)


def _added(form: PictureForm, product: Product, by: User) -> bool:
    given = form.cleaned_data["picture"]
    if given.size > operations.PICTURE_BYTES_MAX:
        form.add_error("picture", _("The picture is larger than 10 MB."))
        return False
    try:
        operations.add_picture(
            product_id=product.pk,
            content=given.read(),
            text=form.cleaned_data["text"],
            text_en=form.cleaned_data["text_en"],
            by=by,
            now=clock.now(),
        )
    except Refusal as refusal:
        form.add_error("picture", str(refusal) if refusal.code == "INVALID_PICTURE" else say(refusal))
        return False
    return True


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def change(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """One picture: its words, one place earlier or later, or away. `act` is the button that was pressed."""
    product = get_object_or_404(Product, slug=slug)
    act, by, now = request.POST.get("act", ""), _editor(request), clock.now()
    try:
        if act == "describe":
            words = {name: request.POST.get(name, "")[:200] for name in ("text", "text_en")}
            operations.describe_picture(product_id=product.pk, key=key, **words, by=by, now=now)
            toast(request, _("The words are saved."))
        elif act == "remove":
            operations.remove_picture(product_id=product.pk, key=key, by=by, now=now)
            toast(request, _("The picture is gone."))
        elif act in _STEPS:
            keys = _moved(product, key, _STEPS[act])
            operations.order_pictures(product_id=product.pk, keys=keys, by=by, now=now)
        else:
            raise Http404("no such act")
    except Refusal as refusal:
        return _shown(request, product, PictureForm(), status=refusal.status, refused=str(say(refusal)))
    return redirect("ops:product_pictures", slug=slug)


def _moved(product: Product, key: str, by: int) -> list[str]:
    """The keys in their order, this one a place further; one that is at its end, or not there, stays."""
    keys = list(ProductPicture.objects.filter(product=product).values_list("key", flat=True))
    if key in keys:
        place = keys.index(key)
        keys.insert(min(max(place + by, 0), len(keys) - 1), keys.pop(place))
    return keys


def _editor(request: HttpRequest) -> User:
    if not may(request.user, EDIT_CAMPAIGNS):
        raise PermissionDenied("Your role does not put pictures here.")
    assert request.user.is_authenticated, "the guard lets in staff only"
    return request.user
