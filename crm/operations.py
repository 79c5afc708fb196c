"""Verbs about the account that buys, and the letters to it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Lower

from crm.events import CustomerCreated, MessageQueued
from crm.models import Address, Customer, LoyaltyAccount, LoyaltyEntry, Message, Tier
from crm.states import CustomerKind, MessageState
from retail.kernel.errors import InvalidInput, NotFound
from retail.kernel.identifiers import parse_pib
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.rows import Question, find_or_insert

logger = logging.getLogger("onerow.letters")


# By the expression that the index is made of; asking with `iexact` would read every account.
_GUEST: Question[Customer] = Question(
    lambda email: (
        Customer.objects.alias(mailbox=Lower("email"))
        .filter(mailbox=email, user__isnull=True, kind=CustomerKind.PERSON)
        .order_by("id")[:1]
    ),
    "?mailbox",
)


# The same question inside a larger statement.
FIND_GUEST = (
    "SELECT id FROM crm_customer WHERE kind = 'PERSON' AND lower(email) = %(mailbox)s AND user_id IS NULL "
    "ORDER BY id LIMIT 1"
)


class InvalidPib(InvalidInput):
    code = "INVALID_PIB"


def find_or_create_person(*, name: str, email: str, phone: str, language: str, now: datetime) -> Customer:
    """The guest account of this e-mail address. An account with a login is never found this way: the address is not verified."""
    new = _guest(name, email, phone, language, now)
    customer, is_new = find_or_insert(_GUEST, [email.lower()], new)
    if is_new:
        _announce(customer)
    return customer


def new_guest(
    *, customer_id: int, name: str, email: str, phone: str, language: str, now: datetime
) -> Customer:
    """The account of a guest whom FIND_GUEST does not know, announced; the caller writes the row."""
    customer = _guest(name, email, phone, language, now)
    customer.pk = customer_id
    _announce(customer)
    return customer


def _guest(name: str, email: str, phone: str, language: str, now: datetime) -> Customer:
    return Customer(
        kind=CustomerKind.PERSON, name=name, email=email, phone=phone, language=language, created_at=now
    )


def find_or_create_company(
    *, name: str, pib: str, registration_number: str, email: str, phone: str, language: str, now: datetime
) -> Customer:
    """The company with this PIB, one row whoever of its people orders."""
    number = parse_pib(pib)
    if number is None:
        raise InvalidPib("This is not a PIB: it has nine digits, the last one is a check digit.", pib=pib)
    found = Customer.objects.filter(pib=number, kind=CustomerKind.COMPANY).order_by("id").first()
    if found is not None:
        return found
    return _create(
        kind=CustomerKind.COMPANY,
        name=name,
        email=email,
        phone=phone,
        language=language,
        now=now,
        pib=number,
        registration_number=registration_number,
    )


def record_sef_registration(*, customer_id: int, is_registered: bool, now: datetime) -> None:
    """What SEF said of the company when it was asked just now."""
    Customer.objects.filter(pk=customer_id).update(is_sef_registered=is_registered, sef_checked_at=now)


def open_account(
    *, user: User, name: str, phone: str = "", language: str = "sr-latn", now: datetime
) -> Customer:
    """The account of a login; the same again for the same login."""
    found = Customer.objects.filter(user=user).first()
    if found is not None:
        return found
    return _create(
        kind=CustomerKind.PERSON,
        name=name or user.email,
        email=user.email,
        phone=phone,
        language=language,
        now=now,
        user=user,
    )


def _create(*, now: datetime, **fields: object) -> Customer:
    made = Customer.objects.create(created_at=now, **fields)
    _announce(made)
    return made


def _announce(made: Customer) -> None:
    announce(CustomerCreated(customer=made.public_id), subject=("customer", made.public_id))


@dataclass(frozen=True, slots=True)
class PastCustomer:
    """Somebody who bought before this house kept the books, known by the key of the other one."""

    external_ref: str
    name: str
    since: datetime


def add_past_customers(*, people: Sequence[PastCustomer], language: str) -> dict[str, int]:
    """Ids by external reference, made where they are new; nobody is told of them, they did nothing now."""
    references = [each.external_ref for each in people]
    # An empty reference is never looked for; saying so lets the partial index answer.
    known = Customer.objects.filter(external_ref__in=references).exclude(external_ref="")
    ids = dict(known.values_list("external_ref", "id"))
    made = Customer.objects.bulk_create(
        Customer(
            name=each.name[:200], external_ref=each.external_ref, language=language, created_at=each.since
        )
        for each in people
        if each.external_ref not in ids
    )
    return ids | {each.external_ref: each.pk for each in made}


def earn_points(
    *, customer_id: int, points: int, source: tuple[str, str], now: datetime
) -> LoyaltyEntry | None:
    """Points for a document, once; None when the customer is no member or nothing was earned. Tier follows the balance upward."""
    if points <= 0:
        return None
    account = LoyaltyAccount.objects.select_for_update().filter(customer_id=customer_id).first()
    if account is None:
        return None
    entry, is_new = LoyaltyEntry.objects.get_or_create(
        source_kind=source[0],
        source_key=source[1],
        reason="EARNED",
        defaults={"account": account, "points": points, "created_at": now},
    )
    if not is_new:
        return entry
    account.points += points
    tier = Tier.objects.filter(points_from__lte=account.points).order_by("-rank").first()
    if tier is not None and tier.rank > account.tier.rank:
        account.tier = tier
    account.save(update_fields=["points", "tier"])
    return entry


def queue_message(
    *,
    kind: str,
    subject: tuple[str, str],
    once_key: str,
    language: str,
    recipient: str,
    subject_line: str,
    text_body: str,
    html_body: str,
    customer_id: int | None,
    now: datetime,
) -> Message | None:
    """Write a letter once per `once_key`; a worker sends it. None when it was written before."""
    stored, is_new = Message.objects.get_or_create(
        once_key=once_key,
        defaults={
            "kind": kind,
            "subject_kind": subject[0],
            "subject_key": subject[1],
            "language": language,
            "recipient": recipient,
            "subject_line": subject_line[:200],
            "text_body": text_body,
            "html_body": html_body,
            "customer_id": customer_id,
            "state": MessageState.QUEUED,
            "created_at": now,
        },
    )
    if not is_new:
        return None
    announce(MessageQueued(message_id=stored.pk, kind=kind), subject=("message", str(stored.pk)))
    return stored


class AddressNotFound(NotFound):
    code = "UNKNOWN_ADDRESS"


def add_address(
    *,
    customer_id: int,
    name: str,
    street: str,
    postal_code: str,
    city: str,
    phone: str = "",
    label: str = "",
    country: str = "RS",
) -> Address:
    """One more address of the book; the first one becomes the usual one."""
    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=customer_id)
        is_first = not Address.objects.filter(customer_id=customer_id).exists()
        return Address.objects.create(
            customer_id=customer_id,
            label=label.strip()[:60],
            name=name.strip()[:200],
            street=street.strip()[:200],
            postal_code=postal_code.strip()[:12],
            city=city.strip()[:100],
            country=country,
            phone=phone,
            is_default=is_first,
        )


def make_default_address(*, customer_id: int, address_id: int) -> Address:
    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=customer_id)
        address = _address(customer_id, address_id)
        Address.objects.filter(customer_id=customer_id, is_default=True).exclude(pk=address_id).update(
            is_default=False
        )
        address.is_default = True
        address.save(update_fields=["is_default"])
        return address


def remove_address(*, customer_id: int, address_id: int) -> None:
    """Orders keep the address that they were placed with."""
    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=customer_id)
        _address(customer_id, address_id).delete()


def _address(customer_id: int, address_id: int) -> Address:
    address = Address.objects.filter(customer_id=customer_id, pk=address_id).first()
    if address is None:
        raise AddressNotFound("There is no such address in this account.")
    return address


def join_guest_account(*, user: User, now: datetime) -> Customer:
    """The address of a login is proved: what was bought as a guest with it becomes its account, with all orders.

    A login that has an account already keeps it.
    """
    with transaction.atomic():
        found = Customer.objects.filter(user=user).first()
        if found is not None:
            return found
        guest = (
            Customer.objects.select_for_update()
            .filter(email__iexact=user.email, user__isnull=True, kind=CustomerKind.PERSON)
            .order_by("id")
            .first()
        )
        if guest is None:
            return open_account(user=user, name=user.get_full_name(), language=user.language, now=now)
        guest.user = user
        guest.save(update_fields=["user", "updated_at"])
        return guest


SEND_LEASE = timedelta(minutes=5)
SEND_ATTEMPTS_MAX = 8


def send_message(*, message_id: int, now: datetime) -> str:
    """Send one letter that waits; "" when another worker has it. The mail server is called outside any transaction.

    A lost answer is repeated after the lease under the same Message-ID, so that the mailbox can drop the second one.
    """
    message = _take_message(message_id, now)
    if message is None:
        return ""
    letter = EmailMultiAlternatives(
        subject=message.subject_line,
        body=message.text_body,
        to=[message.recipient],
        headers={
            "Message-ID": f"<message-{message.pk}@{_mail_domain()}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    letter.attach_alternative(message.html_body, "text/html")
    try:
        letter.send()
    except OSError as error:  # smtplib's own errors are OSErrors too
        logger.warning("message %s was not sent: %s", message.pk, type(error).__name__)
        return _postpone_message(message, now)
    Message.objects.filter(pk=message.pk).update(state=MessageState.SENT, sent_at=now, next_attempt_at=None)
    return MessageState.SENT


def send_queued_messages(*, now: datetime, limit: int = 200) -> int:
    """What no ring has sent: each in its own short transactions."""
    waiting = Message.objects.filter(state=MessageState.QUEUED).filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now)
    )
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:limit])
    return sum(send_message(message_id=pk, now=now) == MessageState.SENT for pk in ids)


@transaction.atomic
def _take_message(message_id: int, now: datetime) -> Message | None:
    """The letter under a lease, or None when it is sent, taken, or not due."""
    message = (
        Message.objects.select_for_update(skip_locked=True)
        .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
        .filter(pk=message_id, state=MessageState.QUEUED)
        .first()
    )
    if message is not None:
        message.attempts += 1
        message.next_attempt_at = now + SEND_LEASE
        message.save(update_fields=["attempts", "next_attempt_at"])
    return message


def _postpone_message(message: Message, now: datetime) -> str:
    """Later, and later each time; after many attempts a person must look."""
    is_hopeless = message.attempts >= SEND_ATTEMPTS_MAX
    state = MessageState.FAILED if is_hopeless else MessageState.QUEUED
    wait = timedelta(minutes=min(2**message.attempts, 120))
    Message.objects.filter(pk=message.pk).update(
        state=state, next_attempt_at=None if is_hopeless else now + wait
    )
    return state


def _mail_domain() -> str:
    return settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip(" >") or "onerow.local"
