"""A basket shared by a code: staff see the shopper's own rows and order them; who guesses learns nothing."""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from crm import operations as crm
from oms.models import Basket, BasketLine, BasketShare, DeliverySlot, Order
from oms.workflows import basket_sharing, tenders
from oms.workflows.basket_coupons import TooManyAttempts
from retail.kernel import clock
from retail.kernel.models import User
from storefront.models import Price
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.gift_cards import make_card
from tests.staff import client_of, make_staff
from tests.storefront.shopping import hidden, put
from tests.unchanged import nothing_changes
from warehouse.models import Reservation, StockItem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def chain(db: None) -> Iterator[Chain]:
    cache.clear()
    with clock.standing_at(NOW):
        yield make_chain()
    cache.clear()


@pytest.fixture(autouse=True)
def now_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oms.views.shared_baskets.timezone.now", lambda: NOW)


def shared(client: Client) -> BasketShare:
    assert client.post("/en/basket/share/").headers["Location"] == "/en/basket/?shared=1#share"
    share = BasketShare.objects.latest("pk")
    assert basket_sharing.spoken(share.code) in client.get("/en/basket/?shared=1").text
    return share


def typed(page: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "name": "Ana Anić",
        "email": "ana@example.com",
        "phone": "064 123 45 67",
        "delivery": "HOME_DELIVERY",
        "street": "Dunavska 1",
        "postal_code": "21000",
        "city": "Novi Sad",
        "payment": "CASH_ON_DELIVERY",
        "seen_HOME_DELIVERY": hidden(page, "seen_HOME_DELIVERY"),
    }
    return {**usual, **changes}


