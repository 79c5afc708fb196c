"""Parcel lockers: the nearest are offered with their date, an order names one and is brought there by the service that fills it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from oms.api.bodies import DeliveryBody, checkout_of
from oms.models import DeliveryMethod, DeliveryPostcode, ParcelLocker
from oms.workflows import changes, placing, routing
from oms.workflows.changes import Changes
from oms.workflows.checkout import Checkout, InvalidContact, MethodNotAvailable
from storefront.models import Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.storefront.shopping import hidden, open_shop, order, put, typed
from tests.unchanged import nothing_changes
from warehouse import selectors as warehouse
from warehouse.models import Shipment

pytestmark = pytest.mark.django_db
NOVI_SAD, BEOGRAD = (45.25, 19.84), (44.82, 20.46)


@pytest.fixture(autouse=True)
def chain(db: None) -> Iterator[Chain]:
    made = make_chain()
    DeliveryMethod.objects.filter(code="PARCEL_LOCKER").update(is_orderable=True)
    with open_shop():
        yield made


def locker(
    chain: Chain, code: str = "PK-1", *, service: int = 0, at: tuple[float, float] = NOVI_SAD
) -> ParcelLocker:
    """Of the dearer service, which no plan takes of itself."""
    return ParcelLocker.objects.create(
        service=chain.services[service],
        code=code,
        name=f"Paketomat {code}",
        street="Trg slobode 1",
        city="Novi Sad" if at == NOVI_SAD else "Beograd",
        postal_code="21000" if at == NOVI_SAD else "11000",
        latitude=at[0],
        longitude=at[1],
    )


def offered(chain: Chain, variant: Variant, *, units: int = 1, code: str = "") -> list[warehouse.Option]:
    DeliveryPostcode.objects.filter(postal_code="21000").update(latitude=45.26, longitude=19.83)
    options = warehouse.promise_options(
        lines=[(variant.pk, units)],
        channel_id=chain.channel.pk,
        now=NOW,
        postal_code="21000",
        goods_total=Decimal("1000.00"),
        locker_code=code,
    )
    return [each for each in options if each.method == "PARCEL_LOCKER"]


def placed_at(chain: Chain, code: str, variant: Variant, **more: object) -> placing.Placed:
    checkout = chain.checkout(
        chain.basket((variant, 1)),
        delivery_method="PARCEL_LOCKER",
        payment_method="BANK_TRANSFER",
        locker=code,
        street="",
        city="",
        postal_code="",
        **more,
    )
    return placing.place_order(checkout=checkout, by=None, now=NOW)


def test_the_nearest_come_first_each_with_its_date(chain: Chain) -> None:
    variant = chain.variant(stock=5)
    locker(chain, "PK-2", at=BEOGRAD)
    locker(chain, "PK-1")
    found = offered(chain, variant)
    assert [(each.place, each.is_orderable, each.date) for each in found] == [
        ("PK-1", True, date(2026, 12, 3)),
        ("PK-2", True, date(2026, 12, 3)),
    ]
    assert {each.service_code for each in found} == {chain.services[0].code}
    ParcelLocker.objects.filter(code="PK-1").update(is_active=False)
    assert [each.place for each in offered(chain, variant)] == ["PK-2"]


def test_what_is_too_heavy_or_reached_by_nobody_says_so(chain: Chain) -> None:
    heavy = chain.variant(stock=99, grams=5_000)
    assert [(each.is_orderable, each.reason) for each in offered(chain, heavy)] == [(False, "NO_LANE")]
    locker(chain)
    assert [(each.is_orderable, each.reason) for each in offered(chain, heavy, units=5)] == [
        (False, "TOO_HEAVY")
    ]
    assert [each.reason for each in offered(chain, heavy, units=4)] == [None]


def test_an_order_goes_to_the_locker_by_its_own_service(chain: Chain) -> None:
    mine = locker(chain)
    placed = placed_at(chain, "PK-1", chain.variant(stock=5)).order
    assert (placed.locker, placed.street, placed.city, placed.postal_code) == (
        mine,
        "Paketomat PK-1, Trg slobode 1",
        "Novi Sad",
        "21000",
    )
    assert placed.promise["method"] == "PARCEL_LOCKER"
    type(placed).objects.filter(pk=placed.pk).update(status="PLACED", payment_deadline=None)
    decision = routing.propose_routing(order_id=placed.pk, now=NOW)
    assert decision.proposal is not None
    assert {step["service"] for step in decision.plan} == {chain.services[0].code}
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=NOW)
    assert Shipment.objects.get(order=placed).method == "PARCEL_LOCKER"


def test_a_locker_that_is_not_there_or_cash_places_nothing(chain: Chain) -> None:
    locker(chain)
    variant = chain.variant(stock=5)
    basket = chain.basket((variant, 1))
    usual = {"delivery_method": "PARCEL_LOCKER", "payment_method": "BANK_TRANSFER", "locker": "PK-1"}
    with nothing_changes():
        with pytest.raises(MethodNotAvailable):
            placing.place_order(
                checkout=chain.checkout(basket, **{**usual, "locker": "PK-9"}), by=None, now=NOW
            )
        for wrong, field in (({"locker": ""}, "locker"), ({"payment_method": "CASH_ON_DELIVERY"}, "payment")):
            with pytest.raises(InvalidContact) as refused:
                placing.place_order(checkout=chain.checkout(basket, **{**usual, **wrong}), by=None, now=NOW)
            assert refused.value.details["fields"] == [field]


def test_its_address_cannot_be_changed_its_person_can(chain: Chain) -> None:
    locker(chain)
    placed = placed_at(chain, "PK-1", chain.variant(stock=5)).order
    with nothing_changes(), pytest.raises(InvalidContact):
        changes.preview_changes(order_id=placed.pk, changes=Changes(street="Balkanska 14"), now=NOW)
    changes.apply_changes(
        order_id=placed.pk, changes=Changes(name="Mila Milić"), version=placed.version, by=None, now=NOW
    )
    placed.refresh_from_db()
    assert (placed.name, placed.street) == ("Mila Milić", "Paketomat PK-1, Trg slobode 1")


def test_the_checkout_lets_choose_one(client: Client, chain: Chain) -> None:
    offered(chain, chain.variant(stock=5))  # Novi Sad has its place on the map
    locker(chain, "PK-1")
    locker(chain, "PK-2", at=BEOGRAD)
    put(client, chain.variant(stock=5))
    client.cookies["postcode"] = "21000"
    page = client.get("/en/checkout/").text
    assert "Paketomat PK-1, Trg slobode 1: Thursday, 3 December" in page
    seen = {"seen_PARCEL_LOCKER": hidden(page, "seen_PARCEL_LOCKER")}
    form = typed(client, delivery="PARCEL_LOCKER", payment="BANK_TRANSFER", locker="PK-2", **seen)
    with nothing_changes():
        answer = client.post("/en/checkout/", {**form, "locker": ""})
        assert answer.status_code == 422
        assert "Choose the parcel locker." in answer.text
        answer = client.post("/en/checkout/", {**form, "payment": "CASH_ON_DELIVERY"})
        assert "A parcel locker takes no cash." in answer.text
    client.post("/checkout/", form)
    assert order().locker == ParcelLocker.objects.get(code="PK-2")
    page = client.get(f"/en/order/{order().token}/").text
    assert "Paketomat PK-2, Trg slobode 1" in page


def test_an_integrator_names_the_locker_and_the_day(chain: Chain) -> None:
    """What the body says is what placing is asked for."""
    said = {
        "email": "ana@example.com",
        "name": "Ana Anić",
        "phone": "+381601112223",
        "payment": {"method": "BANK_TRANSFER"},
    }

    def asked(delivery: dict[str, Any]) -> Checkout:
        return checkout_of({**said, "delivery": delivery}, token="t", caller="c", key="k", expected=None)

    to_locker = asked({"method": "PARCEL_LOCKER", "location": "PK-1"})
    assert (to_locker.locker, to_locker.pickup_location, to_locker.wanted) == ("PK-1", "", None)
    on_friday = asked({"method": "HOME_DELIVERY", "date": date(2026, 12, 4)})
    assert (on_friday.locker, on_friday.wanted) == ("", warehouse.WantedDay(date(2026, 12, 4)))
    body = DeliveryBody(data={"method": "HOME_DELIVERY", "date": "2026-12-32"})
    assert not body.is_valid()
