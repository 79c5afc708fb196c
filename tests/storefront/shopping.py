"""A shopper with a browser on a small chain: what the tests of the shop's pages share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import Client

from oms.models import Basket, Order
from oms.workflows import routing
from retail.kernel import clock
from storefront.models import Category, Variant
from storefront.views import frame, ways
from tests.flows.chain import NOW, Chain
from warehouse.models import Shipment


@contextmanager
def open_shop() -> Iterator[None]:
    """The clock stands, and the menu of an earlier test is forgotten."""
    _forget()
    with clock.standing_at(NOW):
        yield
    _forget()


def _forget() -> None:
    frame.forget_departments()
    ways.forget_largest()


def category(chain: Chain, *variants: Variant, path: str = "romani", name: str = "Romani") -> Category:
    node = Category.objects.create(slug=path, path=path, name=name, name_en="Fiction")
    for variant in variants:
        variant.product.categories.add(node)
        variant.product.main_category = node
        variant.product.save()
    return node


def put(client: Client, variant: Variant, quantity: Any = 1, **headers: str) -> Any:
    return client.post("/basket/add/", {"sku": variant.sku, "quantity": quantity}, headers=headers or None)


def basket() -> Basket:
    return Basket.objects.latest("pk")


def hidden(page: str, name: str) -> str:
    """The value of a hidden field as the page has it."""
    return page.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


def typed(client: Client, **changes: Any) -> dict[str, Any]:
    """A whole checkout as a browser would post it: what the page carried, and what a person typed."""
    page = client.get("/checkout/").text
    carried = {"key": hidden(page, "key")}
    for method in ("HOME_DELIVERY", "STORE_PICKUP", "SHIP_TO_STORE"):
        if f'name="seen_{method}"' in page:
            carried[f"seen_{method}"] = hidden(page, f"seen_{method}")
    usual = {
        "name": "Ana Anić",
        "email": "Ana@Example.com",
        "phone": "064 123 45 67",
        "delivery": "HOME_DELIVERY",
        "street": "Dunavska 1",
        "postal_code": "21 000",
        "city": "Novi Sad",
        "payment": "CASH_ON_DELIVERY",
        "note": "",
    }
    return {name: value for name, value in {**carried, **usual, **changes}.items() if value is not None}


def order() -> Order:
    return Order.objects.latest("pk")


def planned(chain: Chain, order: Order) -> Shipment:
    """The one shipment of an order whose plan is ratified."""
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=NOW)
    return Shipment.objects.get(order=order)
