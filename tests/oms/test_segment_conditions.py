"""Each condition has exactly the members that the public verbs made, asked as a set and account by account."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from crm import operations as crm
from crm.models import (
    Campaign,
    CampaignVisit,
    Consent,
    Coupon,
    CouponBatch,
    CouponRedemption,
    Customer,
    Discount,
    LoyaltyAccount,
    Tier,
)
from crm.operations.wishes import remove_wish
from crm.segments import check, parse, where
from crm.selectors import count_members, definitions_held, member_ids
from finance.models import Invoice
from oms.models import LineDiscount, Order, OrderLine
from oms.workflows import baskets, cancellation, returns
from storefront.models import Category, Channel, Contribution, Contributor, Variant
from tests.factories import make_channel
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import send
from tests.oms.past import read, row, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def ago(days: float) -> Any:
    return NOW - timedelta(days=days)


def members(words: str, now: Any = NOW) -> set[str]:
    """The names of the accounts that are in. One by one the answer is the same as of all at once, and of who is counted."""
    check(parse(words))
    fragment = where(words, now)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT c.id, c.name FROM crm_customer c WHERE {fragment.sql}", fragment.params)
        found = dict(cursor.fetchall())
    for counted in (words, f"{words} and not tier = 98", f"not ({words})", f"company and ({words})"):
        in_it = count_members(definition=counted, now=now)
        assert in_it == len(set(member_ids(definition=counted, now=now))), counted
    assert set(member_ids(definition=words, now=now)) == set(found)
    assert count_members(definition=f"({words}) or tier = 98", now=now) == len(found)
    one_by_one = {
        pk
        for pk in Customer.objects.values_list("pk", flat=True)
        if definitions_held(customer_id=pk, definitions=[words], now=now)
    }
    assert one_by_one == set(found)
    return set(found.values())


def buys(chain: Chain, name: str, *wanted: tuple[Variant, int], now: Any = NOW, **more: Any) -> Order:
    return chain.place(*wanted, now=now, email=f"{name.lower()}@example.com", name=name, **more)


@pytest.fixture
def shelf(chain: Chain) -> dict[str, Variant]:
    """Three titles: two of the branch of fiction, one of them of the backlist below it; one of no category."""
    fiction = Category.objects.create(slug="fiction", path="fiction", name="Fiction")
    backlist = Category.objects.create(
        slug="backlist", path="fiction/backlist", name="Backlist", parent=fiction, depth=1
    )
    old, new, other = (
        chain.variant(price="1000.00"),
        chain.variant(price="500.00"),
        chain.variant(price="2000.00"),
    )
    old.product.categories.add(fiction, backlist)
    new.product.categories.add(fiction)
    andric = Contributor.objects.create(slug="ivo-andric", name="Ivo Andrić", sort_name="Andrić, Ivo")
    Contribution.objects.create(product=old.product, contributor=andric)
    return {"old": old, "new": new, "other": other}


def test_bought(chain: Chain, shelf: dict[str, Variant]) -> None:
    old, new, other = shelf["old"], shelf["new"], shelf["other"]
    buys(chain, "Ana", (old, 2), now=ago(10))
    buys(chain, "Ana", (old, 1), (new, 1), now=ago(5))
    buys(chain, "Bojan", (new, 1), now=ago(100))
    buys(chain, "Ceca", (other, 1), now=ago(1))
    canceled = buys(chain, "Dragan", (old, 1), now=ago(2))
    cancellation.cancel_order(order_id=canceled.pk, reason="changed my mind", by=None, now=ago(1))
    partly = buys(chain, "Mila", (old, 1), (other, 3), now=ago(3))
    cancellation.cancel_lines(
        order_id=partly.pk, lines=[(old.sku, 1)], reason="none left", by=None, now=ago(2)
    )
    Customer.objects.create(name="Nobody")

    assert members("bought") == {"Ana", "Bojan", "Ceca", "Mila"}
    assert members("not bought") == {"Dragan", "Nobody"}
    assert members('bought(category: "fiction")') == {"Ana", "Bojan"}
    assert members('bought(category: "backlist")') == {"Ana"}
    assert members('bought(category: "fiction/backlist")') == {"Ana"}
    assert members('bought(category: "fiction", within: 90 days)') == {"Ana"}
    assert members('bought(category: "fiction", until: 2026-10-01)') == {"Bojan"}
    assert members("bought(since: 2026-12-01)") == {"Ceca"}
    assert members(f'bought(sku: "{other.sku}")') == {"Ceca", "Mila"}
    assert members(f'bought(product: "{old.product.slug}")') == {"Ana"}
    assert members('bought(author: "ivo-andric")') == {"Ana"}
    assert members('bought(category: "backlist", at_least: 3)') == {"Ana"}
    assert members('bought(category: "backlist", at_least: 4)') == set()
    assert members('bought(category: "backlist", at_least: 2, within: 1 week)') == set()
    assert members("bought(at_least: 3)") == {"Ana", "Mila"}
    assert members("bought or not bought") == set(Customer.objects.values_list("name", flat=True))
    # Asked of a day that is past: what came later had not happened.
    assert members("bought", now=ago(4)) == {"Ana", "Bojan"}


def test_bought_in_a_campaign(chain: Chain, shelf: dict[str, Variant]) -> None:
    autumn = Campaign.objects.create(slug="autumn", name="Autumn")
    Campaign.objects.create(slug="spring", name="Spring")
    discount = Discount.objects.create(code="ten", name="Ten", campaign=autumn, kind="PERCENT", value=10)
    order = buys(chain, "Ana", (shelf["old"], 1))
    buys(chain, "Bojan", (shelf["old"], 1))
    LineDiscount.objects.create(
        line=order.lines.get(kind="GOODS"),
        discount=discount,
        campaign=autumn,
        code="ten",
        name="Ten",
        kind="PERCENT",
        discount_version=1,
        amount=Decimal("100.00"),
        tax_share=Decimal("9.09"),
    )
    assert members('bought(campaign: "autumn")') == {"Ana"}
    assert members('bought(campaign: "spring")') == set()
    assert members('bought(campaign: "autumn", category: "backlist")') == {"Ana"}
    assert members('bought(category: "backlist") and not bought(campaign: "autumn")') == {"Bojan"}


def test_spent_orders_and_average(chain: Chain, shelf: dict[str, Variant]) -> None:
    buys(chain, "Ana", (shelf["other"], 2), now=ago(30))  # 4,000.00, delivery free
    buys(chain, "Ana", (shelf["new"], 2), now=ago(1))  # 1,000.00 + 290.00
    buys(chain, "Bojan", (shelf["new"], 1), now=ago(1))  # 790.00
    gone = buys(chain, "Ceca", (shelf["other"], 2), now=ago(1))
    cancellation.cancel_order(order_id=gone.pk, reason="changed my mind", by=None, now=NOW)
    Customer.objects.create(name="Nobody")

    assert members("spent >= 5290") == {"Ana"}
    assert members("spent > 5290") == set()
    assert members("spent >= 5290 RSD") == {"Ana"}
    assert members("spent >= 1 EUR") == set()
    assert members("spent = 790") == {"Bojan"}
    assert members("spent < 791") == {"Bojan", "Ceca", "Nobody"}
    assert members("spent <= 0") == {"Ceca", "Nobody"}
    assert members("spent = 0") == {"Ceca", "Nobody"}
    assert members("spent != 790") == {"Ana", "Ceca", "Nobody"}
    assert members("spent(within: 1 week) >= 1290") == {"Ana"}
    assert members("spent(within: 1 week) > 1290") == set()
    assert members('spent(channel: "web-rs") > 0') == {"Ana", "Bojan"}
    assert members("orders = 2") == {"Ana"}
    assert members("orders(within: 1 week) = 1") == {"Ana", "Bojan"}
    assert members("orders < 1") == {"Ceca", "Nobody"}
    assert members("average_basket >= 2645") == {"Ana"}
    assert members("average_basket < 2645") == {"Bojan"}


def test_what_came_back_stays_bought_and_is_no_longer_spent(chain: Chain, shelf: dict[str, Variant]) -> None:
    order = buys(chain, "Ana", (shelf["old"], 2), now=NOW)
    buys(chain, "Bojan", (shelf["old"], 2), now=NOW)
    send(chain, order)
    later = NOW + timedelta(days=3)
    sku = shelf["old"].sku
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(sku, 1, "DAMAGED")],
        by=None,
        now=later,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    assert members("returned", now=later) == set()
    returns.receive_return(
        number=asked.number,
        location_code="WH-1",
        lines=[returns.Arrived(sku, 1, "RESTOCK")],
        by=chain.bojan,
        now=later,
    )
    assert members("returned", now=later) == {"Ana"}
    assert members('returned(category: "backlist", within: 1 day)', now=later) == {"Ana"}
    assert members('returned(category: "backlist", within: 1 day)', now=later + timedelta(days=2)) == set()
    assert members(f'returned(sku: "{shelf["new"].sku}")', now=later) == set()
    assert members("bought(at_least: 2)", now=later) == {"Ana", "Bojan"}
    # Two units and delivery, less one unit.
    assert members("spent = 1290", now=later) == {"Ana"}
    assert members("spent = 2290", now=later) == {"Bojan"}


def test_last_order(chain: Chain, shelf: dict[str, Variant]) -> None:
    buys(chain, "Ana", (shelf["old"], 1), now=ago(200))
    buys(chain, "Ana", (shelf["old"], 1), now=ago(20))
    buys(chain, "Bojan", (shelf["old"], 1), now=ago(200))
    gone = buys(chain, "Bojan", (shelf["old"], 1), now=ago(2))
    cancellation.cancel_order(order_id=gone.pk, reason="changed my mind", by=None, now=ago(1))
    Customer.objects.create(name="Nobody")

    assert members("last_order(within: 30 days)") == {"Ana"}
    assert members("last_order(over: 30 days)") == {"Bojan"}
    assert members("last_order(over: 300 days)") == set()
    assert members("last_order(since: 2026-01-01, until: 2026-12-01)") == {"Ana", "Bojan"}
    assert members("last_order(until: 2026-11-01)") == {"Bojan"}
    assert members("last_order(within: 365 days, over: 10 days)") == {"Ana", "Bojan"}
    assert members("not last_order(within: 10 years)") == {"Nobody"}


def test_channel_and_store(chain: Chain, shelf: dict[str, Variant]) -> None:
    chain.lay(shelf["old"], chain.store, 5)
    buys(chain, "Ana", (shelf["old"], 1), delivery_method="STORE_PICKUP", pickup_location="S-001")
    buys(chain, "Bojan", (shelf["old"], 1), now=ago(50))
    Channel.objects.create(code="pos", name="Kasa", entity=chain.entity, price_list=chain.channel.price_list)
    Customer.objects.create(name="Nobody")

    assert members('channel = "web-rs"') == {"Ana", "Bojan"}
    assert members('channel(within: 10 days) = "web-rs"') == {"Ana"}
    assert members('channel = "pos"') == set()
    assert members('channel in ("pos", "web-rs")') == {"Ana", "Bojan"}
    assert members('channel != "web-rs"') == {"Nobody"}
    assert members('store = "S-001"') == {"Ana"}
    assert members('store not in ("S-001")') == {"Bojan", "Nobody"}


def test_coupon_used(chain: Chain) -> None:
    autumn = Campaign.objects.create(slug="autumn", name="Autumn")
    discount = Discount.objects.create(code="ten", name="Ten", campaign=autumn, kind="PERCENT", value=10)
    batch = CouponBatch.objects.create(discount=discount, name="Letters", uses_max=None)
    coupon = Coupon.objects.create(batch=batch, code="JESEN10")
    ana, bojan = (Customer.objects.create(name=name) for name in ("Ana", "Bojan"))
    for place, (customer, released) in enumerate(((ana, None), (bojan, NOW))):
        CouponRedemption.objects.create(
            coupon=coupon,
            order_number=f"ORD-{place}",
            customer=customer,
            is_single_use=False,
            redeemed_at=ago(9),
            released_at=released,
        )
    assert members("coupon_used") == {"Ana"}
    assert members('coupon_used(campaign: "autumn", within: 10 days)') == {"Ana"}
    assert members("coupon_used(within: 8 days)") == set()
    assert members('coupon_used(code: "jesen-10")') == {"Ana"}
    assert members('coupon_used(code: "OTHER")') == set()
    assert members('coupon_used(discount: "ten")') == {"Ana"}


def test_abandoned_basket(chain: Chain, shelf: dict[str, Variant]) -> None:
    for name, touched in (("Ana", ago(2)), ("Bojan", NOW - timedelta(minutes=59))):
        basket = chain.basket((shelf["old"], 1), now=touched)
        basket.customer = Customer.objects.create(name=name)
        basket.save(update_fields=["customer"])
    empty = baskets.create_basket(channel_code="web-rs", now=ago(2))
    empty.customer = Customer.objects.create(name="Ceca")
    empty.save(update_fields=["customer"])
    buys(chain, "Dragan", (shelf["old"], 1), now=ago(2))
    assert members("abandoned_basket") == {"Ana"}
    assert members("abandoned_basket(within: 1 day)") == set()


def test_the_account_itself(chain: Chain) -> None:
    two = Tier.objects.create(code="second", rank=2, name="Second", spend_from=100)
    one = Tier.objects.create(code="first", rank=1, name="First", spend_from=0)
    ana = crm.open_account(user=chain.dragan, name="Ana", now=ago(400))
    bojan = crm.find_or_create_person(
        name="Bojan", email="b@example.com", phone="", language="en", now=ago(5)
    )
    ceca = crm.find_or_create_company(
        name="Ceca",
        pib="111911206",
        registration_number="",
        email="",
        phone="",
        language="sr-latn",
        now=ago(40),
    )
    LoyaltyAccount.objects.create(customer=ana, number="A", tier=two, points=150)
    LoyaltyAccount.objects.create(customer=bojan, number="B", tier=one, points=0)
    for customer, city in ((ana, "Niš"), (ana, "Novi Sad"), (ceca, "NIŠ")):
        crm.add_address(customer_id=customer.pk, name="x", street="y 1", postal_code="1", city=city)
    for customer, is_given, day in ((ana, False, 9), (ana, True, 8), (bojan, True, 9), (bojan, False, 8)):
        Consent.objects.create(
            customer=customer, kind="NEWSLETTER", is_given=is_given, wording="w", given_at=ago(day)
        )
    Customer.objects.filter(pk=ana.pk).update(birth_month=12, birth_day=24)
    Customer.objects.filter(pk=bojan.pk).update(birth_month=6)
    campaign = Campaign.objects.create(slug="autumn", name="Autumn")
    CampaignVisit.objects.create(campaign=campaign, customer=bojan, path="/", at=ago(2))

    assert members("tier = 2") == {"Ana"}
    assert members("tier >= 1") == {"Ana", "Bojan"}
    assert members("tier = 0") == {"Ceca"}
    assert members("tier in (0, 2)") == {"Ana", "Ceca"}
    assert members("tier != 2") == {"Bojan", "Ceca"}
    assert members("points >= 150") == {"Ana"}
    assert members("points < 1") == {"Bojan", "Ceca"}
    assert members("member") == {"Ana", "Bojan"}
    assert members('consent = "newsletter"') == {"Ana"}
    assert members('consent != "newsletter"') == {"Bojan", "Ceca"}
    assert members('consent in ("sms", "profiling")') == set()
    assert members('city = "niš"') == {"Ana", "Ceca"}
    assert members('city = "Novi Sad"') == {"Ana"}
    assert members('city != "Niš"') == {"Bojan"}
    assert members('language = "en"') == {"Bojan"}
    assert members("company") == {"Ceca"}
    assert members("not company") == {"Ana", "Bojan"}
    assert members("has_login") == {"Ana"}
    assert members("created(within: 30 days)") == {"Bojan"}
    assert members("created(until: 2026-06-01)") == {"Ana"}
    assert members("birthday_month = 12") == {"Ana"}
    assert members("birthday_month != 12") == {"Bojan"}
    assert members("birthday_this_month") == {"Ana"}
    assert members('viewed(campaign: "autumn")') == {"Bojan"}
    assert members("viewed(within: 1 day)") == set()


def test_overdue_and_credit(chain: Chain, shelf: dict[str, Variant]) -> None:
    order = buys(chain, "Ana", (shelf["old"], 2))
    send(chain, order)
    buys(chain, "Bojan", (shelf["old"], 1))
    assert members("credit > 0") == set()
    Invoice.objects.create(
        entity=chain.entity,
        kind="INVOICE",
        year=2026,
        sequence=9_999,
        number="R-9999",
        order=order,
        buyer_name="Ana",
        issued_on=NOW.date(),
        supplied_on=NOW.date(),
        due_on=NOW.date(),
        net_total=Decimal("2081.82"),
        tax_total=Decimal("208.18"),
        total=Decimal("2290.00"),
        entry_id=_entry_of(order),
    )
    assert members("credit >= 2290") == {"Ana"}
    assert members("credit > 2290") == set()
    assert members("credit = 0") == {"Bojan"}
    assert members("overdue") == set()
    tomorrow = NOW + timedelta(days=1)
    assert members("overdue", now=tomorrow) == {"Ana"}
    assert members("overdue(by: 3 days)", now=tomorrow) == set()
    Order.objects.filter(pk=order.pk).update(captured_total=Decimal("2290.00"))
    assert members("overdue", now=tomorrow) == set()
    assert members("credit > 0", now=tomorrow) == set()


def _entry_of(order: Order) -> int:
    from finance.models import JournalEntry

    return JournalEntry.objects.filter(order_number=order.number).values_list("pk", flat=True)[0]


def test_imported_history_counts_as_bought_and_its_credits_do_not(chain: Chain, tmp_path: Path) -> None:
    """13085 bought 12 at 6.95 and gave 3 back; 17850 has nothing but a credit that matched no sale."""
    path = write(
        tmp_path / "past.csv",
        [
            row("489434", "85048", 12),
            row("C489436", "85048", -3, day=3),
            row("C489438", "22222", -2, customer="17850", day=4),
        ],
    )
    make_channel(chain.entity, code="api")
    read(path)
    when = NOW
    (buyer,) = members("bought", now=when)
    assert "13085" in buyer
    assert members("bought(at_least: 12)", now=when) == {buyer}
    assert members("bought(at_least: 13)", now=when) == set()
    assert members("returned", now=when) == {buyer}
    assert members("orders = 1", now=when) == {buyer}
    currency = Order.objects.values_list("currency", flat=True)[0]
    assert members(f"spent = 62.55 {currency}", now=when) == {buyer}
    assert members(f"spent < 0 {currency}", now=when) == set(
        Customer.objects.values_list("name", flat=True)
    ) - {buyer}


def test_a_line_knows_its_account_whoever_writes_it(chain: Chain, shelf: dict[str, Variant]) -> None:
    order = buys(chain, "Ana", (shelf["old"], 1))
    other = Customer.objects.create(name="Merged")
    added = OrderLine.objects.create(
        order=order,
        position=9,
        title="by hand",
        quantity=1,
        unit_price=0,
        total=0,
        tax_rate=10,
        variant=shelf["new"],
    )
    added.refresh_from_db()
    assert added.customer_id == order.customer_id
    assert set(order.lines.values_list("customer_id", flat=True)) == {order.customer_id}
    Order.objects.filter(pk=order.pk).update(customer=other)
    assert set(order.lines.values_list("customer_id", flat=True)) == {other.pk}
    assert members("bought") == {"Merged"}


def test_wishes_are_what_is_on_the_list_now(chain: Chain, shelf: dict[str, Variant]) -> None:
    ana, bojan = (
        crm.find_or_create_person(name=name, email=f"{name}@x.example", phone="", language="en", now=ago(9))
        for name in ("Ana", "Bojan")
    )
    old, other = shelf["old"], shelf["new"]
    crm.add_wishes(customer_id=ana.pk, variant_ids=[old.pk], by=None, now=ago(5))
    crm.add_wishes(customer_id=bojan.pk, variant_ids=[other.pk], by=None, now=ago(1))
    assert members("wishlist") == {"Ana", "Bojan"}
    assert members(f'wishlist(sku: "{old.sku}")') == {"Ana"}
    assert members(f'wishlist(product: "{other.product.slug}", within: 2 days)') == {"Bojan"}
    assert members(f'wishlist(product: "{old.product.slug}", within: 2 days)') == set()
    assert members("wishlist and not bought") == {"Ana", "Bojan"}
    remove_wish(customer_id=ana.pk, variant_id=old.pk, by=None)
    assert members("wishlist") == {"Bojan"}
