"""Passkeys in a real browser with an authenticator of its own: added, signed in with, removed; and as the second step of staff."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from playwright.sync_api import BrowserContext, Page, expect

from retail.kernel.models import User
from storefront.views import frame, ways
from tests.flows.chain import make_chain
from tests.front.pages import audit_shown, listening
from tests.staff import make_staff

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "a long pass phrase"


@pytest.fixture
def shop(transactional_db: None, live_server: Any, settings: Any) -> Iterator[str]:
    """A passkey belongs to a name, so the browser comes to `localhost`."""
    frame.forget_departments()
    ways.forget_largest()
    make_chain()
    settings.BASE_URL = live_server.url
    yield str(live_server.url)
    frame.forget_departments()
    ways.forget_largest()


@pytest.fixture
def ana(shop: str) -> User:
    user = User.objects.create_user("ana@example.com", PASSWORD, name="Ana")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def with_authenticator(context: BrowserContext, page: Page) -> None:
    """A device that keeps keys and whose owner is always there."""
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def begin(shop: str, new_context: Callable[..., BrowserContext]) -> tuple[BrowserContext, Page]:
    context = new_context()
    page = context.new_page()
    page.set_default_timeout(60_000)
    with_authenticator(context, page)
    return context, page


def sign_in(page: Page, shop: str, user: User) -> None:
    page.goto(f"{shop}/accounts/login/")
    page.locator("input[name=login]").fill(user.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form[action*=login] button").first.click()
    page.wait_for_url(re.compile(r"^(?!.*/accounts/login/)"))


def prove(page: Page) -> None:
    """Before the keys of an account change, its password is asked once more."""
    assert "/accounts/reauthenticate/" in page.url
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main form button").first.click()
    page.wait_for_url(re.compile(r"^(?!.*/accounts/reauthenticate/)"))


def add_key(page: Page, shop: str, name: str, *, is_second_step: bool = False) -> None:
    page.goto(f"{shop}/accounts/2fa/webauthn/add/")
    prove(page)
    assert audit_shown(page) == []
    page.locator("input[name=name]").fill(name)
    if is_second_step:
        page.locator("input[name=passwordless]").uncheck()
    page.get_by_role("button", name="Dodajte pristupni ključ").click()
    page.wait_for_url(re.compile(r"^(?!.*/webauthn/add/)"))


def test_a_passkey_is_added_signs_in_and_is_removed(
    shop: str, ana: User, new_context: Callable[..., BrowserContext]
) -> None:
    context, page = begin(shop, new_context)
    with listening(page) as heard:
        sign_in(page, shop, ana)
        page.goto(f"{shop}/accounts/2fa/webauthn/")
        assert audit_shown(page) == []
        add_key(page, shop, "Anin telefon")
        key = Authenticator.objects.get(user=ana, type=Authenticator.Type.WEBAUTHN)
        assert key.wrap().is_passwordless is True

        # Another day: signed out, and in again with the key alone.
        context.clear_cookies()
        page.goto(f"{shop}/accounts/login/?next=/account/")
        page.locator("#passkey_login").click()
        page.wait_for_url(f"{shop}/account/")
        expect(page.locator("main")).to_contain_text("ana@example.com")

        page.goto(f"{shop}/accounts/2fa/webauthn/")
        expect(page.locator("main")).to_contain_text("Anin telefon")
        page.get_by_role("link", name="Uklonite: Anin telefon").click()
        prove(page)
        page.locator("main form button").first.click()
        page.wait_for_url(re.compile(r"/webauthn/$|/2fa/$"))
        assert not Authenticator.objects.filter(user=ana, type=Authenticator.Type.WEBAUTHN).exists()

        # The device still has it; the house does not know it any more.
        context.clear_cookies()
        page.goto(f"{shop}/accounts/login/?next=/account/")
        page.locator("#passkey_login").click()
        page.wait_for_url(re.compile(r"/accounts/login/$"))
        page.goto(f"{shop}/account/")
        assert "/accounts/login/" in page.url
    assert heard == []


def test_staff_enter_with_password_and_key(shop: str, new_context: Callable[..., BrowserContext]) -> None:
    olga = make_staff("AGENT", name="Olga", has_second_factor=False)
    User.objects.filter(pk=olga.pk).update(password=make_password(PASSWORD))
    EmailAddress.objects.create(user=olga, email=olga.email, verified=True, primary=True)
    context, page = begin(shop, new_context)
    sign_in(page, shop, olga)
    page.goto(f"{shop}/ops/orders/")
    assert "/2fa/totp/activate/" in unquote(page.url)  # the password alone opens nothing of the house
    add_key(page, shop, "Ključ na privesku", is_second_step=True)
    key = Authenticator.objects.get(user=olga, type=Authenticator.Type.WEBAUTHN)
    assert not key.wrap().is_passwordless

    context.clear_cookies()
    sign_in(page, shop, olga)
    assert "/2fa/authenticate/" in page.url
    assert audit_shown(page) == []
    page.goto(f"{shop}/ops/orders/")
    # Between the two steps nobody is signed in: they are led back to the second one.
    assert "/accounts/" in page.url
    page.goto(f"{shop}/accounts/2fa/authenticate/")
    page.locator("#mfa_webauthn_authenticate").click()
    page.wait_for_url(re.compile(r"^(?!.*/accounts/)"))
    page.goto(f"{shop}/ops/orders/")
    assert page.url == f"{shop}/ops/orders/"
