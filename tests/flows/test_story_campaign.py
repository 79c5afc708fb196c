"""The campaign in real browsers: Mila drafts, looks as a member and as a stranger, submits; Dragan ratifies; the next request has it.

Actions of people and the seconds that they wait for the house are counted and kept beside the screenshots.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from playwright.sync_api import BrowserContext, Page, expect

from audit.models import Proposal
from cms.models import CampaignPage
from crm.models import Address, Campaign, Customer, Discount, Segment
from oms.models import DeliveryRate
from retail.kernel.models import User
from storefront.models import Price, Variant
from storefront.views import frame, ways
from tests.flows.chain import Chain, make_chain
from tests.staff import make_staff
from tests.warehouse.test_goods_browser import signed_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PASSWORD = "a long pass phrase"
ACTIONS_MAX, WAITING_MAX = 40, 20.0
Shot = Callable[[Page, str], Path]


class Person:
    """A browser whose every click and every field is counted, with the time until the house has answered."""

    def __init__(self, page: Page, count: dict[str, float]) -> None:
        self.page, self.count = page, count

    def fill(self, label: str, value: str) -> None:
        self.count["actions"] += 1
        self.page.get_by_label(label, exact=True).first.fill(value)

    def choose(self, label: str, option: str) -> None:
        self.count["actions"] += 1
        self.page.get_by_label(label, exact=True).first.select_option(label=option)

    def press(self, role: Any, name: str) -> None:
        self.count["actions"] += 1
        began = time.monotonic()
        self.page.get_by_role(role, name=name, exact=True).first.click()
        self.page.wait_for_load_state("load")
        self.count["waiting"] += time.monotonic() - began

    def go(self, url: str) -> None:
        self.count["actions"] += 1
        began = time.monotonic()
        self.page.goto(url)
        self.count["waiting"] += time.monotonic() - began

    def signs_in(self, house: str, user: User) -> None:
        self.go(f"{house}/cms/")
        self.count["actions"] += 2
        self.page.locator("input[name=login]").fill(user.email)
        self.page.locator("input[name=password]").fill(PASSWORD)
        self.page.locator("input[name=password]").press("Enter")
        self.page.locator("input[name=code]").fill(code_now())
        self.count["actions"] += 2
        began = time.monotonic()
        self.page.locator("input[name=code]").press("Enter")
        self.page.wait_for_url("**/cms/")
        self.count["waiting"] += time.monotonic() - began


def code_now() -> str:
    """What the person's phone shows."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(SECRET), counter, hashlib.sha1).digest()
    place = digest[-1] & 15
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


@pytest.fixture
def chain(transactional_db: None) -> Iterator[Chain]:
    """The browser's server reads the wall clock, so everything has been valid for years."""
    frame.forget_departments()
    ways.forget_largest()
    yield make_chain()
    frame.forget_departments()
    ways.forget_largest()


@pytest.fixture
def house(live_server: Any, settings: Any) -> Iterator[str]:
    settings.BASE_URL = live_server.url
    expect.set_options(timeout=30_000)
    yield str(live_server.url)
    expect.set_options(timeout=5_000)


@pytest.fixture
def book(chain: Chain) -> Variant:
    made = chain.variant(price="1000.00", stock=9)
    made.product.title = "Na Drini ćuprija"
    made.product.save(update_fields=["title"])
    Price.objects.update(valid_from=LONG_AGO)
    DeliveryRate.objects.update(valid_from=LONG_AGO)
    return made


@pytest.fixture
def ana(chain: Chain) -> User:
    """A reader from Novi Sad, which is what the segment asks for."""
    user = User.objects.create_user("ana@example.com", PASSWORD, name="Ana Zavišić")
    customer = Customer.objects.create(name="Ana Zavišić", email="ana@example.com", user=user)
    Address.objects.create(customer=customer, city="Novi Sad", postal_code="21000", street="Dunavska 1")
    Segment.objects.create(
        slug="novosadjani", name="Novosađani", definition='city = "Novi Sad"', state="ACTIVE"
    )
    return user


def with_phone(user: User) -> User:
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    TOTP.activate(user, SECRET)
    return user


