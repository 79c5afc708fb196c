"""The delivery promise: worked dates, the reference oracle on a thousand random worlds, deadlines and reasons."""

import importlib
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oms.promise import Dated, Level, Line, Method, Offer, Promise, Reason, Source, Stock
from tests.oms import promise_worlds as worlds
from tests.oms.promise_worlds import CHAIN, changed

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "examples" / "promise"
WORLDS = 1000

A, B, C = Line("A", 1, 400), Line("B", 1, 400), Line("C", 3, 400)
ORDERED = [("W1", "C", 10, date(2026, 12, 8)), ("W1", "C", 5, date(2026, 12, 14))]
S1_BUSY = {("locations", "S1", "load"): {date(2026, 12, 7): 20, date(2026, 12, 8): 20, date(2026, 12, 9): 19}}
LOCKER_FULL = {
    ("carriers", "LOCK", "locker_full"): {("PL-77", date(2026, 12, 5)), ("PL-77", date(2026, 12, 6))}
}
S1_ON_HOLIDAYS = {("locations", "S1", "on_holidays"): True}


def promised(offer: Offer) -> str | None:
    if offer.ready_at is not None:
        assert offer.day == offer.ready_at.date()
        return offer.ready_at.isoformat(timespec="minutes")
    return offer.day.isoformat() if offer.day is not None else None


@pytest.mark.parametrize(
    ("now", "lines", "destination", "changes", "expected"),
    [
        pytest.param("2026-12-02T09:00Z", [A], "21000", {}, "2026-12-03", id="ships today"),
        pytest.param(
            "2026-12-02T15:59:59Z", [A], "21000", {}, "2026-12-03", id="a second before the cut-off"
        ),
        pytest.param("2026-12-02T16:00:00Z", [A], "21000", {}, "2026-12-04", id="at the cut-off is too late"),
        pytest.param("2026-12-04T09:00Z", [A], "21000", {}, "2026-12-05", id="delivered on Saturday"),
        pytest.param(
            "2026-12-04T17:00Z", [A], "21000", {}, "2026-12-08", id="Friday evening waits for Monday"
        ),
        pytest.param("2026-12-02T09:00Z", [Line("A", 5)], "21000", {}, "2026-12-03", id="9 - 2 - 2 is five"),
        pytest.param("2026-12-02T09:00Z", [Line("A", 6)], "21000", {}, None, id="the sixth is safety stock"),
        pytest.param("2026-12-31T17:00Z", [A], "21000", {}, "2027-01-05", id="New Year"),
        pytest.param("2027-01-05T09:00Z", [A], "31330", {}, "2027-01-08", id="two days over Christmas"),
        pytest.param("2026-02-13T17:00Z", [A], "21000", {}, "2026-02-19", id="Statehood Day on a Sunday"),
        pytest.param("2027-04-29T16:00Z", [A], "21000", {}, "2027-05-06", id="Easter and Labour Day"),
        pytest.param("2026-12-07T09:00Z", [B], "21000", S1_BUSY, "2026-12-10", id="one place on Wednesday"),
        pytest.param(
            "2026-12-07T09:00Z", [Line("B", 2)], "21000", S1_BUSY, "2026-12-11", id="two need Thursday"
        ),
        pytest.param("2026-12-07T09:00Z", [C], "21000", {("supply",): ORDERED}, "2026-12-10", id="put away"),
        pytest.param(
            "2026-12-07T09:00Z",
            [C],
            "21000",
            {("supply",): ORDERED, ("demand",): [("W1", "C", 8, date(2026, 12, 10))]},
            "2026-12-16",
            id="what is promised for later is not given away",
        ),
        pytest.param(
            "2026-12-07T09:00Z",
            [C],
            "21000",
            {("supply",): [("W1", "C", 10, date(2026, 12, 1))]},
            "2026-12-09",
            id="an overdue purchase counts from today",
        ),
        pytest.param(
            "2027-01-05T09:00Z",
            [C],
            "21000",
            {("supply",): [("W1", "C", 10, date(2027, 1, 6))], ("locations", "W1", "putaway"): 2},
            "2027-01-12",
            id="two days of putting away skip the holiday",
        ),
        pytest.param(
            "2026-12-07T09:00Z",
            [A, C],
            "21000",
            {("supply",): ORDERED},
            "2026-12-10",
            id="waits for its last line",
        ),
        pytest.param("2026-12-05T09:00Z", [B], "21000", {}, "2026-12-08", id="collected on Monday"),
        pytest.param(
            "2027-01-07T09:00Z", [B], "21000", S1_ON_HOLIDAYS, "2027-01-09", id="nobody collects on it"
        ),
        pytest.param("2027-03-26T15:30Z", [A], "21000", {}, "2027-03-27", id="16:30 in winter"),
        pytest.param("2027-03-29T15:30Z", [A], "21000", {}, "2027-03-31", id="17:30 in summer"),
    ],
)
def test_home_delivery_day(
    now: str, lines: list[Line], destination: str, changes: dict[Any, Any], expected: str | None
) -> None:
    assert promised(worlds.promise(changed(CHAIN, changes), now).home(lines, destination)) == expected


