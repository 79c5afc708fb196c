"""Finding accounts: whatever the person has in front of them."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from crm.models import Customer, LoyaltyAccount
from crm.states import CustomerKind
from retail.kernel.fold import fold
from retail.kernel.identifiers import parse_phone

# Fewer letters stand in half of all names: they are looked for at the beginning only.
LETTERS_INSIDE = 3


def customers(*, text: str = "", kind: str = "", with_merged: bool = False) -> QuerySet[Customer]:
    """Accounts by name in any script, e-mail, phone, PIB, company or membership number; merged ones are left out."""
    rows = Customer.objects.select_related("loyalty__tier", "user", "merged_into")
    if not with_merged:
        rows = rows.filter(merged_into__isnull=True)
    if kind in CustomerKind.values:
        rows = rows.filter(kind=kind)
    return rows.filter(matching(text)) if text else rows


def matching(text: str) -> Q:
    """Each word somewhere in the name, the e-mail or the phone, in any order; or a whole number of any kind."""
    found = Q()
    for word in fold(text).split():
        found &= Q(folded__contains=word) if len(word) >= LETTERS_INSIDE else Q(folded__startswith=word)
    # Looked up apart: a condition over two tables could use no index of either.
    members = LoyaltyAccount.objects.filter(number=text.upper()).values_list("customer_id", flat=True)
    found |= Q(public_id=text) | Q(pk__in=list(members))
    if phone := parse_phone(text):
        found |= Q(phone=phone)
    digits = text.translate({ord(sign): None for sign in " -/+().\u00a0"})
    if digits.isdigit() and len(digits) >= 5:
        found |= (
            Q(folded__contains=digits.lstrip("0") or digits) | Q(pib=digits) | Q(registration_number=digits)
        )
    return found
