"""Points in the shop: members set them in the basket and at checkout and see what they take off; nobody else does."""

from __future__ import annotations

import html
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.conf import settings
from django.test import Client

from crm.models import Customer, LoyaltyAccount
from retail.kernel.models import User
from tests.crm.members import earn, make_member, make_program
from tests.factories import make_customer
from tests.flows.chain import Chain
from tests.flows.gift_cards import make_card
from tests.flows.test_lifecycle import healthy
from tests.storefront.shopping import basket, hidden, open_shop, order, put, typed
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

SAY = "Imate poena: 400"


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    make_program()
    with open_shop():
        yield


def member(held: int = 400, *, name: str = "Ana") -> tuple[Client, Customer]:
    """A browser that is logged in, and its account with so many points."""
    email = f"{name.lower()}@example.com"
    user = User.objects.create_user(email, name=name)
    customer = make_customer(user=user, name=name, email=email)
    make_member(customer)
    if held:
        earn(customer, held)
    client = Client()
    client.force_login(user)
    return client, customer


def leave(client: Client) -> None:
    """Logged out, the basket stays in the browser."""
    del client.cookies[settings.SESSION_COOKIE_NAME]


def page_of(client: Client, path: str) -> str:
    return html.unescape(client.get(path).text)


def use(client: Client, points: object, **more: str) -> tuple[int, str]:
    answer = client.post("/basket/points/", {"points": points, **more}, headers={"HX-Request": "true"})
    return answer.status_code, html.unescape(answer.text)


def words_of(page: str) -> str:
    """What the form says of the points."""
    return page.split('id="points-words">', 1)[1].split("</p>", 1)[0].replace("\u00a0", " ")


def error_of(page: str) -> str:
    return page.split('id="points-error" role="alert">', 1)[1].split("</p>", 1)[0]


def points_of(customer: Customer) -> int:
    return LoyaltyAccount.objects.get(customer=customer).points


@pytest.mark.parametrize("path", ["/basket/", "/checkout/"])
def test_member_sees_how_many_may_pay_and_what_they_take(chain: Chain, path: str) -> None:
    client, _ = member()
    put(client, chain.variant(price="1000.00"))
    page = page_of(client, path)
    assert SAY in page
    assert words_of(page) == "Ovde možete iskoristiti do 400, to je 400,00 RSD manje."
    at = {"at": "checkout"} if path == "/checkout/" else {}
    status, shown = use(client, 300, **at)
    assert (status, words_of(shown)) == (200, "Umanjuju iznos za 300,00 RSD.")
    assert basket().points_wanted == 300
    page = page_of(client, path)
    assert words_of(page) == "Umanjuju iznos za 300,00 RSD."
    assert "990,00" in page


@pytest.mark.parametrize("at", ["", "checkout"])
def test_points_are_taken_out_again_and_without_script_the_page_comes_back(chain: Chain, at: str) -> None:
    client, _ = member()
    put(client, chain.variant(price="1000.00"))
    for points, wanted in (("300", 300), ("0", 0)):
        answer = client.post("/basket/points/", {"points": points, "at": at})
        assert answer.headers["Location"] == ("/checkout/" if at else "/basket/")
        assert basket().points_wanted == wanted
    assert "do 400, to je" in words_of(page_of(client, "/checkout/"))


@pytest.mark.parametrize(
    ("typed_points", "said"),
    [
        ("401", "Član ima manje poena."),
        ("9999999999", "Poeni su ceo broj."),
        ("-5", "Poeni su ceo broj."),
        ("3,5x", "Poeni su ceo broj."),
        ("", "Poeni su ceo broj."),
    ],
)
@pytest.mark.parametrize("at", ["", "checkout"])
def test_points_that_cannot_be_used_are_refused_in_words(
    chain: Chain, at: str, typed_points: str, said: str
) -> None:
    client, _ = member()
    put(client, chain.variant(price="1000.00"))
    use(client, 100)
    with nothing_changes():
        status, shown = use(client, typed_points, at=at)
        whole_page = client.post("/basket/points/", {"points": typed_points, "at": at})
    assert (status, error_of(shown)) == (422, said)
    assert (whole_page.status_code, error_of(whole_page.text)) == (422, said)
    assert words_of(shown) == "Umanjuju iznos za 100,00 RSD."


def test_a_number_may_be_written_as_the_page_writes_it(chain: Chain) -> None:
    client, _ = member(3000)
    put(client, chain.variant(price="5000.00"))
    for text in ("1.200", "1,200", "1 200"):
        assert use(client, text)[0] == 200
        assert basket().points_wanted == 1200
        use(client, 0)


def test_no_more_is_taken_than_the_goods_allow(chain: Chain) -> None:
    client, _ = member(4000)
    put(client, chain.variant(price="1000.00"))
    status, shown = use(client, 4000)
    # Half of the goods, nothing of the delivery.
    assert (status, words_of(shown)) == (200, "Umanjuju iznos za 500,00 RSD.")
    assert hidden(client.get("/checkout/").text, "seen_HOME_DELIVERY") == "790.00"


