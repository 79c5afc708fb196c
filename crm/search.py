"""Finding accounts: whatever the person has in front of them."""

from __future__ import annotations

from django.db.models import BooleanField, F, Func, Q, QuerySet
from django.db.models.functions import Lower

from crm.models import Customer, LoyaltyAccount
from crm.states import CustomerKind
from retail.kernel.fold import fold
from retail.kernel.identifiers import parse_phone

# Fewer letters stand in half of all names: they are looked for at the beginning only.
LETTERS_INSIDE = 3
DIGITS_MIN = 5
# Put in order by hand, so to say; of more than these the newest are soon found.
FEW = 3_000


def customers(*, text: str = "", kind: str = "", with_merged: bool = False) -> QuerySet[Customer]:
    """Accounts by name in any script, e-mail, phone, PIB, company or membership number; merged ones are left out."""
    # Nothing is joined before the first page of them is found: the server would rather walk all accounts by age than join all that fit.
    rows = Customer.objects.prefetch_related("loyalty__tier", "user", "merged_into")
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
    return rows.filter(all_of_it) if rows.filter(all_of_it).exists() else _with_words(rows, text)


def _with_words(rows: QuerySet[Customer], text: str) -> QuerySet[Customer]:
    """Of several words few accounts have all: those are found by the index and put in order. Left to choose, the server walks the newest
    accounts until a page is full, which is right for one frequent word and reads ten thousands for two.
    """
    found = words(text)
    if len(fold(text).split()) > 1:
        ids = list(rows.filter(found).order_by().values_list("pk", flat=True)[: FEW + 1])
        if len(ids) <= FEW:
            return rows.filter(pk__in=ids)
    return rows.filter(found)


def whole(text: str) -> Q:
    """Somebody's address or number of any kind, all of it."""
    # Looked up apart: a condition over two tables could use no index of either.
    members = LoyaltyAccount.objects.filter(number=text.upper()).values_list("customer_id", flat=True)
    found = Q(public_id=text) | Q(mailbox=text.lower()) | Q(pk__in=list(members))
    if phone := parse_phone(text):
        found |= Q(phone=phone)
    if digits := _digits(text):
        found |= Q(pib=digits) & _is_there("pib")
        found |= Q(registration_number=digits) & _is_there("registration_number")
    return found


def _is_there(column: str) -> Q:
    """As words of the statement, not as its parameter: only so does a plan that is kept for all numbers ask the index of those that have one."""
    return Q(Func(F(column), template="%(expressions)s <> ''", output_field=BooleanField()))


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
