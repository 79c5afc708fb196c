"""What nobody foresaw: the API answers a problem with a code and the request's number, never a trace, and nothing is kept of it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client, RequestFactory

from oms.models import Order
from retail import answers
from retail.kernel.models import IdempotencyKey
from tests.api.integrator import Api, refused
from tests.flows.chain import Chain, make_chain
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
SECRET = "a value that nobody outside may read"


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def breaks(**_: Any) -> None:
    raise RuntimeError(SECRET)


def test_a_view_that_breaks_answers_a_problem_and_frees_its_key(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    basket = chain.basket((chain.variant(), 1))
    body = {
        "basket": basket.token,
        "email": "ana@example.com",
        "name": "Ana Anić",
        "phone": "+381601112223",
        "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000"},
        "delivery": {"method": "HOME_DELIVERY"},
        "payment": {"method": "CASH_ON_DELIVERY"},
    }
    client = Client(raise_request_exception=False)

    def order() -> Any:
        headers = {"Idempotency-Key": "k-1", "X-Request-ID": "request-0001"}
        return client.post("/api/v1/orders", body, content_type="application/json", headers=headers)

    with monkeypatch.context() as patched, nothing_changes():
        patched.setattr("oms.workflows.placing.place_order", breaks)
        answer = order()
    assert refused(answer) == (500, "INTERNAL_ERROR")
    assert answer.json()["request_id"] == answer["X-Request-ID"] == "request-0001"
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    assert not IdempotencyKey.objects.filter(key="k-1").exists()

    assert order().status_code == 201
    assert Order.objects.count() == 1


def test_an_address_that_is_not_there_answers_a_problem() -> None:
    answer = Api().get("no-such-thing", q="1")
    assert refused(answer) == (404, "NOT_FOUND")
    assert answer.json()["request_id"] == answer["X-Request-ID"]


def test_what_breaks_outside_the_views_answers_a_problem(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retail.rest.views.ApiView.finalize_response", breaks)
    answer = Client(raise_request_exception=False).get("/api/v1/products")
    assert refused(answer) == (500, "INTERNAL_ERROR")
    assert SECRET not in answer.text


@pytest.fixture
def fresh_limits() -> Iterator[None]:
    """What counts attempts is shared by the tests of a process."""
    cache.clear()
    yield
    cache.clear()


@pytest.mark.parametrize(
    ("prefix", "title"),
    [
        ("", "Pokušaja je bilo previše"),
        ("/sr-cyrl", "Покушаја је било превише"),
        ("/en", "That was too often"),
    ],
)
def test_too_many_attempts_are_told_in_the_readers_language(
    fresh_limits: None, prefix: str, title: str
) -> None:
    client, attempt = Client(), {"login": "ana@example.com", "password": "wrong"}
    attempts = (client.post(f"{prefix}/accounts/login/", attempt) for _ in range(40))
    refusal = next(answer for answer in attempts if answer.status_code == 429)
    assert f"<h1>{title}</h1>" in refusal.text
    assert int(refusal["Retry-After"]) > 0


def test_a_locked_sign_in_wears_the_same_clothes() -> None:
    refusal = answers.locked_out(RequestFactory().get("/accounts/login/"), None)
    assert refusal.status_code == 429
    assert "front/tokens.css" in refusal.text


def test_a_form_that_stood_open_too_long_says_so() -> None:
    answer = Client(enforce_csrf_checks=True).post("/en/basket/add/", {"sku": "x"})
    assert answer.status_code == 403
    assert "<h1>This form is too old</h1>" in answer.text


def test_a_page_that_breaks_tells_the_number_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storefront.views.shopper.channel", breaks)
    answer = Client(raise_request_exception=False).get("/", headers={"X-Request-ID": "request-0002"})
    assert answer.status_code == 500
    assert "request-0002" in answer.text
    assert SECRET not in answer.text


def is_busy(**_: Any) -> None:
    raise OperationalError("canceling statement due to lock timeout")


def is_full(**_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("trouble", [is_busy, is_full])
def test_a_page_that_had_to_give_way_says_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch, trouble: Any
) -> None:
    monkeypatch.setattr("storefront.views.shopper.channel", trouble)
    answer = Client(raise_request_exception=False).get("/en/", headers={"X-Request-ID": "request-0003"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "<h1>Just a moment</h1>" in answer.text
    assert "request-0003" in answer.text


@pytest.mark.parametrize("trouble", [is_busy, is_full])
def test_a_call_that_had_to_give_way_is_a_typed_problem(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, trouble: Any
) -> None:
    monkeypatch.setattr("oms.workflows.baskets.create_basket", trouble)
    with nothing_changes():
        answer = Api().post("baskets", {"channel": "web-rs"})
    assert (refused(answer), answer["Retry-After"]) == ((503, "TRY_AGAIN"), "1")
