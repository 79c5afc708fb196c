"""Checkout: one page, nothing typed is lost, one basket makes one order, and no price is charged that was not seen."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from crm.models import Customer, RegisteredCompany
from finance import workflows as money
from finance.models import Payment
from oms.models import Order
from retail.kernel.models import User
from storefront.models import Price
from tests.factories import make_customer
from tests.flows.chain import Chain
from tests.oms import offering
from tests.storefront.shopping import hidden, open_shop, order, put, typed
from tests.unchanged import nothing_changes
from warehouse.models import Reservation, StockItem

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def test_nothing_typed_is_lost_when_something_is_wrong(client: Client, chain: Chain) -> None:
    put(client, chain.variant())
    form = typed(client, phone="064 12", postal_code="11099", city="Beograd", note="Zvonite dvaput")
    with nothing_changes():
        answer = client.post("/checkout/", form)
    assert answer.status_code == 422
    assert "<title>Greška: Plaćanje" in answer.text
    assert 'href="#id_phone"' in answer.text
    assert "Poštanski broj 11099 ne postoji; Beograd je 11000." in answer.text
    for value in ("Ana Anić", "064 12", "Dunavska 1", "11099", "Zvonite dvaput"):
        assert f'value="{value}"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 2


def test_cash_on_delivery_is_placed_at_once(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1100.00", stock=5)
    put(client, variant, 2)
    answer = client.post("/sr-cyrl/checkout/", typed(client))
    placed = order()
    assert answer.headers["Location"] == f"/sr-cyrl/order/{placed.token}/thanks/"
    assert (placed.status, placed.total, placed.email, placed.phone, placed.language) == (
        "PLACED",
        Decimal("2490.00"),
        "ana@example.com",
        "+381641234567",
        "sr-cyrl",
    )
    assert (placed.postal_code, placed.city, placed.street) == ("21000", "Novi Sad", "Dunavska 1")
    assert client.cookies["basket"].value == ""
    page = client.get(answer.headers["Location"])
    assert placed.number in page.text
    assert "Хвала, поруџбина је примљена" in page.text
    assert "no-store" in page.headers["Cache-Control"]


def test_pickup_claims_the_stores_own_units(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=5, store_stock=2)
    put(client, variant, 2)
    form = typed(client, delivery="STORE_PICKUP", pickup_location="S-001", street="", postal_code="", city="")
    client.post("/checkout/", form)
    placed = order()
    assert (placed.delivery_method, placed.pickup_location, placed.total) == (
        "STORE_PICKUP",
        chain.store,
        Decimal("2000.00"),
    )
    assert [c.location for c in Reservation.objects.filter(order_line__order=placed, state="ALLOCATED")] == [
        chain.store
    ]


def test_dates_for_another_postcode_are_shown_without_script_and_nothing_is_ordered(
    client: Client, chain: Chain
) -> None:
    put(client, chain.variant(stock=5))
    form = typed(client, note="Zvonite dvaput", postal_code="11000", is_company="on")
    with nothing_changes():
        answer = client.post("/checkout/", {**form, "again": "1"})
    assert answer.status_code == 200
    assert 'aria-invalid="true"' not in answer.text
    for value in ("Ana Anić", "Dunavska 1", "11000", "Zvonite dvaput"):
        assert f'value="{value}"' in answer.text
    assert "checked" in answer.text.split('name="is_company"', 1)[1].split(">", 1)[0]


def test_the_same_page_sent_twice_is_one_order(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    form = typed(client)
    first = client.post("/checkout/", form).headers["Location"]
    with nothing_changes():
        again = client.post("/checkout/", form)
    assert (again.status_code, again.headers["Location"]) == (302, first)
    assert Order.objects.count() == 1


def test_a_key_of_somebody_else_opens_nothing(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    client.post("/checkout/", typed(client))
    stranger = Client()
    put(stranger, chain.variant(stock=5))
    stranger.post("/checkout/", typed(stranger, key="0" * 40))
    first, second = Order.objects.order_by("pk")
    assert first.idempotency_key != second.idempotency_key
    assert "0" * 40 not in (first.idempotency_key, second.idempotency_key)


def test_a_price_that_changed_is_shown_and_asked_again(client: Client, chain: Chain) -> None:
    variant = chain.variant(price="1000.00", stock=5)
    put(client, variant)
    form = typed(client)
    Price.objects.filter(variant=variant).update(amount=Decimal("1200.00"))
    with nothing_changes():
        answer = client.post("/en/checkout/", form)
    assert answer.status_code == 422
    assert "The total has changed since you saw it." in answer.text
    assert "Order for 1,490.00\u00a0RSD" in answer.text
    assert client.post("/en/checkout/", typed(client)).status_code == 302
    assert order().total == Decimal("1490.00")


def test_each_way_shows_and_submits_the_engines_own_total(client: Client, chain: Chain) -> None:
    """A discount that looks at the delivery changes what this way costs, not what another one does."""
    offering.discount("posta", "FREE_SHIPPING", "50.00", name="Poštarina upola")
    put(client, chain.variant(price="1000.00", stock=5, store_stock=5))
    page = client.get("/checkout/").text
    assert hidden(page, "seen_HOME_DELIVERY") == "1145.00"
    assert hidden(page, "seen_STORE_PICKUP") == "1000.00"
    assert "Poruči za 1.145,00\u00a0RSD" in page
    form = typed(client)
    picked = client.post("/checkout/preview/", {**form, "delivery": "STORE_PICKUP"}).text
    assert "Poruči za 1.000,00\u00a0RSD" in picked
    assert hidden(picked, "seen_HOME_DELIVERY") == "1145.00"
    assert client.post("/checkout/", form).status_code == 302
    assert (order().total, order().delivery_total) == (Decimal("1145.00"), Decimal("145.00"))


@pytest.mark.parametrize("seen", ["1.00", "", "NaN", "-5", "1e99", "Infinity", None])
def test_a_tampered_price_buys_nothing(client: Client, chain: Chain, seen: str | None) -> None:
    put(client, chain.variant(price="1000.00", stock=5))
    form = typed(client, seen_HOME_DELIVERY=seen)
    with nothing_changes():
        assert client.post("/checkout/", form).status_code == 422


@pytest.mark.parametrize("method", ["PARCEL_LOCKER", "SHIP_TO_STORE", "DIGITAL", "", "DROP TABLE"])
def test_a_way_that_is_not_offered_cannot_be_ordered(client: Client, chain: Chain, method: str) -> None:
    put(client, chain.variant(stock=5, store_stock=5))
    page = client.get("/checkout/").text
    assert 'value="PARCEL_LOCKER"' not in page
    with nothing_changes():
        assert client.post("/checkout/", typed(client, delivery=method)).status_code == 422


def test_a_store_that_has_not_all_of_it_cannot_be_chosen(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5, store_stock=1), 2)
    form = typed(client, delivery="STORE_PICKUP", pickup_location="S-001")
    with nothing_changes():
        assert client.post("/checkout/", form).status_code == 422


def test_a_company_needs_a_pib_that_adds_up(client: Client, chain: Chain) -> None:
    put(client, chain.variant(stock=5))
    company = {"is_company": "on", "company_name": "Škola d.o.o.", "registration_number": ""}
    with nothing_changes():
        answer = client.post("/en/checkout/", typed(client, **company, pib="100000025"))
    assert answer.status_code == 422
    assert "Write the nine digits of the PIB" in answer.text
    client.post("/en/checkout/", typed(client, **company, pib="100 000 024"))
    assert (order().company_name, order().company_pib) == ("Škola d.o.o.", "100000024")


def test_the_pib_is_enough_where_the_register_knows_it(client: Client, chain: Chain) -> None:
    """As a browser without script sends it: nothing was filled in meanwhile."""
    known = RegisteredCompany.objects.create(
        pib="100000024", name="Škola d.o.o.", registration_number="17862146"
    )
    put(client, chain.variant(stock=5))
    company = {"is_company": "on", "company_name": "", "registration_number": "", "pib": known.pib}
    client.post("/checkout/", typed(client, **company))
    placed = order()
    assert (placed.company_name, placed.company_registration_number) == ("Škola d.o.o.", "17862146")


def test_a_company_at_sef_is_asked_for_its_registration_number(client: Client, chain: Chain) -> None:
    make_customer(
        kind="COMPANY",
        pib="100000024",
        is_sef_registered=True,
        sef_checked_at=timezone.now(),
        registration_number="",
    )
    put(client, chain.variant(stock=5))
    company = {"is_company": "on", "company_name": "Škola d.o.o.", "pib": "100000024"}
    with nothing_changes():
        answer = client.post("/checkout/", typed(client, **company))
    assert answer.status_code == 422
    assert "Firma prima elektronske fakture: upišite njen matični broj" in answer.text
    client.post("/checkout/", typed(client, **company, registration_number="17862146"))
    assert (order().paper, order().company_registration_number) == ("SEF", "17862146")


def test_units_that_are_gone_are_told_at_checkout(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=2)
    put(client, variant, 2)
    form = typed(client)
    Reservation.objects.update(state="RELEASED")
    StockItem.objects.filter(variant=variant).update(reserved=0, on_hand=1)
    with nothing_changes():
        answer = client.post("/en/checkout/", form)
    assert answer.status_code == 422
    assert Order.objects.count() == 0


def test_a_transfer_gets_its_slip_and_code(client: Client, chain: Chain) -> None:
    put(client, chain.variant(price="1100.00", stock=5))
    answer = client.post("/checkout/", typed(client, payment="BANK_TRANSFER"))
    placed, payment = order(), Payment.objects.get()
    assert answer.headers["Location"] == f"/order/{placed.token}/transfer/"
    page = client.get(answer.headers["Location"]).text
    assert payment.reference in page
    assert "265-1660310005042-68" in page
    assert "1.390,00" in page
    code = client.get(f"/order/{placed.token}/transfer/qr.svg")
    assert code.headers["Content-Type"].startswith("image/svg+xml")
    assert code.text.startswith("<svg")
    assert "no-store" in code.headers["Cache-Control"]
    # The order's own page leads there, and says nothing of a bank that does not answer: nobody asked it.
    found = client.get(f"/order/{placed.token}/").text
    assert f'href="/order/{placed.token}/transfer/"' in found
    assert (f'href="/order/{placed.token}/pay/"' in found, "Banka trenutno" in found) == (False, False)


def test_a_card_that_the_provider_does_not_open_leaves_an_order_that_can_be_paid(
    client: Client, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(**_: object) -> Payment:
        raise money.CardUnavailable("Card payment cannot be started now. Try again.")

    monkeypatch.setattr("finance.workflows.open_card_session", down)
    monkeypatch.setattr("finance.workflows.cards.open_card_session", down)
    put(client, chain.variant(stock=5))
    answer = client.post("/en/checkout/", typed(client, payment="CARD"))
    placed = order()
    assert answer.headers["Location"] == f"/en/order/{placed.token}/pay/"
    page = client.get(answer.headers["Location"])
    assert "The bank does not answer right now." in page.text
    assert client.post(f"/en/order/{placed.token}/pay/", {"method": "CARD"}).status_code == 503
    answer = client.post(f"/en/order/{placed.token}/pay/", {"method": "BANK_TRANSFER"})
    assert answer.headers["Location"] == f"/en/order/{placed.token}/transfer/"
    placed.refresh_from_db()
    assert (placed.status, placed.payment_method) == ("PENDING_PAYMENT", "BANK_TRANSFER")


def test_an_empty_basket_has_no_checkout(client: Client, chain: Chain) -> None:
    assert client.get("/checkout/").headers["Location"] == "/basket/"
    assert client.post("/checkout/", {"name": "Ana"}).headers["Location"] == "/basket/"


def test_the_preview_writes_nothing_and_follows_the_choice(client: Client, chain: Chain) -> None:
    put(client, chain.variant(price="1000.00", stock=5, store_stock=5))
    form = typed(client, delivery="STORE_PICKUP", pickup_location="S-001")
    with nothing_changes():
        answer = client.post("/en/checkout/preview/", form)
    assert "Order for 1,000.00\u00a0RSD" in answer.text
    with nothing_changes():
        answer = client.post("/en/checkout/preview/", typed(client, city="", postal_code="21000"))
    assert 'value="Novi Sad"' in answer.text


def test_who_is_signed_in_buys_on_the_own_account_only(client: Client, chain: Chain) -> None:
    guest = Client()
    put(guest, chain.variant(stock=5))
    guest.post("/checkout/", typed(guest, email="mila@example.com"))
    mila = User.objects.create_user("mila@example.com", "a long pass phrase", name="Mila")
    client.force_login(mila)
    put(client, chain.variant(stock=5))
    client.post("/checkout/", typed(client, email="mila@example.com"))
    first, second = Order.objects.order_by("pk")
    assert first.customer != second.customer
    assert Customer.objects.get(user=mila) == second.customer
    page = client.get("/account/").text
    assert second.number in page
    assert first.number not in page  # the address is typed, not proved
