"""Verbs about the address book of an account."""

from django.db import transaction

from crm.models import Address, Customer
from retail.kernel.errors import NotFound


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
        _turn(customer_id)
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
        _turn(customer_id)
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
        _turn(customer_id)
        _address(customer_id, address_id).delete()


def _turn(customer_id: int) -> None:
    """The address book is a part of the account: a change of it is one of the account's, and one comes after the other."""
    Customer.objects.select_for_update().get(pk=customer_id).save(update_fields=["updated_at"])


def _address(customer_id: int, address_id: int) -> Address:
    address = Address.objects.filter(customer_id=customer_id, pk=address_id).first()
    if address is None:
        raise AddressNotFound("There is no such address in this account.")
    return address