def test_few_points_cannot_pay_and_the_page_says_from_how_many(chain: Chain) -> None:
    client, _ = member(60)
    put(client, chain.variant(price="1000.00"))
    page = page_of(client, "/basket/")
    assert "Imate poena: 60" in page
    assert words_of(page) == "Mogu da se koriste od 100, i to za deo robe."
    assert 'name="points"' not in page


def test_guests_members_without_points_and_who_is_no_member_do_not_see_it(chain: Chain) -> None:
    user = User.objects.create_user("marko@example.com", name="Marko")
    make_customer(user=user, name="Marko", email="marko@example.com")
    stranger, (poor, _) = Client(), member(0, name="Mila")
    logged_in = Client()
    logged_in.force_login(user)
    for client in (stranger, poor, logged_in):
        put(client, chain.variant(price="1000.00"))
        for path in ("/basket/", "/checkout/"):
            assert "points-words" not in client.get(path).text
    for client in (stranger, logged_in):
        put(client, chain.variant(price="1000.00"))
        with nothing_changes():
            status, shown = use(client, 100)
        assert (status, error_of(shown)) == (422, "Poenima može da plati samo član.")


def test_order_is_placed_for_what_the_page_said(chain: Chain) -> None:
    client, ana = member()
    put(client, chain.variant(price="1000.00"))
    use(client, 300, at="checkout")
    form = typed(client)
    assert form["seen_HOME_DELIVERY"] == "990.00"
    client.post("/checkout/", form)
    placed = order()
    assert (placed.total, placed.customer, points_of(ana)) == (Decimal("990.00"), ana, 100)
    healthy()


def test_points_used_in_another_tab_are_told_and_nothing_is_ordered(chain: Chain) -> None:
    client, ana = member()
    put(client, chain.variant(price="1000.00", stock=9))
    use(client, 400)
    form = typed(client)
    other = Client()
    other.force_login(User.objects.get(email="ana@example.com"))
    put(other, chain.variant(price="1000.00"))
    use(other, 300)
    other.post("/checkout/", typed(other))
    assert points_of(ana) == 100
    with nothing_changes():
        answer = client.post("/checkout/", form)
    assert answer.status_code == 422
    assert hidden(answer.text, "seen_HOME_DELIVERY") == "1190.00"
    client.post("/checkout/", typed(client))
    assert (order().total, points_of(ana)) == (Decimal("1190.00"), 0)
    healthy()


def test_company_is_told_that_points_are_a_persons(chain: Chain) -> None:
    client, _ = member()
    put(client, chain.variant(price="1000.00"))
    use(client, 300)
    form = typed(
        client,
        is_company="on",
        company_name="Firma d.o.o.",
        pib="100000024",
        registration_number="20998873",
    )
    with nothing_changes():
        answer = client.post("/checkout/", form)
    assert answer.status_code == 422
    assert "Poeni su Vaši, a ne firmini: izvadite ih da biste kupili za firmu." in answer.text


def test_who_logs_out_leaves_the_points_and_can_still_buy(chain: Chain) -> None:
    """The price had the member's points, the order was a guest's: it could never be placed."""
    client, ana = member()
    put(client, chain.variant(price="1000.00"))
    use(client, 300)
    leave(client)
    page = client.get("/checkout/").text
    assert "points-words" not in page
    assert hidden(page, "seen_HOME_DELIVERY") == "1290.00"
    with nothing_changes():
        assert use(client, 100)[0] == 422
    answer = client.post("/checkout/", typed(client))
    assert answer.status_code == 302
    assert (order().total, points_of(ana)) == (Decimal("1290.00"), 400)
    healthy()


def test_who_logs_in_after_a_member_cannot_touch_that_members_points(chain: Chain) -> None:
    client, ana = member()
    put(client, chain.variant(price="1000.00"))
    use(client, 300)
    _, mila = member(350, name="Mila")
    client.force_login(User.objects.get(email="mila@example.com"))
    assert "points-words" not in client.get("/basket/").text
    with nothing_changes():
        assert use(client, 350)[0] == 422
    client.post("/checkout/", typed(client))
    assert (order().total, order().customer) == (Decimal("1290.00"), mila)
    assert (points_of(ana), points_of(mila)) == (400, 350)
    healthy()


def test_points_and_a_gift_card_cover_an_order(chain: Chain) -> None:
    client, ana = member()
    _, code = make_card(chain, "1000")
    put(client, chain.variant(price="1000.00"))
    client.post("/basket/codes/", {"code": code})
    status, shown = use(client, 300, at="checkout")
    assert status == 200
    assert "Vaša poklon kartica pokriva sve" in shown
    client.post("/checkout/", typed(client, payment="CARD", rest_HOME_DELIVERY="0.00"))
    placed = order()
    assert (placed.status, placed.payment_method, placed.total, points_of(ana)) == (
        "PLACED",
        "GIFT_CARD",
        Decimal("990.00"),
        100,
    )
    healthy()
