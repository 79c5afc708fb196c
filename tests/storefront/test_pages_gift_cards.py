"""Gift cards in the shop: bought, looked at, typed into the basket and at checkout; found and blocked in the back office."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client

from crm.models import GiftCard
from crm.views import facts
from finance import workflows as money
from finance.models import FiscalReceipt, Payment
from finance.workflows.gift_cards import deliver_due_cards, return_card
from oms.models import Order
from oms.workflows import placing, tenders
from retail.kernel.models import User
from tests.flows.chain import NOW, Chain
from tests.flows.gift_cards import make_card
from tests.flows.test_lifecycle import balances, healthy, send
from tests.oms.test_ops_pages import client_of
from tests.proof.trading import outside
from tests.sandbox.stand import Stand
from tests.storefront.shopping import basket, hidden, open_shop, order, put, typed
from tests.unchanged import nothing_changes

__all__ = ["outside"]
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
    for page in ("", "thanks/"):
        shown = client.get(f"/order/{placed.token}/{page}")
        assert shown.status_code == 200
        assert "<b>Poklon kartica</b>" in shown.text
        assert "Svaka poklon kartica stiže imejlom, onog dana koji ste izabrali." in shown.text
        for words in ("kurir", "Dostava</dt>", "Kuda ide", "kada roba krene"):
            assert words not in shown.text.split("<main", 1)[1].split("</main>", 1)[0], (page, words)


def test_page_of_a_returned_card_promises_no_letter(client: Client, chain: Chain) -> None:
    card, _ = make_card(chain, "3000")
    return_card(public_id=card.public_id, reason="predomislio se", by=None, now=NOW)
    token = Order.objects.get(number=card.order_number).token
    shown = client.get(f"/order/{token}/").text
    assert "stiže imejlom" not in shown
    assert "vraćena; kod više ne važi" in shown


def test_account_lists_what_it_bought_and_what_it_used(chain: Chain) -> None:
    bought, _ = make_card(chain, "3000")
    foreign, code = make_card(chain, "2000")
    GiftCard.objects.filter(pk=foreign.pk).update(customer=None)
    owner = bought.customer
    assert owner is not None
    basket = chain.basket((chain.variant(price="500.00"), 1))
    tenders.apply_gift_card(token=basket.token, code=code, now=NOW)
    checkout = chain.checkout(basket, customer_id=owner.pk)
    paid = placing.place_order(checkout=checkout, by=None, now=NOW).order
    assert paid.customer_id == owner.pk

    found = {(one.card.pk, one.is_bought, one.is_used) for one in facts.gift_cards_of(owner)}
    assert found == {(bought.pk, True, False), (foreign.pk, False, True)}
    office = client_of("AGENT").get(f"/ops/customers/{owner.public_id}/").text
    for card in (bought, foreign):
        assert f"/ops/gift-cards/{card.public_id}/" in office

    user = User.objects.create_user("ana@example.com", name="Ana Anić")
    owner.user = user
    owner.save(update_fields=["user"])
    shopper = Client()
    shopper.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    own = shopper.get("/account/").text
    assert f"•••• {foreign.last_four}" in own and "1.210,00" in own
    # Of a card that was given away only the recipient knows what is left.
    assert bought.last_four not in own and "3.000,00" in own and "Mila" in own


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


@pytest.mark.parametrize("in_page", [True, False])
def test_code_typed_at_checkout_leaves_the_rest_to_the_bank_card(
    client: Client, chain: Chain, outside: Stand, in_page: bool
) -> None:
    card, code = make_card(chain, "500")
    put(client, chain.variant(price="1000.00"))
    headers = {"HX-Request": "true"} if in_page else {}
    answer = client.post("/basket/codes/", {"code": code, "at": "checkout"}, headers=headers)
    assert answer.status_code == (200 if in_page else 302)
    shown = answer.text if in_page else client.get(answer.headers["Location"]).text
    assert f"•••• {card.last_four}" in shown
    assert "−500,00" in shown
    assert "Ono što poklon kartice ne pokriju plaća se ovako." in shown
    assert code not in shown

    rest = hidden(client.get("/checkout/").text, "rest_HOME_DELIVERY")
    assert rest == "790.00"
    sent = client.post("/checkout/", typed(client, payment="CARD", rest_HOME_DELIVERY=rest))
    placed = order()
    gift, bank = Payment.objects.filter(order=placed).order_by("attempt")
    assert sent.headers["Location"] == bank.redirect_url != ""
    assert (gift.method, str(gift.captured), bank.method, str(bank.amount)) == (
        "GIFT_CARD",
        "500.00",
        "CARD",
        "790.00",
    )
    assert (placed.status, placed.payment_status) == ("PENDING_PAYMENT", "PARTLY_PAID")
    outside.choose(bank.public_id)
    assert money.refresh_payment(payment_id=bank.pk, now=NOW) == "DONE"
    placed.refresh_from_db()
    assert placed.status == "PLACED"
    healthy()

    send(chain, placed)
    bank.refresh_from_db()
    assert (placed.payment_status, str(bank.captured)) == ("PAID", "790.00")
    # 1,290.00 at 10 %.
    assert balances(placed) == {
        "4305": Decimal("500.00"),
        "2280": Decimal("790.00"),
        "604": Decimal("-909.09"),
        "614": Decimal("-263.64"),
        "4761": Decimal("-117.27"),
        "501": Decimal("400.00"),
        "134": Decimal("-400.00"),
    }
    [receipt] = FiscalReceipt.objects.filter(order=placed)
    assert [(one["method"], one["amount"]) for one in receipt.payments] == [
        ("VOUCHER", "500.00"),
        ("CARD", "790.00"),
    ]
    healthy()


def test_code_typed_at_checkout_covers_the_order(client: Client, chain: Chain) -> None:
    card, code = make_card(chain, "5000")
    put(client, chain.variant(price="1000.00"))
    answer = client.post("/basket/codes/", {"code": code, "at": "checkout"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "Vaša poklon kartica pokriva sve" in answer.text
    assert 'type="radio" name="payment"' not in answer.text
    page = client.get("/checkout/").text
    sent = client.post(
        "/checkout/",
        typed(client, payment=hidden(page, "payment"), rest_HOME_DELIVERY=hidden(page, "rest_HOME_DELIVERY")),
    )
    placed = order()
    assert sent.headers["Location"] == f"/order/{placed.token}/thanks/"
    assert (placed.status, placed.payment_method, placed.payment_status) == ("PLACED", "GIFT_CARD", "PAID")
    assert [p.method for p in Payment.objects.filter(order=placed)] == ["GIFT_CARD"]
    card.refresh_from_db()
    assert card.balance == Decimal("3710.00")
    assert client.get(f"/order/{placed.token}/thanks/").status_code == 200
    assert client.get(f"/order/{placed.token}/").status_code == 200
    healthy()


def test_a_card_is_bought_on_the_banks_page(client: Client, chain: Chain, outside: Stand) -> None:
    answer = client.post("/gift-card/", filled(client, payment="CARD"))
    [payment] = Payment.objects.all()
    assert answer.headers["Location"] == payment.redirect_url != ""
    outside.choose(payment.public_id)
    money.refresh_payment(payment_id=payment.pk, now=NOW)
    assert deliver_due_cards(now=NOW) == 1
    assert GiftCard.objects.get().balance == Decimal("3000.00")
    assert client.get(f"/order/{order().token}/").status_code == 200


def test_who_cannot_reach_the_bank_may_try_again(client: Client, chain: Chain, outside: Stand) -> None:
    outside.fault("card", "HTTP_503", operation="create")
    answer = client.post("/gift-card/", filled(client, payment="CARD"))
    placed = order()
    assert answer.headers["Location"] == f"/order/{placed.token}/pay/"
    page = client.get(f"/order/{placed.token}/pay/")
    assert page.status_code == 200
    # Nothing is brought to a door, so nobody takes cash there.
    assert "CASH_ON_DELIVERY" not in page.text
    again = client.post(f"/order/{placed.token}/pay/", {"method": "CARD"})
    assert again.headers["Location"] == Payment.objects.latest("pk").redirect_url != ""
    healthy()


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
