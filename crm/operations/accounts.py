"""What another system knows better about an account: its name, telephone, language and address book, changed in one go."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime

from django.conf import settings
from django.db import transaction

from crm.events import CustomerChanged
from crm.models import Address, Customer
from retail.kernel.context import acting
from retail.kernel.errors import InvalidInput, Refusal, StaleVersion
from retail.kernel.identifiers import parse_phone
from retail.kernel.models import User
from retail.kernel.outbox import announce

ADDRESSES_MAX = 50


class AccountGone(Refusal):
    """The account was erased, or became a part of another one; `reason` says which, `merged_into` names the other one."""

    code = "ACCOUNT_GONE"


@dataclass(frozen=True, slots=True)
class AddressData:
    name: str
    street: str
    postal_code: str
    city: str
    country: str = "RS"
    phone: str = ""
    label: str = ""
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class AccountData:
    """What is None stays as it is; the addresses are the whole book."""

    name: str | None = None
    phone: str | None = None
    language: str | None = None
    addresses: tuple[AddressData, ...] | None = None


@transaction.atomic
def change_account(
    *, customer_id: int, data: AccountData, by: User | None, seen_at: datetime | None = None
) -> Customer:
    """Write what differs and tell of it; consents, e-mail and login have verbs of their own. `seen_at` is the version that was read.

    Refuses AccountGone, StaleVersion.
    """
    customer = Customer.objects.select_for_update(of=("self",)).get(pk=customer_id)
    _check_there(customer)
    if seen_at is not None and customer.updated_at != seen_at:
        raise StaleVersion("The account changed since you read it; read it again.")
    wanted = _checked(data)
    changed = [name for name, value in wanted.items() if getattr(customer, name) != value]
    with acting(by=by):
        if data.addresses is not None and _replace_book(customer, data.addresses):
            changed.append("addresses")
        if changed:
            for name, value in wanted.items():
                setattr(customer, name, value)
            customer.save(update_fields=[*wanted, "updated_at"])
            announce(
                CustomerChanged(customer.public_id, sorted(changed)), subject=("customer", customer.public_id)
            )
    return customer


def _check_there(customer: Customer) -> None:
    if customer.merged_into is not None:
        raise AccountGone(
            "The account became a part of another one.",
            reason="merged",
            merged_into=customer.merged_into.public_id,
        )
    if customer.erased_at is not None:
        raise AccountGone("The account was erased.", reason="erased")


def _checked(data: AccountData) -> dict[str, str]:
    found: dict[str, str] = {}
    if data.name is not None:
        found["name"] = data.name.strip()[:200]
        if not found["name"]:
            raise InvalidInput("An account has a name.", field="name")
    if data.phone is not None:
        found["phone"] = _phone(data.phone)
    if data.language is not None:
        found["language"] = data.language
        if data.language not in dict(settings.LANGUAGES):
            raise InvalidInput("There is no such language.", field="language", value=data.language[:20])
    return found


def _phone(typed: str) -> str:
    phone = parse_phone(typed) if typed.strip() else ""
    if phone is None:
        raise InvalidInput("This is not a telephone number.", field="phone", value=typed[:30])
    return phone


def _replace_book(customer: Customer, wanted: tuple[AddressData, ...]) -> bool:
    """The book as it is to be; an address that is in it already stays the same row. True when something changed."""
    book = _book(wanted)
    kept = {_values(row): row for row in Address.objects.filter(customer=customer)}
    if set(kept) == set(book):
        return False
    Address.objects.filter(customer=customer).exclude(
        pk__in=[row.pk for values, row in kept.items() if values in book]
    ).delete()
    Address.objects.bulk_create(
        Address(customer=customer, **asdict(each)) for each in book if each not in kept
    )
    return True


def _book(wanted: tuple[AddressData, ...]) -> list[AddressData]:
    """Each once; one of them is the usual one, the first where nobody says."""
    if len(wanted) > ADDRESSES_MAX:
        raise InvalidInput(f"An account has at most {ADDRESSES_MAX} addresses.", field="addresses")
    usual = [at for at, each in enumerate(wanted) if each.is_default] or [0]
    if len(usual) > 1:
        raise InvalidInput("Only one address can be the usual one.", field="addresses")
    return list(dict.fromkeys(_address(each, is_default=at == usual[0]) for at, each in enumerate(wanted)))


def _address(given: AddressData, *, is_default: bool) -> AddressData:
    for name in ("name", "street", "postal_code", "city"):
        if not getattr(given, name).strip():
            raise InvalidInput("An address has a name, a street, a postcode and a place.", field=name)
    return replace(given, phone=_phone(given.phone), is_default=is_default)


def _values(row: Address) -> AddressData:
    return AddressData(**{one.name: getattr(row, one.name) for one in fields(AddressData)})
