"""Reviews by verified buyers: read beside the product, written by who bought it, let in by a person."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm import operations as crm
from crm.models import Review
from crm.states import ReviewState
from oms.workflows import reviews
from retail.front.refusals import say
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.access import EDIT_CAMPAIGNS, VIEW_CAMPAIGNS, may, staff_page
from retail.kernel.errors import Refusal
from storefront.models import Product
from storefront.states import ProductStatus
from storefront.views import shopper

PAGE, QUEUE = 10, 30
STARS = [
    (5, gettext_lazy("5, excellent")),
    (4, gettext_lazy("4, very good")),
    (3, gettext_lazy("3, good")),
    (2, gettext_lazy("2, weak")),
    (1, gettext_lazy("1, not for me")),
]


class ReviewForm(forms.Form):
    rating = forms.TypedChoiceField(
        label=gettext_lazy("Rating"),
        choices=STARS,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose from one to five stars.")},
    )
    title = forms.CharField(label=gettext_lazy("Title"), max_length=120, required=False)
    text = forms.CharField(
        label=gettext_lazy("What should other readers know?"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
    )
    shown_name = forms.CharField(
        label=gettext_lazy("Name beside the review"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "nickname"}),
        error_messages={"required": gettext_lazy("Write the name to stand beside the review.")},
    )


@require_safe
def shown(request: HttpRequest, slug: str) -> HttpResponse:
    """The part below the product for htmx, a page of its own otherwise."""
    product = _product(slug)
    rows = Review.objects.filter(product=product, state=ReviewState.PUBLISHED).order_by("-decided_at", "-pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    is_part = request.headers.get("HX-Target") == "reviews"
    template = "shop/parts/reviews.html" if is_part else "shop/reviews.html"
    response = render(
        request,
        template,
        {
            "product": product,
            "reviews": page,
            "is_part": is_part,
            "crumbs": [
                (_("Home"), reverse("shop:home")),
                (product.title, reverse("shop:product", args=[product.slug])),
                (_("Reviews"), ""),
            ],
        },
    )
    response["Vary"] = "HX-Target"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def write(request: HttpRequest, slug: str) -> HttpResponse:
    product, customer, user = _product(slug), shopper.customer_of(request), shopper.user_of(request)
    is_buyer = customer is not None and reviews.bought_line(customer=customer, product=product) is not None
    is_written = customer is not None and Review.objects.filter(customer=customer, product=product).exists()
    first = {"shown_name": user.get_short_name() if user else ""}
    form = ReviewForm(request.POST) if request.method == "POST" else ReviewForm(initial=first)
    if request.method == "POST" and customer is not None and form.is_valid():
        try:
            reviews.write_review(
                customer=customer,
                product=product,
                language=shopper.language(),
                by=user,
                now=clock.now(),
                **form.cleaned_data,
            )
        except Refusal as refusal:
            form.add_error(None, say(refusal))
        else:
            toast(request, _("Thank you. It is shown when a bookseller has read it."))
            return redirect("shop:product", product.slug)
    context = {
        "product": product,
        "form": form,
        "is_buyer": is_buyer,
        "is_written": is_written,
        "crumbs": [
            (_("Home"), reverse("shop:home")),
            (product.title, reverse("shop:product", args=[product.slug])),
            (_("Write a review"), ""),
        ],
    }
    return render(request, "shop/review.html", context, status=422 if request.method == "POST" else 200)


def _product(slug: str) -> Product:
    product = Product.objects.filter(slug=slug, status=ProductStatus.PUBLISHED).first()
    if product is None:
        raise Http404("no such product")
    return product


# ------------------------------------------------------------------ the back office
@require_safe
@staff_page(VIEW_CAMPAIGNS)
def queue(request: HttpRequest) -> HttpResponse:
    """Those that wait to be read, the oldest first; or what was decided, the newest first."""
    state = request.GET.get("state", "")
    state = state if state in ReviewState.values else ReviewState.PENDING.value
    order = ("pk",) if state == ReviewState.PENDING else ("-decided_at", "-pk")
    rows = Review.objects.filter(state=state).select_related("product", "decided_by").order_by(*order)
    counts = dict(Review.objects.order_by().values_list("state").annotate(n=Count("pk")))
    return render(
        request,
        "shop/ops/reviews.html",
        {
            "page": Paginator(rows, QUEUE).get_page(request.GET.get("page")),
            "state": state,
            "states": [(code, word, counts.get(code, 0)) for code, word in ReviewState.choices],
            "may_decide": may(request.user, EDIT_CAMPAIGNS),
            "now": clock.now(),
        },
    )


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def reply(request: HttpRequest, pk: int) -> HttpResponse:
    """The shop's words below a review; emptied, they are gone."""
    assert request.user.is_authenticated, "the guard lets in staff only"
    text = request.POST.get("reply", "").replace("\x00", "")
    try:
        crm.reply_to_review(review_id=pk, text=text, by=request.user, now=clock.now())
    except Refusal as refusal:
        messages.error(request, say(refusal))
    else:
        toast(request, _("The answer is shown.") if text.strip() else _("The answer is taken back."))
    return redirect(f"{reverse('ops:reviews')}?state={ReviewState.PUBLISHED}")


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    assert request.user.is_authenticated, "the guard lets in staff only"
    is_published = request.POST.get("act") == "publish"
    try:
        crm.decide_review(
            review_id=pk,
            is_published=is_published,
            reason=shopper.plain(request.POST.get("reason", ""), 200),
            by=request.user,
            now=clock.now(),
        )
    except Refusal as refusal:
        messages.error(request, say(refusal))
    else:
        toast(request, _("The review is shown.") if is_published else _("The review is not shown."))
    return redirect("ops:reviews")
