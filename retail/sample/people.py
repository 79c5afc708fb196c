"""Invented people: the staff with their roles and second factors, and the customers with tiers and points to be earned."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from crm.models import Address, Consent, Customer, LoyaltyAccount, LoyaltyProgram, Tier
from crm.states import ConsentKind, CustomerKind
from oms.models import DeliveryPostcode
from retail.kernel import access
from retail.kernel.fold import fold
from retail.kernel.models import Location, User
from retail.rest.keys import PREFIX, SCOPES, issue_key
from retail.running import home as local
from retail.sample.chance import generator, weighted
from retail.sample.company import Company, pib_of
from retail.sample.copying import copy_in

SMALL_CUSTOMERS, FULL_CUSTOMERS = 2_000, 50_000
SHOPPER_DAYS = 900
COMPANY_SHARE, MEMBER_SHARE = 0.06, 0.55
WORDING = (
    "Želim da dobijam novosti i ponude Prelista na ovu adresu. Pristanak mogu da povučem u svakom trenutku."
)
# Code, rank, name, spending of a year from which it is had, points for the money.
TIERS = (
    ("nivo-1", 1, "Nivo 1", 0, Decimal("1.00")),
    ("nivo-2", 2, "Nivo 2", 15_000, Decimal("1.25")),
    ("nivo-3", 3, "Nivo 3", 40_000, Decimal("1.50")),
)


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody of the chain. `places` are the codes of the locations they work at; none means everywhere."""

    role: str
    name: str
    group: str
    places: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{fold(self.name.split()[0])}@prelist.example"


PERSONAS = (
    Persona("owner", "Olga Vlasnik", ""),
    Persona("agent", "Vesna Agent", "AGENT"),
    Persona("picker", "Bojan Magacin", "PICKER", ("WH-1",)),
    Persona("store", "Sava Knjižar", "STORE", ("S-001", "S-017")),
    Persona("accountant", "Ceca Knjiga", "ACCOUNTANT"),
    Persona("ops lead", "Dragan Operativa", "OPS_LEAD"),
    Persona("merchandiser", "Mila Ponuda", "MERCHANDISER"),
    Persona("second merchandiser", "Nada Izlog", "MERCHANDISER"),
    Persona("auditor", "Rada Revizor", "AUDITOR"),
    Persona("integrator", "Igor Integrator", "INTEGRATOR"),
)
SHOPPER = Persona("shopper", "Ana Anić", "")

# Staff pages ask retail.kernel.access by the group's name; only the CMS asks for permissions of Django.
_CMS_ROLE = "MERCHANDISER"
_CMS_ROOMS = ("storefront", "crm", "cms")

_WOMEN = (
    *(
        "Ana",
        "Jelena",
        "Milica",
        "Marija",
        "Ivana",
        "Dragana",
        "Jovana",
        "Tamara",
        "Sanja",
        "Katarina",
        "Teodora",
        "Nevena",
    ),
    *("Snežana", "Svetlana", "Ljiljana", "Vera", "Mira", "Đurđina", "Žaklina", "Anđela"),
)
_MEN = (
    *(
        "Marko",
        "Nikola",
        "Milan",
        "Stefan",
        "Aleksandar",
        "Nemanja",
        "Dušan",
        "Petar",
        "Vladimir",
        "Igor",
        "Đorđe",
        "Uroš",
    ),
    *("Miloš", "Zoran", "Dejan", "Boban", "Žarko", "Čedomir", "Luka", "Filip"),
)
_SURNAMES = (
    *(
        "Jovanović",
        "Petrović",
        "Nikolić",
        "Marković",
        "Đorđević",
        "Stojanović",
        "Ilić",
        "Stanković",
        "Pavlović",
        "Milošević",
    ),
    *(
        "Popović",
        "Živković",
        "Tomić",
        "Ristić",
        "Kostić",
        "Lukić",
        "Todorović",
        "Radovanović",
        "Bogdanović",
        "Čolić",
    ),
    *("Šarić", "Ćirić", "Žunić", "Zavišić", "Mitrović", "Antić", "Obradović", "Kovačević", "Lazić", "Tasić"),
)
_STREETS = (
    "Glavna",
    "Svetosavska",
    "Karađorđeva",
    "Nemanjina",
    "Vojvode Mišića",
    "Cara Dušana",
    "Školska",
    "Dunavska",
    "Cvetna",
    "Njegoševa",
)
_TRADES = (
    "Knjigovodstvo",
    "Gradnja",
    "Pekara",
    "Vrtić",
    "Škola stranih jezika",
    "Advokati",
    "Projekt",
    "Transport",
    "Apoteka",
    "Studio",
)


