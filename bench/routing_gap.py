"""How far routing on arrival is from the best possible: on the public instances, against their published bounds.

Usage: python bench/routing_gap.py [--levels normal,tight,loose] [--orders 1000] [--latency]

Orders are routed one by one as they come, stock and load taken after each; the judge of the public examples prices
the result. Needs ../shared/examples/routing beside the repository (and scipy, pandas).
"""

import argparse
import csv
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oms.routing import Orders, route
from tests.oms.routing_instances import PUBLIC, Case, Doubles, arrays, instance, public

TARGET_PERCENT = {"loose": 4.5, "normal": 4.5, "tight": 8.5}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--levels", default="normal")
    asked.add_argument("--orders", type=int, default=1000)
    asked.add_argument(
        "--crowding", type=float, default=0.0, help="see Weights.crowding; 0.5 is for a busy day"
    )
    asked.add_argument("--latency", action="store_true", help="also time single orders, from arrays")
    options = asked.parse_args()
    with (PUBLIC / "bounds.csv").open() as file:
        bounds = [row for row in csv.DictReader(file) if int(row["orders"]) == options.orders]
    gaps: dict[str, list[float]] = defaultdict(list)
    for row in bounds:
        if row["level"] in options.levels.split(","):
            gaps[row["level"]].append(measure(options.orders, options.crowding, row))
    for level, found in gaps.items():
        mean = statistics.mean(found)
        print(f"{level}: mean gap {mean:.2f} % over {len(found)} instances, target {TARGET_PERCENT[level]} %")
    if options.latency:
        latency(arrays(instance(1000, 1, "normal")))
    return int(any(statistics.mean(found) > TARGET_PERCENT[level] for level, found in gaps.items()))


def measure(count: int, crowding: float, row: dict[str, str]) -> float:
    level, seed = row["level"], int(row["seed"])
    made = instance(count, seed, level)
    case = arrays(made).change(weights={"crowding": crowding})
    began = time.process_time()
    decisions = route(case.orders, case.network, case.state, case.weights, explain=False)
    spent = time.process_time() - began
    core = public("core")
    core.np = Doubles()  # in single precision the judge is off by some paras in ten thousand orders
    judged = core.evaluate(made, decisions.location, decisions.service)
    bound = float(row["bound_rsd_per_order"])
    gap = 100 * (judged["cost"] / count - bound) / bound
    print(
        f"{count} {level} seed {seed}: {judged['cost'] / count:.2f} an order, bound {bound:.2f}, gap {gap:.2f} %, "
        f"split {judged['split_pct']:.1f} %, on time {judged['ontime_pct']:.1f} %, open {judged['short_lines']}, "
        f"violations {sum(judged['violations'].values())}, off the judge by {decisions.cost - judged['cost']:+.4f}, "
        f"{1000 * spent / count:.2f} ms CPU an order"
    )
    return gap


def latency(case: Case) -> None:
    """One order at a time from plain arrays, with all reasons: CPU milliseconds."""
    spent: dict[int, list[float]] = defaultdict(list)
    for number in range(len(case.orders)):
        order = single(case.orders, number)
        began = time.process_time()
        route(order, case.network, case.state, case.weights)
        spent[len(order.sku)].append(1000 * (time.process_time() - began))
    every = [each for times in spent.values() for each in times]
    for name, times in [("all", every), ("8 lines", spent[8])]:
        cuts = np.percentile(times, [50, 95, 99])
        print(f"latency, {name}: p50 {cuts[0]:.2f}  p95 {cuts[1]:.2f}  p99 {cuts[2]:.2f} ms CPU")


def single(orders: Orders, number: int) -> Orders:
    lines = slice(int(orders.start[number]), int(orders.start[number + 1]))
    only = slice(number, number + 1)
    return Orders(
        zone=orders.zone[only],
        promise=orders.promise[only],
        cod=orders.cod[only],
        start=np.array([0, lines.stop - lines.start]),
        sku=orders.sku[lines],
        qty=orders.qty[lines],
        grams=orders.grams[lines],
        value=orders.value[lines],
    )


if __name__ == "__main__":
    raise SystemExit(main())
