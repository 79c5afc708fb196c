"""Gift cards in the back office: found by last letters, order or recipient; sold, blocked with a reason, sent again, returned."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm import operations as crm
from crm.models import GiftCard
from finance.workflows.gift_cards import return_card
from oms.models import Order
from oms.states import PaymentMethod
from oms.workflows.gift_card_orders import AMOUNT_MAX, AMOUNT_MIN, METHODS, CardsWanted, order_gift_cards
from retail.front import refusals
from retail.front.formats import read_amount
from retail.front.keyset import newest_first
from retail.front.toasts import toast
from retail.kernel.access import EDIT_ORDERS, REFUND, VIEW_ORDERS, may, of_seen_entities, staff_page
from retail.kernel.clock import business_date
from retail.kernel.errors import Refusal
from retail.kernel.identifiers import parse_email
from retail.kernel.models import User

# The office's own language is nobody's: a card sold here speaks the first language of the shop.
LANGUAGE = "sr-latn"


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


@require_safe
@staff_page(VIEW_ORDERS)
def card_list(request: HttpRequest) -> HttpResponse:
    """Newest first, or those that fit what was typed."""
    text = request.GET.get("q", "").strip()[:100].replace("\0", "")
    rows, following = newest_first(
        _found(request, text), by="created_at", cursor=request.GET.get("after", "")
    )
    context = {
        "rows": rows,
        "next": following,
        "text": text,
        "now": timezone.now(),
        "may_sell": may(request.user, EDIT_ORDERS),
        "methods": [(method.value, method.label) for method in METHODS],
        "least": AMOUNT_MIN,
        "most": AMOUNT_MAX,
    }
    return render(request, "ops/gift_cards.html", context)


def _found(request: HttpRequest, text: str) -> QuerySet[GiftCard]:
    rows = of_seen_entities(GiftCard.objects.all(), request.user)
    if not text:
        return rows
    bare = text.upper().replace(" ", "").replace("-", "").replace("•", "")
    return rows.filter(
        Q(last_four=bare[-4:] if len(bare) >= 4 else bare)
        | Q(order_number=text.upper())
        | Q(recipient_email=text.lower())
    )


@require_safe
@staff_page(VIEW_ORDERS)
def card_page(request: HttpRequest, public_id: str) -> HttpResponse:
    card = _card(request, public_id)
    spent = set(card.entries.values_list("order_number", flat=True)) | {card.order_number}
    context = {
        "card": card,
        "entries": card.entries.order_by("-pk"),
        "orders": set(Order.objects.filter(number__in=spent).values_list("number", flat=True)),
        "is_paid": card.entries.exists(),
        "is_over": card.expires_on is not None and card.expires_on < business_date(timezone.now()),
        "is_unused": card.balance == card.amount,
        "may_edit": may(request.user, EDIT_ORDERS),
        "may_refund": may(request.user, REFUND),
        "crumbs": [(_("Gift cards"), reverse("ops:gift_cards")), (str(card), "")],
    }
    return render(request, "ops/gift_card.html", context)


@require_POST
@staff_page(EDIT_ORDERS)
def sell(request: HttpRequest) -> HttpResponse:
    """An order of one card for whoever calls; it is paid by its page or by transfer."""
    now = timezone.now()
    try:
        placed = order_gift_cards(
            wanted=CardsWanted(
                cards=[
                    crm.NewCard(
                        amount=read_amount(request.POST.get("amount", "")) or Decimal(0),
                        recipient_email=request.POST.get("recipient_email", ""),
                        send_on=business_date(now),
                        recipient_name=request.POST.get("recipient_name", ""),
                        sender_name=request.POST.get("name", ""),
                    )
                ],
                email=request.POST.get("email", ""),
                name=request.POST.get("name", ""),
                payment_method=request.POST.get("payment", PaymentMethod.BANK_TRANSFER),
                language=LANGUAGE,
            ),
            by=_user(request),
            now=now,
        )
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
        return redirect("ops:gift_cards")
    toast(request, _("Ordered. The card is sent when it is paid."))
    return redirect("ops:order", placed.order.number)


def _act(
    request: HttpRequest, public_id: str, verb: Callable[[GiftCard, str, User], object], words: str
) -> HttpResponse:
    """The verb's word as a toast, its refusal by name on the same page."""
    card = _card(request, public_id)
    try:
        verb(card, request.POST.get("reason", "").strip()[:120], _user(request))
        toast(request, words)
    except Refusal as refusal:
        messages.error(request, refusals.say(refusal))
    return redirect("ops:gift_card", card.public_id)


@require_POST
@staff_page(EDIT_ORDERS)
def block(request: HttpRequest, public_id: str) -> HttpResponse:
    def verb(card: GiftCard, reason: str, by: User) -> None:
        crm.block_card(public_id=card.public_id, reason=reason, by=by, now=timezone.now())

    return _act(request, public_id, verb, _("The card is blocked."))


@require_POST
@staff_page(EDIT_ORDERS)
def unblock(request: HttpRequest, public_id: str) -> HttpResponse:
    def verb(card: GiftCard, reason: str, by: User) -> None:
        crm.unblock_card(public_id=card.public_id, reason=reason, by=by)

    return _act(request, public_id, verb, _("The card can be spent again."))


@require_POST
@staff_page(EDIT_ORDERS)
def send_again(request: HttpRequest, public_id: str) -> HttpResponse:
    email = parse_email(request.POST.get("recipient_email", ""))

    def verb(card: GiftCard, reason: str, by: User) -> None:
        crm.send_again(public_id=card.public_id, recipient_email=email or card.recipient_email, by=by)

    return _act(
        request, public_id, verb, _("A new letter leaves in a minute; its code replaces the one before.")
    )


@require_POST
@staff_page(REFUND)
def give_back(request: HttpRequest, public_id: str) -> HttpResponse:
    def verb(card: GiftCard, reason: str, by: User) -> None:
        return_card(
            public_id=card.public_id,
            reason=reason,
            by=by,
            now=timezone.now(),
            bank_account=request.POST.get("bank_account", "").strip()[:34],
        )

    return _act(request, public_id, verb, _("The card is returned; its money goes back."))


def _card(request: HttpRequest, public_id: str) -> GiftCard:
    return get_object_or_404(of_seen_entities(GiftCard.objects.all(), request.user), public_id=public_id)