def staff_exists() -> bool:
    return User.objects.filter(email=PERSONAS[0].email).exists()


def make_owner(now: datetime) -> User:
    """The first row of all: whoever loads the sample acts as the owner."""
    owner = User.objects.create_user(
        PERSONAS[0].email, None, name=PERSONAS[0].name, is_staff=True, is_superuser=True, date_joined=now
    )
    owner.password = make_password(password())
    owner.save(update_fields=["password"])
    return owner


def make_staff(owner: User, now: datetime) -> None:
    """Roles as groups, a login with a second factor for each persona, and the integrator's key."""
    groups = {name: Group.objects.get_or_create(name=name)[0] for name in access.ROLES}
    groups[_CMS_ROLE].permissions.set(_cms_permissions())
    places = {location.code: location for location in Location.objects.all()}
    for persona in PERSONAS:
        user = owner if persona.role == "owner" else _user(persona, owner.password, now)
        if persona.group:
            user.groups.add(groups[persona.group])
        user.locations.set([places[code] for code in persona.places if code in places])
        _verify(user)
        TOTP.activate(user, totp_secret(persona))
    shopper = _user(SHOPPER, owner.password, now, is_staff=False)
    _verify(shopper)
    integrator = User.objects.get(email=persona_of("integrator").email)
    issue_key(name="Probni lanac", user=integrator, scopes=list(SCOPES), now=now, key=api_key())


def persona_of(role: str) -> Persona:
    return next(each for each in PERSONAS if each.role == role)


def password() -> str:
    """One password for all sample logins, different on every machine."""
    return f"prelist-{_secret('password').hex()[:12]}"


def api_key() -> str:
    return f"{PREFIX}sample_{_secret('api key').hex()[:40]}"


def totp_secret(persona: Persona) -> str:
    return b32encode(_secret(f"totp {persona.email}")[:20]).decode()


def logins() -> list[dict[str, str]]:
    """What `sample.json` says about who can log in; the shopper has no second factor."""
    staff = [
        {"role": each.role, "email": each.email, "password": password(), "totp_secret": totp_secret(each)}
        for each in PERSONAS
    ]
    return [*staff, {"role": SHOPPER.role, "email": SHOPPER.email, "password": password(), "totp_secret": ""}]


def _secret(purpose: str) -> bytes:
    key = local.secret(settings.ONEROW_HOME, "sample")
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).digest()


def _user(persona: Persona, hashed: str, now: datetime, *, is_staff: bool = True) -> User:
    # The hash is made once: a slow one for each of the sample's logins would only cost the first start its seconds.
    return User.objects.create(
        email=persona.email, password=hashed, name=persona.name, is_staff=is_staff, date_joined=now
    )


def _verify(user: User) -> None:
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _cms_permissions() -> QuerySet[Permission]:
    writes = (
        Q(codename__startswith="view_") | Q(codename__startswith="add_") | Q(codename__startswith="change_")
    )
    enters = Q(content_type__app_label="wagtailadmin", codename="access_admin")
    return Permission.objects.filter(Q(writes, content_type__app_label__in=_CMS_ROOMS) | enters)


# --- customers --------------------------------------------------------------------------------------------------------------


def customers_exist() -> bool:
    return Tier.objects.exists()