@pytest.mark.parametrize(
    ("now", "store", "changes", "expected"),
    [
        pytest.param("2026-12-05T13:00Z", "S1", {}, "2026-12-05T16:00+01:00", id="just before closing"),
        pytest.param("2026-12-05T13:01Z", "S1", {}, "2026-12-07T11:00+01:00", id="a minute too late"),
        pytest.param(
            "2026-12-07T09:00Z", "S1", S1_BUSY, "2026-12-09T11:00+01:00", id="no hands before Wednesday"
        ),
        pytest.param(
            "2027-01-07T09:00Z", "S1", S1_ON_HOLIDAYS, "2027-01-07T12:00+01:00", id="open on the holiday"
        ),
        pytest.param("2027-01-07T09:00Z", "S1", {}, "2027-01-08T11:00+01:00", id="closed on the holiday"),
        pytest.param("2027-03-28T00:30Z", "S3", {}, "2027-03-28T04:30+02:00", id="the short night"),
        pytest.param("2026-10-25T00:30Z", "S3", {}, "2026-10-25T03:30+01:00", id="the long night"),
    ],
)
def test_pickup_instant(now: str, store: str, changes: dict[Any, Any], expected: str) -> None:
    assert promised(worlds.promise(changed(CHAIN, changes), now).pickup([B], store)) == expected


@pytest.mark.parametrize(
    ("now", "lines", "expected"),
    [
        pytest.param("2026-12-07T09:00Z", [A], "2026-12-09T11:00+01:00", id="truck Tuesday, there Wednesday"),
        pytest.param("2026-12-10T16:30Z", [A, B], "2026-12-16T11:00+01:00", id="after Thursday's cut-off"),
        pytest.param("2027-01-06T17:00Z", [A], "2027-01-13T11:00+01:00", id="the truck's day is a holiday"),
        pytest.param("2026-12-07T09:00Z", [B], "2026-12-07T11:00+01:00", id="all of it is there already"),
    ],
)
def test_ship_to_store_instant(now: str, lines: list[Line], expected: str) -> None:
    assert promised(worlds.promise(CHAIN, now).ship_to_store(lines, "S1")) == expected


@pytest.mark.parametrize(
    ("line", "changes", "expected"),
    [
        pytest.param(A, {}, "2026-12-05", id="Saturday"),
        pytest.param(A, LOCKER_FULL, "2026-12-07", id="full over the weekend"),
        pytest.param(Line("A", 4, 2500), {}, "2026-12-05", id="exactly the weight limit"),
        pytest.param(Line("A", 4, 2501), {}, None, id="above the weight limit"),
    ],
)
def test_locker_day(line: Line, changes: dict[Any, Any], expected: str | None) -> None:
    assert (
        promised(worlds.promise(changed(CHAIN, changes), "2026-12-04T09:00Z").locker([line], "PL-77"))
        == expected
    )


# ---- the oracle ----


@pytest.fixture(scope="module")
def oracle() -> Any:
    if not (ORACLE / "atp.py").exists():
        pytest.skip(f"the reference promise is not beside the repository: {ORACLE}")
    sys.path.insert(0, str(ORACLE))
    try:
        return importlib.import_module("atp"), importlib.import_module("examples")
    finally:
        sys.path.remove(str(ORACLE))


def test_equals_the_worked_examples_of_the_reference(oracle: Any) -> None:
    _, examples = oracle
    cases = examples.cases()
    for title, now, method, (lines, place), changes, expected in cases:
        promise = worlds.promise(changed(examples.WORLD, changes), now)
        assert promised(getattr(promise, method)(worlds.lines(lines), place)) == expected, title
    assert len(cases) == 34


