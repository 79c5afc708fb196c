"""The right to see and to be forgotten (GDPR 15 and 17, ZZPL 26 and 30): everything about a person as plain data, and its erasure.

What tax law keeps stays and is said: invoices, fiscal receipts with the buyer's document, the journal, and the bare sums of orders.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Lower

from audit import operations as audit
from cms.models import FormAnswer
from crm import operations as crm
from crm.models import (
    Address,
    Alert,
    CampaignVisit,
    Consent,
    Coupon,
    CouponRedemption,
    Customer,
    CustomerDiscount,
    CustomerNote,
    CustomerTask,
    GiftCard,
    LoyaltyEntry,
    Message,
    PersonalExport,
    ProductView,
    Review,
    Wish,
)
from crm.operations import loyalty as points
from finance.models import FiscalReceipt, Invoice, Payment
from finance.workflows import loyalty as books
from oms.models import Basket, BasketLine, Order, OrderLine, OrderNote, Return
from oms.operations import accounts as oms
from oms.states import OrderStatus, ReturnStatus
from retail.kernel.errors import Refusal
from retail.kernel.models import User
from warehouse.models import Shipment

ERASED_NAME = "–"


class OpenOrders(Refusal):
    """Something is still on its way to the person, or back from them."""

    code = "OPEN_ORDERS"


class NotErasable(Refusal):
    code = "NOT_ERASABLE"


@transaction.atomic
def hand_over(*, customer_id: int, by: User, now: datetime) -> dict[str, Any]:
    """The same for somebody who asked, with a row that says who took it and when (its audit entry comes with it)."""
    PersonalExport.objects.create(customer_id=customer_id, taken_by=by, taken_at=now)
    return export_person(customer_id=customer_id)


def export_person(*, customer_id: int) -> dict[str, Any]:
    """Everything that the house keeps about the person, by kind of thing; a bounded number of statements."""
    customer = Customer.objects.select_related("user").get(pk=customer_id)
    orders = Order.objects.filter(customer=customer)
    own: dict[str, QuerySet[Any]] = {
        "addresses": Address.objects.filter(customer=customer),
        "consents": Consent.objects.filter(customer=customer),
        "notes": CustomerNote.objects.filter(customer=customer),
        "tasks": CustomerTask.objects.filter(customer=customer),
        "letters": Message.objects.filter(customer=customer),
        "reviews": Review.objects.filter(customer__in=_accounts(customer)),
        "wishes": Wish.objects.filter(customer__in=_accounts(customer)),
        "product_views": ProductView.objects.filter(customer__in=_accounts(customer)),
        "campaign_visits": CampaignVisit.objects.filter(customer=customer),
        "alerts": Alert.objects.filter(customer=customer),
        "form_answers": FormAnswer.objects.filter(customer=customer),
        "offers": CustomerDiscount.objects.filter(customer=customer),
        "coupons": Coupon.objects.filter(customer=customer),
        "used_coupons": CouponRedemption.objects.filter(customer=customer),
        "gift_cards": GiftCard.objects.filter(customer=customer),
        "points": LoyaltyEntry.objects.filter(account__customer=customer),
        "baskets": Basket.objects.filter(customer=customer),
        "basket_lines": BasketLine.objects.filter(basket__customer=customer),
        "orders": orders,
        "order_lines": OrderLine.objects.filter(order__in=orders),
        "order_notes": OrderNote.objects.filter(order__in=orders),
        "returns": Return.objects.filter(order__in=orders),
        "shipments": Shipment.objects.filter(order__in=orders),
        "payments": Payment.objects.filter(order__in=orders),
        "invoices": Invoice.objects.filter(order__in=orders),
        "fiscal_receipts": FiscalReceipt.objects.filter(order__in=orders),
    }
    login = customer.user
    found: dict[str, Any] = {"account": [_plain(customer, without=("folded",))]}
    found["login"] = (
        [{"email": login.email, "name": login.name, "joined": _text(login.date_joined)}] if login else []
    )
    found |= {
        name: [_plain(row, without=SECRET) for row in rows.order_by("pk")] for name, rows in own.items()
    }
    return found


# Keys of ours that open something, and what only the tax office reads.
SECRET = (
    "token",
    "client_hash",
    "idempotency_key",
    "idempotency_caller",
    "buyer_id_encrypted",
    "bank_account_encrypted",
    "request_id",
    "code_digest",
)


def _plain(row: Model, without: Iterable[str] = ()) -> dict[str, Any]:
    fields = (field for field in row._meta.concrete_fields if field.name not in without)
    return {field.name: _text(field.value_from_object(row)) for field in fields}


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


@transaction.atomic
def erase_person(*, customer_id: int, by: User | None, now: datetime) -> Customer:
    """Empty whatever names the person. Refuses OpenOrders, NotErasable."""
    order_ids = oms.lock_orders_of(customer_id=customer_id)
    basket_ids = oms.lock_baskets_of(customer_id=customer_id)
    customer = Customer.objects.select_for_update(of=("self",)).select_related("user").get(pk=customer_id)
    _check(customer, order_ids)
    _let_points_go(customer, now)
    gone = _empty(customer, order_ids)
    oms.forget_buyers(order_ids=order_ids, basket_ids=basket_ids)
    login = customer.user
    if login is not None:
        _close_login(login)
        gone["kernel.user"] = [login.pk]
    customer.name, customer.email, customer.phone, customer.external_ref = ERASED_NAME, "", "", ""
    customer.birth_month = customer.birth_day = None
    customer.erased_at = now
    customer.save(
        update_fields=[
            "name",
            "email",
            "phone",
            "external_ref",
            "birth_month",
            "birth_day",
            "erased_at",
            "updated_at",
        ]
    )
    # Last: the changes above have just written the old names into the trace once more.
    audit.erase_personal(rows={**gone, "crm.customer": [customer.pk], "oms.order": order_ids}, now=now)
    return customer


def _check(customer: Customer, order_ids: list[int]) -> None:
    if customer.erased_at is not None or customer.merged_into_id is not None:
        raise NotErasable("The account is nobody's any more.", reason="gone")
    if customer.user is not None and customer.user.is_staff:
        raise NotErasable("The login belongs to one of the staff.", reason="staff")
    final = (OrderStatus.COMPLETED, OrderStatus.CANCELED)
    running = Order.objects.filter(pk__in=order_ids).exclude(status__in=final)
    coming = Return.objects.filter(
        order__in=order_ids, status__in=[ReturnStatus.REQUESTED, ReturnStatus.RECEIVED]
    )
    if open_numbers := [*running.values_list("number", flat=True), *coming.values_list("number", flat=True)]:
        raise OpenOrders("Orders or returns are still under way.", numbers=sorted(open_numbers)[:20])


def _let_points_go(customer: Customer, now: datetime) -> None:
    account = points.lock_member(customer_id=customer.pk)
    if account is None or account.points == 0:
        return
    entries = points.use_points(
        account=account,
        points=account.points,
        reason=points.EXPIRED,
        source=("erasure", account.number),
        now=now,
    )
    books.post_points(entries, by=None, now=now)


def _empty(customer: Customer, order_ids: list[int]) -> dict[str, list[int]]:
    """Rows that say nothing without the person go; letters keep that they were sent. The ids of all, for the trace."""
    gone: dict[str, list[int]] = {}
    accounts = _accounts(customer)
    for account in accounts:
        crm.forget_views_of(customer_id=account)
    for label, rows in (
        ("crm.address", Address.objects.filter(customer=customer)),
        ("crm.customernote", CustomerNote.objects.filter(customer=customer)),
        ("crm.customertask", CustomerTask.objects.filter(customer=customer)),
        ("crm.wish", Wish.objects.filter(customer__in=accounts)),
        ("crm.alert", Alert.objects.filter(customer=customer)),
    ):
        gone[label] = list(rows.values_list("pk", flat=True))
        rows.delete()
    # The stars stay part of what buyers think; the words and the name were the person's.
    reviews = Review.objects.filter(customer__in=accounts)
    gone["crm.review"] = list(reviews.values_list("pk", flat=True))
    reviews.update(title="", text="", shown_name="", reply="")
    gone["cms.formanswer"] = _empty_answers(customer)
    # Who a card was for, and what was wished; where a card that waits for its day goes must stay.
    cards = GiftCard.objects.filter(customer=customer)
    gone["crm.giftcard"] = list(cards.values_list("pk", flat=True))
    cards.update(sender_name="", recipient_name="", message="")
    cards.filter(sent_at__isnull=False).update(recipient_email="")
    letters = Message.objects.filter(customer=customer)
    gone["crm.message"] = list(letters.values_list("pk", flat=True))
    letters.update(recipient="", subject_line="", text_body="", html_body="")
    gone["oms.ordernote"] = list(OrderNote.objects.filter(order__in=order_ids).values_list("pk", flat=True))
    return gone


def _accounts(customer: Customer) -> list[int]:
    """Also those that were merged into it: what both had of the same kind stayed with them."""
    found = newest = [customer.pk]
    while newest := list(Customer.objects.filter(merged_into__in=newest).values_list("pk", flat=True)):
        found = [*found, *newest]
    return found


def _empty_answers(customer: Customer) -> list[int]:
    """Also what was sent with the account's address by nobody who was signed in: it names the same person."""
    found = FormAnswer.objects.alias(mailbox=Lower("email"))
    own = Q(customer=customer)
    if customer.email:
        own |= Q(mailbox=customer.email.lower()) & ~Q(email="")
    ids = list(found.filter(own).values_list("pk", flat=True))
    FormAnswer.objects.filter(pk__in=ids).update(email="", answers=[])
    return ids


def _close_login(login: User) -> None:
    EmailAddress.objects.filter(user=login).delete()
    login.email, login.name, login.is_active = f"erased-{login.pk}@invalid.example", "", False
    login.set_unusable_password()
    login.save(update_fields=["email", "name", "is_active", "password"])
