"""Finding accounts: whatever the person has in front of them."""

from django.db.models import Q, QuerySet

from crm.models import Customer, LoyaltyAccount
from crm.states import CustomerKind
from retail.kernel.identifiers import parse_phone
from retail.kernel.script import to_latin


def customers(*, text: str = "", kind: str = "") -> QuerySet[Customer]:
    """Accounts by name, e-mail, phone, PIB or membership number; names are found in either script."""
    rows = Customer.objects.select_related("loyalty__tier", "user")
    if kind in CustomerKind.values:
        rows = rows.filter(kind=kind)
    return rows.filter(matching(text)) if text else rows


def matching(text: str) -> Q:
    found = Q(name__icontains=text) | Q(name__icontains=to_latin(text)) | Q(email__icontains=text)
    # Looked up apart: a condition over two tables could use no index of either.
    members = LoyaltyAccount.objects.filter(number__iexact=text).values_list("customer_id", flat=True)
    found |= Q(public_id=text) | Q(pk__in=list(members))
    if phone := parse_phone(text):
        found |= Q(phone=phone)
    digits = text.replace(" ", "").replace("-", "").replace("/", "").lstrip("+")
    if digits.isdigit() and len(digits) >= 5:
        found |= (
            Q(phone__contains=digits.lstrip("0") or digits) | Q(pib=digits) | Q(registration_number=digits)
        )
    return found