def test_equals_the_reference_on_random_worlds(oracle: Any) -> None:
    atp, _ = oracle
    had: dict[Method, int] = dict.fromkeys(Method, 0)
    for seed in range(WORLDS):
        world, now = worlds.random_world(seed)
        wanted = worlds.random_lines(seed)
        expected = atp.Promise(world, now)
        for offer in _every_offer(worlds.promise(world, now), world, worlds.lines(wanted)):
            name = {
                Method.HOME_DELIVERY: "home",
                Method.PARCEL_LOCKER: "locker",
                Method.STORE_PICKUP: "pickup",
                Method.SHIP_TO_STORE: "ship_to_store",
            }[offer.method]
            reference = getattr(expected, name)(wanted, offer.place)
            answer = offer.ready_at or offer.day
            assert answer == reference, (seed, offer)
            if offer.ready_at is not None:
                assert offer.ready_at.utcoffset() == reference.utcoffset(), (seed, offer)
            assert offer.is_available is (reference is not None)
            had[offer.method] += offer.is_available
    assert min(had.values()) > 200, f"the worlds are too poor to prove anything: {had}"


def test_units_available_equal_the_reference_on_every_day(oracle: Any) -> None:
    atp, _ = oracle
    rising = 0
    for seed in range(200):
        world, now = worlds.random_world(seed)
        expected, promise = atp.Promise(world, now), worlds.promise(world, now)
        for code in world["locations"]:
            for sku in worlds.SKUS:
                days = [expected.today + timedelta(days=each) for each in range(61)]
                mine = [promise.available(location=code, sku=sku, day=each) for each in days]
                assert mine == [expected.atp(code, sku, each) for each in days], (seed, code, sku)
                rising += len(set(mine)) > 1
    assert rising > 50


# ---- what comes with the date ----


def test_offer_names_where_each_line_comes_from() -> None:
    offer = worlds.promise(CHAIN, "2026-12-02T09:00Z").home([A, B], "21000")
    assert offer.sources == (
        Source("A", 1, "W1", "PE", date(2026, 12, 2), date(2026, 12, 3)),
        Source("B", 1, "S1", "PE", date(2026, 12, 2), date(2026, 12, 3)),
    )
    assert offer.locations == ("W1", "S1")


def test_what_is_in_the_store_does_not_travel() -> None:
    offer = worlds.promise(CHAIN, "2026-12-07T09:00Z").ship_to_store([A, B], "S1")
    assert offer.sources == (
        Source("A", 1, "W1", "TRUCK", date(2026, 12, 8), date(2026, 12, 9)),
        Source("B", 1, "S1"),
    )


def test_equal_days_are_served_by_the_first_location_then_carrier() -> None:
    world = changed(
        CHAIN,
        {
            ("stock", ("S1", "A")): (3, 0, 0),
            ("carriers", "DX"): {"collect": {0, 1, 2, 3, 4}, "deliver": {0, 1, 2, 3, 4, 5}},
            ("lanes", ("S1", "21000", "DX")): 1,
            ("locations", "S1", "carriers"): ["PE", "DX"],
        },
    )
    source = worlds.promise(world, "2026-12-02T09:00Z").home([A], "21000").sources[0]
    assert (source.location, source.carrier) == ("S1", "DX")


def test_two_lines_of_one_sku_want_its_units_together() -> None:
    promise = worlds.promise(CHAIN, "2026-12-02T09:00Z")
    assert promise.home([Line("A", 3), Line("A", 2)], "21000").sources[0].quantity == 5
    assert promise.home([Line("A", 3), Line("A", 3)], "21000").reason is Reason.OUT_OF_STOCK


def test_all_methods_are_answered_in_the_order_asked() -> None:
    offers = worlds.promise(CHAIN, "2026-12-02T09:00Z").all(
        [A], destination="21000", stores=["S1", "S3"], lockers=["PL-77"]
    )
    assert [(each.method, each.place, promised(each)) for each in offers] == [
        (Method.HOME_DELIVERY, "21000", "2026-12-03"),
        (Method.STORE_PICKUP, "S1", None),
        (Method.SHIP_TO_STORE, "S1", "2026-12-04T11:00+01:00"),
        (Method.STORE_PICKUP, "S3", None),
        (Method.SHIP_TO_STORE, "S3", None),
        (Method.PARCEL_LOCKER, "PL-77", "2026-12-03"),
    ]


def test_one_network_serves_live_stock_of_many_requests() -> None:
    network = worlds.network(CHAIN)
    now = datetime(2026, 12, 2, 9, tzinfo=UTC)
    days = [
        Promise(network, Stock({("W1", "A"): Level(on_hand)}), now=now).home([A], "21000").day
        for on_hand in (1, 0, 1)
    ]
    assert days == [date(2026, 12, 3), None, date(2026, 12, 3)]
    later = Promise(network, Stock({("W1", "A"): Level(1)}), now=now + timedelta(days=5))
    assert later.home([A], "21000").day == date(2026, 12, 8)


