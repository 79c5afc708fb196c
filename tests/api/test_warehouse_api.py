"""Goods by API, through HTTP: shapes, scopes, refusals that change nothing, and carriers that tell what became of a parcel."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone

from oms.models import Order
from oms.workflows import routing
from retail.kernel.models import Location
from retail.rest.keys import issue_key
from storefront.models import Variant
from tests.api.documented import check_described
from tests.flows.chain import Chain, make_chain
from tests.sandbox.stand import CARRIER_SECRETS, Stand, stand
from tests.staff import make_staff
from tests.unchanged import nothing_changes
from warehouse.models import Bin, Parcel, PurchaseOrder, Receipt, Shipment, StockItem, StockMove
from warehouse.workflows import parcels

pytestmark = pytest.mark.django_db
EVERYTHING = [
    "stock:read",
    "stock:write",
    "purchasing:read",
    "purchasing:write",
    "shipments:read",
    "shipments:write",
]


class Api:
    """An integrator's client."""

    def __init__(self, *scopes: str) -> None:
        _, self.key = issue_key(
            name="Igor", user=make_staff("INTEGRATOR", name="Igor"), scopes=list(scopes), now=timezone.now()
        )
        self.client = Client(headers={"authorization": f"Bearer {self.key}"})
        self.get("stock")  # the first call of a day notes that the key is used

    def get(self, path: str, **query: str) -> Any:
        answer = self.client.get(f"/api/v1/{path}", query)
        check_described("get", path, answer)
        return answer

    def post(self, path: str, body: Any = None, *, key: str = "") -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.client.post(
            f"/api/v1/{path}",
            {} if body is None else body,
            content_type="application/json",
            headers=headers,
        )
        check_described("post", path, answer)
        return answer


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def api(chain: Chain) -> Api:
    return Api(*EVERYTHING)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    with stand(tmp_path) as ready:
        monkeypatch.setattr("oms.carriers.client.from_settings", lambda: ready.carrier())
        yield ready


def routed(chain: Chain, *wanted: tuple[Variant, int], **changes: Any) -> Order:
    now = timezone.now()
    order = chain.place(*wanted, now=now, **changes)
    decision = routing.propose_routing(order_id=order.pk, now=now)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=now)
    return order


def number_of(order: Order) -> str:
    return Shipment.objects.get(order=order).number


def packed(chain: Chain, api: Api, variant: Variant, units: int = 2, **changes: Any) -> str:
    number = number_of(routed(chain, (variant, units), **changes))
    line = {"sku": variant.sku, "bin": "A-01", "quantity": units}
    assert api.post(f"shipments/{number}/pick", {"lines": [line]}).status_code == 200
    assert api.post(f"shipments/{number}/pack", {"parcels": [{"weight_grams": 640}]}).status_code == 200
    return number


# Stock


def test_stock_row_as_the_contract_shows_it(chain: Chain, api: Api) -> None:
    variant = chain.variant(stock=12)
    routed(chain, (variant, 2))
    answer = api.get("stock", sku=variant.sku)
    assert answer.json() == {
        "results": [
            {
                "sku": variant.sku,
                "location": "WH-1",
                "bin": "A-01",
                "kind": "STORAGE",
                "on_hand": 12,
                "reserved": 2,
                "available": 10,
            }
        ],
        "next": None,
    }


def test_stock_pages_by_cursor(chain: Chain, api: Api) -> None:
    skus = [chain.variant(stock=1).sku for _ in range(5)]
    seen: list[str] = []
    answer = api.get("stock", limit="2")
    while True:
        seen += [row["sku"] for row in answer.json()["results"]]
        following = answer.json()["next"]
        if following is None:
            break
        answer = api.client.get(following)
    assert seen == skus
    assert api.get("stock", after="nonsense").json()["code"] == "INVALID_CURSOR"
    assert api.get("stock", location="NOWHERE").json()["code"] == "UNKNOWN_LOCATION"


def test_every_call_needs_its_scope(chain: Chain) -> None:
    nobody = Client()
    assert nobody.get("/api/v1/stock").status_code == 401
    reader = Api("stock:read")
    assert reader.get("stock").status_code == 200
    calls = (
        "stock/adjustments",
        "stock/moves",
        "purchase-orders",
        "shipments/X/pick",
        "shipments/X/dispatch",
    )
    for path in calls:
        assert (reader.post(path).status_code, reader.post(path).json()["code"]) == (403, "NOT_ALLOWED")
    assert reader.get("shipments").status_code == 403