def test_a_campaign_from_login_to_the_price_in_a_basket(
    house: str,
    book: Variant,
    ana: User,
    new_context: Callable[..., BrowserContext],
    screenshot: Shot,
) -> None:
    count: dict[str, float] = {"actions": 0, "waiting": 0.0}
    mila = with_phone(make_staff("MERCHANDISER", name="Mila", has_second_factor=False))
    dragan = with_phone(make_staff("OPS_LEAD", name="Dragan", has_second_factor=False))
    reader = patient(signed_in(new_context(), ana, house)).new_page()
    stranger = patient(new_context()).new_page()
    puts_in_basket(reader, house, book)

    writer = Person(patient(new_context()).new_page(), count)
    writer.signs_in(house, mila)
    drafts(writer, book, screenshot)
    previews(writer, screenshot)
    submits(writer, screenshot)
    assert reader.goto(f"{house}/jesenja-akcija/").status == 404  # type: ignore[union-attr]

    lead = Person(patient(new_context()).new_page(), count)
    lead.signs_in(house, dragan)
    ratifies(lead, screenshot)

    sees_the_page(reader, house, "800,00", screenshot, "06-member")
    sees_the_page(stranger, house, "1.000,00", screenshot, "07-stranger")
    reader.goto(f"{house}/basket/")
    expect(reader.locator("main")).to_contain_text("800,00")
    screenshot(reader, "08-basket")
    kept = {"actions": int(count["actions"]), "seconds_waiting": round(count["waiting"], 2)}
    (screenshot(reader, "09-basket").parent / "campaign.json").write_text(json.dumps(kept) + "\n")
    assert kept["actions"] <= ACTIONS_MAX


def patient(context: BrowserContext) -> BrowserContext:
    context.set_default_timeout(60_000)
    return context


def puts_in_basket(page: Page, house: str, book: Variant) -> None:
    page.goto(f"{house}/p/{book.product.slug}/")
    page.get_by_role("button", name="Stavi u korpu").click()
    expect(page.locator("#added")).to_contain_text("Čuvamo za Vas do")


def drafts(mila: Person, book: Variant, screenshot: Shot) -> None:
    mila.press("link", "Kampanje")
    mila.press("link", "Nova kampanja")
    mila.fill("Naziv kampanje*", "Jesenja akcija")
    mila.choose("Za koga", "Novosađani")
    mila.fill("Naziv popusta", "Jesenjih 20")
    mila.fill("Vrednost", "20")
    mila.fill("Na artikle", book.sku)
    screenshot(mila.page, "01-form")
    mila.press("button", "Sačuvaj nacrt")
    expect(mila.page.locator("main")).to_contain_text("/jesenja-akcija/")
    screenshot(mila.page, "02-draft")
    campaign, discount = Campaign.objects.get(), Discount.objects.get()
    assert (campaign.state, discount.state, discount.value) == ("DRAFT", "DRAFT", Decimal("20.00"))
    assert CampaignPage.objects.get().live is False


def previews(mila: Person, screenshot: Shot) -> None:
    mila.press("link", "Pogledaj kao")
    shown = mila.page.frame_locator("iframe")
    expect(shown.locator(".price-low b")).to_have_text("800,00 RSD")
    screenshot(mila.page, "03-preview-member")
    mila.choose("Gleda", "nije član")
    mila.choose("Jezik i pismo", "Ćirilica")
    mila.choose("Na uređaju", "Telefon")
    mila.press("button", "Prikaži")
    expect(shown.locator("h1")).to_have_text("Јесења акција")
    expect(shown.locator(".price b")).to_have_text("1.000,00 RSD")
    screenshot(mila.page, "04-preview-stranger-cyrillic-phone")
    mila.press("link", "Nazad na kampanju")


def submits(mila: Person, screenshot: Shot) -> None:
    mila.press("button", "Pošalji na potvrdu")
    expect(mila.page.locator("main")).to_contain_text("potvrđuje je druga osoba")
    assert Proposal.objects.get().state == "OPEN"


def ratifies(dragan: Person, screenshot: Shot) -> None:
    dragan.press("link", "Kampanje")
    dragan.press("link", "Jesenja akcija")
    screenshot(dragan.page, "05-decide")
    dragan.press("button", "Potvrdi")
    expect(dragan.page.locator("main")).to_contain_text("U toku")
    assert Campaign.objects.get().state == "RATIFIED"


def sees_the_page(page: Page, house: str, price: str, screenshot: Shot, name: str) -> None:
    answer = page.goto(f"{house}/jesenja-akcija/")
    assert answer is not None
    assert answer.status == 200
    expect(page.get_by_role("heading", level=1)).to_have_text("Jesenja akcija")
    expect(page.locator(".card .price b")).to_have_text(f"{price} RSD")
    screenshot(page, name)
