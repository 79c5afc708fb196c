"""The shop in a real browser: a guest pays by card and comes back, another picks up, a third has only a keyboard and a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from oms.models import DeliveryRate, Order
from retail.sandbox.process import running
from storefront.models import Price, Variant
from storefront.views import frame, ways
from tests.flows.chain import Chain, make_chain
from tests.front.pages import audit_page, listening
from tests.sandbox.stand import CARD_SECRETS, config

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def chain(transactional_db: None) -> Iterator[Chain]:
    """The browser's server reads the wall clock, so everything has been valid for years."""
    frame.forget_departments()
    ways.forget_largest()
    yield make_chain()
    frame.forget_departments()
    ways.forget_largest()


@pytest.fixture
def variant(chain: Chain) -> Variant:
    made = chain.variant(price="1299.00", stock=5, store_stock=3)
    Price.objects.update(valid_from=LONG_AGO)
    DeliveryRate.objects.update(valid_from=LONG_AGO)
    return made


@pytest.fixture
def shop(live_server: Any, settings: Any) -> str:
    settings.BASE_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def bank(tmp_path: Path, shop: str, settings: Any) -> Iterator[str]:
    """The card provider's stand-in, known to the shop and allowed by its policy."""
    with running(config(tmp_path)) as started:
        settings.CARD_PROVIDER_URL = f"{started.url}/kartica"
        settings.CARD_PROVIDER_KEY = "card-key"
        settings.CARD_PROVIDER_SECRETS = list(CARD_SECRETS)
        policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
        settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {**policy, "form-action": ["'self'", started.url]}}
        yield started.url


def fill_contact(page: Page) -> None:
    page.get_by_label("Ime i prezime").fill("Ana Zavišić")
    page.get_by_label("E-pošta").fill("ana@example.com")
    page.get_by_label("Telefon").fill("064 123 4567")


def fill_address(page: Page) -> None:
    page.get_by_label("Ulica i broj").fill("Dunavska 1")
    page.get_by_label("Poštanski broj").fill("21000")
    page.get_by_label("Poštanski broj").press("Tab")
    expect(page.get_by_label("Mesto")).to_have_value("Novi Sad")  # told by the postcode


def put_in(page: Page, shop: str, variant: Variant) -> None:
    page.goto(f"{shop}/p/{variant.product.slug}/")
    page.get_by_role("button", name="Stavi u korpu").click()
    expect(page.locator("#added")).to_contain_text("Čuvamo za Vas do")
    expect(page.locator("#basket-tool .n")).to_contain_text("1")


def test_a_guest_pays_by_card_after_a_first_refusal(
    shop: str, bank: str, variant: Variant, page: Page, screenshot: Callable[[Page, str], Path]
) -> None:
    with listening(page) as heard:
        put_in(page, shop, variant)
        screenshot(page, "product")
        page.get_by_role("link", name="Na plaćanje").click()
        fill_contact(page)
        fill_address(page)
        screenshot(page, "checkout")
        page.get_by_role("button", name="Poruči za 1.589,00").click()

        expect(page.get_by_role("heading", level=1)).to_have_text("Platite karticom")
        page.get_by_role("button", name="Odbij").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Porudžbina još nije plaćena")
        expect(page.get_by_role("alert")).to_contain_text("Banka je odbila karticu.")
        screenshot(page, "declined")
        order = Order.objects.get()
        assert (order.status, order.payment_status) == ("PENDING_PAYMENT", "NONE")

        page.get_by_role("button", name="Probaj ponovo karticom").click()
        page.get_by_role("button", name="Odobri").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Hvala, porudžbina je primljena")
        expect(page.locator("main")).to_contain_text(order.number)
        screenshot(page, "thanks")
    order.refresh_from_db()
    assert (order.status, order.payment_status, str(order.authorized_total)) == (
        "PLACED",
        "AUTHORIZED",
        "1589.00",
    )
    assert heard == []

    page.get_by_role("link", name="Prati porudžbinu").click()
    expect(page.locator("[aria-current=step]")).to_contain_text("Čeka prikupljanje")
    page.get_by_text("Otkaži porudžbinu", exact=True).click()
    page.get_by_role("button", name=f"Otkaži porudžbinu {order.number}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ova porudžbina je otkazana")
    screenshot(page, "canceled")


