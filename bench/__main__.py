"""`make bench`: rounds of measurements against their references; writes bench/results.json and prints a table."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import growing
from bench.accounts import ACCOUNTS
from bench.figures import added, as_file, rotated, summarize, table
from bench.measures import MEASURES, NEEDS, RACE_RUNS, Bench
from bench.stand import ROOT, SIZES, BenchFailed, NoReferences, Stand
from retail.environment import read
from retail.running import home as local
from retail.running import processes

RESULTS = ROOT / "bench" / "results.json"
ROUNDS = 5
# Measures that need no sample and no web server.
OWN_DATABASE = {"segments", "find_accounts", "coupons_million"}


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    wanted = _wanted(options.only)
    rounds = options.rounds or (1 if options.quick else ROUNDS)
    home = local.folder(ROOT, read("ONEROW_HOME")) / "bench"
    stand = Stand(home, processes.free_port(start=read("PORT")))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is stopped
    try:
        print("Preparing …", flush=True)
        stand.start(sizes=() if set(wanted) <= OWN_DATABASE else tuple(SIZES))
        bench = _open(stand, options, rounds, wanted)
        before = options.output.read_text() if options.add else ""
        found = []
        for number in range(rounds):
            found.append(_round(bench, wanted, number))
            # After each round: a bench that is cut short leaves what it has.
            machine = _machine(stand)
            if options.add:
                text = added(before, summarize(found), machine=machine, rounds=len(found))
                options.output.write_text(text)
            elif not options.only or options.output != RESULTS:
                options.output.write_text(as_file(summarize(found), machine=machine, rounds=len(found)))
        print(f"\n{table(summarize(found))}\n")
    except NoReferences as problem:
        print(problem, file=sys.stderr)
        return 2
    except BenchFailed as problem:
        print(f"The bench did not work: {problem}", file=sys.stderr)
        return 1
    finally:
        stand.stop()
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--rounds", type=int, default=0, help=f"{ROUNDS} when left out")
    parser.add_argument(
        "--quick", action="store_true", help="short measurements, and one round when --rounds is left out"
    )
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument(
        "--add",
        action="store_true",
        help="what is measured takes the place of its own rows in the file of results",
    )
    return parser.parse_args(arguments)


def _wanted(only: list[str]) -> list[str]:
    if unknown := set(only) - set(MEASURES):
        raise SystemExit(f"There is no measure named {', '.join(sorted(unknown))}.")
    needed = {need for name in only for need in NEEDS.get(name, [])}
    return [name for name in MEASURES if not only or name in only or name in needed]


def _open(stand: Stand, options: argparse.Namespace, rounds: int, wanted: list[str]) -> Bench:
    accounts = ACCOUNTS // 10 if options.quick else ACCOUNTS
    if set(wanted) <= OWN_DATABASE:
        return Bench(stand, large=0, small=0, floor=0, seconds=0, baskets=0, races=0, accounts=accounts)
    large = stand.start_web("large", stand.port)
    small = processes.free_port(start=stand.port + 1)
    if {"growth", "growth_full"} & set(wanted):
        stand.start_web("small", small)
    huge = processes.free_port(start=stand.port + 3)
    if "growth_full" in wanted:
        stand.make_huge()
        stand.start_web(growing.DATABASE, huge)
    floor = processes.free_port(start=stand.port + 2)
    if "floors" in wanted:
        stand.start_floor(floor)
    return Bench(
        stand,
        large=large,
        small=small,
        floor=floor,
        seconds=2.0 if options.quick else 4.0,
        baskets=80 if options.quick else 320,
        races=2 if options.quick else -(-RACE_RUNS // rounds),
        accounts=accounts,
        huge=huge,
    )


def _round(bench: Bench, wanted: list[str], number: int) -> dict[str, float]:
    print(f"Round {number + 1}", flush=True)
    found: dict[str, float] = {}
    for name in rotated(wanted, number * 2):
        began = time.monotonic()
        figures = MEASURES[name](bench)
        found |= figures
        shown = "  ".join(f"{key} {value:.4g}" for key, value in figures.items())
        print(f"  {time.monotonic() - began:5.1f} s  {shown}", flush=True)
    return found


def _machine(stand: Stand) -> dict[str, Any]:
    """What a reader needs to judge the figures; the load says who else was working."""
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "postgresql": stand.version(),
        "durability": stand.settings(),
        "load_average": [round(each, 1) for each in os.getloadavg()],
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "web_workers": read("WEB_WORKERS"),
        "rows": {
            size: dict(zip(("products", "customers", "orders"), counts, strict=True))
            for size, counts in SIZES.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
