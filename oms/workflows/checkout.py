"""What a shopper says at checkout, in its one form, and what can be wrong with it."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from crm import operations as crm
from finance.workflows.sef_registration import AT_PLACEMENT, Registration, look_up
from oms.states import IN_STORE, DeliveryKind, PaymentMethod
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.identifiers import parse_email, parse_phone, parse_pib
from warehouse import selectors as warehouse


class EmptyBasket(Refusal):
    code = "EMPTY_BASKET"


class BasketOrdered(Refusal):
    """The basket became an order already, under another key."""

    code = "BASKET_ORDERED"


class MethodNotAvailable(Refusal):
    """The delivery or payment method cannot be had for this basket now."""

    code = "METHOD_NOT_AVAILABLE"


class PriceChanged(Refusal):
    """The total is not the one the shopper saw: show it and ask again."""

    code = "PRICE_CHANGED"


class InvalidContact(InvalidInput):
    code = "INVALID_CONTACT"


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    pib: str
    registration_number: str = ""


@dataclass(frozen=True, slots=True)
class ExchangeCredit:
    """What goods that are to come back will pay, and until when they must be here. Bringing the others costs nothing."""

    amount: Decimal
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Checkout:
    """What the shopper (or an integrator) says at checkout."""

    basket_token: str
    email: str
    name: str
    phone: str
    delivery_method: str
    payment_method: str
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = "RS"
    company: Company | None = None
    pickup_location: str = ""
    language: str = "sr-latn"
    note: str = ""
    customer_id: int | None = None
    expected_total: Decimal | None = None
    # Home delivery on a day of the shopper's choice; without it on the earliest.
    wanted: warehouse.WantedDay | None = None
    locker: str = ""
    # What was shown as left to pay beside gift cards.
    expected_rest: Decimal | None = None
    # Only from `exchanges`: nobody types it.
    credit: ExchangeCredit | None = None
    # Said by buyers of something digital: their right of withdrawal ends when the download begins.
    has_withdrawal_consent: bool = False
    idempotency_caller: str = ""
    idempotency_key: str = ""


def normalize(checkout: Checkout) -> Checkout:
    """Contacts in their one form, or a refusal that names every field that is wrong."""
    is_digital = checkout.delivery_method == DeliveryKind.DIGITAL
    # Nobody rings at a door for a file.
    has_no_phone = is_digital and not checkout.phone.strip()
    email, phone = parse_email(checkout.email), "" if has_no_phone else parse_phone(checkout.phone)
    wrong = {
        "email": not email,
        "phone": not phone and not has_no_phone,
        "name": not checkout.name.strip(),
        "delivery": checkout.delivery_method not in DeliveryKind.values,
        "payment": checkout.payment_method not in PaymentMethod.values,
    }
    # A company's paper names its address, whatever is sold.
    if checkout.delivery_method == DeliveryKind.HOME_DELIVERY or (is_digital and checkout.company):
        for name in ("street", "city", "postal_code"):
            wrong[name] = not getattr(checkout, name).strip()
    if checkout.delivery_method in IN_STORE:
        wrong["pickup_location"] = not checkout.pickup_location
    if checkout.delivery_method == DeliveryKind.PARCEL_LOCKER:
        wrong["locker"] = not checkout.locker
        # A locker takes no cash.
        wrong["payment"] |= checkout.payment_method == PaymentMethod.CASH_ON_DELIVERY
    if any(wrong.values()):
        raise InvalidContact(
            "Some fields are missing or not right.", fields=sorted(k for k, bad in wrong.items() if bad)
        )
    company = checkout.company
    if company is not None:
        pib = parse_pib(company.pib)
        if pib is None:
            raise crm.InvalidPib(
                "This is not a PIB: it has nine digits, the last one is a check digit.", pib=company.pib[:20]
            )
        if not company.name.strip():
            raise InvalidContact("Some fields are missing or not right.", fields=["company_name"])
        company = Company(company.name.strip()[:200], pib, company.registration_number.strip()[:20])
    assert email is not None and phone is not None
    values = {f: getattr(checkout, f) for f in checkout.__slots__}
    values |= {"email": email, "phone": phone, "name": checkout.name.strip()[:200], "company": company}
    values |= {f: values[f].strip()[:n] for f, n in (("street", 200), ("city", 100), ("postal_code", 12))}
    return Checkout(**values)


def sef_registration(company: Company, now: datetime) -> Registration:
    """Outside any transaction: whether the company takes electronic invoices."""
    return look_up(
        pib=parse_pib(company.pib) or company.pib,
        registration_number=company.registration_number.strip()[:20],
        now=now,
        max_age=AT_PLACEMENT,
    )


def with_registration_number(company: Company, known: Registration) -> Company:
    """SEF refuses an invoice without the buyer's number: ask now, while somebody is there who knows it."""
    if known.is_registered and not known.registration_number:
        raise InvalidContact(
            "The company takes electronic invoices: its registration number is needed, eight digits.",
            fields=["registration_number"],
        )
    return replace(company, registration_number=known.registration_number)
