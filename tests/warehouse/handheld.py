"""A person with a handheld: forms posted as a browser without script would, and a carrier that answers or not."""

import re
from typing import Any

from django.test import Client
from django.utils import timezone

from oms.carriers.client import CarrierParcel
from oms.models import Order
from oms.workflows import routing
from retail.kernel.outside import ProviderUnavailable
from storefront.models import Variant
from tests.flows.chain import Chain
from warehouse import operations as stock
from warehouse.models import Reservation, Shipment


class StandIn:
    """A carrier that answers, or not, and remembers what it was asked."""

    def __init__(self) -> None:
        self.is_down = False
        self.parcels: dict[str, Any] = {}
        self.called_off: list[str] = []

    def announce(self, *, parcel: Any) -> CarrierParcel:
        if self.is_down:
            raise ProviderUnavailable("carrier", "announce", "DOWN")
        known = self.parcels.setdefault(parcel.reference, parcel)
        assert known == parcel, "the same reference with other values"
        number = f"KU{len(self.parcels):09d}RS"
        return CarrierParcel(
            parcel.reference,
            parcel.carrier,
            number,
            number,
            "ANNOUNCED",
            parcel.cash_on_delivery,
            "RSD",
            (),
        )

    def cancel(self, *, reference: str) -> None:
        self.called_off.append(reference)


def routed(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> Order:
    now = timezone.now()
    order = chain.place(*wanted, now=now, **changes)
    decision = routing.propose_routing(order_id=order.pk, now=now)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=now)
    return order


def hidden(page: Any, *, action: str = "") -> dict[str, str]:
    """The hidden fields of the scan form, as a browser would send them."""
    text = page.content.decode()
    form = next(part for part in text.split("<form")[1:] if "data-scan" in part.split(">")[0])
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form.split("</form>")[0])
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


def scan_id(page: Any) -> str:
    found = re.search(r'name="scan_id" value="(\w+)"', page.content.decode())
    assert found is not None
    return found[1]


def kind(page: Any) -> str:
    found = re.search(r'data-sound="(\w+)"', page.content.decode())
    return found[1] if found else ""


def scan(client: Client, page: Any, code: str, **more: str) -> Any:
    return client.post(page.request["PATH_INFO"], {**hidden(page), "code": code, **more})


def begin(client: Client) -> Any:
    start = client.get("/scan/pick/")
    return client.post("/scan/pick/take/", {"scan_id": scan_id(start), "count": "5"}, follow=True)


def picked(variant: Variant) -> int:
    rows = Reservation.objects.filter(variant=variant, state="PICKED", is_put_back=False)
    return sum(rows.values_list("quantity", flat=True))


def picked_order(chain: Chain, client: Client, *wanted: tuple[Variant, int], **changes: Any) -> Shipment:
    order = routed(chain, *wanted, **changes)
    for shipment in Shipment.objects.filter(order=order):
        picks = [
            stock.Pick(claim.variant.sku, claim.stock_item.bin.code, claim.quantity)
            for claim in shipment.claims.filter(state="ALLOCATED")
        ]
        stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=timezone.now())
    return Shipment.objects.filter(order=order).latest("pk")


def packed(client: Client, shipment: Shipment, *weights: str) -> Any:
    page = client.get(f"/scan/pack/{shipment.number}/")
    return client.post(
        f"/scan/pack/{shipment.number}/",
        {"scan_id": scan_id(page), "weight": weights or ("640",)},
        follow=True,
    )