def test_nothing_is_promised_beyond_the_look_ahead() -> None:
    supply = [Dated("W1", "A", 5, date(2026, 12, 14))]
    now = datetime(2026, 12, 2, 9, tzinfo=UTC)

    def day(horizon_days: int) -> Offer:
        network = worlds.network(CHAIN, horizon_days=horizon_days)
        return Promise(network, Stock(supply=supply), now=now).home([A], "21000")

    assert day(14).day == date(2026, 12, 16)  # put away on the 15th, day 13
    assert day(13).reason is Reason.BEYOND_HORIZON
    assert day(12).reason is Reason.OUT_OF_STOCK


# ---- order by ----


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param("2026-12-02T09:00Z", "2026-12-02T17:00+01:00", id="today's cut-off"),
        pytest.param("2026-12-04T17:00Z", "2026-12-07T17:00+01:00", id="Monday's, when it ships on Monday"),
    ],
)
def test_home_promise_holds_until_the_cutoff(now: str, expected: str) -> None:
    order_by = worlds.promise(CHAIN, now).home([A], "21000").order_by
    assert order_by is not None
    assert order_by.isoformat(timespec="minutes") == expected


def test_basket_promise_holds_until_the_cutoff_of_its_critical_line() -> None:
    both = worlds.promise(CHAIN, "2026-12-02T09:00Z").home([A, B], "21000")
    assert both.order_by is not None
    assert both.order_by.isoformat(timespec="minutes") == "2026-12-02T14:00+01:00"  # the store's
    waiting = worlds.promise(changed(CHAIN, {("supply",): ORDERED}), "2026-12-07T09:00Z").home(
        [A, C], "21000"
    )
    assert waiting.order_by is not None
    assert waiting.order_by.isoformat(timespec="minutes") == "2026-12-09T17:00+01:00"  # A could wait as well


def test_pickup_of_the_day_holds_until_the_work_just_fits() -> None:
    order_by = worlds.promise(CHAIN, "2026-12-05T11:00Z").pickup([B], "S1").order_by
    assert order_by is not None
    assert order_by.isoformat(timespec="minutes") == "2026-12-05T14:00+01:00"


def test_what_arrives_at_once_is_promised_for_the_day() -> None:
    shuttle = {
        ("lanes", ("W1", "S1", "TRUCK")): 0,
        ("carriers", "TRUCK"): {"collect": {0}, "deliver": {0}, "day_end": "08:00"},
    }
    offer = worlds.promise(changed(CHAIN, shuttle), "2026-12-07T09:00Z").ship_to_store([A], "S1")
    assert promised(offer) == "2026-12-07T11:00+01:00"
    assert offer.order_by is not None
    assert offer.order_by.isoformat(timespec="minutes") == "2026-12-07T17:00+01:00"  # the warehouse's cut-off


def test_promises_hold_until_order_by_and_not_longer() -> None:
    proved = dict.fromkeys(Method, 0)
    for seed in range(300):
        world, now = worlds.random_world(seed)
        if not date(2026, 10, 28) < now.date() < date(2027, 3, 1):
            continue  # a deadline in the hour that a clock change skips or repeats has no plain successor
        world["supply"] = world[
            "demand"
        ] = []  # what is overdue counts from today, so it moves with the clock
        wanted = worlds.lines(worlds.random_lines(seed))
        for offer in _every_offer(worlds.promise(world, now), world, wanted):
            if not offer.is_available:
                continue
            assert offer.order_by is not None
            assert offer.order_by >= now - timedelta(minutes=1)
            from_shelf = all(each.carrier is None for each in offer.sources)
            before = _same(offer, worlds.promise(world, offer.order_by - timedelta(seconds=1)), wanted)
            after = _same(offer, worlds.promise(world, offer.order_by + timedelta(seconds=1)), wanted)
            if from_shelf:
                assert before.day == offer.day, (seed, offer)
            else:
                assert (before.day, before.ready_at) == (offer.day, offer.ready_at), (seed, offer)
            assert after.day is None or _when(after, from_shelf) > _when(offer, from_shelf), (seed, offer)
            proved[offer.method] += 1
    assert min(proved.values()) > 25, proved


def _when(offer: Offer, by_day: bool) -> tuple[date, datetime]:
    assert offer.day is not None
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    return offer.day, epoch if by_day or offer.ready_at is None else offer.ready_at


