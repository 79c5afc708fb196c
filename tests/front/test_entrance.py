"""Sign-in, sign-up and two-step pages of allauth wear the house's clothes and keep its policy."""

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.front.lab")]

PAGES = ["login", "signup", "password/reset"]
PRIVATE = ["email", "password/change", "2fa", "2fa/totp/activate", "logout"]


def shown(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def assert_is_ours(html: str) -> None:
    assert html.count("<h1") == 1
    assert "front/tokens.css" in html
    assert not re.search(r"\sstyle=|\son[a-z]+=", html)
    assert "data:" not in re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", html))


@pytest.mark.parametrize("name", PAGES)
def test_public_pages(name: str) -> None:
    assert_is_ours(shown(Client(), f"/accounts/{name}/"))


@pytest.mark.parametrize("name", PRIVATE)
def test_pages_of_the_account(name: str) -> None:
    client = Client()
    client.force_login(
        get_user_model().objects.create_user(email="ana@example.com", password="dugacka-lozinka-1")
    )
    response = client.get(f"/accounts/{name}/", follow=True)
    assert response.status_code == 200
    assert_is_ours(response.content.decode())


@pytest.mark.parametrize(("prefix", "title"), [("", "Prijava"), ("/sr-cyrl", "Пријав"), ("/en", "Sign In")])
def test_sign_in_speaks_three_languages(prefix: str, title: str) -> None:
    heading = re.search(r"<h1>\s*(.*?)\s*</h1>", shown(Client(), f"{prefix}/accounts/login/"))
    assert heading
    assert heading[1].startswith(title[:6])


def test_a_refused_sign_in_lists_what_is_wrong() -> None:
    html = Client().post("/accounts/login/", {"login": "", "password": ""}).content.decode()
    assert 'class="errors"' in html
    assert '<a href="#id_login">' in html
    assert "<title>Greška: " in html


@pytest.mark.urls("retail.urls")
def test_a_second_click_while_the_first_one_signs_in_shows_the_page_again(monkeypatch: Any) -> None:
    get_user_model().objects.create_user(email="ana@example.com", password="dugacka-lozinka-1")
    save = SessionStore.save

    def deleted_meanwhile(self: SessionStore, must_create: bool = False) -> None:
        if not must_create:
            raise UpdateError
        save(self, must_create=True)

    monkeypatch.setattr(SessionStore, "save", deleted_meanwhile)
    answer = Client().post("/accounts/login/", {"login": "ana@example.com", "password": "dugacka-lozinka-1"})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")
