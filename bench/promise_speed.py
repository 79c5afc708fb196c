"""How long a promise takes: one SKU over 62 locations and 5 carriers, every method, from plain data.

Usage: python bench/promise_speed.py [requests]. Prints CPU milliseconds; each request builds its own stock, as a shop
page does, and asks for home, 2 lockers, and pickup and ship to store in 60 stores.
"""

import random
import statistics
import sys
import time as clock
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oms.promise import Carrier, Dated, Lane, Level, Line, Location, Network, Promise, Stock

STORES = [f"S-{number:03d}" for number in range(1, 61)]
WAREHOUSES = ["WH-1", "WH-2"]
LOCKERS = ["PL-1", "PL-2"]
WEEK = frozenset(range(6))
NOW = datetime(2026, 12, 2, 9, tzinfo=UTC)


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    pick = random.Random(7)
    network = chain(pick)
    Promise(network, Stock(), now=NOW)  # the calendar of the day is worked out once
    spent, offers = [], 0
    for _ in range(requests):
        level = {
            (code, "A"): Level(pick.randint(0, 4), pick.randint(0, 1))
            for code in STORES + WAREHOUSES
            if pick.random() < 0.8
        }
        supply = [Dated("WH-1", "A", 40, date(2026, 12, 9))]
        demand = [Dated("WH-1", "A", 3, date(2026, 12, 10))]
        load = {code: {NOW.date() + timedelta(days=day): 80 for day in range(5)} for code in STORES}
        began = clock.process_time()
        promise = Promise(network, Stock(level, supply, demand, load), now=NOW)
        answers = promise.all([Line("A", 1, 400)], destination="21000", stores=STORES, lockers=LOCKERS)
        spent.append((clock.process_time() - began) * 1000)
        offers += sum(each.is_available for each in answers)
    cuts = statistics.quantiles(spent, n=100)
    print(f"{requests} requests, {offers / requests:.0f} offers each: ", end="")
    print(f"p50 {cuts[49]:.2f}  p95 {cuts[94]:.2f}  p99 {cuts[98]:.2f} ms CPU")


def chain(pick: random.Random) -> Network:
    hours = dict.fromkeys(range(6), (time(9), time(21)))
    home = ["PE", "DX", "CE", "RUSH"]
    carriers = [Carrier(code, frozenset(range(5)), WEEK) for code in [*home, "TRUCK"]]
    carriers.append(Carrier("LOCK", frozenset(range(5)), WEEK, is_locker=True, weight_grams_max=10_000))
    locations = [
        Location(
            code=code,
            ship_weekdays=WEEK,
            cutoff=time(pick.choice([11, 13, 14, 16])),
            capacity_units=100,
            carriers=frozenset([*home, "TRUCK", "LOCK"]),
            hours=hours,
            is_pickup_point=code in STORES,
        )
        for code in STORES + WAREHOUSES
    ]
    everywhere = [Lane(each.code, code, pick.randint(1, 3)) for each in locations for code in home]
    lanes = {"21000": everywhere}
    for store in STORES:
        lanes[store] = [Lane(code, "TRUCK", 1) for code in WAREHOUSES]
    for locker in LOCKERS:
        lanes[locker] = [Lane(each.code, "LOCK", 1) for each in locations]
    return Network(
        locations=locations,
        carriers=carriers,
        lanes=lanes,
        holidays=[date(2026, 12, 8)],
        tz="Europe/Belgrade",
    )


if __name__ == "__main__":
    main()
