"""What was promised to integrators: every resource with its verbs, and the main flow by example, step by step as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Proposal
from finance.models import FiscalReceipt
from finance.operations.papers import BUYER_ID_MISSING
from oms.models import Order, OrderException
from retail.doctor.examine import examine
from retail.kernel import outbox
from retail.rest.keys import SCOPES
from tests.api.integrator import Api, refused
from tests.flows.chain import Chain, make_chain
from tests.sandbox.stand import Stand, stand
from tests.unchanged import nothing_changes
from warehouse.models import Shipment

pytestmark = pytest.mark.django_db

CONTRACT = Path(__file__).resolve().parents[3] / "shared" / "contract.md"
# Campaigns and segments are not here yet.
LATER = {"baskets/{token}/coupons", "segments", "campaigns"}
# Answers with a secret that is shown once and stored nowhere, so the answer cannot be kept for a second call.
SHOWN_ONCE = {"/api/v1/webhooks"}

# The contract's table of resources, spelled out: address → methods.
PROMISED: dict[str, set[str]] = {
    "products": {"get"},
    "products/{sku}": {"get", "put"},
    "availability": {"get"},
    "baskets": {"post"},
    "baskets/{token}": {"get"},
    "baskets/{token}/lines": {"post"},
    "baskets/{token}/lines/{line}": {"patch", "delete"},
    "orders": {"get", "post"},
    "orders/{number}": {"get"},
    "orders/{number}/cancel": {"post"},
    "orders/{number}/payments": {"post"},
    "orders/{number}/changes": {"post"},
    "orders/{number}/returns": {"post"},
    "orders/{number}/returns/{return_number}/receive": {"post"},
    "orders/{number}/refunds": {"post"},
    "stock": {"get"},
    "stock/adjustments": {"post"},
    "stock/moves": {"get", "post"},
    "purchase-orders": {"get", "post"},
    "purchase-orders/{number}": {"get"},
    "purchase-orders/{number}/receipts": {"post"},
    "transfers": {"get", "post"},
    "transfers/{number}": {"get"},
    "transfers/{number}/ship": {"post"},
    "transfers/{number}/receive": {"post"},
    "transfers/{number}/cancel": {"post"},
    "proposals": {"get"},
    "proposals/{public_id}/ratify": {"post"},
    "proposals/{public_id}/reject": {"post"},
    "shipments": {"get"},
    "shipments/{number}": {"get"},
    "shipments/{number}/pick": {"post"},
    "shipments/{number}/pack": {"post"},
    "shipments/{number}/dispatch": {"post"},
    "shipments/{number}/deliver": {"post"},
    "shipments/{number}/fail": {"post"},
    "shipments/{number}/return-to-sender": {"post"},
    "bank-statements": {"get", "post"},
    "courier-remittances": {"get", "post"},
    "payments/{provider}/events": {"post"},
    "invoices/{number}": {"get"},
    "invoices/{number}/ubl": {"get"},
    "invoices/{number}/pdf": {"get"},
    "credit-notes": {"get"},
    "ledger/trial-balance": {"get"},
    "ledger/entries": {"get"},
    "ledger/accounts": {"get"},
    "customers": {"get"},
    "customers/{public_id}": {"get", "put"},
    "audit-events": {"get"},
    "webhooks": {"get", "post"},
    "webhooks/{public_id}/deliveries": {"get"},
    "webhooks/{public_id}/deliveries/{delivery_id}/replay": {"post"},
    "events": {"get"},
}


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    with stand(tmp_path) as ready:
        monkeypatch.setattr("oms.carriers.client.from_settings", lambda: ready.carrier())
        yield ready


def test_every_promised_resource_has_its_verbs(client: Any) -> None:
    document = client.get("/api/v1/schema/").json()
    described = {path.removeprefix("/api/v1/"): set(methods) for path, methods in document["paths"].items()}
    missing = {
        path: methods - described.get(path, set())
        for path, methods in PROMISED.items()
        if methods - described.get(path, set())
    }
    assert missing == {}


def test_the_table_of_the_contract_names_nothing_else() -> None:
    """Each resource that the table names is among the promised ones, so that a new one in the contract is noticed."""
    if not CONTRACT.exists():
        pytest.skip(f"the contract is not at {CONTRACT}")
    table = CONTRACT.read_text().partition("| resource | verbs |")[2].partition("\n## ")[0]
    named = set()
    for row in table.splitlines():
        cell = row.split("|")[1] if row.count("|") > 2 else ""
        for one in re.findall(r"`([a-z][^`]*)`", cell):
            path = one.partition("?")[0].partition("[")[0]
            named.add(re.sub(r"\{id\}|\{slug\}|\{provider\}", "{}", path))
    promised = {re.sub(r"\{public_id\}|\{provider\}", "{}", path) for path in PROMISED}
    unknown = {
        path
        for path in named
        if path not in promised
        and not path.startswith(tuple(LATER))
        # Short forms of the table: `pack` after `shipments/{number}/pick`.
        and not any(promise.endswith(f"/{path}") for promise in promised)
    }
    assert unknown == set()


def test_every_list_is_paged_and_every_create_takes_a_key(client: Any) -> None:
    document = client.get("/api/v1/schema/").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names = {one["name"] for one in operation.get("parameters", [])}
            answer = str(operation["responses"].get("200", {}))
            if method == "get" and "ListAnswer" in answer:
                assert {"after", "limit"} <= names, path
            if method == "post" and "201" in operation["responses"] and path not in SHOWN_ONCE:
                assert "Idempotency-Key" in names, path


def order_body(basket: str, **more: Any) -> dict[str, Any]:
    return {
        "basket": basket,
        "email": "ana@example.com",
        "name": "Ana Anić",
        "phone": "+381601112223",
        "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000", "country": "RS"},
        "company": None,
        "delivery": {"method": "HOME_DELIVERY"},
        "payment": {"method": "CASH_ON_DELIVERY"},
        **more,
    }


def healthy() -> bool:
    return [finding.check.name for finding in examine() if finding.violations] == []


def work_off() -> None:
    while outbox.run_pending(now=timezone.now()):
        pass


def test_the_main_flow_as_it_is_written(chain: Chain, outside: Stand) -> None:
    book, scarce = chain.variant(stock=34), chain.variant(stock=1)
    shelved = chain.variant(stock=0, store_stock=3)
    public, api = Api(), Api(*SCOPES)

    made = public.post("baskets", {"channel": "web-rs"})
    assert (made.status_code, made.json()["lines"]) == (201, [])
    assert made.json()["total"] == {"amount": "0.00", "currency": "RSD"}
    token = made.json()["token"]

    added = public.post(f"baskets/{token}/lines", {"sku": book.sku, "quantity": 2})
    assert (added.status_code, added.json()["total"]["amount"]) == (201, "2000.00")
    with nothing_changes():
        none_left = public.post(f"baskets/{token}/lines", {"sku": scarce.sku, "quantity": 2})
        assert (refused(none_left), none_left.json()["available"]) == ((409, "OUT_OF_STOCK"), 1)
        for quantity in (0, -1):
            bad = public.post(f"baskets/{token}/lines", {"sku": book.sku, "quantity": quantity})
            assert refused(bad) == (400, "INVALID_QUANTITY")
        unknown = public.post(f"baskets/{token}/lines", {"sku": "nope", "quantity": 1})
        assert refused(unknown) == (404, "UNKNOWN_SKU")

    options = public.get("availability", sku=book.sku, quantity=2, postal_code="21000").json()["options"]
    home = next(one for one in options if one["method"] == "HOME_DELIVERY")
    near = public.get("availability", sku=shelved.sku, quantity=2, postal_code="21000").json()["options"]
    pickup = next(one for one in near if one["method"] == "STORE_PICKUP" and one["ready_at"])
    assert (home["locations"], pickup["location"]) == (["WH-1"], "S-001")
    assert home["carrier"] and home["date"] and home["price"] and pickup["ready_at"]

    placed = public.post("orders", order_body(token), key="k")
    assert placed.status_code == 201, placed.content
    assert placed.json()["status"] == "PLACED"
    assert placed.json()["payment"]["redirect_url"] is None
    number = placed.json()["number"]
    assert public.post("orders", order_body(token), key="k").json() == placed.json()

    shown = api.get(f"orders/{number}").json()
    line = next(one for one in shown["lines"] if one["sku"] == book.sku)
    assert (line["quantity"], line["unit_price"]["amount"], line["discounts"]) == (2, "1000.00", [])
    assert [(one["location"], one["bin"], one["state"]) for one in line["reservations"]] == [
        ("WH-1", "A-01", "ALLOCATED")
    ]
    assert {"shipments", "payments", "documents", "timeline", "status", "payment_status"} <= set(shown)

    work_off()
    proposal = api.get("proposals", state="OPEN", subject=f"order:{number}").json()["results"][0]
    ratified = api.post(f"proposals/{proposal['id']}/ratify", {})
    assert (ratified.status_code, ratified.json()["state"]) == (200, "RATIFIED")

    parcel = api.get("shipments", order=number).json()["results"][0]["number"]
    picked = api.post(
        f"shipments/{parcel}/pick", {"lines": [{"sku": book.sku, "bin": "A-01", "quantity": 2}]}
    )
    assert picked.status_code == 200
    assert api.post(f"shipments/{parcel}/pack", {"parcels": [{"weight_grams": 640}]}).status_code == 200
    assert api.post(f"shipments/{parcel}/dispatch", {}).json()["status"] == "DISPATCHED"
    assert api.post(f"shipments/{parcel}/deliver", {}).json()["status"] == "DELIVERED"

    returned = api.post(
        f"orders/{number}/returns",
        {"lines": [{"sku": book.sku, "quantity": 1, "reason": "DAMAGED"}]},
    )
    assert returned.status_code == 201
    received = api.post(
        f"orders/{number}/returns/{returned.json()['number']}/receive",
        {"location": "S-001", "lines": [{"sku": book.sku, "quantity": 1, "disposition": "RESTOCK"}]},
    )
    assert (received.status_code, received.json()["refund_total"]["amount"]) == (200, "1000.00")
    # Nobody gave the buyer's document: goods and money are back, the receipt of it waits for a person.
    refund = FiscalReceipt.objects.get(order__number=number, transaction="REFUND")
    assert (refund.state, refund.error_codes) == ("FAILED", [BUYER_ID_MISSING])
    assert OrderException.objects.filter(order__number=number, kind="PAPER_FAILED", state="OPEN").exists()

    adjusted = api.post(
        "stock/adjustments",
        {
            "sku": book.sku,
            "location": "S-001",
            "bin": None,
            "delta": 50,
            "reason": "COUNT",
            "reference": "c-1",
        },
    )
    assert (adjusted.status_code, adjusted.json()["on_hand"]) == (201, 51)
    rows = api.get("stock", sku=book.sku).json()
    assert {
        "sku": book.sku,
        "location": "WH-1",
        "bin": "A-01",
        "kind": "STORAGE",
        "on_hand": 32,
        "reserved": 0,
        "available": 32,
    } in rows["results"]
    assert rows["next"] is None

    product = public.get(f"products/{book.sku}").json()
    assert (product["sku"], product["barcode"], product["tax_rate"]) == (book.sku, book.barcode, "10.00")
    assert (product["price"]["amount"], product["lowest_30_days"], product["available"]) == (
        "1000.00",
        None,
        83,
    )
    listed = public.get("products").json()["results"]
    assert product in listed
    work_off()
    assert healthy()


def test_a_plan_that_is_out_of_date_is_refused(chain: Chain) -> None:
    api = Api(*SCOPES)
    order = chain.place((chain.variant(), 1), now=timezone.now())
    work_off()
    proposal = Proposal.objects.get(subject_key=order.number, state="OPEN")
    Order.objects.filter(pk=order.pk).update(version=order.version + 5)
    assert refused(api.post(f"proposals/{proposal.public_id}/ratify", {})) == (409, "STALE_PROPOSAL")


# Changes


def test_a_change_is_shown_and_then_applied_at_the_version_that_was_seen(chain: Chain) -> None:
    api, public = Api("orders:read", "orders:write"), Api()
    book = chain.variant(price="1000.00")
    order = chain.place((book, 2), now=timezone.now())
    path = f"orders/{order.number}/changes"
    body: dict[str, Any] = {
        "phone": "+381641112223",
        "address": {"street": "Dunavska 9"},
        "lines": [{"sku": book.sku, "quantity": 1}],
    }
    with nothing_changes():
        shown = api.post(path, body)
        assert (shown.status_code, shown["ETag"]) == (200, f'"{order.version}"')
        told = shown.json()
        assert (told["is_applied"], told["payment"], told["version"]) == (False, None, order.version)
        assert [one["field"] for one in told["changes"]] == ["phone", "street"]
        assert told["lines"] == [
            {
                "sku": book.sku,
                "title": book.product.title,
                "before": 2,
                "after": 1,
                "amount": {"amount": "-1000.00", "currency": "RSD"},
            }
        ]
        assert (told["due_before"]["amount"], told["due"]["amount"]) == ("2290.00", "1290.00")
        assert refused(public.post(path, body)) == (404, "UNKNOWN_ORDER")
        assert refused(api.post(path, {**body, "apply": True})) == (428, "VERSION_REQUIRED")
        assert refused(api.post(path, {**body, "apply": True, "version": 999})) == (409, "STALE_ORDER")
        stale = api.post(path, {**body, "apply": True}, If_Match='"999"')
        assert refused(stale) == (412, "STALE_VERSION")
        assert refused(api.post(path, {**body, "color": "red"})) == (400, "INVALID_INPUT")
        assert refused(api.post(path, {"lines": [{"sku": "x", "quantity": 1.5}]})) == (400, "INVALID_INPUT")
        dearer = {**body, "apply": True, "version": told["version"]}
        dearer["expected_total"] = {"amount": "1.00", "currency": "RSD"}
        assert refused(api.post(path, dearer)) == (409, "PRICE_CHANGED")

    done = api.post(path, {**body, "apply": True}, If_Match=shown["ETag"], key="c-1")
    assert done.status_code == 200, done.content
    applied = done.json()
    assert {**applied, "is_applied": False, "payment": None} == told
    assert (applied["payment"]["method"], applied["payment"]["status"]) == ("CASH_ON_DELIVERY", "PENDING")
    order.refresh_from_db()
    assert (order.phone, order.street, str(order.due_total)) == ("+381641112223", "Dunavska 9", "1290.00")
    with nothing_changes():
        again = api.post(path, {**body, "apply": True}, If_Match=shown["ETag"], key="c-1")
    assert again.json() == applied

    # By its own secret the shopper may too.
    mine = public.post(f"orders/{order.token}/changes", {"note": "Zvoniti"})
    assert (mine.status_code, mine.json()["changes"][0]["after"]) == (200, "Zvoniti")


# Transfers


def test_a_transfer_by_api(chain: Chain) -> None:
    api, reader = Api("stock:read", "stock:write"), Api("stock:read")
    book = chain.variant(stock=5)
    body = {"source": "WH-1", "target": "S-001", "lines": [{"sku": book.sku, "quantity": 3}]}
    with nothing_changes():
        assert refused(reader.post("transfers", body)) == (403, "NOT_ALLOWED")
        assert refused(api.post("transfers", {**body, "source": "NOPE"})) == (404, "UNKNOWN_LOCATION")
        assert refused(api.post("transfers", {**body, "target": "WH-1"})) == (400, "INVALID_INPUT")
        many = [{"sku": book.sku, "quantity": 6}]
        assert refused(api.post("transfers", {**body, "lines": many})) == (409, "NOT_ENOUGH_UNITS")
        none = [{"sku": book.sku, "quantity": 0}]
        assert refused(api.post("transfers", {**body, "lines": none})) == (400, "INVALID_QUANTITY")
        assert refused(api.get("transfers/TR-nope")) == (404, "UNKNOWN_TRANSFER")

    made = api.post("transfers", body, key="t-1")
    assert (made.status_code, made.json()["lines"][0]["quantity_claimed"]) == (201, 3)
    assert api.post("transfers", body, key="t-1").json() == made.json()
    number = made.json()["number"]
    sent = api.post(f"transfers/{number}/ship", {"lines": [{"sku": book.sku, "quantity": 2}]})
    assert (sent.json()["status"], sent.json()["lines"][0]["quantity_shipped"]) == ("SHIPPED", 2)
    with nothing_changes():
        assert refused(api.post(f"transfers/{number}/cancel", {})) == (409, "ILLEGAL_MOVE")
    came = api.post(
        f"transfers/{number}/receive",
        {"lines": [{"sku": book.sku, "quantity_good": 1, "quantity_damaged": 1}]},
    )
    assert came.json()["status"] == "RECEIVED"
    assert reader.get(f"transfers/{number}").json() == came.json()
    assert [one["number"] for one in reader.get("transfers", location="S-001").json()["results"]] == [number]

    other = api.post("transfers", body).json()["number"]
    assert api.post(f"transfers/{other}/cancel", {}).json()["status"] == "CANCELED"
    assert Shipment.objects.count() == 0
    assert healthy()