def test_a_guest_picks_up_and_pays_in_the_store(shop: str, variant: Variant, page: Page) -> None:
    with listening(page) as heard:
        put_in(page, shop, variant)
        page.goto(f"{shop}/basket/")
        page.get_by_role("button", name=f"Jedna više: {variant.product.title}").click()
        expect(page.locator("#basket-tool .n")).to_contain_text("2")
        expect(page.locator(".hold")).to_contain_text("minuta")
        page.get_by_role("link", name="Na plaćanje").click()
        fill_contact(page)
        page.locator("input[value=STORE_PICKUP]").check()
        expect(page.locator("#pay-button")).to_contain_text("2.598,00")
        expect(page.get_by_label("Knjižara")).to_be_visible()
        expect(page.get_by_label("Ulica i broj")).to_be_hidden()
        page.locator("input[value=CASH_ON_DELIVERY]").check()
        page.locator("#pay-button").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Hvala, porudžbina je primljena")
    order = Order.objects.get()
    assert (order.status, order.delivery_method, str(order.total)) == ("PLACED", "STORE_PICKUP", "2598.00")
    assert order.pickup_location is not None
    assert order.pickup_location.code == "S-001"
    assert heard == []


def test_a_phone_in_cyrillic_with_the_keyboard_only(
    shop: str,
    variant: Variant,
    new_context: Callable[..., BrowserContext],
    screenshot: Callable[[Page, str], Path],
) -> None:
    page = new_context(viewport={"width": 360, "height": 740}, has_touch=True).new_page()

    def reach(selector: str, presses: int = 80) -> None:
        """Tab until this control has the focus: whoever cannot point gets there too, and sees where he is."""
        for _ in range(presses):
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                box = page.evaluate(
                    "() => { const b = document.activeElement.getBoundingClientRect(); return [b.top, b.bottom]; }"
                )
                assert box[0] >= -1
                assert box[1] <= 741
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached by Tab")

    def write(selector: str, words: str) -> None:
        reach(selector)
        page.keyboard.insert_text(words)

    page.goto(f"{shop}/sr-cyrl/p/{variant.product.slug}/")
    assert page.locator("html").get_attribute("lang") == "sr-Cyrl"
    reach(".buy-row .button-main")
    page.keyboard.press("Enter")
    expect(page.locator("#added")).to_contain_text("Чувамо за Вас до")
    reach("#added .button-main")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Плаћање")

    reach("#pay-button", 60)
    page.keyboard.press("Enter")  # nothing is filled in
    expect(page.locator(".errors")).to_be_focused()
    assert page.title().startswith("Грешка: ")
    screenshot(page, "errors")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first error leads to its field
    expect(page.locator("#id_name")).to_be_focused()
    page.keyboard.insert_text("Ана Завишић")
    write("#id_email", "ana@example.com")
    write("#id_phone", "0641234567")
    write("#id_street", "Дунавска 1")
    write("#id_postal_code", "21000")
    page.keyboard.press("Tab")
    expect(page.locator("#id_city")).to_have_value("Нови Сад")
    reach("input[name=payment]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("input[value=CASH_ON_DELIVERY]")).to_be_checked()
    reach("#pay-button")
    screenshot(page, "ready")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Хвала, поруџбина је примљена")
    order = Order.objects.get()
    assert (order.status, order.language, order.name) == ("PLACED", "sr-cyrl", "Ана Завишић")
    screenshot(page, "thanks")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("prefix", ["", "/sr-cyrl", "/en"])
def test_every_page_passes_the_audit(
    shop: str, variant: Variant, new_context: Callable[..., BrowserContext], prefix: str, scheme: str
) -> None:
    page = new_context(color_scheme=scheme).new_page()
    page.goto(f"{shop}{prefix}/p/{variant.product.slug}/")
    page.locator(".buy-row .button-main").click()
    expect(page.locator("#added .notice")).to_be_visible()
    order = Order.objects.first()
    pages = [
        "/",
        "/search/",
        "/search/?q=qwrtz",
        f"/p/{variant.product.slug}/",
        "/basket/",
        "/checkout/",
        "/stores/",
        "/help/",
    ]
    found = {path: audit_page(page, f"{shop}{prefix}{path}") for path in pages}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert order is None
