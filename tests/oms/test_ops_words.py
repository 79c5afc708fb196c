"""The back office speaks in words: no code of ours stands on a page where a sentence should."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from decimal import Decimal
from types import ModuleType

import pytest
from django.test import Client
from django.utils import translation

import finance.events
import oms.events
import warehouse.events
from oms.views import words
from oms.workflows import cancellation
from retail.front.charts import BarChart, Series, draw
from retail.kernel.outbox import topic_of
from tests.flows.chain import NOW, Chain, make_chain
from tests.staff import client_of, make_staff

pytestmark = pytest.mark.django_db
# These speak of goods that belong to no order, or of a whole file of orders.
OF_NO_ORDER = {
    "GoodsReceived", "OrdersImported", "PurchaseOrderCanceled", "PurchaseOrderCreated", "PurchaseOrderMoved",
    "StockAdjusted", "StockCounted", "TransferCanceled", "TransferReceived", "TransferRequested", "TransferShipped", "UnitsMoved",
}  # fmt: skip
CODE = re.compile(r"\b(?:[A-Z]{3,}_[A-Z_]+|(?:oms|finance|warehouse)\.[a-z_]+)\b")


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def lead(chain: Chain) -> Client:
    return client_of(make_staff("OPS_LEAD", name="Dragan"), language="sr-latn")


@pytest.mark.parametrize("room", [oms.events, warehouse.events, finance.events])
def test_every_event_of_an_order_has_its_title(room: ModuleType) -> None:
    events = {
        name: found
        for name, found in vars(room).items()
        if is_dataclass(found) and isinstance(found, type) and found.__module__ == room.__name__
    }
    silent = {name for name, event in events.items() if topic_of(event) not in words.EVENTS}
    assert silent <= OF_NO_ORDER


def test_a_canceled_order_opens_and_says_why(chain: Chain, lead: Client) -> None:
    order = chain.place((chain.variant(), 1))
    cancellation.cancel_order(order_id=order.pk, reason="kupac je odustao", by=chain.dragan, now=NOW)
    page = lead.get(f"/ops/orders/{order.number}/")
    assert page.status_code == 200
    assert "kupac je odustao" in page.text
    assert CODE.findall(re.sub(r"<[^>]+>", " ", page.text)) == []


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"reason": "PARTIAL", "paid": "100.00"}, [("uzrok", "plaćen je samo deo"), ("plaćeno", "100,00")]),
        ({"promised_on": "2026-11-23"}, [("obećano", "pon\u00a023.\u00a011.")]),
        ({"sku": "9788600000012", "units": 2}, [("SKU", "9788600000012"), ("komada", "2")]),
        ({"codes": ["BUYER_ID_MISSING"]}, [("uzroci", "nedostaje isprava kupca")]),
        (
            {"codes": ["ReceiverCompanyNotFound"], "invoice": "PRELIST-AR-2026-000001"},
            [("uzroci", "Kupac nije registrovan na SEF-u."), ("faktura", "PRELIST-AR-2026-000001")],
        ),
        ({"amount": "nothing"}, [("iznos", "nothing")]),
    ],
)
def test_an_exception_tells_its_details_in_words(
    detail: dict[str, object], said: list[tuple[str, str]]
) -> None:
    with translation.override("sr-latn"):
        assert words.exception_words(detail) == said


def test_papers_lead_to_the_books_only_for_those_who_may_see_them() -> None:
    total = {"amount": "3587.00", "currency": "RSD"}
    papers = [{"kind": "FISCAL_COPY_REFUND", "number": "A-1", "id": 7, "total": total}]
    with translation.override("sr-latn"):
        (seen,) = words.papers(papers, may_open=True)
        (hidden,) = words.papers(papers, may_open=False)
    assert (seen["title"], seen["amount"]) == ("Kopija računa o vraćanju", Decimal("3587.00"))
    assert seen["url"] == "/ops/finance/receipts/7/"
    assert hidden["url"] == ""


def test_the_command_field_is_a_page_without_script(chain: Chain, lead: Client) -> None:
    order = chain.place((chain.variant(), 1))
    page = lead.get("/ops/find/", {"q": order.number})
    assert page.text.count("<h1>") == 1
    assert f"/ops/orders/{order.number}/" in page.text
    part = lead.get("/ops/find/", {"q": order.number}, headers={"HX-Request": "true"})
    assert "<h1>" not in part.text


def test_labels_of_a_chart_do_not_run_into_each_other() -> None:
    days = [f"{day}. 11." for day in range(9, 23)]
    chart = BarChart("x", "day", days, Series("orders", [1.0] * 14))
    labels = [bar.label for bar in draw(chart).bars]
    assert labels[-1] == "22. 11."
    assert [label for label in labels if label] == days[1::2]