def test_adjustment_to_the_usual_bin(chain: Chain, api: Api) -> None:
    variant = chain.variant(stock=0)
    body = {
        "sku": variant.sku,
        "location": "S-001",
        "bin": None,
        "delta": 50,
        "reason": "COUNT",
        "reference": "popis-7",
    }
    answer = api.post("stock/adjustments", body, key="k-1")
    assert answer.status_code == 201
    told = answer.json()
    assert (told["location"], told["bin"], told["on_hand"], told["available"]) == ("S-001", "A-01", 50, 50)
    assert api.post("stock/adjustments", body, key="k-1").json() == told
    assert api.post("stock/adjustments", {**body, "delta": 51}, key="k-1").status_code == 422
    assert StockItem.objects.get(variant=variant).on_hand == 50
    move = StockMove.objects.get(variant=variant)
    assert (move.reason, move.document_key, move.by.name) == ("COUNT", "popis-7", "Igor")  # type: ignore[union-attr]


def test_below_the_claims_only_when_told_to_displace(chain: Chain, api: Api) -> None:
    variant = chain.variant(stock=3)
    order = routed(chain, (variant, 2))
    body = {
        "sku": variant.sku,
        "location": "WH-1",
        "bin": "A-01",
        "delta": -2,
        "reason": "DAMAGE",
        "reference": "voda",
    }
    with nothing_changes():
        refused = api.post("stock/adjustments", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "BELOW_CLAIMS")
    assert refused.json()["claims"] == [
        {"order": order.number, "transfer": None, "quantity": 2, "state": "ALLOCATED"}
    ]
    told = api.post("stock/adjustments", {**body, "displace": True}).json()
    assert (told["on_hand"], told["reserved"]) == (1, 0) or (told["on_hand"], told["reserved"]) == (1, 1)
    assert [one["order"] for one in told["displaced"]] == [order.number]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"sku": "NOPE"}, 404, "UNKNOWN_SKU"),
        ({"location": "NOPE"}, 404, "UNKNOWN_LOCATION"),
        ({"bin": "NOPE"}, 404, "UNKNOWN_BIN"),
        ({"delta": 0}, 400, "INVALID_QUANTITY"),
        ({"delta": "5"}, 400, "INVALID_INPUT"),
        ({"delta": 1e9}, 400, "INVALID_INPUT"),
        ({"delta": -1000}, 409, "NOT_ENOUGH_UNITS"),
        ({"reason": "WHIM"}, 400, "INVALID_INPUT"),
        ({"reference": ""}, 400, "INVALID_INPUT"),
        ({"color": "red"}, 400, "INVALID_INPUT"),
    ],
)
def test_bad_adjustment_is_refused_by_name(
    chain: Chain, api: Api, change: dict[str, Any], status: int, code: str
) -> None:
    variant = chain.variant(stock=3)
    body = {
        "sku": variant.sku,
        "location": "WH-1",
        "bin": "A-01",
        "delta": 1,
        "reason": "COUNT",
        "reference": "x",
    }
    with nothing_changes():
        answer = api.post("stock/adjustments", {**body, **change})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"].startswith("application/problem+json")


def test_units_move_between_bins_and_the_moves_tell(chain: Chain, api: Api) -> None:
    variant = chain.variant(stock=5)
    Bin.objects.create(location=chain.warehouse, code="B-02", kind="STORAGE")
    body = {"sku": variant.sku, "location": "WH-1", "from_bin": "A-01", "to_bin": "b-02", "quantity": 3}
    told = api.post("stock/moves", body)
    assert told.status_code == 201
    assert {row["bin"]: row["on_hand"] for row in told.json()["stock"]} == {"A-01": 2, "B-02": 3}
    with nothing_changes():
        assert api.post("stock/moves", body).json()["code"] == "NOT_ENOUGH_UNITS"
    newest = api.get("stock/moves", sku=variant.sku, location="WH-1").json()["results"][0]
    assert (newest["from"], newest["to"], newest["quantity"], newest["by"]) == (
        {"location": "WH-1", "bin": "A-01"},
        {"location": "WH-1", "bin": "B-02"},
        3,
        "Igor",
    )


# Purchase orders


