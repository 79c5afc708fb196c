"""Goods that come back to a place: scanned by the code of their label, received in the condition they are in."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from oms.models import Order, Return
from oms.workflows import returns
from retail.kernel import clock
from retail.kernel.models import User
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import send
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from tests.warehouse.handheld import kind, scan_id
from warehouse.models import StockItem

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Iterator[Chain]:
    with clock.standing_at(NOW):
        yield make_chain()


@pytest.fixture
def store(chain: Chain) -> Client:
    return client_of(at_the_store(chain, "STORE"))


def at_the_store(chain: Chain, role: str) -> User:
    user = make_staff(role)
    user.locations.add(chain.store)
    return user


def announced(chain: Chain, units: int = 2) -> tuple[Order, Return]:
    order = chain.place((chain.variant(stock=5), 3))
    send(chain, order)
    asked = [returns.Asked(order.lines.get(kind="GOODS").sku, units, "OTHER")]
    return order, returns.request_return(
        order_id=order.pk, lines=asked, by=None, now=NOW, buyer_id_kind="20", buyer_id="001234567"
    )


def test_the_code_of_the_label_leads_to_the_return_from_anywhere(chain: Chain, store: Client) -> None:
    _, back = announced(chain)
    url = f"/scan/returns/{back.number}/"
    assert store.get(f"/scan/?code={back.number.lower()}").headers["Location"] == url
    page = store.get("/scan/returns/")
    posted = store.post("/scan/returns/", {"code": back.number, "scan_id": scan_id(page)})
    assert posted.headers["Location"] == url
    with nothing_changes():
        assert kind(store.post("/scan/returns/", {"code": "RET-1"})) == "wrong"


def test_what_came_is_received_in_its_condition_once(chain: Chain, store: Client) -> None:
    order, back = announced(chain)
    line = back.lines.get()
    url = f"/scan/returns/{back.number}/"
    page = store.get(url)
    assert f'value="{line.quantity}"' in page.text
    form = {f"units_{line.pk}": "1", f"disposition_{line.pk}": "DAMAGED", "scan_id": scan_id(page)}
    assert store.post(url, form).headers["Location"] == "/scan/returns/"
    back.refresh_from_db()
    line.refresh_from_db()
    assert (back.status, back.location, back.refund_total) == ("RECEIVED", chain.store, Decimal("1000.00"))
    assert (line.quantity_received, line.disposition) == (1, "DAMAGED")
    here = StockItem.objects.get(location=chain.store, variant__sku=line.order_line.sku)
    assert (here.bin.kind, here.on_hand) == ("DAMAGED", 1)
    with nothing_changes():
        store.post(url, form)
        again = store.post(url, {**form, "scan_id": "another"})
    assert kind(again) == "wrong"
    order.refresh_from_db()
    assert order.lines.get(kind="GOODS").quantity_returned == 1


@pytest.mark.parametrize("wrong", [{"units": "3"}, {"units": "-1"}, {"units": "0"}, {"disposition": "EATEN"}])
def test_what_cannot_be_received_changes_nothing(chain: Chain, store: Client, wrong: dict[str, str]) -> None:
    _, back = announced(chain)
    line = back.lines.get()
    form = {f"units_{line.pk}": "1", f"disposition_{line.pk}": "RESTOCK"}
    form |= {f"{name}_{line.pk}": value for name, value in wrong.items()}
    with nothing_changes():
        assert kind(store.post(f"/scan/returns/{back.number}/", form)) == "wrong"


def test_who_may_not_take_goods_back_is_kept_out(chain: Chain) -> None:
    _, back = announced(chain)
    picker = client_of(at_the_store(chain, "PICKER"))
    assert picker.get(f"/scan/returns/{back.number}/").status_code == 403
    assert "/scan/returns/" not in picker.get("/scan/").text
