"""Arithmetic of the bench: rotation of a round, medians and ranges, the file of results, the table for people."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bench.goals import GOALS, Goal

Item = TypeVar("Item")
# What one round found, by name; a reference stands in it like everything else.
Round = Mapping[str, float]


def rotated(items: Sequence[Item], by: int) -> list[Item]:
    """Each round begins one further, so that no measurement always runs on a machine warmed by the same other one."""
    start = by % len(items) if items else 0
    return [*items[start:], *items[:start]]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed."""
    ordered = sorted(values)
    place = max(0, min(len(ordered) - 1, -(-len(ordered) * share // 1) - 1))
    return ordered[int(place)]


@dataclass(frozen=True, slots=True)
class Result:
    """Medians over the rounds. With a reference, `low` and `high` are the range of the ratio, else of the value."""

    goal: Goal
    value: float
    ratio: float | None
    low: float
    high: float

    @property
    def figure(self) -> float:
        """What the goal is about."""
        return self.value if self.ratio is None else self.ratio

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.goal.name,
            "value": _short(self.value),
            "unit": self.goal.unit,
            "reference": self.goal.reference,
            "ratio": None if self.ratio is None else _short(self.ratio),
            "low": _short(self.low),
            "high": _short(self.high),
            "at_least": self.goal.at_least,
            "aim": self.goal.aim,
        }


def summarize(rounds: Sequence[Round], goals: Sequence[Goal] = GOALS) -> list[Result]:
    """What was measured in any round; a ratio is taken inside its round, where both stood under the same load."""
    found = []
    for goal in goals:
        values = [each[goal.name] for each in rounds if goal.name in each]
        if not values:
            continue
        ratios = [
            each[goal.name] / each[goal.reference]
            for each in rounds
            if goal.reference and goal.name in each and each.get(goal.reference)
        ]
        spread = ratios or values
        ratio = statistics.median(ratios) if ratios else None
        found.append(Result(goal, statistics.median(values), ratio, min(spread), max(spread)))
    return found


def as_file(results: Sequence[Result], *, machine: Mapping[str, Any], rounds: int) -> str:
    content = {
        "machine": dict(machine),
        "rounds": rounds,
        "results": [result.as_json() for result in results],
    }
    return json.dumps(content, indent=2) + "\n"


def added(file: str, results: Sequence[Result], *, machine: Mapping[str, Any], rounds: int) -> str:
    """The file with these rows in the place of its own of the same names; each of them says when it was measured, and in how many rounds."""
    content = json.loads(file)
    told = {"rounds": rounds, "measured_at": machine["measured_at"], "load_average": machine["load_average"]}
    rows = {row["name"]: row for row in content["results"]}
    rows |= {result.goal.name: {**result.as_json(), **told} for result in results}
    order = {goal.name: place for place, goal in enumerate(GOALS)}
    content["results"] = sorted(rows.values(), key=lambda row: order.get(row["name"], len(order)))
    return json.dumps(content, indent=2) + "\n"


def table(results: Sequence[Result]) -> str:
    """For people: value, ratio with its range, the goal, and whether it is reached."""
    head = ("", "value", "unit", "ratio", "low", "high", "at least", "aim", "")
    rows = [head] + [_row(result) for result in results]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in (0, 2, 8) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def _row(result: Result) -> tuple[str, ...]:
    goal = result.goal
    reached = goal.is_reached(result.figure)
    verdict = "" if reached is None else "reached" if reached else "NOT REACHED"
    shown = [result.ratio, result.low, result.high, goal.at_least, goal.aim]
    return (
        goal.name,
        f"{_short(result.value):g}",
        goal.unit,
        *("" if one is None else f"{_short(one):g}" for one in shown),
        verdict,
    )


def _short(value: float) -> float:
    """Four figures: the machine is noisier than that."""
    return float(f"{value:.4g}")
