"""Trading days of many seeds with every fault, and what struck in all of them: `python -m tests.proof.days --seeds 20 --orders 500`.

Each seed has a database of its own, so every core plays some. A seed that ended clean is kept in $ONEROW_HOME/proof/days and not played
again by the same code: whoever breaks off goes on where he was. Exit 1 when a seed was not clean; it is played again the next time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What is played: the rooms. Tests, papers and figures change no day.
IGNORED = frozenset({"tests", "docs", "bench", "scripts"})
# Each plays in a process with a server process of its own; more than this many only wait for each other.
AT_ONCE = 4
SAMPLES_SHOWN = 5

# What a seed told of its days, as `simulate --json` prints it.
Told = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="plays the seeds 1 to this one (20)")
    parser.add_argument("--orders", type=int, default=500, help="orders of each seed (500)")
    options = parser.parse_args()
    home = Path(os.environ.get("ONEROW_HOME") or ".onerow").resolve()
    kept = home / "proof" / "days" / f"{code()}-{options.orders}"
    told = played(
        range(1, options.seeds + 1),
        kept=kept,
        simulate=lambda seed: simulated(seed, options.orders),
        say=_say,
        at_once=min(os.cpu_count() or 1, AT_ONCE),
    )
    _say("\n".join(summary(told)))
    return 0 if all(one["ok"] for one in told) else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def played(
    seeds: Iterable[int],
    *,
    kept: Path,
    simulate: Callable[[int], Told],
    say: Callable[[str], None],
    at_once: int,
) -> list[Told]:
    """What each seed told, those first that were clean before."""
    kept.mkdir(parents=True, exist_ok=True)
    wanted = list(seeds)
    done = [json.loads(path.read_text()) for seed in wanted if (path := kept / f"{seed}.json").exists()]
    if done:
        say(f"clean before, by the same code: seeds {', '.join(str(one['seed']) for one in done)}")
    left = [seed for seed in wanted if seed not in {one["seed"] for one in done}]
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(simulate, seed) for seed in left]):
            one = future.result()
            if one["ok"]:
                _keep(kept / f"{one['seed']}.json", one)
            done.append(one)
            say("\n".join([f"{len(done)} of {len(wanted)}: {in_a_line(one)}", *wrong(one)]))
    return done


def _keep(path: Path, told: Told) -> None:
    """Whole or not at all, also when somebody pulls the plug."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps(told))
    half.replace(path)


def simulated(seed: int, orders: int) -> Told:
    """In a process of its own; one that says nothing has not been clean."""
    command = [
        sys.executable,
        "manage.py",
        "simulate",
        "--seed",
        str(seed),
        "--orders",
        str(orders),
        "--faults",
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, check=False, text=True, capture_output=True)
    try:
        told: Told = json.loads(done.stdout)
    except ValueError:
        return {"ok": False, "seed": seed, "died": f"exit {done.returncode}: {done.stderr[-2_000:]}"}
    return told


def in_a_line(told: Told) -> str:
    if "died" in told:
        return f"seed {told['seed']} NOT CLEAN"
    placed, faults = sum(told["states"].values()), sum(told["faults"].values())
    verdict = "clean" if told["ok"] else "NOT CLEAN"
    return (
        f"seed {told['seed']} {verdict}, {placed} orders placed, faults struck {faults} times, "
        f"{told['seconds']:.0f} s, fingerprint {told['fingerprint']}"
    )


def wrong(told: Told) -> list[str]:
    """What is to be mended."""
    found = [told["died"]] if "died" in told else []
    found += [f"stuck: {sentence}" for sentence in told.get("stuck", [])]
    found += [f"broken promise: {sentence}" for sentence in told.get("broken", [])]
    found += [f"crash: {one['act']} at {one['at']}: {one['error']}" for one in told.get("crashes", [])]
    for finding in told.get("doctor", []):
        found.append(f"doctor: {finding['name']}: {finding['violations']} rows")
        found += [f"    {row}" for row in finding["rows"][:SAMPLES_SHOWN]]
    found += [f"chain: {told['chain']}"] if told.get("chain") else []
    return [f"  {line}" for line in found]


def summary(told: list[Told]) -> list[str]:
    """How often each fault struck, and how the orders ended, over all seeds."""
    lines: list[str] = []
    for title, part in (
        ("faults that struck", "faults"),
        ("orders by state (order / payment / fulfillment)", "states"),
    ):
        sums: Counter[str] = Counter()
        for one in told:
            sums.update(one.get(part, {}))
        lines += ["", f"{title}: {sums.total()}"]
        lines += [f"  {count:6}  {name}" for name, count in sorted(sums.items())]
    unclean = sorted(one["seed"] for one in told if not one["ok"])
    lines += ["", f"{len(told) - len(unclean)} of {len(told)} seeds clean"]
    lines += [f"NOT CLEAN: {', '.join(map(str, unclean))}"] if unclean else []
    return lines


def code() -> str:
    """Changes with every line that is played."""
    digest = hashlib.sha256()
    for room in sorted(ROOT.iterdir()):
        if room.name in IGNORED or not (room / "__init__.py").exists():
            continue
        for path in sorted(room.rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


if __name__ == "__main__":
    sys.exit(main())
