"""The carrier: parcels announced once, their way, and the cash collected at the door."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import Any

import pytest

from retail.kernel.outside import ProviderRefused
from retail.sandbox.carrier import MOVES, REMITTANCE_COLUMNS
from tests.sandbox.stand import Stand, parcel_request


def step(outside: Stand, status: str, reference: str = "PCL-1") -> dict[str, Any]:
    answer = outside.http.post(
        f"/admin/carrier/parcels/{reference}/events", json={"status": status, "place": "Novi Sad"}
    )
    return {"http": answer.status_code, **answer.json()}


def today(outside: Stand) -> str:
    return str(outside.fiscal().status().processor_time.date())


def remittance(outside: Stand, day: str, carrier: str = "") -> list[dict[str, str]]:
    answer = outside.http.get(f"/kurir/v1/remittances/{day}.csv", params={"carrier": carrier})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(answer.text.splitlines()))


def test_announced_parcel_has_a_number_that_checks(outside: Stand) -> None:
    parcel = outside.carrier().announce(parcel=parcel_request())

    assert parcel.tracking_number == "KU0000000014RS"
    assert parcel.barcode == parcel.tracking_number
    assert (parcel.status, parcel.carrier, parcel.cash_on_delivery) == (
        "ANNOUNCED",
        "Post Express",
        Decimal("2598.00"),
    )


def test_announcing_again_gives_the_same_parcel(outside: Stand) -> None:
    client = outside.carrier()

    parcels = [client.announce(parcel=parcel_request()) for _ in range(3)]

    assert len(set(parcels)) == 1
    assert client.announce(parcel=parcel_request("PCL-2")).tracking_number != parcels[0].tracking_number


def test_reference_cannot_name_two_parcels(outside: Stand) -> None:
    client = outside.carrier()
    first = client.announce(parcel=parcel_request())

    with pytest.raises(ProviderRefused) as refused:
        client.announce(parcel=parcel_request(weight_grams=900))

    assert (refused.value.status, refused.value.code) == (409, "REFERENCE_EXISTS")
    assert client.fetch(reference="PCL-1") == first


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"weight_grams": 0}, "INVALID_WEIGHT"),
        ({"weight_grams": 50_001}, "INVALID_WEIGHT"),
        ({"weight_grams": True}, "INVALID_WEIGHT"),
        ({"reference": "a b"}, "INVALID_REFERENCE"),
        ({"carrier": ""}, "INVALID_SERVICE"),
        ({"recipient": {"name": "Ana"}}, "INVALID_ADDRESS"),
        ({"recipient": None}, "INVALID_ADDRESS"),
        ({"cash_on_delivery": {"amount": "0.00", "currency": "RSD"}}, "INVALID_AMOUNT"),
        ({"cash_on_delivery": {"amount": 12, "currency": "RSD"}}, "INVALID_AMOUNT"),
        ({"notify_url": "https://shop.example/"}, "URL_NOT_LOCAL"),
        ({"insured": True}, "WRONG_FIELDS"),
    ],
)
def test_malformed_parcel_is_refused_and_leaves_nothing(
    outside: Stand, change: dict[str, object], code: str
) -> None:
    party = dict.fromkeys(("name", "street", "city", "postal_code", "country", "phone"), "x")
    body = {
        "reference": "PCL-1",
        "carrier": "Post Express",
        "service": "s",
        "weight_grams": 100,
        "sender": party,
        "recipient": party,
        "cash_on_delivery": None,
        "notify_url": "http://localhost:8000/",
    }

    headers = {"Authorization": "Bearer carrier-key"}
    answer = outside.http.post("/kurir/v1/parcels", json=body | change, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert outside.carrier().fetch(reference="PCL-1") is None


def test_wrong_key_is_refused(outside: Stand) -> None:
    with pytest.raises(ProviderRefused, match="UNAUTHORIZED"):
        outside.carrier(api_key="stolen").announce(parcel=parcel_request())


def test_parcel_can_be_called_off_until_it_is_picked_up(outside: Stand) -> None:
    client = outside.carrier()
    client.announce(parcel=parcel_request())
    client.announce(parcel=parcel_request("PCL-2"))
    step(outside, "PICKED_UP", "PCL-2")

    assert client.cancel(reference="PCL-1").status == "CANCELED"
    assert client.cancel(reference="PCL-1").status == "CANCELED"
    with pytest.raises(ProviderRefused, match="ALREADY_ON_ITS_WAY"):
        client.cancel(reference="PCL-2")
    with pytest.raises(ProviderRefused, match="NOT_FOUND"):
        client.cancel(reference="PCL-3")


@pytest.mark.parametrize(
    "way",
    [
        ["PICKED_UP", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"],
        ["PICKED_UP", "OUT_FOR_DELIVERY", "REFUSED", "RETURNED"],
        ["IN_TRANSIT", "UNDELIVERABLE", "OUT_FOR_DELIVERY", "UNDELIVERABLE", "RETURNED"],
        ["PICKED_UP", "LOST"],
    ],
)
def test_way_of_a_parcel_is_told_step_by_step(outside: Stand, way: list[str]) -> None:
    client = outside.carrier()
    client.announce(parcel=parcel_request())

    for status in way:
        assert step(outside, status)["http"] == 200
    outside.deliver()

    parcel = client.fetch(reference="PCL-1")
    assert parcel is not None
    assert [event.status for event in parcel.events] == ["ANNOUNCED", *way]
    assert outside.shop.kinds() == [f"parcel.{status.lower()}" for status in way]


@pytest.mark.parametrize(
    "last", [status for status, moves in MOVES.items() if not moves and status != "CANCELED"]
)
def test_way_that_has_ended_goes_no_further(outside: Stand, last: str) -> None:
    outside.carrier().announce(parcel=parcel_request())
    if last == "RETURNED":
        step(outside, "REFUSED")
    step(outside, last)

    answer = step(outside, "OUT_FOR_DELIVERY")

    assert (answer["http"], answer["code"]) == (409, "ILLEGAL_MOVE")
    assert step(outside, "SOLD")["code"] == "UNKNOWN_STATUS"


def test_cash_of_delivered_parcels_is_remitted_once_a_line_each(outside: Stand) -> None:
    client = outside.carrier()
    for reference, cash in (("PCL-1", "2598.00"), ("PCL-2", "1200.50"), ("PCL-3", None), ("PCL-4", "10.00")):
        client.announce(parcel=parcel_request(reference, cash_on_delivery=Decimal(cash) if cash else None))
    for reference in ("PCL-1", "PCL-2", "PCL-3"):
        step(outside, "DELIVERED", reference)
    step(outside, "REFUSED", "PCL-4")
    day = today(outside)

    lines = remittance(outside, day)

    assert tuple(lines[0]) == REMITTANCE_COLUMNS
    assert [(one["reference"], one["amount"], one["currency"], one["collected_on"]) for one in lines] == [
        ("PCL-1", "2598.00", "RSD", day),
        ("PCL-2", "1200.50", "RSD", day),
    ]
    assert lines[0]["line_id"] == f"REM-{lines[0]['tracking_number']}"
    assert remittance(outside, day) == lines
    assert remittance(outside, day, "another carrier") == []
    assert remittance(outside, "2020-01-01") == []


def test_remittance_of_the_next_day_has_only_its_own_parcels(outside: Stand) -> None:
    client = outside.carrier()
    client.announce(parcel=parcel_request("PCL-1"))
    step(outside, "DELIVERED", "PCL-1")
    first_day = today(outside)
    outside.move_clock(24 * 3600)
    client.announce(parcel=parcel_request("PCL-2"))
    step(outside, "DELIVERED", "PCL-2")

    assert [one["reference"] for one in remittance(outside, first_day)] == ["PCL-1"]
    assert [one["reference"] for one in remittance(outside, today(outside))] == ["PCL-2"]
    assert outside.http.get("/kurir/v1/remittances/soon.csv").json()["code"] == "INVALID_DATE"
