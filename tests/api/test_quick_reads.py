"""The short way of stock and availability answers what the usual way answers, and leaves every refusal to it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.conf import settings as house
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from rest_framework.views import APIView

from retail.kernel.models import ApiKey
from tests.api.integrator import Api, refused
from tests.flows.chain import Chain, make_chain
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that took the usual way."""
    taken: list[str] = []
    dispatch = APIView.dispatch

    def noted(self: APIView, request: object, *args: object, **kwargs: object) -> object:
        taken.append(getattr(request, "path", ""))
        return dispatch(self, request, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(APIView, "dispatch", noted)
    return taken


def test_stock_of_one_sku_says_the_same_by_both_ways(chain: Chain, usual: list[str]) -> None:
    sku = chain.variant(stock=5, store_stock=2).sku
    integrator = Api("stock:read")
    usual.clear()
    with nothing_changes():
        quick, slow = integrator.get("stock", sku=sku), integrator.get("stock", sku=sku, limit=50)
    assert usual == ["/api/v1/stock"]  # the second one
    assert quick.json() == slow.json()
    assert sum(row["available"] for row in quick.json()["results"]) == 7
    heads = [dict(answer.headers.items()) for answer in (quick, slow)]
    assert heads[0].pop("X-Request-ID") != heads[1].pop("X-Request-ID")
    assert heads[0] == heads[1]
    assert heads[0]["Content-Length"] == str(len(quick.content))
    assert not quick.cookies


def test_the_short_way_keeps_what_the_chain_decides(chain: Chain, usual: list[str]) -> None:
    sku = chain.variant(stock=5).sku
    integrator = Api("stock:read")
    usual.clear()
    ask = partial(integrator.client.get, "/api/v1/stock", {"sku": sku})
    named = ask(headers={"X-Request-ID": "abcdefgh-1"})
    assert named.headers["X-Request-ID"] == "abcdefgh-1"
    languages = {ask(headers={"Accept-Language": code})["Content-Language"] for code in ("en", "sr")}
    assert usual == []
    slow = integrator.get("stock", sku=sku, limit=50)
    assert languages == {slow.headers["Content-Language"]}
    assert ask(headers={"Host": "elsewhere.example"}).status_code == 400


def test_the_short_way_is_redirected_like_the_chain(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    sku, key = chain.variant(stock=5).sku, Api("stock:read").client.defaults["HTTP_AUTHORIZATION"]
    monkeypatch.setattr(house, "SECURE_SSL_REDIRECT", True)
    plain = Client().get("/api/v1/stock", {"sku": sku}, headers={"Authorization": key})
    assert (plain.status_code, plain["Location"]) == (301, f"https://testserver/api/v1/stock?sku={sku}")
    safe = Client().get("/api/v1/stock", {"sku": sku}, headers={"Authorization": key}, secure=True)
    assert (safe.status_code, len(safe.json()["results"])) == (200, 1)


def test_a_long_list_goes_on_behind_the_first_page(chain: Chain, usual: list[str]) -> None:
    variant = chain.variant(stock=5, store_stock=2)
    integrator = Api("stock:read")
    usual.clear()
    whole = integrator.get("stock", sku=variant.sku).json()
    assert (len(whole["results"]), whole["next"]) == (2, None)
    with pytest.MonkeyPatch.context() as patch:
        for limit, following in ((2, False), (1, True)):
            patch.setattr("warehouse.api.stock.LIMIT_USUAL", limit)
            quick = integrator.get("stock", sku=variant.sku).json()
            assert quick["results"] == whole["results"][:limit]
            assert bool(quick["next"]) == following
    assert usual == []
    rest = integrator.get(quick["next"]).json()
    assert rest == {"results": whole["results"][1:], "next": None}


def test_availability_says_the_same_by_both_ways(chain: Chain, usual: list[str]) -> None:
    sku = chain.variant(stock=5, store_stock=2).sku
    public = Api()
    quick = public.get("availability", sku=sku, postal_code="21000")
    assert usual == []
    slow = public.client.get(
        "/api/v1/availability", {"sku": sku, "postal_code": "21000"}, headers={"Accept": "text/csv"}
    )
    assert (slow.status_code, usual) == (406, ["/api/v1/availability"])
    assert quick.json()["available"] == 7
    assert {option["method"] for option in quick.json()["options"]} >= {"HOME_DELIVERY", "STORE_PICKUP"}
    assert refused(public.get("availability", sku="none")) == (404, "UNKNOWN_SKU")
    assert refused(public.get("availability")) == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"digest": "0" * 64},
    ],
    ids=["revoked", "expired", "unknown"],
)
def test_a_key_that_holds_no_more_reads_nothing(chain: Chain, change: dict[str, object]) -> None:
    sku = chain.variant(stock=5).sku
    integrator = Api("stock:read")
    assert integrator.get("stock", sku=sku).status_code == 200
    ApiKey.objects.update(**change)
    with nothing_changes():
        assert refused(integrator.get("stock", sku=sku)) == (401, "NOT_AUTHENTICATED")


def test_a_key_without_the_scope_and_the_public_read_no_stock(chain: Chain) -> None:
    sku = chain.variant(stock=5).sku
    assert refused(Api("orders:read").get("stock", sku=sku)) == (403, "NOT_ALLOWED")
    assert Api().get("stock", sku=sku).status_code in (401, 403)


def test_the_first_call_of_a_day_notes_that_the_key_is_used(chain: Chain) -> None:
    sku = chain.variant(stock=5).sku
    integrator = Api("stock:read")
    ApiKey.objects.update(last_used_on=None)
    assert integrator.get("stock", sku=sku).status_code == 200
    assert ApiKey.objects.get().last_used_on == timezone.now().date()


def test_the_short_way_is_counted_like_the_usual_one(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "API_REQUESTS_PER_MINUTE", 3)
    monkeypatch.setattr("retail.rest.throttles.time.time", lambda: 1_800_000_015.0)
    cache.clear()
    sku = chain.variant(stock=5).sku
    public = Api()
    assert [public.get("availability", sku=sku).status_code for _ in range(3)] == [200] * 3
    answer = public.client.get("/api/v1/availability", {"sku": sku})
    assert (*refused(answer), answer.headers["Retry-After"]) == (429, "TOO_MANY_REQUESTS", "46")
    cache.clear()