def test_purchase_order_and_its_receipt(chain: Chain, api: Api) -> None:
    Location.objects.create(code="SUP-1", name="Laguna", kind="SUPPLIER", entity=chain.entity, city="Beograd")
    first, second = chain.variant(stock=0), chain.variant(stock=0)
    made = api.post(
        "purchase-orders",
        {
            "supplier": "SUP-1",
            "location": "WH-1",
            "expected_on": "2026-12-10",
            "lines": [
                {"sku": first.sku, "quantity": 10, "unit_cost": {"amount": "412.5000", "currency": "RSD"}},
                {"sku": second.sku, "quantity": 4, "unit_cost": {"amount": "99.00", "currency": "RSD"}},
            ],
        },
        key="po-1",
    )
    assert made.status_code == 201
    number = made.json()["number"]
    assert api.get(f"purchase-orders/{number}").json() == made.json()
    body = {
        "lines": [
            {"sku": first.sku, "quantity_good": 9, "quantity_damaged": 2},
            {"sku": second.sku, "quantity_good": 1},
        ],
        "delivery_note": "OTP-1",
    }
    receipt = api.post(f"purchase-orders/{number}/receipts", body, key="r-1")
    assert receipt.status_code == 201
    assert api.post(f"purchase-orders/{number}/receipts", body, key="r-1").json() == receipt.json()
    assert Receipt.objects.count() == 1
    told = receipt.json()
    assert told["lines"][0]["value"] == {"amount": "4537.50", "currency": "RSD"}
    assert told["purchase_order"]["status"] == "PARTLY_RECEIVED"
    kinds = {
        (row["kind"], row["on_hand"], row["available"])
        for row in api.get("stock", sku=first.sku).json()["results"]
    }
    assert kinds == {("RECEIVING", 9, 0), ("DAMAGED", 2, 0)}
    strange = {"lines": [{"sku": chain.variant(stock=0).sku, "quantity_good": 1}]}
    with nothing_changes():
        refused = api.post(f"purchase-orders/{number}/receipts", strange)
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_ON_PURCHASE_ORDER")
    listed = api.get("purchase-orders", status="PARTLY_RECEIVED").json()["results"]
    assert [one["number"] for one in listed] == [number]


def test_a_reader_goes_on_from_the_last_change(chain: Chain, api: Api) -> None:
    """A receipt changes the lines, and with them the purchase order; nothing is told twice or left out."""
    Location.objects.create(code="SUP-1", name="Laguna", kind="SUPPLIER", entity=chain.entity, city="Beograd")
    book = chain.variant(stock=0)
    line = {"sku": book.sku, "quantity": 5, "unit_cost": {"amount": "100.00", "currency": "RSD"}}
    body = {"supplier": "SUP-1", "location": "WH-1", "lines": [line]}
    first, second = (api.post("purchase-orders", body).json() for _ in range(2))

    def told(after: str) -> list[str]:
        found = api.get("purchase-orders", updated_after=after).json()["results"]
        return [one["number"] for one in found]

    before = "2026-01-01T00:00:00Z"
    assert told(before) == [first["number"], second["number"]]
    assert told(first["updated_at"]) == [second["number"]]
    assert told(second["updated_at"]) == []
    for _ in range(2):  # the second leaves the state as it is, and changes the line all the same
        last = api.get(f"purchase-orders/{first['number']}").json()["updated_at"]
        api.post(
            f"purchase-orders/{first['number']}/receipts", {"lines": [{"sku": book.sku, "quantity_good": 1}]}
        )
        assert told(last)[-1] == first["number"]
    assert told(second["updated_at"]) == [first["number"]]
    with nothing_changes():
        refused = api.get("purchase-orders", updated_after="yesterday")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")


def test_shipments_and_transfers_tell_when_they_changed(chain: Chain, api: Api) -> None:
    variant = chain.variant(stock=5)
    number = number_of(routed(chain, (variant, 2)))
    seen = api.get(f"shipments/{number}").json()["updated_at"]
    assert api.get("shipments", updated_after=seen).json()["results"] == []
    api.post(f"shipments/{number}/pick", {"lines": [{"sku": variant.sku, "bin": "A-01", "quantity": 2}]})
    api.post(f"shipments/{number}/pack", {"parcels": [{"weight_grams": 640}]})
    assert [one["number"] for one in api.get("shipments", updated_after=seen).json()["results"]] == [number]
    Parcel.objects.update(tracking_status="IN_TRANSIT")
    later = api.get(f"shipments/{number}").json()["updated_at"]
    assert later > seen

    body = {"source": "WH-1", "target": "S-001", "lines": [{"sku": variant.sku, "quantity": 1}]}
    sent = api.post("transfers", body).json()
    assert api.get("transfers", updated_after=sent["updated_at"]).json()["results"] == []
    api.post(f"transfers/{sent['number']}/cancel", {})
    found = api.get("transfers", updated_after=sent["updated_at"]).json()["results"]
    assert [(one["number"], one["status"]) for one in found] == [(sent["number"], "CANCELED")]


