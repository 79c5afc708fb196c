"""Something back, something else instead: shown with what it does to the money and the date, then agreed in one step."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from finance import selectors as finance
from oms.models import Order
from oms.states import PaperKind, PaymentMethod
from oms.workflows import exchanges
from oms.workflows.checkout import MethodNotAvailable
from oms.workflows.returns import RETURN_DAYS, Asked, NothingToReturn, ReturnPeriodOver
from retail.front.formats import money_text
from retail.front.toasts import toast
from retail.kernel import clock
from retail.kernel.errors import Refusal
from storefront.models import Variant
from storefront.selectors.prices import unit_prices
from storefront.selectors.search import match
from storefront.states import ProductStatus
from storefront.views import payment, shopper, tracking
from storefront.views.after.changing import crumbs
from storefront.views.after.forms import ExchangeForm
from warehouse.operations import OutOfStock

FOUND_MAX = 12


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def exchange(request: HttpRequest, token: str) -> HttpResponse:
    """The form; posted with `find`, with titles to choose from; else what it would do; with `apply`, it is done as it was shown."""
    order = payment.order_or_404(token)
    lines = tracking.returnable(order, tracking.goods_of(order))
    if not lines:
        return redirect("shop:order", token=token)
    find = shopper.plain(request.POST.get("find", ""), 200)
    form = ExchangeForm(
        request.POST if request.method == "POST" and "find_it" not in request.POST else None,
        initial=request.POST.dict() if "find_it" in request.POST else None,
        lines=lines,
        needs_buyer_id=order.paper != PaperKind.SEF and not order.company_pib,
        needs_account=finance.needs_account(order_id=order.pk),
        offered=_offered(order, lines, find, request.POST.get("instead", "")),
    )
    if not form.is_bound:
        return _page(request, order, form)
    if not form.is_valid():
        return _page(request, order, form, status=422)
    wanted, now = _wanted(form), clock.now()
    try:
        if "apply" in request.POST and request.POST.get("seen", "") == _seen(wanted):
            return _agree(request, order, wanted)
        outcome = exchanges.preview_exchange(order_id=order.pk, wanted=wanted, now=now, is_shopper=True)
    except Refusal as refusal:
        form.add_error(None, _words(refusal))
        return _page(request, order, form, status=422)
    return _page(request, order, form, outcome=outcome, seen=_seen(wanted))


def _agree(request: HttpRequest, order: Order, wanted: exchanges.Wanted) -> HttpResponse:
    done = exchanges.exchange(
        order_id=order.pk,
        wanted=wanted,
        by=shopper.user_of(request),
        now=clock.now(),
        is_shopper=True,
        expected_pay=_sum(request.POST.get("to_pay", "")),
        expected_refund=_sum(request.POST.get("to_refund", "")),
    )
    toast(request, _("The exchange is agreed. Send back what you exchange."))
    if done.payment.method == PaymentMethod.CARD:
        return HttpResponseRedirect(done.redirect_url) if done.redirect_url else _to("pay", done.order)
    if done.payment.method == PaymentMethod.BANK_TRANSFER:
        return _to("transfer", done.order)
    return _to("order", done.order)


def _to(page: str, order: Order) -> HttpResponse:
    return redirect(f"shop:{page}", token=order.token)


def _offered(
    order: Order, lines: Sequence[tracking.Returnable], find: str, chosen: str
) -> list[tuple[str, str]]:
    """Other formats of the same titles first, then what was searched for; with today's prices."""
    own = [line.sku for line in lines]
    products = list(Variant.objects.filter(sku__in=own).values_list("product_id", flat=True))
    found = match(find).ids[:FOUND_MAX] if find else []
    variants = list(
        Variant.objects.filter(
            product_id__in=[*products, *found],
            is_sellable=True,
            is_digital=False,
            product__status=ProductStatus.PUBLISHED,
        )
        .select_related("product")
        .order_by("pk")
    )
    if chosen and not any(variant.sku == chosen for variant in variants):
        variants += Variant.objects.filter(
            sku=chosen[:40], is_sellable=True, is_digital=False
        ).select_related("product")
    prices = unit_prices([variant.pk for variant in variants], order.channel.price_list_id, clock.now())
    place = {product_id: rank for rank, product_id in enumerate([*products, *found])}
    variants.sort(key=lambda variant: place.get(variant.product_id, len(place)))
    only = own[0] if len(own) == 1 else ""
    return [
        (variant.sku, _title(variant, prices[variant.pk], order.currency))
        for variant in variants
        if variant.pk in prices and variant.sku != only
    ]


def _title(variant: Variant, price: Decimal, currency: str) -> str:
    words = [variant.product.title, variant.format_name, money_text(price, shopper.language(), currency)]
    return ", ".join(word for word in words if word)


def _wanted(form: ExchangeForm) -> exchanges.Wanted:
    data = form.cleaned_data
    back = [Asked(sku, units, data["reason"]) for sku, units in form.chosen()]
    return exchanges.Wanted(
        back=back,
        instead=[(data["instead"], sum(asked.quantity for asked in back))],
        payment_method=data["method"],
        buyer_id_kind=data.get("buyer_id_kind", ""),
        buyer_id=data.get("buyer_id", ""),
        bank_account=data.get("bank_account", ""),
    )


def _page(
    request: HttpRequest,
    order: Order,
    form: ExchangeForm,
    *,
    outcome: exchanges.Outcome | None = None,
    seen: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "order": order,
        "form": form,
        "rows": [(line, form[f"q-{line.key}"]) for line in form.lines],
        "outcome": outcome,
        "promised": tracking.promise_words(outcome.promise) if outcome else "",
        "seen": seen,
        "crumbs": crumbs(order, _("Exchange")),
    }
    return render(request, "shop/exchange.html", context, status=status)


def _seen(wanted: exchanges.Wanted) -> str:
    """What the preview was of: what was chosen anew since is shown again before anything is done."""
    back = ",".join(f"{asked.sku}:{asked.quantity}" for asked in wanted.back)
    instead = ",".join(f"{sku}:{units}" for sku, units in wanted.instead)
    return f"{back};{instead};{wanted.payment_method}"


def _sum(typed: str) -> Decimal:
    try:
        seen = Decimal(typed)
    except InvalidOperation:
        return Decimal(-1)
    return seen if seen.is_finite() else Decimal(-1)


def _words(refusal: Refusal) -> str:
    if isinstance(refusal, ReturnPeriodOver):
        return _("A return is possible for %(days)s days after delivery, and they are over.") % {
            "days": RETURN_DAYS
        }
    if isinstance(refusal, NothingToReturn):
        return _("Fewer can come back than you wrote. Look at the numbers.")
    if isinstance(refusal, OutOfStock):
        return _("There are not so many of what you chose. Choose fewer or another title.")
    if isinstance(refusal, exchanges.NothingPaidForIt):
        return _("Nothing was paid for it, so it can only be returned.")
    if isinstance(refusal, exchanges.FileNotExchanged):
        return _(
            "An electronic edition is not sent out for goods. Return what you do not want, and order it by itself."
        )
    if isinstance(refusal, MethodNotAvailable):
        return _(
            "What you chose cannot come the way your order came. Choose another title, or return this one and order anew."
        )
    if refusal.code == "PRICE_CHANGED":
        return _("The amounts have changed since you looked. Look at what it would do and agree again.")
    return _("That could not be done. Check the fields and try again.")
