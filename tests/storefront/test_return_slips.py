"""The label of a return: printed, or shown on a phone, while the goods are awaited; only with the secret of its order."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import translation

from finance.papers.sheets import sheet
from oms.models import Order, Return
from oms.workflows import returns
from storefront.views.after.slips import slip_of
from tests.flows.chain import NOW, Chain
from tests.flows.test_lifecycle import send
from tests.storefront.shopping import open_shop
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def announced(chain: Chain) -> tuple[Order, Return]:
    order = chain.place((chain.variant(stock=5), 3))
    send(chain, order)
    asked = [returns.Asked(order.lines.get(kind="GOODS").sku, 2, "OTHER")]
    return order, returns.request_return(order_id=order.pk, lines=asked, by=None, now=NOW)


def test_the_label_names_both_ends_and_carries_the_number_of_the_return(client: Client, chain: Chain) -> None:
    order, back = announced(chain)
    with translation.override("sr-latn"):
        slip = slip_of(order, back)
    assert (slip.sender.name, slip.sender.street, slip.sender.city) == ("Ana Anić", "Dunavska 1", "Novi Sad")
    sent_from = order.promise["locations"][0]
    names = {"WH-1": "Prelist d.o.o., Magacin", "S-001": "Prelist d.o.o., Novi Sad, Dunavska"}
    assert slip.recipient.name == names[sent_from]
    assert [(line.sku, line.quantity) for line in slip.lines] == [(order.lines.get(kind="GOODS").sku, 2)]
    template, data = sheet(slip)
    assert (template, data["number"], data["title"]) == ("return", back.number, "Povratnica")
    label = client.get(f"/order/{order.token}/returns/{back.number}/label.pdf")
    assert label.headers["Content-Type"] == "application/pdf"
    assert label.content.startswith(b"%PDF-")
    code = client.get(f"/order/{order.token}/returns/{back.number}/code.svg")
    assert code.headers["Content-Type"] == "image/svg+xml"
    page = client.get(f"/en/order/{order.token}/").text
    assert f"/en/order/{order.token}/returns/{back.number}/label.pdf" in page
    assert f"/en/order/{order.token}/returns/{back.number}/code.svg" in page


def test_only_its_own_order_and_only_while_it_waits(client: Client, chain: Chain) -> None:
    order, back = announced(chain)
    other = chain.place((chain.variant(), 1))
    pages = ("label.pdf", "code.svg")
    with nothing_changes():
        for page in pages:
            assert client.get(f"/order/{other.token}/returns/{back.number}/{page}").status_code == 404
            assert client.get(f"/order/{order.token}/returns/RET-1/{page}").status_code == 404
    returns.reject_return(number=back.number, reason="Nije naše", by=chain.dragan, now=NOW)
    for page in pages:
        assert client.get(f"/order/{order.token}/returns/{back.number}/{page}").status_code == 404
