"""What staff do on the page of an account: each a POST, answered with a word on the same page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_POST

from crm.models import Customer
from crm.operations import care, offers
from crm.operations import loyalty as points
from crm.states import ConsentKind
from retail.front import refusals
from retail.front.toasts import toast
from retail.kernel.access import EDIT_CUSTOMERS, staff_page
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.models import User

Act = Callable[[HttpRequest, Customer], str]


def user_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


def act(verb: Act) -> Callable[..., HttpResponse]:
    """The verb's word as a toast, its refusal by name on the page; all of it or nothing."""

    @require_POST
    @staff_page(EDIT_CUSTOMERS)
    def view(request: HttpRequest, public_id: str) -> HttpResponse:
        customer = get_object_or_404(Customer, public_id=public_id)
        try:
            with transaction.atomic():
                said = verb(request, customer)
            toast(request, said)
        except Refusal as refusal:
            messages.error(request, refusals.say(refusal))
        return redirect("ops:customer", customer.public_id)

    view.__name__ = verb.__name__
    view.__doc__ = verb.__doc__
    return view


@act
def add_note(request: HttpRequest, customer: Customer) -> str:
    care.add_note(
        customer_id=customer.pk,
        text=request.POST.get("text", ""),
        by=user_of(request),
        now=timezone.now(),
    )
    return _("The note is added.")


@act
def add_task(request: HttpRequest, customer: Customer) -> str:
    due = _day(request, "due_on")
    if due is None:
        raise InvalidInput("A task has a day until which it is done.", field="due_on")
    care.add_task(
        customer_id=customer.pk,
        title=request.POST.get("title", ""),
        due_on=due,
        assignee_id=_number(request, "assignee"),
        by=user_of(request),
        now=timezone.now(),
    )
    return _("The task is added.")


@act
def finish_task(request: HttpRequest, customer: Customer) -> str:
    care.finish_task(
        customer_id=customer.pk,
        task_id=_number(request, "task") or 0,
        by=user_of(request),
        now=timezone.now(),
    )
    return _("The task is done.")


@act
def record_consent(request: HttpRequest, customer: Customer) -> str:
    """Said to staff, by phone or at the counter; the words are those of the account's language."""
    kind, is_given = request.POST.get("kind", ""), request.POST.get("is_given") == "1"
    label = dict(ConsentKind.choices).get(kind, "")
    with override(customer.language):
        wording = (
            _("I agree: %(what)s.") % {"what": label}
            if is_given
            else _("I no longer agree: %(what)s.") % {"what": label}
        )
    care.record_consent(
        customer_id=customer.pk,
        kind=kind,
        is_given=is_given,
        wording=wording,
        source="ops",
        by=user_of(request),
        now=timezone.now(),
    )
    return _("The consent is written down.")


@act
def write_offer(request: HttpRequest, customer: Customer) -> str:
    until = _day(request, "valid_to")
    offers.write_offer(
        customer_id=customer.pk,
        discount_id=_number(request, "discount") or 0,
        reason=request.POST.get("reason", ""),
        valid_to=datetime.combine(until, time.max, tzinfo=BUSINESS_ZONE) if until else None,
        uses_max=_number(request, "uses_max"),
        by=user_of(request),
        now=timezone.now(),
    )
    return _("The account carries the offer.")


@act
def withdraw_offer(request: HttpRequest, customer: Customer) -> str:
    offer = customer.offers.filter(pk=_number(request, "offer") or 0).first()
    if offer is None:
        raise offers.UnknownOffer("The account carries no such offer.")
    offers.withdraw_offer(offer_id=offer.pk, by=user_of(request), now=timezone.now())
    return _("The offer is withdrawn.")


@act
def join_program(request: HttpRequest, customer: Customer) -> str:
    account = points.join_program(customer_id=customer.pk, now=timezone.now())
    return _("Member %(number)s.") % {"number": account.number}


def _number(request: HttpRequest, name: str) -> int | None:
    text = request.POST.get(name, "").strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise InvalidInput("Write a whole number.", field=name)
    return int(text)


def _day(request: HttpRequest, name: str) -> date | None:
    text = request.POST.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("This is not a day.", field=name) from None
