"""Reviews by buyers, wishes, alerts that hold a copy, and how far visits come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from crm import operations as crm
from crm.models import Alert, Customer, Message, Review, Wish
from oms.models import Basket, OrderLine
from oms.workflows import alerts, reviews
from retail.kernel.models import User
from storefront import operations as catalog
from storefront.models import Price, Product, ShopVisit, Variant
from tests.flows.chain import NOW, Chain
from tests.staff import client_of, make_staff
from tests.storefront.shopping import category, open_shop, put
from tests.unchanged import nothing_changes
from warehouse import selectors as warehouse

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def reader(name: str = "Ana") -> tuple[User, Customer]:
    user = User.objects.create_user(
        email=f"{name.lower()}@example.com", password="dugacka lozinka 1", name=name
    )
    return user, crm.open_account(user=user, name=name, now=NOW)


def bought(chain: Chain, customer: Customer, variant: Variant) -> None:
    """An order of the account whose copy has left."""
    order = chain.place((variant, 1))
    order.customer = customer
    order.save(update_fields=["customer"])
    order.lines.filter(variant=variant).update(quantity_dispatched=1)


def review_of(chain: Chain, customer: Customer, variant: Variant, rating: int = 5) -> Review:
    return reviews.write_review(
        customer=customer,
        product=variant.product,
        rating=rating,
        title="Dobra",
        text="Pročitana za noć.",
        shown_name="Ana",
        language="sr-latn",
        by=None,
        now=NOW,
    )


# ------------------------------------------------------------------ reviews
def test_only_who_has_it_may_review_and_once(chain: Chain) -> None:
    variant, (_, ana) = chain.variant(), reader()
    with nothing_changes(), pytest.raises(reviews.NotBought):
        review_of(chain, ana, variant)
    bought(chain, ana, variant)
    review_of(chain, ana, variant)
    with nothing_changes(), pytest.raises(crm.AlreadyReviewed):
        review_of(chain, ana, variant)


def test_what_came_back_may_not_be_reviewed(chain: Chain) -> None:
    variant, (_, ana) = chain.variant(), reader()
    bought(chain, ana, variant)
    OrderLine.objects.filter(variant=variant).update(quantity_returned=1)
    with nothing_changes(), pytest.raises(reviews.NotBought):
        review_of(chain, ana, variant)


def test_the_rating_follows_what_is_shown(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    category(chain, variant)
    Product.objects.filter(pk=variant.product_id).update(rating=Decimal("2.00"), rating_count=900)
    rows = []
    for name, rating in (("Ana", 5), ("Vesna", 4), ("Iva", 4)):
        _, customer = reader(name)
        bought(chain, customer, variant)
        rows.append(review_of(chain, customer, variant, rating))
    product = Product.objects.get(pk=variant.product_id)
    assert (product.rating, product.rating_count) == (Decimal("2.00"), 900)
    for row in rows:
        crm.decide_review(review_id=row.pk, is_published=True, by=chain.dragan, now=NOW)
    product.refresh_from_db()
    assert (product.rating, product.rating_count, product.is_rated_by_buyers) == (Decimal("4.33"), 3, True)
    assert '"ratingValue":"4.3","ratingCount":3' in client.get(f"/p/{product.slug}/").text
    crm.decide_review(review_id=rows[0].pk, is_published=False, reason="uvreda", by=chain.dragan, now=NOW)
    product.refresh_from_db()
    assert (product.rating, product.rating_count) == (Decimal("4.00"), 2)


def test_a_review_is_not_hidden_without_a_reason(chain: Chain) -> None:
    variant, (_, ana) = chain.variant(), reader()
    bought(chain, ana, variant)
    row = review_of(chain, ana, variant)
    with nothing_changes(), pytest.raises(crm.InvalidReview):
        crm.decide_review(review_id=row.pk, is_published=False, by=chain.dragan, now=NOW)


def test_the_shop_answers_below_a_review_that_is_shown(client: Client, chain: Chain) -> None:
    variant, (_, ana) = chain.variant(), reader()
    category(chain, variant)
    bought(chain, ana, variant)
    row, address = review_of(chain, ana, variant), "/en/ops/reviews/{}/reply/"
    merchandiser = client_of(make_staff("MERCHANDISER", name="Mila"))
    agent = client_of(make_staff("AGENT", name="Olga"))
    with nothing_changes():
        assert merchandiser.post(address.format(row.pk), {"reply": "Hvala!"}).status_code == 302
        assert agent.post(address.format(row.pk), {"reply": "Hvala!"}).status_code == 403
        with pytest.raises(crm.ReviewNotFound):
            crm.reply_to_review(review_id=0, text="Hvala!", by=chain.dragan, now=NOW)
        with pytest.raises(crm.InvalidReview):
            crm.reply_to_review(review_id=row.pk, text="Hvala!", by=chain.dragan, now=NOW)
    address = address.format(row.pk)
    crm.decide_review(review_id=row.pk, is_published=True, by=chain.dragan, now=NOW)
    with nothing_changes(), pytest.raises(crm.InvalidReview):
        crm.reply_to_review(review_id=row.pk, text="a" * 2001, by=chain.dragan, now=NOW)
    merchandiser.post(address, {"reply": " <i>Hvala</i> na oceni! "})
    row.refresh_from_db()
    assert (row.reply, row.replied_by and row.replied_by.name) == ("<i>Hvala</i> na oceni!", "Mila")
    shown = client.get(f"/p/{variant.product.slug}/reviews/").text
    assert "Knjižara odgovara" in shown and "&lt;i&gt;Hvala&lt;/i&gt; na oceni!" in shown
    with nothing_changes():
        crm.reply_to_review(review_id=row.pk, text="<i>Hvala</i> na oceni!", by=chain.dragan, now=NOW)
    merchandiser.post(address, {"reply": ""})
    assert "Knjižara odgovara" not in client.get(f"/p/{variant.product.slug}/reviews/").text


def test_written_read_by_a_person_and_shown(client: Client, chain: Chain) -> None:
    variant, (ana, customer) = chain.variant(), reader()
    category(chain, variant)
    slug = variant.product.slug
    assert client.get(f"/p/{slug}/review/").status_code == 302
    client.force_login(ana)
    assert "Whoever bought it" in client.get(f"/en/p/{slug}/review/").text
    bought(chain, customer, variant)
    typed = {"rating": "4", "title": "Vredi", "text": "<b>Reka</b> nosi sve.", "shown_name": "Ana A."}
    assert client.post(f"/p/{slug}/review/", {**typed, "rating": ""}).status_code == 422
    assert client.post(f"/p/{slug}/review/", typed).status_code == 302
    assert "Vredi" not in client.get(f"/p/{slug}/reviews/").text
    staff = client_of(make_staff("MERCHANDISER"))
    assert "Vredi" in staff.get("/ops/reviews/").text
    row = Review.objects.get()
    assert staff.post(f"/ops/reviews/{row.pk}/", {"act": "publish"}).status_code == 302
    shown = Client().get(f"/p/{slug}/reviews/").text
    assert "&lt;b&gt;Reka&lt;/b&gt;" in shown
    part = Client().get(f"/p/{slug}/reviews/", headers={"HX-Request": "true", "HX-Target": "reviews"}).text
    assert part.lstrip().startswith("<section")
    assert (
        client_of(make_staff("PICKER")).post(f"/ops/reviews/{row.pk}/", {"act": "reject"}).status_code == 403
    )


# ------------------------------------------------------------------ wishes
def test_wishes_of_a_stranger_go_with_the_account(client: Client, chain: Chain) -> None:
    first, second = chain.variant(), chain.variant()
    category(chain, first, second)
    for variant in (first, second, first):
        client.post("/wishes/change/", {"sku": variant.sku})
    page = client.get("/wishes/").text
    assert page.index(first.product.slug) < page.index(second.product.slug)
    client.post("/wishes/change/", {"sku": second.sku, "act": "remove"})
    assert not Wish.objects.exists()
    ana, customer = reader()
    answer = client.post("/accounts/login/", {"login": ana.email, "password": "dugacka lozinka 1"})
    assert answer.status_code == 302
    assert list(Wish.objects.values_list("customer", "variant")) == [(customer.pk, first.pk)]
    assert first.product.slug in client.get("/wishes/").text
    assert client.cookies["wishes"].value == ""
    client.post("/wishes/change/", {"sku": first.sku, "act": "remove"})
    assert not Wish.objects.exists()


def test_a_changed_cookie_of_wishes_is_nothing(client: Client, chain: Chain) -> None:
    variant = chain.variant()
    client.cookies["wishes"] = f"{variant.sku}:forged"
    assert variant.product.slug not in client.get("/wishes/").text


# ------------------------------------------------------------------ alerts
def asked(chain: Chain, variant: Variant, name: str, kind: str = "BACK_IN_STOCK", at: int = 0) -> Alert:
    return crm.ask_to_be_told(
        kind=kind,
        variant_id=variant.pk,
        channel_id=chain.channel.pk,
        email=f"{name}@example.com",
        language="en",
        customer_id=None,
        is_proved=True,
        price_seen=Decimal("1000.00"),
        by=None,
        now=NOW + timedelta(seconds=at),
    )


def letters(kind: str) -> list[str]:
    return list(Message.objects.filter(kind=kind).order_by("pk").values_list("recipient", flat=True))


def free(chain: Chain, variant: Variant) -> int:
    return warehouse.availability(variant_ids=[variant.pk], channel_id=chain.channel.pk, now=NOW).get(
        variant.pk, 0
    )


def test_first_come_first_told_and_never_more_than_there_are_copies(chain: Chain) -> None:
    variant = chain.variant(stock=0)
    for place, name in enumerate(("prva", "druga", "treca")):
        asked(chain, variant, name, at=place)
    assert alerts.tell_back_in_stock(now=NOW) == 0
    chain.lay(variant, chain.warehouse, 2)
    assert alerts.tell_back_in_stock(now=NOW) == 2
    assert letters("alert_back") == ["prva@example.com", "druga@example.com"]
    assert free(chain, variant) == 0
    assert alerts.tell_back_in_stock(now=NOW) == 0
    # Nobody came: the next in line has the copies that fell free.
    later = NOW + alerts.HELD_FOR + timedelta(minutes=1)
    assert alerts.tell_back_in_stock(now=later) == 1
    assert letters("alert_back")[2:] == ["treca@example.com"]


def test_the_held_copy_is_taken_by_the_link(client: Client, chain: Chain) -> None:
    variant, other = chain.variant(stock=0), chain.variant()
    category(chain, variant, other)
    row = asked(chain, variant, "prva")
    chain.lay(variant, chain.warehouse, 1)
    alerts.tell_back_in_stock(now=NOW)
    row.refresh_from_db()
    link = f"/alerts/{row.token}/take/"
    assert f"http://localhost:8000/en{link}" in Message.objects.get(kind="alert_back").text_body
    with nothing_changes():
        assert client.get(link).status_code == 200
    assert put(client, other).status_code == 302
    assert client.post(link)["Location"] == "/basket/"
    mine = Basket.objects.get(lines__variant=other)
    assert set(mine.lines.values_list("variant", flat=True)) == {variant.pk, other.pk}
    assert free(chain, variant) == 0
    # Without a basket of one's own, the held one becomes it.
    fresh = Client()
    assert fresh.post(link)["Location"] == "/basket/"


def test_a_strangers_address_counts_after_it_is_confirmed(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=0)
    category(chain, variant)
    assert 'name="kind" value="BACK_IN_STOCK"' in client.get(f"/p/{variant.product.slug}/").text
    for _ in range(2):
        client.post("/alerts/", {"sku": variant.sku, "kind": "BACK_IN_STOCK", "email": "Iva@Example.com"})
    row = Alert.objects.get()
    assert row.state == "UNCONFIRMED"
    alerts.ask_to_confirm(alert_id=row.pk, now=NOW)
    assert f"/alerts/{row.token}/" in Message.objects.get(kind="alert_confirm").text_body
    chain.lay(variant, chain.warehouse, 1)
    assert alerts.tell_back_in_stock(now=NOW) == 0
    with nothing_changes():
        client.get(f"/alerts/{row.token}/")
    client.post(f"/alerts/{row.token}/")
    assert alerts.tell_back_in_stock(now=NOW) == 1


def test_who_wants_no_more_letters_gets_none(client: Client, chain: Chain) -> None:
    variant = chain.variant(stock=0)
    row = asked(chain, variant, "prva")
    with nothing_changes():
        client.get(f"/alerts/{row.token}/end/")
    client.post(f"/alerts/{row.token}/end/")
    chain.lay(variant, chain.warehouse, 1)
    assert alerts.tell_back_in_stock(now=NOW) == 0
    assert client.post("/alerts/nobodys-token/end/").status_code == 404


@pytest.mark.parametrize("email", ["", "nije", "a@b", "a@b.c\nBcc: x@example.com"])
def test_an_address_that_is_none_is_refused(client: Client, chain: Chain, email: str) -> None:
    variant = chain.variant(stock=0)
    client.post("/alerts/", {"sku": variant.sku, "kind": "BACK_IN_STOCK", "email": email})
    assert not Alert.objects.exists()


def test_a_fallen_price_is_told_once(chain: Chain) -> None:
    variant = chain.variant(price="1000.00")
    row = asked(chain, variant, "prva", kind="PRICE_DROP")
    assert alerts.tell_price_drops(now=NOW) == 0
    catalog.set_price(
        variant_id=variant.pk,
        price_list_id=chain.channel.price_list_id,
        amount=Decimal("900.00"),
        by=None,
        now=NOW,
    )
    assert Price.objects.filter(variant=variant).count() == 2
    assert alerts.tell_price_drops(now=NOW) == 1
    assert alerts.tell_price_drops(now=NOW) == 0
    letter = Message.objects.get(kind="alert_price")
    assert "900.00" in letter.text_body
    assert f"/alerts/{row.token}/end/" in letter.text_body


# ------------------------------------------------------------------ how far visits come
def test_a_visit_counts_once_a_day_and_names_nobody(client: Client, chain: Chain) -> None:
    for _ in range(3):
        assert client.post("/seen/", {"step": "VIEW"}).status_code == 204
    client.post("/seen/", {"step": "CHECKOUT"}, REMOTE_ADDR="203.0.113.7")
    client.post("/seen/", {"step": "BUY"})
    client.post("/seen/", {"step": "CHECKOUT"}, headers={"Sec-GPC": "1"})
    assert list(ShopVisit.objects.order_by("step").values_list("step", flat=True)) == ["CHECKOUT", "VIEW"]
    assert not [row for row in ShopVisit.objects.all() if "203.0" in row.visit_hash]
    page = client_of(make_staff("MERCHANDISER")).get("/en/ops/funnel/").text
    assert "Looked at a product" in page
    assert client_of(make_staff("PICKER")).get("/ops/funnel/").status_code == 403


# ------------------------------------------------------------------ the account
def test_an_order_again_brings_what_can_be_had(client: Client, chain: Chain) -> None:
    there, gone = chain.variant(stock=9), chain.variant(stock=1)
    order = chain.place((there, 2), (gone, 1))
    assert client.post(f"/order/{order.token}/again/")["Location"] == "/basket/"
    assert list(Basket.objects.get(state="OPEN").lines.values_list("variant", "quantity")) == [(there.pk, 2)]
    assert gone.product.title in client.get("/basket/").text
    with nothing_changes():
        assert client.get(f"/order/{order.token}/again/").status_code == 405


def test_consents_are_kept_with_the_words_that_were_shown(client: Client, chain: Chain) -> None:
    ana, customer = reader()
    client.force_login(ana)
    for _ in range(2):
        client.post("/en/account/consents/", {"NEWSLETTER": "on"})
    row = customer.consents.get()
    assert (row.kind, row.is_given) == ("NEWSLETTER", True)
    assert row.wording == "Write to me by e-mail about new titles and offers."
    client.post("/en/account/consents/", {})
    assert list(customer.consents.order_by("pk").values_list("is_given", flat=True)) == [True, False]
    assert Client().get("/account/consents/").status_code == 302
