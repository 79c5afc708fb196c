"""The arithmetic of the bench: rotation, medians and ranges inside a round, and the format of the file of results."""

import json

import pytest

from bench import growing
from bench.accounts import COMPARED
from bench.figures import added, as_file, quantile, rotated, summarize, table
from bench.goals import GOALS, Goal

ORDERS = Goal("place_order", "orders/s", "pgbench_function", 0.10, 0.25)
REFERENCE = Goal("pgbench_function", "orders/s", None)
WAIT = Goal("wait_p95", "ms", None, 100, 50, is_less_better=True)
ROUNDS = [
    {"place_order": 200.0, "pgbench_function": 2000.0, "wait_p95": 80.0},
    {"place_order": 100.0, "pgbench_function": 500.0, "wait_p95": 120.0},
    {"place_order": 300.0, "pgbench_function": 6000.0, "wait_p95": 90.0},
]


def test_each_round_begins_one_further_and_leaves_nothing_out() -> None:
    assert [rotated(["a", "b", "c"], by) for by in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]
    assert rotated([], 3) == []


@pytest.mark.parametrize(("share", "value"), [(0.5, 2), (0.75, 3), (0.76, 4), (0.99, 4), (1, 4), (0, 1)])
def test_a_quantile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert quantile([4, 1, 3, 2], share) == value


def test_ratios_are_taken_inside_their_round() -> None:
    found = {each.goal.name: each for each in summarize(ROUNDS, (ORDERS, REFERENCE, WAIT))}
    orders = found["place_order"]
    # The medians of the two values would give 200 / 2000; in the middle round the machine was busy for both.
    assert (orders.value, orders.ratio, orders.low, orders.high) == (200.0, 0.1, 0.05, 0.2)
    wait = found["wait_p95"]
    assert (wait.value, wait.ratio, wait.low, wait.high) == (90.0, None, 80.0, 120.0)


def test_what_was_not_measured_is_not_reported() -> None:
    assert [each.goal.name for each in summarize([{"wait_p95": 1.0}], (ORDERS, WAIT))] == ["wait_p95"]


def test_goals_look_at_the_ratio_or_at_the_value() -> None:
    reached = {
        each.goal.name: each.goal.is_reached(each.figure)
        for each in summarize(ROUNDS, (ORDERS, REFERENCE, WAIT))
    }
    assert reached == {"place_order": True, "pgbench_function": None, "wait_p95": True}
    assert not ORDERS.is_reached(0.099)
    assert not WAIT.is_reached(100.1)


def test_the_file_has_the_agreed_members() -> None:
    written = json.loads(as_file(summarize(ROUNDS, (ORDERS,)), machine={"cores": 2}, rounds=3))
    assert written == {
        "machine": {"cores": 2},
        "rounds": 3,
        "results": [
            {
                "name": "place_order",
                "value": 200.0,
                "unit": "orders/s",
                "reference": "pgbench_function",
                "ratio": 0.1,
                "low": 0.05,
                "high": 0.2,
                "at_least": 0.1,
                "aim": 0.25,
            }
        ],
    }


def test_the_table_says_what_is_not_reached() -> None:
    lines = table(summarize([{"wait_p95": 250.0}], (WAIT,))).splitlines()
    assert lines[1].split() == ["wait_p95", "250", "ms", "250", "250", "100", "50", "NOT", "REACHED"]


def test_each_goal_has_its_own_name_and_a_reference_that_is_measured() -> None:
    names = [goal.name for goal in GOALS]
    assert len(names) == len(set(names))
    unmeasured = {"cold_checkout", "product_page_1x", "listing_1x", "search_1x", "orders_list_1x"}
    unmeasured |= {f"full_{name}_1x" for name in growing.PAGES}
    # The same question in plain SQL, asked beside it.
    unmeasured |= {f"segment_count_{name}_raw_{by}" for name in COMPARED for by in ("ms", "cpu_ms")}
    assert {goal.reference for goal in GOALS if goal.reference} - set(names) == unmeasured


def test_what_is_measured_apart_takes_the_place_of_its_own_rows_and_says_when() -> None:
    first = as_file(
        summarize([{"doctor": 9.0, "place_order": 50.0, "pgbench_function": 500.0}]), machine={}, rounds=5
    )
    again = {"measured_at": "2026-11-23T00:20:00Z", "load_average": [1.0, 1.0, 1.0]}
    found = json.loads(
        added(first, summarize([{"doctor": 2.0, "coupons_million": 20.0}]), machine=again, rounds=1)
    )
    by_name = {row["name"]: row for row in found["results"]}
    # In the order of the goals; what was not measured again stays as it was.
    assert list(by_name) == ["pgbench_function", "place_order", "doctor", "coupons_million"]
    assert by_name["place_order"] == json.loads(first)["results"][1]
    assert by_name["doctor"]["value"] == 2.0
    assert by_name["coupons_million"]["measured_at"] == "2026-11-23T00:20:00Z"
    assert (found["rounds"], by_name["doctor"]["rounds"]) == (5, 1)
