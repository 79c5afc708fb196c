"""Worlds for the promise: the reference oracle's plain dictionaries, our engine built from them, random ones."""

import copy
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from oms.promise import Carrier, Dated, Lane, Level, Line, Location, Network, Promise, Stock

World = dict[str, Any]
MONDAY_TO_FRIDAY, MONDAY_TO_SATURDAY, EVERY_DAY = set(range(5)), set(range(6)), set(range(7))

# public holidays of Serbia; a state holiday on a Sunday moves to the next working day
_HOLIDAYS = """
2026-01-01 2026-01-02 2026-01-07 2026-02-15 2026-02-16 2026-02-17 2026-04-10 2026-04-11 2026-04-12 2026-04-13
2026-05-01 2026-05-02 2026-11-11 2027-01-01 2027-01-02 2027-01-07 2027-02-15 2027-02-16 2027-04-30 2027-05-01
2027-05-02 2027-05-03 2027-05-04 2027-11-11
"""
HOLIDAYS = {date.fromisoformat(each) for each in _HOLIDAYS.split()}

CHAIN: World = {
    "tz": "Europe/Belgrade",
    "holidays": HOLIDAYS,
    "locations": {
        "W1": {
            "work": MONDAY_TO_FRIDAY,
            "hours": {},
            "cutoff": "17:00",
            "capacity": 1000,
            "putaway": 1,
            "carriers": ["PE", "TRUCK", "LOCK"],
        },
        "S1": {
            "work": MONDAY_TO_SATURDAY,
            "hours": {**dict.fromkeys(range(5), ("09:00", "21:00")), 5: ("10:00", "16:00")},
            "cutoff": "14:00",
            "capacity": 20,
            "putaway": 1,
            "express_min": 120,
            "receive_min": 60,
            "carriers": ["PE"],
            "pickup": True,
        },
        "S3": {
            "work": EVERY_DAY,
            "hours": dict.fromkeys(range(7), ("00:00", "23:59")),
            "cutoff": "14:00",
            "capacity": 20,
            "express_min": 120,
            "receive_min": 60,
            "carriers": [],
            "pickup": True,
        },
    },
    "carriers": {
        "PE": {"collect": MONDAY_TO_FRIDAY, "deliver": MONDAY_TO_SATURDAY},
        "TRUCK": {"collect": {1, 3}, "deliver": {2, 4}, "day_end": "10:00"},
        "LOCK": {"collect": MONDAY_TO_FRIDAY, "deliver": EVERY_DAY, "locker": True, "max_g": 10_000},
    },
    "lanes": {
        ("W1", "21000", "PE"): 1,
        ("S1", "21000", "PE"): 1,
        ("W1", "31330", "PE"): 2,
        ("W1", "S1", "TRUCK"): 1,
        ("W1", "PL-77", "LOCK"): 1,
    },
    "stock": {("W1", "A"): (9, 2, 2), ("S1", "B"): (4, 0, 0), ("S3", "B"): (4, 0, 0)},
    "supply": [],
    "demand": [],
}


def changed(world: World, changes: Mapping[tuple[Any, ...], Any]) -> World:
    """A copy of the world with the values at these paths replaced."""
    copied = copy.deepcopy(world)
    for path, value in changes.items():
        inner = copied
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
    return copied


def network(world: World, *, horizon_days: int = 60) -> Network:
    lanes: dict[str, list[Lane]] = {}
    for (location, destination, carrier), lead_days in world["lanes"].items():
        lanes.setdefault(destination, []).append(Lane(location, carrier, lead_days))
    return Network(
        locations=[_location(code, each) for code, each in world["locations"].items()],
        carriers=[_carrier(code, each) for code, each in world["carriers"].items()],
        lanes=lanes,
        holidays=world["holidays"],
        tz=world["tz"],
        horizon_days=horizon_days,
    )


def stock(world: World) -> Stock:
    return Stock(
        levels={key: Level(*each) for key, each in world["stock"].items()},
        supply=[Dated(*each) for each in world["supply"]],
        demand=[Dated(*each) for each in world["demand"]],
        load={code: each.get("load", {}) for code, each in world["locations"].items()},
        full_lockers=_full_lockers(world),
    )


def promise(world: World, now: datetime | str) -> Promise:
    instant = datetime.fromisoformat(now) if isinstance(now, str) else now
    return Promise(network(world), stock(world), now=instant)


def lines(wanted: list[tuple[str, int, int]]) -> list[Line]:
    return [Line(*each) for each in wanted]


def _location(code: str, each: World) -> Location:
    return Location(
        code=code,
        ship_weekdays=frozenset(each["work"]),
        cutoff=time.fromisoformat(each["cutoff"]),
        capacity_units=each["capacity"],
        carriers=frozenset(each.get("carriers", ())),
        hours={
            day: (time.fromisoformat(opens), time.fromisoformat(closes))
            for day, (opens, closes) in each["hours"].items()
        },
        closed=frozenset(each.get("closed", ())),
        putaway_days=each.get("putaway", 1),
        express_minutes=each.get("express_min", 0),
        receive_minutes=each.get("receive_min", 0),
        is_pickup_point=each.get("pickup", False),
        works_on_holidays=each.get("on_holidays", False),
    )


def _carrier(code: str, each: World) -> Carrier:
    return Carrier(
        code=code,
        collect_weekdays=frozenset(each["collect"]),
        deliver_weekdays=frozenset(each["deliver"]),
        is_locker=each.get("locker", False),
        weight_grams_max=each.get("max_g"),
        day_end=time.fromisoformat(each.get("day_end", "12:00")),
    )


