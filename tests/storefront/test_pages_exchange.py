"""Exchanging from the buyer's own page: titles to choose from, the sums before anything is done, one step to agree; and its letters."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from crm.models import Message
from finance.models import Payment
from oms.models import Exchange, Order
from oms.workflows import returns
from retail.kernel import outbox
from storefront.models import Variant
from tests.flows.chain import NOW, Chain
from tests.flows.ebooks import make_ebook
from tests.flows.exchanges import agreed, arrives, bought, swap
from tests.storefront.shopping import hidden, open_shop
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def letters() -> dict[str, str]:
    while outbox.run_pending(now=NOW):
        pass
    return dict(Message.objects.values_list("kind", "text_body"))


def form(order: Order, instead: str, **more: str) -> dict[str, str]:
    line = order.lines.get(kind="GOODS")
    usual = {"reason": "OTHER", "method": "BANK_TRANSFER", "buyer_id_kind": "20", "buyer_id": "012345678"}
    return {f"q-{line.pk}": "1", "instead": instead, **usual, **more}


def test_buyer_finds_looks_and_exchanges(client: Client, chain: Chain) -> None:
    cheap, dear = chain.variant(price="1000.00"), chain.variant(price="1500.00")
    order = bought(chain, (cheap, 1))
    url = f"/en/order/{order.token}/exchange/"
    assert url in client.get(f"/en/order/{order.token}/").text
    assert dear.sku not in client.get(url).text
    assert f'value="{dear.sku}"' in client.post(url, {"find": dear.barcode, "find_it": "1"}).text
    with nothing_changes():
        page = client.post(url, form(order, dear.sku)).text
    assert "500.00" in page
    seen = {name: hidden(page, name) for name in ("to_pay", "to_refund", "seen")}
    assert (seen["to_pay"], seen["to_refund"]) == ("500.00", "0.00")
    with nothing_changes():
        # Another way to pay than the one that was shown is shown first.
        client.post(url, {**form(order, dear.sku, method="CASH_ON_DELIVERY"), **seen, "apply": "1"})
    answer = client.post(url, {**form(order, dear.sku), **seen, "apply": "1"})

    made = Exchange.objects.select_related("order", "returned").get()
    assert answer.headers["Location"] == f"/en/order/{made.order.token}/transfer/"
    first, second = (client.get(f"/en/order/{one.token}/").text for one in (order, made.order))
    assert made.order.number in first and made.returned.number in first
    assert "We are waiting for what you send back" in second
    told = letters()
    assert "return_requested" not in told and "refunded" not in told
    assert made.returned.number in told["exchange_agreed"] and "500,00" in told["exchange_agreed"]
    # Once more finds nothing left to send back.
    assert client.post(url, {**form(order, dear.sku), **seen, "apply": "1"}).headers["Location"] == (
        f"/en/order/{order.token}/"
    )
    arrives(chain, made.returned)
    assert "Time je plaćeno" in letters()["return_received"]


def test_what_is_gone_is_said_and_nothing_is_left(client: Client, chain: Chain) -> None:
    old, gone = chain.variant(), chain.variant(stock=0)
    order = bought(chain, (old, 1))
    url = f"/en/order/{order.token}/exchange/"
    with nothing_changes():
        answer = client.post(url, form(order, gone.sku))
    assert answer.status_code == 422 and "There are not so many of what you chose" in answer.text
    with nothing_changes():
        answer = client.post(url, form(order, ""))
    assert answer.status_code == 422 and "Choose what you want instead." in answer.text


def test_a_file_is_not_offered_for_goods_that_come_back(client: Client, chain: Chain) -> None:
    old, file = chain.variant(), make_ebook(chain)
    Variant.objects.filter(pk=file.pk).update(product=old.product)
    order = bought(chain, (old, 1))
    url = f"/en/order/{order.token}/exchange/"
    assert file.sku not in client.get(url).text
    with nothing_changes():
        answer = client.post(url, form(order, file.sku))
    assert answer.status_code == 422


def test_page_is_not_for_orders_without_goods(client: Client, chain: Chain) -> None:
    order = chain.place((chain.variant(), 1))
    assert client.get(f"/en/order/{order.token}/exchange/").headers["Location"] == f"/en/order/{order.token}/"


def test_less_came_than_was_agreed_and_the_rest_can_be_paid(client: Client, chain: Chain) -> None:
    old, new = chain.variant(price="1000.00"), chain.variant(price="1000.00")
    made = agreed(bought(chain, (old, 2)), swap(old, new, units=2))
    page, pay = f"/en/order/{made.order.token}/", f"/en/order/{made.order.token}/pay/"
    assert f'href="{pay}"' not in client.get(page).text
    returns.receive_return(
        number=made.returned.number,
        location_code="S-001",
        lines=[returns.Arrived(old.sku, 1, "RESTOCK")],
        by=chain.bojan,
        now=NOW,
    )
    assert f'href="{pay}"' in client.get(page).text
    client.post(pay, {"method": "BANK_TRANSFER"})
    assert Payment.objects.get(order=made.order, method="BANK_TRANSFER").amount == Decimal("1000.00")
