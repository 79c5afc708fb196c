"""The short way of the most read pages: the same answer as by the chain of middlewares, and only for who has not signed in."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from retail.kernel.models import User
from retail.strangers import PagesForStrangers
from storefront.models import Price, Variant
from tests.flows.chain import Chain
from tests.storefront.shopping import category, open_shop

pytestmark = pytest.mark.django_db
OWN = {"X-Request-ID", "Content-Length"}


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


@pytest.fixture
def variant(chain: Chain) -> Variant:
    made = chain.variant(price="1250.00", stock=3)
    category(chain, made)
    return made


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each request since was answered by the short way."""
    taken: list[bool] = []
    usual = PagesForStrangers.at_once

    def noted(self: PagesForStrangers, request: object) -> object:
        answer = usual(self, request)  # type: ignore[arg-type]
        taken.append(answer is not None)
        return answer

    monkeypatch.setattr(PagesForStrangers, "at_once", noted)
    return taken


@pytest.mark.parametrize("page", ["/p/{slug}/", "/en/p/{slug}/", "/sr-cyrl/c/romani/", "/search/?q=knjiga"])
def test_headers_and_cookies_are_those_of_the_chain(
    page: str, variant: Variant, short: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = page.format(slug=variant.product.slug)
    quick = Client().get(path)
    assert (quick.status_code, short) == (200, [True])
    monkeypatch.setattr(PagesForStrangers, "at_once", lambda self, request: None)
    usual = Client().get(path)
    assert usual.status_code == 200

    def told(answer: object) -> dict[str, object]:
        named = {name: value for name, value in answer.items() if name not in OWN}  # type: ignore[attr-defined]
        return named | {"Vary": set(named["Vary"].split(", "))}

    assert told(quick) == told(usual)
    assert quick.headers["Content-Length"] == str(len(quick.content))
    assert set(quick.cookies) == set(usual.cookies) == {"csrf"}
    for name in ("path", "samesite", "secure", "max-age"):
        assert quick.cookies["csrf"][name] == usual.cookies["csrf"][name]


def test_the_token_of_the_short_way_opens_a_form(variant: Variant, short: list[bool]) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(f"/p/{variant.product.slug}/").text
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    assert short == [True]
    put = {"sku": variant.sku, "quantity": "1"}
    assert browser.post("/basket/add/", put).status_code == 403
    assert browser.post("/basket/add/", {**put, "csrfmiddlewaretoken": token}).status_code == 302
    again = browser.get(f"/p/{variant.product.slug}/").text
    assert token not in again, "each answer has a mask of its own"


def test_who_has_a_session_or_a_message_takes_the_usual_way(variant: Variant, short: list[bool]) -> None:
    path = f"/p/{variant.product.slug}/"
    member = Client()
    member.force_login(User.objects.create(email="clan@example.com", is_active=True))
    assert member.get(path).status_code == 200
    told = Client()
    told.cookies["messages"] = "x"
    assert told.get(path).status_code == 200
    assert Client().get(path, headers={"HX-Request": "true"}).status_code == 200
    assert Client().head(path).status_code == 200
    assert short == [False] * 4


def test_what_is_not_answered_with_200_is_answered_by_the_chain(variant: Variant, short: list[bool]) -> None:
    assert Client().get("/p/nothing-of-the-kind/").status_code == 404
    assert Client().get(f"/p/{variant.product.slug}/NO-SUCH-SKU/").status_code == 404
    assert Client().get(f"/search/?q={variant.sku}-1").status_code == 200
    assert short == [False, False, True]


def test_the_price_of_this_moment(variant: Variant) -> None:
    """Cards and pages are kept by what they say, so another price is another page at once."""
    browser = Client()
    for amount, shown in (("1250.00", "1.250,00"), ("1199.00", "1.199,00"), ("1250.00", "1.250,00")):
        Price.objects.filter(variant=variant).update(amount=Decimal(amount))
        for path in (f"/p/{variant.product.slug}/", "/c/romani/"):
            assert f"<b>{shown}\u00a0RSD</b>" in browser.get(path).text
