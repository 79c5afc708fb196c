"""Gift cards in the shop: bought, looked at, typed into the basket and at checkout; found and blocked in the back office."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client

from crm.models import GiftCard
from oms.models import Order
from tests.flows.chain import Chain
from tests.flows.gift_cards import make_card
from tests.oms.test_ops_pages import client_of
from tests.storefront.shopping import basket, hidden, open_shop, order, put, typed
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    cache.clear()  # guesses of the test before
    with open_shop():
        yield
    cache.clear()


def filled(client: Client, **changes: str) -> dict[str, str]:
    page = client.get("/gift-card/").text
    return {
        "key": hidden(page, "key"),
        "amount": "3000",
        "recipient_name": "Mila",
        "recipient_email": "Mila@example.com",
        "message": "Srećan rođendan!",
        "send_on": "",
        "name": "Ana Anić",
        "email": "ana@example.com",
        "payment": "BANK_TRANSFER",
        **changes,
    }


# ------------------------------------------------------------------ bought


def test_a_card_is_ordered_once_and_paid_next(client: Client, chain: Chain) -> None:
    form = filled(client)
    answers = [client.post("/gift-card/", form) for _ in range(2)]
    [placed] = Order.objects.all()
    assert {answer.headers["Location"] for answer in answers} == {f"/order/{placed.token}/transfer/"}
    card = GiftCard.objects.get()
    assert (card.amount, card.recipient_email, card.sender_name, str(card.send_on)) == (
        Decimal("3000.00"),
        "mila@example.com",
        "Ana Anić",
        "2026-12-02",
    )
    assert client.get(f"/order/{placed.token}/").status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "100"),
        ("amount", "tri"),
        ("recipient_email", "mila"),
        ("send_on", "2026-11-01"),
        ("name", ""),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client: Client, chain: Chain, field: str, value: str) -> None:
    chain.variant()
    form = filled(client, **{field: value})
    with nothing_changes():
        answer = client.post("/gift-card/", form)
    assert answer.status_code == 422
    assert f'href="#id_{field}"' in answer.text
    assert "Srećan rođendan!" in answer.text


def test_order_page_of_a_paid_card_opens(client: Client, chain: Chain) -> None:
    card, _ = make_card(chain, "3000")
    placed = Order.objects.get(number=card.order_number)
    assert client.get(f"/order/{placed.token}/").status_code == 200
    assert client.get(f"/order/{placed.token}/thanks/").status_code == 200


# ------------------------------------------------------------------ looked at


def test_balance_is_shown_to_whoever_has_the_code(client: Client, chain: Chain) -> None:
    _, code = make_card(chain, "3000")
    shown = client.post("/gift-card/balance/", {"code": code.lower()})
    assert shown.status_code == 200
    assert "3.000,00" in shown.text
    assert shown.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


def test_wrong_codes_get_one_answer_and_then_none(client: Client, chain: Chain) -> None:
    chain.variant()
    with nothing_changes():
        typed_codes = ("XXXX-XXXX-XXXX-XXXX", "nešto", "")
        said = {hidden_error(client.post("/gift-card/balance/", {"code": code}).text) for code in typed_codes}
        answers = [client.post("/gift-card/balance/", {"code": "XXXX"}).status_code for _ in range(40)]
    assert said == {"Ovaj kod ne važi. Proverite slova ili pitajte onoga ko Vam ga je dao."}
    assert set(answers) == {422, 429}
    assert answers[-1] == 429


def hidden_error(page: str) -> str:
    return page.split('id="code-e"', 1)[1].split("<span>", 1)[1].split("</span>", 1)[0]


# ------------------------------------------------------------------ paid with


def test_one_field_takes_the_card_and_checkout_says_what_is_left(client: Client, chain: Chain) -> None:
    card, code = make_card(chain, "500")
    put(client, chain.variant(price="1000.00"))
    assert client.post("/basket/codes/", {"code": code}).headers["Location"] == "/basket/"
    shown = client.get("/basket/").text
    assert f"•••• {card.last_four}" in shown
    assert code not in shown
    assert "−500,00" in shown
    assert "790,00" in shown
    page = client.get("/checkout/").text
    assert hidden(page, "rest_HOME_DELIVERY") == "790.00"
    answer = client.post("/checkout/", typed(client, rest_HOME_DELIVERY="790.00"))
    placed = order()
    assert answer.headers["Location"] == f"/order/{placed.token}/thanks/"
    assert (placed.payment_method, placed.captured_total) == ("CASH_ON_DELIVERY", Decimal("500.00"))


def test_covered_order_asks_for_no_way_to_pay(client: Client, chain: Chain) -> None:
    _, code = make_card(chain, "5000")
    put(client, chain.variant(price="1000.00"))
    client.post("/basket/codes/", {"code": code})
    page = client.get("/checkout/").text
    assert "Vaša poklon kartica pokriva sve" in page
    assert 'type="radio" name="payment"' not in page
    client.post("/checkout/", typed(client, payment="CARD", rest_HOME_DELIVERY="0.00"))
    placed = order()
    assert (placed.status, placed.payment_method, placed.payment_status) == ("PLACED", "GIFT_CARD", "PAID")


def test_card_spent_in_another_tab_is_told_before_anything_is_ordered(client: Client, chain: Chain) -> None:
    card, code = make_card(chain, "500")
    put(client, chain.variant(price="1000.00"))
    client.post("/basket/codes/", {"code": code})
    form = typed(client, rest_HOME_DELIVERY="790.00")
    GiftCard.objects.filter(pk=card.pk).update(balance=Decimal("100.00"))
    with nothing_changes():
        answer = client.post("/checkout/", form)
    assert answer.status_code == 422
    assert "Poklon kartica je u međuvremenu potrošena" in answer.text
    assert hidden(answer.text, "rest_HOME_DELIVERY") == "1190.00"


def test_card_is_taken_out_again(client: Client, chain: Chain) -> None:
    _, code = make_card(chain, "500")
    put(client, chain.variant(price="1000.00"))
    client.post("/basket/codes/", {"code": code})
    held = basket().gift_cards.get()
    answer = client.post(
        "/basket/gift-cards/remove/", {"card": held.public_id}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    assert "••••" not in answer.text
    assert (basket().has_gift_cards, basket().gift_cards.count()) == (False, 0)


def test_wrong_code_is_said_where_it_was_typed(client: Client, chain: Chain) -> None:
    put(client, chain.variant())
    with nothing_changes():
        answer = client.post(
            "/basket/codes/", {"code": "XXXX-XXXX-XXXX-XXXX"}, headers={"HX-Request": "true"}
        )
    assert answer.status_code == 422
    assert "Ovaj kod ne važi." in answer.text


# ------------------------------------------------------------------ the back office


def test_card_is_found_by_letters_order_and_recipient(chain: Chain) -> None:
    card, code = make_card(chain, "3000")
    other, _ = make_card(chain, "700")
    GiftCard.objects.filter(pk=other.pk).update(recipient_email="drugi@example.com")
    client = client_of("AGENT")
    for text in (code[-4:], card.order_number, "mila@example.com"):
        shown = client.get("/ops/gift-cards/", {"q": text}).text
        assert f"/ops/gift-cards/{card.public_id}/" in shown, text
        assert f"/ops/gift-cards/{other.public_id}/" not in shown, text
    assert code not in client.get(f"/ops/gift-cards/{card.public_id}/").text


def test_card_is_blocked_with_a_reason_and_freed_again(chain: Chain) -> None:
    card, _ = make_card(chain, "3000")
    client = client_of("AGENT")
    with nothing_changes():
        client.post(f"/ops/gift-cards/{card.public_id}/block/", {"reason": " "})
    client.post(f"/ops/gift-cards/{card.public_id}/block/", {"reason": "prijavljena krađa"})
    card.refresh_from_db()
    assert card.block_reason == "prijavljena krađa"
    assert "prijavljena krađa" in client.get(f"/ops/gift-cards/{card.public_id}/").text
    client.post(f"/ops/gift-cards/{card.public_id}/unblock/", {"reason": "nađena"})
    card.refresh_from_db()
    assert (card.blocked_at, card.block_reason) == (None, "")


def test_card_is_sold_by_phone_and_returned(chain: Chain) -> None:
    client = client_of("OPS_LEAD")
    form = {
        "amount": "1.500",
        "recipient_email": "mila@example.com",
        "name": "Ana Anić",
        "email": "ana@example.com",
        "payment": "BANK_TRANSFER",
    }
    placed = client.post("/ops/gift-cards/sell/", form)
    sold = order()
    assert placed.headers["Location"] == f"/ops/orders/{sold.number}/"
    assert (sold.total, sold.placed_by_id is not None) == (Decimal("1500.00"), True)
    assert client.get(f"/ops/orders/{sold.number}/").status_code == 200
    card, _ = make_card(chain, "3000")
    client.post(f"/ops/gift-cards/{card.public_id}/return/", {"reason": "pogrešan iznos"})
    card.refresh_from_db()
    assert card.balance == Decimal("0.00")