def _same(offer: Offer, promise: Promise, wanted: list[Line]) -> Offer:
    ask: dict[Method, Callable[[list[Line], str], Offer]] = {
        Method.HOME_DELIVERY: promise.home,
        Method.PARCEL_LOCKER: promise.locker,
        Method.STORE_PICKUP: promise.pickup,
        Method.SHIP_TO_STORE: promise.ship_to_store,
    }
    return ask[offer.method](wanted, offer.place)


def _every_offer(promise: Promise, world: worlds.World, wanted: list[Line]) -> list[Offer]:
    offers = promise.all(wanted, destination="21000", stores=world["locations"], lockers=["PL-77"])
    return [*offers, promise.home(wanted, "31330")]


# ---- why not ----


def _why(offer: Offer) -> tuple[Reason | None, str | None]:
    assert (offer.day, offer.ready_at, offer.order_by, offer.sources) == (None, None, None, ())
    assert not offer.is_available
    return offer.reason, offer.reason_sku


@pytest.mark.parametrize(
    ("line", "destination", "changes", "reason"),
    [
        pytest.param(A, "99999", {}, Reason.NO_LANE, id="nobody drives there"),
        pytest.param(Line("A", 6), "21000", {}, Reason.OUT_OF_STOCK, id="only safety stock is left"),
        pytest.param(Line("C", 1), "21000", {}, Reason.OUT_OF_STOCK, id="never had"),
        pytest.param(A, "31330", {("locations", "W1", "work"): set()}, Reason.NO_SHIP_DAY, id="never works"),
        pytest.param(
            A, "31330", {("carriers", "PE", "collect"): {6}}, Reason.NO_SHIP_DAY, id="never collected"
        ),
        pytest.param(A, "31330", {("locations", "W1", "capacity"): 0}, Reason.NO_CAPACITY, id="no hands"),
        pytest.param(A, "31330", {("lanes", ("W1", "31330", "PE")): 70}, Reason.BEYOND_HORIZON, id="too far"),
    ],
)
def test_reason_why_home_delivery_cannot_be_had(
    line: Line, destination: str, changes: dict[Any, Any], reason: Reason
) -> None:
    offer = worlds.promise(changed(CHAIN, changes), "2026-12-02T09:00Z").home([line], destination)
    assert _why(offer) == (reason, line.sku)


def test_reason_names_the_line_that_cannot_be_had() -> None:
    assert _why(worlds.promise(CHAIN, "2026-12-02T09:00Z").home([A, C, B], "21000")) == (
        Reason.OUT_OF_STOCK,
        "C",
    )


def test_reasons_of_lockers() -> None:
    promise = worlds.promise(CHAIN, "2026-12-04T09:00Z")
    assert _why(promise.locker([Line("A", 1, 10_001)], "PL-77")) == (Reason.TOO_HEAVY, "A")
    assert _why(promise.locker([A], "21000")) == (Reason.NO_LANE, "A")
    days = {("PL-77", date(2026, 12, 4) + timedelta(days=each)) for each in range(61)}
    full = worlds.promise(changed(CHAIN, {("carriers", "LOCK", "locker_full"): days}), "2026-12-04T09:00Z")
    assert _why(full.locker([A], "PL-77")) == (Reason.LOCKER_FULL, "A")


def test_reasons_of_stores() -> None:
    now = "2026-12-05T13:00Z"
    promise = worlds.promise(CHAIN, now)
    assert _why(promise.pickup([A], "W1")) == (Reason.NOT_A_PICKUP_POINT, None)
    assert _why(promise.pickup([A], "S-unknown")) == (Reason.NOT_A_PICKUP_POINT, None)
    assert _why(promise.ship_to_store([A], "W1")) == (Reason.NOT_A_PICKUP_POINT, None)
    assert _why(promise.pickup([B, A], "S1")) == (Reason.OUT_OF_STOCK, "A")
    assert _why(promise.ship_to_store([C], "S1")) == (Reason.OUT_OF_STOCK, "C")
    closed = worlds.promise(changed(CHAIN, {("locations", "S1", "hours"): {}}), now)
    assert _why(closed.pickup([B], "S1")) == (Reason.NO_SHIP_DAY, None)
    assert _why(closed.ship_to_store([B], "S1")) == (Reason.NO_SHIP_DAY, None)
    no_hands = worlds.promise(changed(CHAIN, {("locations", "S1", "capacity"): 0}), now)
    assert _why(no_hands.pickup([B], "S1")) == (Reason.NO_CAPACITY, None)
