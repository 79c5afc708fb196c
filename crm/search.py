"""Finding accounts: whatever the person has in front of them."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from crm.models import Customer, LoyaltyAccount
from crm.states import CustomerKind
from retail.kernel.fold import fold
from retail.kernel.identifiers import parse_phone

# Fewer letters stand in half of all names: they are looked for at the beginning only.
LETTERS_INSIDE = 3
DIGITS_MIN = 5


def customers(*, text: str = "", kind: str = "", with_merged: bool = False) -> QuerySet[Customer]:
    """Accounts by name in any script, e-mail, phone, PIB, company or membership number; merged ones are left out."""
    rows = Customer.objects.select_related("loyalty__tier", "user", "merged_into")
    if not with_merged:
        rows = rows.filter(merged_into__isnull=True)
    if kind in CustomerKind.values:
        rows = rows.filter(kind=kind)
    if not text:
        return rows
    rows = rows.alias(mailbox=Lower("email"))
    all_of_it = whole(text)
    # Who is meant by a whole number or address is asked first, key by key: as letters somewhere in the text it would be
    # looked for among all that share a mail server or the beginning of a telephone number.
    return rows.filter(all_of_it) if rows.filter(all_of_it).exists() else rows.filter(words(text))


def whole(text: str) -> Q:
    """Somebody's address or number of any kind, all of it."""
    # Looked up apart: a condition over two tables could use no index of either.
    members = LoyaltyAccount.objects.filter(number=text.upper()).values_list("customer_id", flat=True)
    found = Q(public_id=text) | Q(mailbox=text.lower()) | Q(pk__in=list(members))
    if phone := parse_phone(text):
        found |= Q(phone=phone)
    if digits := _digits(text):
        found |= Q(pib=digits) | Q(registration_number=digits)
    return found


def words(text: str) -> Q:
    """Each word somewhere in the name, the e-mail or the phone, in any order; or a piece of a telephone number."""
    found = Q()
    for word in fold(text).split():
        found &= Q(folded__contains=word) if len(word) >= LETTERS_INSIDE else Q(folded__startswith=word)
    if digits := _digits(text):
        found |= Q(folded__contains=digits.lstrip("0") or digits)
    return found or Q(pk__in=[])  # nothing but signs that mean nothing


def _digits(text: str) -> str:
    """A number as it is written with its signs; "" when it is none, or too short to mean somebody."""
    digits = text.translate({ord(sign): None for sign in " -/+().\u00a0"})
    return digits if digits.isdigit() and len(digits) >= DIGITS_MIN else ""
