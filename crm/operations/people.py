"""Verbs about the account that buys: found, opened, joined with its login."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Lower

from crm.events import CustomerCreated
from crm.models import Customer
from crm.states import CustomerKind
from retail.kernel.errors import InvalidInput
from retail.kernel.identifiers import parse_pib
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.rows import Question, find_or_insert

# By the expression that the index is made of; asking with `iexact` would read every account.
_GUEST: Question[Customer] = Question(
    lambda email: (
        Customer.objects.alias(mailbox=Lower("email"))
        .filter(mailbox=email, user__isnull=True, kind=CustomerKind.PERSON, merged_into__isnull=True)
        .order_by("id")[:1]
    ),
    "?mailbox",
)


# The same question inside a larger statement.
FIND_GUEST = (
    "SELECT id FROM crm_customer WHERE kind = 'PERSON' AND lower(email) = %(mailbox)s AND user_id IS NULL "
    "AND merged_into_id IS NULL ORDER BY id LIMIT 1"
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
    found = (
        Customer.objects.filter(pib=number, kind=CustomerKind.COMPANY, merged_into__isnull=True)
        .order_by("id")
        .first()
    )
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
            .filter(
                email__iexact=user.email,
                user__isnull=True,
                kind=CustomerKind.PERSON,
                merged_into__isnull=True,
            )
            .order_by("id")
            .first()
        )
        if guest is None:
            return open_account(user=user, name=user.get_full_name(), language=user.language, now=now)
        guest.user = user
        guest.save(update_fields=["user", "updated_at"])
        return guest
