"""A day of delivery that the shopper chooses: offered only where it can be kept, kept by plan, shipment and door."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest
from django.test import Client

from oms.models import DeliverySlot, Lane, Order, OrderException, RoutingDecision
from oms.workflows import changes, placing, routing
from oms.workflows.changes import SOONEST, Changes
from oms.workflows.checkout import InvalidContact, MethodNotAvailable
from retail.kernel.models import Holiday, LocationClosure
from storefront.models import Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import pick_all
from tests.storefront.shopping import open_shop, order, put, typed
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse import workflows as goods
from warehouse.models import Shipment
from warehouse.operations.refusals import TooEarly
from warehouse.selectors import WantedDay

pytestmark = pytest.mark.django_db

# NOW is Wednesday, 2 December, 10:00: leaves today, arrives tomorrow.
THURSDAY, FRIDAY, SATURDAY, SUNDAY, MONDAY, TUESDAY = (date(2026, 12, day) for day in range(3, 9))


@pytest.fixture(autouse=True)
def chain(db: None) -> Iterator[Chain]:
    made = make_chain()
    with open_shop():
        yield made


def slot(chain: Chain, service: int = 1, weekdays: tuple[int, ...] = (4,)) -> DeliverySlot:
    return DeliverySlot.objects.create(
        service=chain.services[service], weekdays=list(weekdays), begins=time(17), ends=time(20)
    )


def home(
    variant: Variant, chain: Chain, *, units: int = 1, wanted: WantedDay | None = None
) -> warehouse.Option:
    options = warehouse.promise_options(
        lines=[(variant.pk, units)],
        channel_id=chain.channel.pk,
        now=NOW,
        postal_code="21000",
        are_days_wanted=True,
        wanted=wanted,
    )
    return next(each for each in options if each.method == "HOME_DELIVERY")


def test_the_days_are_those_on_which_a_courier_delivers(chain: Chain) -> None:
    variant = chain.variant(stock=5)
    Holiday.objects.create(date=TUESDAY, name="Praznik")
    found = home(variant, chain)
    assert found.date == THURSDAY
    # Two weeks ahead, without Sundays and the holiday. Couriers collect on weekdays, so nothing left on Saturday for Monday:
    # what left on Friday is there on Saturday, and Monday is reached by no parcel.
    days = [choice.day for choice in found.days]
    assert days[:3] == [THURSDAY, FRIDAY, SATURDAY]
    assert SUNDAY not in days
    assert TUESDAY not in days
    assert max(days) <= NOW.date() + timedelta(days=14)


def test_a_day_that_no_parcel_reaches_is_refused_by_name(chain: Chain) -> None:
    variant = chain.variant(stock=5)
    found = home(variant, chain, wanted=WantedDay(SUNDAY))
    assert (found.is_orderable, found.reason) == (False, "DAY_NOT_POSSIBLE")
    kept = home(variant, chain, wanted=WantedDay(FRIDAY))
    assert (kept.is_orderable, kept.reason, kept.date) == (True, None, FRIDAY)


def test_hours_are_offered_on_their_days_by_who_can_bring_it_all(chain: Chain) -> None:
    variant, evening = chain.variant(stock=5), slot(chain)
    by_day = {choice.day: [each.pk for each in choice.slots] for choice in home(variant, chain).days}
    assert by_day[FRIDAY] == [evening.pk]
    assert by_day[THURSDAY] == []
    found = home(variant, chain, wanted=WantedDay(FRIDAY, evening.pk))
    assert (found.date, found.service_code) == (FRIDAY, chain.services[1].code)
    assert home(variant, chain, wanted=WantedDay(THURSDAY, evening.pk)).reason == "DAY_NOT_POSSIBLE"
    # The carrier that offers the hours does not go there any more: the network is read anew by itself.
    Lane.objects.filter(service=chain.services[1]).delete()
    assert home(variant, chain, wanted=WantedDay(FRIDAY, evening.pk)).reason == "DAY_NOT_POSSIBLE"
    assert home(variant, chain, wanted=WantedDay(FRIDAY)).reason is None


def test_an_order_for_friday_leaves_on_thursday_and_not_before(chain: Chain) -> None:
    placed = chain.place((chain.variant(stock=5), 2), wanted=WantedDay(FRIDAY))
    assert (placed.wanted_on, placed.promised_on, placed.promise["date"]) == (FRIDAY, FRIDAY, "2026-12-04")
    decision = routing.propose_routing(order_id=placed.pk, now=NOW)
    assert decision.proposal is not None
    assert not decision.is_late
    assert {step["ship_on"] for step in decision.plan} == {"2026-12-03"}
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=NOW)
    shipment = Shipment.objects.get(order=placed)
    assert shipment.planned_on == THURSDAY
    pick_all(chain, shipment)
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(500)], by=chain.bojan, now=NOW)
    with nothing_changes(), pytest.raises(TooEarly):
        goods.dispatch_shipment(shipment_id=shipment.pk, by=chain.bojan, now=NOW)
    sent = goods.dispatch_shipment(shipment_id=shipment.pk, by=chain.bojan, now=NOW + timedelta(days=1))
    assert sent.status == "DISPATCHED"


def test_who_chooses_nothing_is_sent_it_at_once(chain: Chain) -> None:
    placed = chain.place((chain.variant(stock=5), 2))
    decision = routing.propose_routing(order_id=placed.pk, now=NOW)
    assert [step.get("ship_on") for step in decision.plan] == [None]
    assert (placed.wanted_on, placed.wanted_slot_id, placed.promised_on) == (None, None, THURSDAY)


def test_the_plan_uses_the_service_of_the_chosen_hours(chain: Chain) -> None:
    evening = slot(chain, service=0)  # the dearer one, which no plan takes of itself
    variant = chain.variant(stock=5)
    plain = routing.propose_routing(order_id=chain.place((variant, 1)).pk, now=NOW)
    assert {step["service"] for step in plain.plan} == {chain.services[1].code}
    placed = chain.place((variant, 1), wanted=WantedDay(FRIDAY, evening.pk))
    assert (placed.wanted_slot, placed.promise["slot"]) == (evening, ["17:00", "20:00"])
    decision = routing.propose_routing(order_id=placed.pk, now=NOW)
    assert {step["service"] for step in decision.plan} == {chain.services[0].code}


def test_a_day_that_can_no_longer_be_kept_is_a_late_plan_for_a_person(chain: Chain) -> None:
    placed = chain.place((chain.variant(stock=5), 1), wanted=WantedDay(FRIDAY))
    for place in (chain.warehouse, chain.store):
        for day in (NOW.date(), THURSDAY):
            LocationClosure.objects.create(location=place, date=day)
    decision = routing.route_order(order_id=placed.pk, now=NOW)
    assert decision.is_late
    assert OrderException.objects.get(order=placed).kind == "LATE_PLAN"
    assert RoutingDecision.objects.get(order=placed).state == "PROPOSED"


@pytest.mark.parametrize(
    "wanted", [WantedDay(SUNDAY), WantedDay(date(2026, 12, 1)), WantedDay(FRIDAY, 987654)]
)
def test_a_day_that_cannot_be_had_places_nothing(chain: Chain, wanted: WantedDay) -> None:
    basket = chain.basket((chain.variant(stock=5), 1))
    checkout = chain.checkout(basket, wanted=wanted)
    with nothing_changes(), pytest.raises(MethodNotAvailable) as refused:
        placing.place_order(checkout=checkout, by=None, now=NOW)
    assert refused.value.details["reason"] == "DAY_NOT_POSSIBLE"


# ------------------------------------------------------------------ changed before it is collected
def changed(placed: Order, wanted: Any) -> Order:
    placed.refresh_from_db()
    changes.apply_changes(
        order_id=placed.pk, changes=Changes(wanted=wanted), version=placed.version, by=None, now=NOW
    )
    placed.refresh_from_db()
    return placed


def test_the_day_changes_with_its_plan_and_back(chain: Chain) -> None:
    placed = chain.place((chain.variant(stock=5), 1))
    decision = routing.propose_routing(order_id=placed.pk, now=NOW)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=NOW)
    assert changed(placed, WantedDay(SATURDAY)).promised_on == SATURDAY
    assert placed.fulfillment_status == "UNROUTED"
    assert placed.promise_changes.latest("pk").after["date"] == "2026-12-05"
    assert changed(placed, SOONEST).promised_on == THURSDAY
    assert placed.wanted_on is None
    with nothing_changes(), pytest.raises(MethodNotAvailable):
        changed(placed, WantedDay(SUNDAY))


def test_a_store_cannot_be_told_when(chain: Chain) -> None:
    placed = chain.place(
        (chain.variant(stock=5, store_stock=2), 1),
        delivery_method="STORE_PICKUP",
        pickup_location="S-001",
        wanted=WantedDay(FRIDAY),
    )
    assert placed.wanted_on is None
    with nothing_changes(), pytest.raises(InvalidContact):
        changed(placed, WantedDay(FRIDAY))


# ------------------------------------------------------------------ in the shop
def test_the_checkout_offers_the_days_and_keeps_the_chosen_one(client: Client, chain: Chain) -> None:
    evening = slot(chain)
    put(client, chain.variant(stock=5))
    page = client.get("/en/checkout/").text
    assert "As soon as possible: Thursday, 3 December" in page
    assert f'value="2026-12-04/{evening.pk}">Friday, 4 December, 17:00–20:00' in page
    form = typed(client, when=f"2026-12-04/{evening.pk}")
    with nothing_changes():
        for wrong in ("2026-12-06", "never", "2026-12-04/x", f"2026-12-05/{evening.pk}"):
            answer = client.post("/en/checkout/", {**form, "when": wrong})
            assert answer.status_code == 422, wrong
            assert "It cannot be brought on that day any more." in answer.text
    client.post("/checkout/", form)
    placed = order()
    assert (placed.wanted_on, placed.wanted_slot) == (FRIDAY, evening)
    assert "Arrives Friday, 4 December, 17:00–20:00" in client.get(f"/en/order/{placed.token}/").text


def test_the_buyer_moves_the_day(client: Client, chain: Chain) -> None:
    placed = chain.place((chain.variant(stock=5), 1))
    url = f"/en/order/{placed.token}/change/"
    page = client.get(url).text
    assert "Leave it on Thursday, 3 December" in page
    form = {
        name: getattr(placed, name) for name in ("name", "phone", "street", "postal_code", "city", "note")
    }
    page = client.post(url, {**form, "when": "2026-12-04"}).text
    assert "Friday, 4 December</ins>" in page
    carried = {
        name: page.split(f'name="{name}" value="')[1].split('"')[0]
        for name in ("version", "total", "promised", "seen")
    }
    assert carried["promised"] == "2026-12-04"
    client.post(url, {**form, **carried, "when": "2026-12-04", "apply": "1"})
    placed.refresh_from_db()
    assert (placed.wanted_on, placed.promised_on) == (FRIDAY, FRIDAY)
