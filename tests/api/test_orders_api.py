"""The main flow by API: basket, order once per key, what the order says, payment, cancellation; secrets and scopes."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from crm.models import LoyaltyAccount
from oms.models import Basket, Order
from oms.workflows import baskets, tenders
from tests.api.integrator import Api, refused
from tests.crm.members import earn, make_member, make_program
from tests.factories import make_customer
from tests.flows.chain import Chain, make_chain
from tests.unchanged import nothing_changes
from warehouse.models import Reservation

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def public() -> Api:
    return Api()


def order_of(token: str, **changes: Any) -> dict[str, Any]:
    return {
        "basket": token,
        "email": "ana@example.com",
        "name": "Ana Anić",
        "phone": "+381601112223",
        "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000", "country": "RS"},
        "company": None,
        "delivery": {"method": "HOME_DELIVERY"},
        "payment": {"method": "CASH_ON_DELIVERY"},
        **changes,
    }


def basket_with(public: Api, sku: str, quantity: int = 1) -> str:
    token = str(public.post("baskets", {"channel": "web-rs", "postal_code": "21000"}).json()["token"])
    added = public.post(f"baskets/{token}/lines", {"sku": sku, "quantity": quantity})
    assert added.status_code == 201, added.content
    return token


def test_a_basket_holds_changes_and_gives_back(chain: Chain, public: Api) -> None:
    variant = chain.variant(stock=5)
    token = basket_with(public, variant.sku, 2)

    shown = public.get(f"baskets/{token}").json()
    (line,) = shown["lines"]
    assert (line["quantity"], line["total"]["amount"], shown["problems"]) == (2, "2000.00", [])
    assert line["held_until"] and shown["held_until"]
    changed = public.send("patch", f"baskets/{token}/lines/{line['id']}", {"quantity": 3}).json()
    assert changed["total"]["amount"] == "3000.00"
    removed = public.send("delete", f"baskets/{token}/lines/{line['id']}").json()
    assert removed["lines"] == []
    assert not Reservation.objects.filter(state="HELD").exists()


def test_more_than_there_is_is_refused_with_what_can_be_had(chain: Chain, public: Api) -> None:
    variant = chain.variant(stock=1)
    token = public.post("baskets", {"channel": "web-rs"}).json()["token"]
    with nothing_changes():
        answer = public.post(f"baskets/{token}/lines", {"sku": variant.sku, "quantity": 2})
    assert refused(answer) == (409, "OUT_OF_STOCK")
    assert answer.json()["available"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("baskets", {"channel": "moon"}, 404, "UNKNOWN_CHANNEL"),
        ("baskets", {"channel": "web-rs", "color": "red"}, 400, "INVALID_INPUT"),
        ("baskets/someone-elses/lines", {"sku": "x", "quantity": 1}, 404, "UNKNOWN_BASKET"),
        ("baskets/TOKEN/lines", {"sku": "nope", "quantity": 1}, 404, "UNKNOWN_SKU"),
    ],
)
def test_baskets_refuse_by_name(
    chain: Chain, public: Api, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    token = public.post("baskets", {"channel": "web-rs"}).json()["token"]
    with nothing_changes():
        assert refused(public.post(path.replace("TOKEN", token), body)) == (status, code)


def test_one_order_per_key_and_the_same_answer_again(chain: Chain, public: Api) -> None:
    body = order_of(basket_with(public, chain.variant().sku))

    first = public.post("orders", body, key="k-1")
    with nothing_changes():
        second = public.post("orders", body, key="k-1")
        other = public.post("orders", {**body, "name": "Petar"}, key="k-1")

    assert first.status_code == 201, first.content
    made = first.json()
    assert (made["status"], made["payment"]["method"]) == ("PLACED", "CASH_ON_DELIVERY")
    assert made["token"] and made["number"].startswith("ORD-")
    assert (second.status_code, second.json()) == (201, made)
    assert refused(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"company": {"name": "X", "pib": "123"}}, 400, "INVALID_PIB"),
        ({"email": "no"}, 400, "INVALID_CONTACT"),
        ({"delivery": {"method": "TELEPORT"}}, 400, "INVALID_INPUT"),
        ({"expected_total": {"amount": "1.00", "currency": "RSD"}}, 409, "PRICE_CHANGED"),
        ({"total": "1.00"}, 400, "INVALID_INPUT"),
        ({"basket": "nope"}, 404, "UNKNOWN_BASKET"),
        ({"lines": [{"sku": "x", "quantity": 1}]}, 400, "INVALID_INPUT"),
    ],
)
def test_an_order_is_refused_whole(
    chain: Chain, public: Api, changes: dict[str, Any], status: int, code: str
) -> None:
    body = order_of(basket_with(public, chain.variant().sku), **changes)
    with nothing_changes():
        assert refused(public.post("orders", body, key="k-1")) == (status, code)
    assert Order.objects.count() == 0


def test_an_order_needs_its_key_and_lines_need_the_scope(chain: Chain, public: Api) -> None:
    variant = chain.variant()
    body = order_of(basket_with(public, variant.sku))
    lines = {**body, "channel": "web-rs", "lines": [{"sku": variant.sku, "quantity": 1}]}
    lines.pop("basket")
    with nothing_changes():
        assert refused(public.post("orders", body)) == (400, "IDEMPOTENCY_KEY_REQUIRED")
        assert refused(public.post("orders", lines, key="k-1")) == (403, "NOT_ALLOWED")
    made = Api("orders:write").post("orders", lines, key="k-1")
    assert (made.status_code, made.json()["status"]) == (201, "PLACED")


def test_an_order_is_read_by_scope_or_by_its_own_secret(chain: Chain, public: Api) -> None:
    made = public.post("orders", order_of(basket_with(public, chain.variant().sku)), key="k-1").json()
    reader = Api("orders:read")

    by_scope, by_secret = reader.get(f"orders/{made['number']}"), public.get(f"orders/{made['token']}")

    shown = by_scope.json()
    assert by_scope["ETag"] == f'"{shown["version"]}"'
    (line,) = [one for one in shown["lines"] if one["kind"] == "GOODS"]
    assert [(one["location"], one["state"]) for one in line["reservations"]] == [("WH-1", "ALLOCATED")]
    assert {"shipments", "payments", "documents", "timeline"} <= set(shown)
    assert by_secret.json()["number"] == made["number"]
    assert refused(public.get(f"orders/{made['number']}")) == (404, "UNKNOWN_ORDER")
    assert refused(Api("stock:read").get(f"orders/{made['number']}")) == (404, "UNKNOWN_ORDER")
    assert [one["number"] for one in reader.get("orders").json()["results"]] == [made["number"]]
    assert refused(public.get("orders"))[0] in (401, 403)


def test_an_order_is_canceled_by_its_secret_and_gives_its_goods_back(chain: Chain, public: Api) -> None:
    variant = chain.variant(stock=1)
    made = public.post("orders", order_of(basket_with(public, variant.sku)), key="k-1").json()

    with nothing_changes():
        assert refused(public.post(f"orders/{made['number']}/cancel")) == (404, "UNKNOWN_ORDER")
    canceled = public.post(f"orders/{made['token']}/cancel", {"reason": "mind"}, key="c-1")

    assert (canceled.status_code, canceled.json()["status"]) == (200, "CANCELED")
    assert public.get(f"products/{variant.sku}").json()["available"] == 1


def test_a_waiting_order_takes_another_method(chain: Chain, public: Api) -> None:
    body = order_of(basket_with(public, chain.variant().sku), payment={"method": "BANK_TRANSFER"})
    made = public.post("orders", body, key="k-1").json()
    assert (made["status"], bool(made["payment"]["reference"])) == ("PENDING_PAYMENT", True)

    answer = public.post(f"orders/{made['token']}/payments", {"method": "CASH_ON_DELIVERY"}, key="p-1")

    assert answer.status_code == 201, answer.content
    assert Order.objects.get().status == "PLACED"
    with nothing_changes():
        late = public.post(f"orders/{made['token']}/payments", {"method": "BANK_TRANSFER"}, key="p-2")
    assert refused(late) == (409, "ORDER_NOT_PENDING")


def test_money_goes_back_only_with_the_scope_and_never_more_than_came(chain: Chain, public: Api) -> None:
    made = public.post("orders", order_of(basket_with(public, chain.variant().sku)), key="k-1").json()
    body = {"amount": {"amount": "1.00", "currency": "RSD"}, "reason": "goodwill"}
    with nothing_changes():
        assert refused(public.post(f"orders/{made['token']}/refunds", body, key="r-1"))[0] in (401, 403)
    writer = Api("orders:write", "orders:read")
    with nothing_changes():
        answer = writer.post(f"orders/{made['number']}/refunds", body, key="r-1")
    assert refused(answer) == (409, "REFUND_EXCEEDS_PAYMENT")
    assert Basket.objects.count() == 1


def test_a_plan_that_waits_is_listed_and_rejected_with_a_reason(chain: Chain, public: Api) -> None:
    api = Api("proposals:read", "proposals:write")
    assert api.get("proposals").json() == {"results": [], "next": None}
    assert refused(api.post("proposals/nope/ratify"))[0] == 404
    assert refused(api.post("proposals/nope/reject")) == (400, "INVALID_INPUT")
    assert refused(Api("proposals:read").post("proposals/nope/ratify")) == (403, "NOT_ALLOWED")


def test_points_of_a_members_basket_are_neither_seen_nor_used_by_nobody(chain: Chain, public: Api) -> None:
    """Who holds the basket's secret has not signed in: what is shown is what is charged, and the points stay."""
    make_program()
    ana = make_customer(name="Ana Anić", email="ana@example.com")
    make_member(ana)
    earn(ana, 400)
    now = timezone.now()
    basket = baskets.create_basket(channel_code="web-rs", now=now, customer_id=ana.pk)
    baskets.add_line(token=basket.token, sku=chain.variant(price="1000.00").sku, quantity=1, now=now)
    tenders.want_points(token=basket.token, points=300, customer_id=None, now=now)
    with nothing_changes():
        assert public.post(f"baskets/{basket.token}/tenders", {"points": 200}).status_code == 400
    shown = public.get(f"baskets/{basket.token}").json()
    assert (shown["total"]["amount"], shown["to_pay"]["amount"]) == ("1000.00", "1000.00")
    made = public.post("orders", order_of(basket.token), key="without").json()
    assert made["total"]["amount"] == "1290.00"
    assert LoyaltyAccount.objects.get(customer=ana).points == 400