def _full_lockers(world: World) -> dict[tuple[str, str], set[date]]:
    full: dict[tuple[str, str], set[date]] = {}
    for code, each in world["carriers"].items():
        for locker, day in each.get("locker_full", ()):
            full.setdefault((code, locker), set()).add(day)
    return full


# ---- random worlds ----

# around both clock changes, New Year, Easter with Labour Day, and any other day
_SEASONS = [date(2026, 10, 23), date(2027, 3, 26), date(2026, 12, 29), date(2027, 4, 27), date(2026, 6, 1)]
_TIMES = [
    "00:00",
    "01:00",
    "02:00",
    "02:30",
    "03:00",
    "07:30",
    "09:00",
    "11:00",
    "14:00",
    "17:00",
    "20:00",
    "23:59",
]
SKUS = ["A", "B", "C"]


def random_world(seed: int) -> tuple[World, datetime]:
    """A small world full of edges, and an instant of asking; equal seeds give equal worlds."""
    pick = random.Random(seed)
    start = pick.choice(_SEASONS) + timedelta(days=pick.randrange(4))
    codes = ["S1", "S2", "W1", "W2", "W3"][: pick.randint(1, 5)]
    carriers = ["LOCK", "LOCK2", "PE", "TRUCK", "Z"][: pick.randint(1, 5)]
    cells = [(code, sku) for code in codes for sku in SKUS]
    world: World = {
        "tz": pick.choice(["Europe/Belgrade"] * 3 + ["Pacific/Auckland", "America/New_York"]),
        "holidays": HOLIDAYS | {_day(pick, start, 0, 20) for _ in range(pick.randint(0, 5))},
        "locations": {code: _random_location(pick, start, carriers) for code in codes},
        "carriers": {code: _random_carrier(pick, start, code) for code in carriers},
        "lanes": {
            (code, to, carrier): pick.choice([0, 1, 1, 2, 3, 9])
            for code in codes
            for to in ["21000", "31330", "PL-77", "S1", "S2"]
            for carrier in carriers
            if pick.random() < 0.8
        },
        "stock": {
            cell: (pick.randint(1, 15), pick.randint(0, 3), pick.randint(0, 2))
            for cell in cells
            if pick.random() < 0.8
        },
        "supply": _random_moves(pick, start, cells),
        "demand": _random_moves(pick, start, cells),
    }
    hour = (
        time.fromisoformat(pick.choice(_TIMES))
        if pick.random() < 0.5
        else time(pick.randrange(24), pick.randrange(60))
    )
    second = pick.choice([0, 0, 59])
    return world, datetime.combine(start, hour.replace(second=second), UTC)


def random_lines(seed: int) -> list[tuple[str, int, int]]:
    pick = random.Random(f"lines {seed}")
    return [
        (sku, pick.choice([1, 1, 1, 2, 3, 5]), pick.choice([200, 900, 2500]))
        for sku in pick.sample(SKUS, pick.choice([1, 1, 2, 3]))
    ]


def _day(pick: random.Random, start: date, low: int, high: int) -> date:
    return start + timedelta(days=pick.randint(low, high))


def _weekdays(pick: random.Random) -> set[int]:
    usual = [MONDAY_TO_FRIDAY, MONDAY_TO_SATURDAY, EVERY_DAY]
    return pick.choice(usual * 3 + [{1, 3}, {pick.randrange(7)}, set()])


def _random_location(pick: random.Random, start: date, carriers: list[str]) -> World:
    capacity = pick.choice([2, 8, 1000])
    hours = {}
    for day in sorted(_weekdays(pick)):
        opens, closes = sorted(pick.sample(_TIMES, 2))
        hours[day] = (opens, closes) if pick.random() < 0.5 else ("09:00", "21:00")
    each: World = {
        "work": _weekdays(pick),
        "hours": hours,
        "cutoff": pick.choice(_TIMES),
        "capacity": capacity,
        "express_min": pick.choice([0, 15, 120, 300]),
        "receive_min": pick.choice([0, 60, 600]),
        "carriers": [each for each in carriers if pick.random() < 0.8],
        "pickup": pick.random() < 0.8,
        "closed": {_day(pick, start, 0, 15) for _ in range(pick.randint(0, 4))},
        "load": {_day(pick, start, 0, 12): pick.randint(0, capacity) for _ in range(pick.randint(0, 8))},
    }
    if pick.random() < 0.7:
        each["putaway"] = pick.choice([0, 1, 2, 5])
    if pick.random() < 0.3:
        each["on_holidays"] = True
    return each


def _random_carrier(pick: random.Random, start: date, code: str) -> World:
    each: World = {"collect": _weekdays(pick), "deliver": _weekdays(pick)}
    if code.startswith("LOCK"):
        each["locker"] = True
        each["locker_full"] = {("PL-77", _day(pick, start, 0, 9)) for _ in range(pick.randint(0, 6))}
    if pick.random() < 0.5:
        each["max_g"] = pick.choice([1000, 5000])
    if pick.random() < 0.5:
        each["day_end"] = pick.choice(_TIMES)
    return each


def _random_moves(
    pick: random.Random, start: date, cells: list[tuple[str, str]]
) -> list[tuple[str, str, int, date]]:
    return [
        (
            *pick.choice(cells),
            pick.randint(1, 8),
            _day(pick, start, *pick.choice([(-5, 10), (0, 30), (55, 80)])),
        )
        for _ in range(pick.choice([0, 0, 2, 6]))
    ]
