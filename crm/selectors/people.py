"""Accounts: where they have things sent."""

from crm.models import Address


def addresses_of(*, customer_id: int) -> list[Address]:
    """The address book, the usual one first."""
    return list(Address.objects.filter(customer_id=customer_id).order_by("-is_default", "pk"))


def default_address(*, customer_id: int) -> Address | None:
    return Address.objects.filter(customer_id=customer_id).order_by("-is_default", "pk").first()