def make_customers(company: Company, count: int, now: datetime) -> None:
    tiers = Tier.objects.bulk_create(
        Tier(code=code, rank=rank, name=name, spend_from=spending, earn_factor=factor)
        for code, rank, name, spending, factor in TIERS
    )
    LoyaltyProgram.objects.create(valid_from=now - timedelta(days=SHOPPER_DAYS), created_at=now)
    rng = generator("customers")
    postcodes = list(
        DeliveryPostcode.objects.order_by("postal_code").values_list("postal_code", "place", "population")
    )
    shared: dict[str, int] = {}
    for _, place, _ in postcodes:
        shared[place] = shared.get(place, 0) + 1
    homes = weighted(rng, [(population or 500) / shared[place] for _, place, population in postcodes], count)
    customers, addresses = [], []
    for number in range(count):
        code, place, _ = postcodes[homes[number]]
        customer, street = _customer(rng, number, count, now)
        customers.append(customer)
        addresses.append(
            Address(
                name=customer.name,
                street=street,
                city=place,
                postal_code=code,
                phone=customer.phone,
                is_default=True,
            )
        )
    ana = User.objects.get(email=SHOPPER.email)
    customers[0].user, customers[0].name, customers[0].email = ana, SHOPPER.name, SHOPPER.email
    customers[0].created_at = now - timedelta(days=SHOPPER_DAYS)
    addresses[0].name = SHOPPER.name
    copy_in(customers)
    for customer, address in zip(customers, addresses, strict=True):
        address.customer = customer
    copy_in(addresses)
    _join(rng, customers, tiers[0], now)


def _customer(rng: np.random.Generator, number: int, count: int, now: datetime) -> tuple[Customer, str]:
    joined = now - timedelta(days=int(rng.integers(5, 1500)), minutes=int(rng.integers(0, 1440)))
    surname = _SURNAMES[int(rng.integers(len(_SURNAMES)))]
    first = (_WOMEN if rng.random() < 0.6 else _MEN)[int(rng.integers(20))]
    street = f"{_STREETS[int(rng.integers(len(_STREETS)))]} {int(rng.integers(1, 180))}"
    values: dict[str, Any] = {
        "kind": CustomerKind.PERSON,
        "name": f"{first} {surname}",
        "email": f"{fold(first)}.{fold(surname)}{number}@posta.example",
        "phone": f"+3816{int(rng.integers(0, 7))}{int(rng.integers(1_000_000, 9_999_999))}",
    }
    if number and rng.random() < COMPANY_SHARE:
        values |= {
            "kind": CustomerKind.COMPANY,
            "name": f"{_TRADES[int(rng.integers(len(_TRADES)))]} {surname} d.o.o.",
            "pib": pib_of(f"{11_000_000 + number:08d}"),
            "registration_number": f"{21_000_000 + number:08d}",
            "is_sef_registered": bool(rng.random() < 0.5),
            "sef_checked_at": now,
            "email": f"nabavka{number}@firma.example",
        }
    return Customer(created_at=joined, external_ref=f"sample-{number:05d}", **values), street


def _join(rng: np.random.Generator, customers: list[Customer], tier: Tier, now: datetime) -> None:
    """Members start in the first tier; the year of sales moves them up."""
    members = [
        customer
        for number, customer in enumerate(customers)
        if customer.kind == CustomerKind.PERSON and (number == 0 or rng.random() < MEMBER_SHARE)
    ]
    copy_in(
        [
            LoyaltyAccount(
                customer=customer, number=f"PR{number:08d}", tier=tier, joined_on=customer.created_at.date()
            )
            for number, customer in enumerate(members, 1)
        ]
    )
    copy_in(
        [
            Consent(
                customer=customer,
                kind=ConsentKind.NEWSLETTER,
                is_given=bool(rng.random() < 0.7),
                wording=WORDING,
                given_at=customer.created_at,
            )
            for customer in members
        ]
    )
