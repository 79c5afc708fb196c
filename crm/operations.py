"""Verbs about the account that buys."""

from datetime import datetime

from crm.events import CustomerCreated, MessageQueued
from crm.models import Customer, LoyaltyAccount, LoyaltyEntry, Message, Tier
from crm.states import CustomerKind, MessageState
from retail.kernel.errors import InvalidInput
from retail.kernel.identifiers import parse_pib
from retail.kernel.models import User
from retail.kernel.outbox import announce


class InvalidPib(InvalidInput):
    code = "INVALID_PIB"


def find_or_create_person(*, name: str, email: str, phone: str, language: str, now: datetime) -> Customer:
    """The guest account of this e-mail address. An account with a login is never found this way: the address is not verified."""
    found = (
        Customer.objects.filter(email__iexact=email, user__isnull=True, kind=CustomerKind.PERSON)
        .order_by("id")
        .first()
    )
    if found is not None:
        return found
    return _create(kind=CustomerKind.PERSON, name=name, email=email, phone=phone, language=language, now=now)


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
    announce(CustomerCreated(customer=made.public_id), subject=("customer", made.public_id))
    return made


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