def test_a_supplier_is_no_store(chain: Chain, api: Api) -> None:
    line = {"sku": chain.variant().sku, "quantity": 1, "unit_cost": {"amount": "1.00", "currency": "RSD"}}
    with nothing_changes():
        answer = api.post("purchase-orders", {"supplier": "S-001", "location": "WH-1", "lines": [line]})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert not PurchaseOrder.objects.exists()


# Shipments


def test_pick_pack_dispatch_deliver(chain: Chain, api: Api, outside: Stand) -> None:
    variant = chain.variant(stock=5)
    order = routed(chain, (variant, 2))
    number = number_of(order)
    before = api.get(f"shipments/{number}").json()
    assert (before["status"], before["order"], before["lines"][0]["bin"]) == ("READY", order.number, "A-01")

    line = {"sku": variant.sku, "bin": "A-01", "quantity": 2}
    picked = api.post(f"shipments/{number}/pick", {"lines": [line]}, key="p")
    assert (picked.status_code, picked.json()["lines"][0]["state"]) == (200, "PICKED")
    assert api.post(f"shipments/{number}/pick", {"lines": [line]}, key="p").json() == picked.json()
    done = api.post(f"shipments/{number}/pack", {"parcels": [{"weight_grams": 640}]})
    assert (done.json()["is_packed"], done.json()["parcels"][0]["weight_grams"]) == (True, 640)
    gone = api.post(f"shipments/{number}/dispatch", {})
    assert (gone.status_code, gone.json()["status"]) == (200, "DISPATCHED")
    assert gone.json()["parcels"][0]["tracking_number"].startswith("KU")
    assert gone.json()["cash_on_delivery"]["amount"] == f"{order.total:.2f}"
    arrived = api.post(f"shipments/{number}/deliver", {})
    assert arrived.json()["status"] == "DELIVERED"
    with nothing_changes():
        again = api.post(f"shipments/{number}/deliver", {})
    assert (again.status_code, again.json()["code"]) == (409, "ILLEGAL_MOVE")
    assert [one["number"] for one in api.get("shipments", order=order.number).json()["results"]] == [number]


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ({"bin": "B-01"}, 404, "UNKNOWN_BIN"),
        ({"bin": "P-01"}, 409, "WRONG_BIN"),
        ({"sku": "9780000000000"}, 409, "WRONG_UNIT"),
        ({"quantity": 3}, 400, "INVALID_QUANTITY"),
        ({"quantity": 0}, 400, "INVALID_QUANTITY"),
        ({"quantity": -1}, 400, "INVALID_QUANTITY"),
        ({"quantity": "NaN"}, 400, "INVALID_QUANTITY"),
    ],
)
def test_bad_pick_is_refused_by_name(
    chain: Chain, api: Api, line: dict[str, Any], status: int, code: str
) -> None:
    variant = chain.variant(stock=5)
    number = number_of(routed(chain, (variant, 2)))
    body = {"lines": [{"sku": variant.sku, "bin": "A-01", "quantity": 2, **line}]}
    with nothing_changes():
        answer = api.post(f"shipments/{number}/pick", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_short_pick_says_what_is_missing(chain: Chain, api: Api) -> None:
    variant = chain.variant(stock=2)
    order = routed(chain, (variant, 2))
    body = {"sku": variant.sku, "bin": "A-01", "quantity_found": 1, "reason": "MISSING"}
    answer = api.post(f"shipments/{number_of(order)}/short-pick", body)
    assert (answer.status_code, answer.json()["missing"]) == (200, 1)
    assert order.exceptions.get().kind == "SHORT_PICK"
    assert api.post(f"shipments/{number_of(order)}/short-pick", body).json()["code"] == "UNKNOWN_CLAIM"


@pytest.mark.parametrize("fault", ["HTTP_503", "RESET", "HTML_ANSWER"])
def test_goods_wait_until_the_carrier_answers(chain: Chain, api: Api, outside: Stand, fault: str) -> None:
    """Down, or done with the answer lost: nothing leaves, and the repeat makes no second parcel."""
    number = packed(chain, api, chain.variant(stock=5))
    outside.fault("carrier", fault)
    with nothing_changes():
        refused = api.post(f"shipments/{number}/dispatch", {}, key="d")
    assert (refused.status_code, refused.json()["code"]) == (503, "CARRIER_UNAVAILABLE")
    assert api.post(f"shipments/{number}/dispatch", {}, key="d").json()["status"] == "DISPATCHED"
    tracking = api.get(f"shipments/{number}").json()["parcels"][0]["tracking_number"]
    assert tracking == "KU0000000014RS"


def test_pickup_is_handed_over_for_its_code(chain: Chain, api: Api) -> None:
    variant = chain.variant(stock=0, store_stock=2)
    number = packed(chain, api, variant, 1, delivery_method="STORE_PICKUP", pickup_location="S-001")
    code = Shipment.objects.get(number=number).handover_code
    with nothing_changes():
        refused = api.post(f"shipments/{number}/dispatch", {})
    assert (refused.status_code, refused.json()["code"]) == (403, "WRONG_CODE")
    assert code not in refused.content.decode()
    assert api.post(f"shipments/{number}/dispatch", {"code": code}).json()["status"] == "DELIVERED"
    assert code not in api.get(f"shipments/{number}").content.decode()


def test_refused_parcel_comes_back_with_one_damaged(chain: Chain, api: Api, outside: Stand) -> None:
    variant = chain.variant(stock=5)
    number = packed(chain, api, variant, 2)
    api.post(f"shipments/{number}/dispatch", {})
    assert api.post(f"shipments/{number}/fail", {"reason": "BORED"}).status_code == 400
    failed = api.post(f"shipments/{number}/fail", {"reason": "REFUSED"}).json()
    assert (failed["status"], failed["failure"]) == ("UNDELIVERED", "REFUSED")
    body = {"location": "WH-1", "damaged": [{"sku": variant.sku, "quantity": 1}]}
    back = api.post(f"shipments/{number}/return-to-sender", body)
    assert back.json()["status"] == "RETURNED"
    units = {row["kind"]: row["on_hand"] for row in api.get("stock", sku=variant.sku).json()["results"]}
    assert units == {"STORAGE": 4, "DAMAGED": 1}


def test_unknown_shipment(api: Api) -> None:
    assert (api.get("shipments/SHP-0").status_code, api.get("shipments/SHP-0").json()["code"]) == (
        404,
        "UNKNOWN_SHIPMENT",
    )


# The carrier tells


def tell(request: httpx.Request) -> Any:
    """The carrier's message, byte for byte, at our door."""
    headers = {name: value for name, value in request.headers.items() if name.startswith("webhook-")}
    return Client(headers=headers).post(
        "/api/v1/carriers/kurir/events", request.content, content_type="application/json"
    )


def test_signed_messages_move_the_shipment_once(
    chain: Chain, api: Api, outside: Stand, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CARRIER_SECRETS = list(CARRIER_SECRETS)
    number = packed(chain, api, chain.variant(stock=5))
    api.post(f"shipments/{number}/dispatch", {})
    reference = Parcel.objects.get(shipment__number=number).number
    for status in ("IN_TRANSIT", "DELIVERED"):
        outside.http.post(
            f"/admin/carrier/parcels/{reference}/events", json={"status": status, "place": "Novi Sad"}
        )
    outside.deliver()
    transit, delivered = outside.shop.requests
    forged = httpx.Request(
        "POST",
        delivered.url,
        headers=delivered.headers,
        content=delivered.content.replace(b"DELIVERED", b"LOST"),
    )
    with nothing_changes():
        assert (tell(forged).status_code, tell(forged).json()["code"]) == (401, "INVALID_SIGNATURE")
        assert (
            Client().post("/api/v1/carriers/kurir/events", {}, content_type="application/json").status_code
            == 401
        )
    assert tell(delivered).json() == {"outcome": "DELIVERED"}
    assert api.get(f"shipments/{number}").json()["status"] == "DELIVERED"
    with nothing_changes():
        assert tell(transit).json() == {"outcome": "LATE"}
        assert tell(delivered).status_code == 200
    delivered_at = datetime.fromisoformat(api.get(f"shipments/{number}").json()["delivered_at"])
    assert delivered_at <= datetime.now(UTC)
    assert parcels.refresh_parcels(now=timezone.now(), client=outside.carrier()) == 0