def test_the_call_center_orders_the_very_rows_and_the_shopper_sees_it(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1100.00", stock=5)
    put(client, variant, 2)
    share = shared(client)
    held = list(Reservation.objects.filter(state="HELD").values_list("pk", flat=True))
    agent = client_of(make_staff("AGENT"))
    answer = agent.post("/en/ops/baskets/", {"code": f" {share.code[:4].lower()}-{share.code[4:]} "})
    assert answer.headers["Location"] == f"/en/ops/baskets/{share.code}/"
    page = agent.get(f"/en/ops/baskets/{share.code}/").text
    assert variant.product.title in page
    answer = agent.post(f"/en/ops/baskets/{share.code}/", typed(page))
    order = Order.objects.get()
    assert answer.headers["Location"] == f"/en/ops/orders/{order.number}/"
    assert (order.basket, order.total, order.placed_by) == (share.basket, Decimal("2490.00"), None)
    # The very claims of the basket, now of the order.
    moved = Reservation.objects.filter(order_line__order=order, state="ALLOCATED")
    assert list(moved.values_list("pk", flat=True)) == held
    assert StockItem.objects.get(variant=variant).reserved == 2
    page = client.get("/en/basket/").text
    assert f"Your basket has become order {order.number}." in page
    assert f"/en/order/{order.token}/" in page
    # The code opens nothing any more.
    with nothing_changes():
        assert agent.post("/en/ops/baskets/", {"code": share.code}).status_code == 404


def test_an_order_for_an_account_is_the_accounts_own(client: Client, chain: Chain) -> None:
    ana = User.objects.create_user("ana@example.com", "a long pass phrase", name="Ana")
    mine = crm.open_account(user=ana, name="Ana", now=NOW)
    client.force_login(ana)
    put(client, chain.variant(stock=5))
    assert Basket.objects.get().customer == mine
    share = shared(client)
    agent = client_of(make_staff("STORE"))
    page = agent.get(f"/en/ops/baskets/{share.code}/").text
    assert "Of the account of Ana." in page
    agent.post(f"/en/ops/baskets/{share.code}/", typed(page))
    order = Order.objects.get()
    assert (order.customer, order.placed_by) == (mine, ana)
    assert order.number in client.get("/account/").text


def test_what_lies_in_it_can_be_mended_for_the_shopper(client: Client, chain: Chain) -> None:
    variant, more = chain.variant(stock=3), chain.variant(stock=3)
    put(client, variant)
    share = shared(client)
    agent = client_of(make_staff("AGENT"))
    url = f"/en/ops/baskets/{share.code}/change/"
    line = BasketLine.objects.get()
    agent.post(url, {"line": str(line.public_id), "quantity": "3"})
    agent.post(url, {"sku": more.sku})
    assert {one.variant_id: one.quantity for one in BasketLine.objects.all()} == {variant.pk: 3, more.pk: 1}
    with nothing_changes():
        agent.post(url, {"line": str(line.public_id), "quantity": "4"})
        agent.post(url, {"line": str(line.public_id), "quantity": "-1"})
        agent.post(url, {"sku": "nothing"})
    agent.post(url, {"line": str(line.public_id), "quantity": "0"})
    assert [one.variant for one in BasketLine.objects.all()] == [more]


def test_a_changed_price_is_shown_before_anything_is_ordered(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1000.00", stock=5)
    put(client, variant)
    share = shared(client)
    agent = client_of(make_staff("AGENT"))
    form = typed(agent.get(f"/en/ops/baskets/{share.code}/").text)
    Price.objects.filter(variant=variant).update(amount=Decimal("1200.00"))
    with nothing_changes():
        answer = agent.post(f"/en/ops/baskets/{share.code}/", form)
    assert answer.status_code == 422
    assert "The price has changed since the shopper saw it." in answer.text
    assert "1,490.00" in answer.text.replace("\u00a0", " ")


def test_the_agent_chooses_the_day_that_the_checkout_would_offer(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    slot = DeliverySlot.objects.create(
        service=chain.services[0], weekdays=[4], begins=time(17), ends=time(20)
    )
    offered = re.findall(r'<option value="(2026[^"]*)"', client.get("/en/checkout/").text)
    share = shared(client)
    agent = client_of(make_staff("AGENT"))
    url = f"/en/ops/baskets/{share.code}/"
    page = agent.get(url).text
    # NOW is Wednesday, 2 December.
    assert re.findall(r'<option value="(2026[^"]*)"', page) == offered
    assert f"2026-12-04/{slot.pk}" in offered
    with nothing_changes():
        sunday = agent.post(url, typed(page, when="2026-12-06"))
        nonsense = agent.post(url, typed(page, when="soon"))
    assert (sunday.status_code, nonsense.status_code) == (422, 422)
    assert 'id="id_when"' in sunday.text and "aria-invalid" in sunday.text
    agent.post(url, typed(page, when=f"2026-12-04/{slot.pk}"))
    order = Order.objects.get()
    assert (order.wanted_on, order.wanted_slot) == (date(2026, 12, 4), slot)


@pytest.mark.parametrize(
    "wrong", [{"email": "x"}, {"postal_code": "99999"}, {"street": ""}, {"delivery": "DIGITAL"}]
)
def test_what_is_wrong_orders_nothing(client: Client, chain: Chain, wrong: dict[str, str]) -> None:
    put(client, chain.variant(stock=5))
    share = shared(client)
    agent = client_of(make_staff("AGENT"))
    form = typed(agent.get(f"/en/ops/baskets/{share.code}/").text, **wrong)
    with nothing_changes():
        assert agent.post(f"/en/ops/baskets/{share.code}/", form).status_code == 422


def test_unknown_ended_and_ordered_codes_get_one_answer(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    share = shared(client)
    agent = client_of(make_staff("AGENT"))
    ended = BasketShare.objects.get()
    BasketShare.objects.filter(pk=ended.pk).update(expires_at=NOW - timedelta(seconds=1))

    def words(code: str) -> str:
        with nothing_changes():
            answer = agent.post("/en/ops/baskets/", {"code": code})
        assert answer.status_code == 404
        return str(answer.text.split('role="alert"')[1].split("</p>")[0])

    assert words(share.code) == words("ABCD EFGH") == words("x") == words("")


def test_guessing_ends(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    share = shared(client)
    by = make_staff("AGENT")
    for _ in range(basket_sharing.ATTEMPTS):
        with pytest.raises(basket_sharing.UnknownShare):
            basket_sharing.open_shared(code="ABCDEFGH", by=by, now=NOW)
    with nothing_changes(), pytest.raises(TooManyAttempts):
        basket_sharing.open_shared(code=share.code, by=by, now=NOW)
    assert client_of(by).post("/en/ops/baskets/", {"code": share.code}).status_code == 429
    # Another member of staff is not kept out, and whoever opened it once works on.
    other = make_staff("AGENT")
    assert basket_sharing.open_shared(code=share.code, by=other, now=NOW).basket == share.basket


def test_the_shopper_takes_the_code_back(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    share = shared(client)
    assert shared(client).code == share.code
    client.post("/en/basket/share/stop/")
    with pytest.raises(basket_sharing.UnknownShare):
        basket_sharing.open_shared(code=share.code, by=make_staff("AGENT"), now=NOW)
    assert BasketLine.objects.count() == 1


def test_a_role_that_sells_nothing_opens_no_basket(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    share = shared(client)
    others = [client_of(make_staff(role)) for role in ("PICKER", "ACCOUNTANT", "AUDITOR", "MERCHANDISER")]
    with nothing_changes():
        for staff in others:
            assert staff.get(f"/en/ops/baskets/{share.code}/").status_code == 403
            assert staff.post("/en/ops/baskets/", {"code": share.code}).status_code == 403


def test_without_a_basket_there_is_nothing_to_share(client: Client, chain: Chain) -> None:
    with nothing_changes():
        assert client.post("/en/basket/share/").status_code == 404


def test_what_gift_cards_leave_is_shown_and_never_charged_otherwise(client: Client, chain: Chain) -> None:
    """The card was spent elsewhere after the agent had read out what is left: asked again, nothing written."""
    card, code = make_card(chain, "500.00")
    put(client, chain.variant(price="1000.00", stock=5), 1)
    share = shared(client)
    tenders.apply_gift_card(token=share.basket.token, code=code, now=NOW)
    agent = client_of(make_staff("AGENT"))
    path = f"/en/ops/baskets/{share.code}/"
    page = agent.get(path).text
    assert "is left beside the gift cards" in page
    assert hidden(page, "rest_HOME_DELIVERY") == "790.00"
    crm.block_card(public_id=card.public_id, reason="lost", by=None, now=NOW)
    asked = typed(page, rest_HOME_DELIVERY="790.00")
    with nothing_changes():
        answer = agent.post(path, asked)
    assert answer.status_code == 422
    page = answer.text
    assert hidden(page, "rest_HOME_DELIVERY") == "1290.00"
    agent.post(path, typed(page, rest_HOME_DELIVERY="1290.00"))
    placed = Order.objects.exclude(basket=None).get()
    assert (placed.total, placed.captured_total) == (Decimal("1290.00"), Decimal(0))
