"""Routing of orders on arrival: exact against trying everything, priced as the public judge prices, made by hand."""

from __future__ import annotations

import csv
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from oms.routing import (
    MICRO,
    NOT_OFFERED,
    OPEN,
    TERMS,
    Decisions,
    Kind,
    Prices,
    Reject,
    evaluate,
    in_paras,
    long_orders,
    route,
)
from oms.routing import engine as routing_engine
from tests.oms import routing_brute as brute
from tests.oms.routing_instances import PUBLIC, Case, Doubles, arrays, instance, made, public, random_case

BRUTE_CASES = 400


def decide(
    case: Case, prices: Prices | None = None, fixed: list[int] | None = None, *, explain: bool = True
) -> Decisions:
    picked = None if fixed is None else np.array(fixed, np.int64)
    return route(case.orders, case.network, case.state, case.weights, prices, picked, explain=explain)


def terms(decisions: Decisions, order: int = 0) -> dict[str, float]:
    """The terms that are not zero, in dinars."""
    return {name: each for name, each in decisions.plan(order).terms.items() if each}


# ---- against trying everything ----


@pytest.mark.parametrize("batch", range(4))
def test_chosen_and_other_plans_equal_the_best_of_all_tried(batch: int) -> None:
    kinds: dict[Kind, int] = dict.fromkeys(Kind, 0)
    for seed in range(batch, BRUTE_CASES, 4):
        case, prices, fixed = random_case(seed)
        plans = brute.every_plan(case, prices, fixed)
        decisions = decide(case, prices, fixed)
        chosen = decisions.plan(0)
        same = [each for each in plans if _is_plan(each, chosen.kind, chosen.location, chosen.micro)]
        assert len(same) >= 1, f"{seed}: the chosen plan is not one of those that can be had"
        assert same[0].rank == brute.best(plans, keep_promise=case.weights.keep_promise), seed
        assert decisions.shadow[0] == same[0].shadow / MICRO, seed
        plain = min(plans, key=lambda each: each.rank - each.shadow)
        assert decisions.bound == sum(plain.terms) / MICRO, seed
        kinds[chosen.kind] += 1
        for kind in set(Kind) - {chosen.kind}:
            others = [each for each in decisions.runner_up[0] if each.kind is kind]
            best = brute.best_of_kind(plans, kind)
            assert len(others) == (best is not None), (seed, kind)
            for other in others:
                same = [each for each in plans if _is_plan(each, kind, other.location, other.micro)]
                assert [each.rank for each in same[:1]] == [best], (seed, kind)
    assert min(kinds.values()) >= 5, f"the cases are too poor to prove anything: {kinds}"


def test_whole_order_cost_of_each_location_equals_the_best_of_all_tried() -> None:
    codes: dict[Reject, int] = dict.fromkeys(Reject, 0)
    for seed in range(0, BRUTE_CASES, 2):
        case, _, fixed = random_case(seed)
        plans = brute.every_plan(case, None, fixed)
        decisions = decide(case, None, fixed, explain=False)
        for place in range(len(case.network.cap)):
            cost, code = decisions.whole[0, place], Reject(int(decisions.reject[0, place]))
            best = brute.best_whole(plans, place)
            codes[code] += 1
            assert (best is None) is (code is not Reject.NONE), (seed, place)
            assert np.isnan(cost) if best is None else cost == best / MICRO, (seed, place)
    assert min(codes[each] for each in Reject if each is not Reject.TOO_HEAVY) > 0, codes


def test_reasons_never_change_the_decision() -> None:
    for seed in range(100):
        case, prices, fixed = random_case(seed)
        with_reasons, without = decide(case, prices, fixed), decide(case, prices, fixed, explain=False)
        assert without.runner_up == ((),)
        _assert_same(with_reasons, without, besides={"runner_up", "seconds"})


def _is_plan(tried: brute.Tried, kind: Kind, location: Any, micro: tuple[int, ...]) -> bool:
    return tried.kind is kind and tried.location == tuple(location.tolist()) and tried.terms == micro


def _assert_same(one: Decisions, other: Decisions, *, besides: set[str]) -> None:
    for field in fields(Decisions):
        if field.name not in besides:
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)


# ---- against the public judge ----


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Any:
    core = public("core")
    monkeypatch.setattr(core, "np", Doubles())
    return core.evaluate


@pytest.mark.parametrize(
    ("count", "seed", "level"), [(300, 4, "normal"), (300, 5, "tight"), (100, 6, "loose"), (40, 7, "tight")]
)
def test_terms_equal_the_public_judge_to_the_para(judge: Any, count: int, seed: int, level: str) -> None:
    public_instance = instance(count, seed, level)
    case = arrays(public_instance)
    decisions = decide(case, explain=False)
    verdict = judge(public_instance, decisions.location, decisions.service)
    assert verdict["violations"] == {"stock": 0, "capacity": 0, "service": 0}
    for name, mine in zip(TERMS, decisions.terms.sum(axis=0), strict=True):
        assert mine == pytest.approx(verdict["terms"][name], abs=0.001), name
    # The services are the best ones for these parcels: the judge, left to choose them, finds nothing cheaper.
    assert judge(public_instance, decisions.location)["cost"] == pytest.approx(decisions.cost, abs=0.001)
    ours = evaluate(
        case.orders, case.network, case.state, case.weights, decisions.location, decisions.service
    )
    assert ours.violations == {"stock": 0, "capacity": 0, "service": 0, "allowed": 0}
    assert ours.cost == pytest.approx(decisions.cost, abs=0.001)
    assert ours.lines_open == verdict["short_lines"]


def test_gap_on_arrival_is_small_on_a_public_instance(judge: Any) -> None:
    with (PUBLIC / "bounds.csv").open() as file:
        bounds = {
            (row["orders"], row["level"], row["seed"]): float(row["bound_rsd_per_order"])
            for row in csv.DictReader(file)
        }
    bound = bounds["1000", "normal", "1"]
    public_instance = instance(1000, 1)
    case = arrays(public_instance)
    gaps = {}
    for crowding in (0.0, 0.5):
        decisions = decide(case.change(weights={"crowding": crowding}), explain=False)
        verdict = judge(public_instance, decisions.location, decisions.service)
        assert sum(verdict["violations"].values()) == 0
        gaps[crowding] = verdict["cost"] / 1000 / bound - 1
        assert decisions.bound / 1000 <= bound, "what each order costs alone is a lower bound, too"
    assert 0 < gaps[0.0] < 0.045
    assert 0 < gaps[0.5] < 0.030


# ---- made by hand ----


def test_all_stock_in_one_store() -> None:
    case = made(lines=[(0, 1), (1, 2), (2, 1)], stock=[[0, 0, 5, 0], [0, 0, 5, 0], [0, 0, 5, 0]])
    decisions = decide(case)
    assert decisions.location.tolist() == [2, 2, 2]
    assert decisions.service.tolist() == [0, 0, 0]
    assert decisions.parcel.tolist() == [0, 0, 0]
    assert terms(decisions) == {"parcel": 300.0, "pick": 90 + 3 * 45}
    assert decisions.reject.tolist() == [[Reject.NO_STOCK, Reject.NO_STOCK, Reject.NONE, Reject.NO_STOCK]]
    assert decisions.whole[0, 2] == 525.0
    assert (decisions.bound, decisions.gap) == (525.0, 0.0)


def test_fifty_orders_for_forty_nine_pieces() -> None:
    case = made(lines=[(0, 1)], stock=[[20, 20, 9]], orders=50, scarcity=[[40.0, 30.0, 20.0]])
    decisions = decide(case)
    assert np.bincount(decisions.location[decisions.location != OPEN]).tolist() == [20, 20, 9]
    assert decisions.kind.tolist() == [Kind.ONE_PARCEL] * 49 + [Kind.SHORT]
    assert terms(decisions, 49) == {"short": 900.0}
    assert decisions.reject[49].tolist() == [Reject.NO_STOCK] * 3
    assert case.state.taken.tolist() == [[0, 0, 0]], "the state of the caller is only read"
    assert decisions.bound <= decisions.cost
    verdict = evaluate(
        case.orders, case.network, case.state, case.weights, decisions.location, decisions.service
    )
    assert verdict.violations == {"stock": 0, "capacity": 0, "service": 0, "allowed": 0}
    assert verdict.cost == pytest.approx(decisions.cost, abs=1e-6)


def test_every_location_closed_tomorrow() -> None:
    """Routed after today's cut-offs, the day after tomorrow is the first to ship: late, but not left open."""
    case = made(lines=[(0, 1), (1, 1)], stock=[[3, 3], [3, 3]], promise=2).change(
        network={"ship_day": np.array([2, 2])}
    )
    decisions = decide(case.change(weights={"keep_promise": True}))
    assert Kind(int(decisions.kind[0])) is Kind.LATE
    assert terms(decisions) == {"parcel": 300.0, "pick": 180.0, "late": 150.0}
    assert [each.kind for each in decisions.runner_up[0]] == [Kind.SHORT]


def test_eight_lines_in_eight_stores() -> None:
    case = made(lines=[(each, 1) for each in range(8)], stock=np.eye(8, dtype=int).tolist())
    decisions = decide(case)
    assert decisions.location.tolist() == list(range(8))
    assert decisions.parcel.tolist() == list(range(8))
    assert terms(decisions) == {"parcel": 8 * 300.0, "pick": 8 * 135.0, "split": 7 * 80.0}
    assert decisions.reject.tolist() == [[Reject.PART_OF_STOCK] * 8]
    # Where leaving a line open is cheaper than a parcel of its own, nothing is shipped at all.
    cheap = decide(case.change(weights={"short": 400.0}))
    assert cheap.location.tolist() == [OPEN] * 8
    assert terms(cheap) == {"short": 3200.0}


def test_all_capacities_zero_but_one() -> None:
    case = made(lines=[(0, 1), (1, 1)], stock=[[9, 9, 9], [9, 9, 9]], orders=2).change(
        network={"cap": np.array([0, 3, 0]), "hard": np.array([0, 3, 0])}
    )
    decisions = decide(case)
    assert decisions.location.tolist() == [1, 1, 1, OPEN]
    assert decisions.reject.tolist() == [
        [Reject.NO_CAPACITY, Reject.NONE, Reject.NO_CAPACITY],
        [Reject.NO_CAPACITY, Reject.NO_CAPACITY, Reject.NO_CAPACITY],
    ]
    assert terms(decisions, 1) == {"parcel": 300.0, "pick": 135.0, "short": 900.0}


def test_equal_costs_go_to_the_first_location_and_service() -> None:
    case = made(
        lines=[(0, 1), (1, 1), (2, 1)],
        stock=[[5] * 6] * 3,
        orders=3,
        bands=[([20_000.0], [300.0])] * 4,
    )
    decisions = decide(case)
    assert decisions.location.tolist() == [0] * 9
    assert decisions.service.tolist() == [0] * 9
    _assert_same(decisions, decide(case), besides={"runner_up", "seconds"})
    assert [_shape(each) for each in decisions.runner_up] == [_shape(each) for each in decide(case).runner_up]


def _shape(plans: tuple[Any, ...]) -> list[Any]:
    return [(each.kind, each.location.tolist(), each.service.tolist(), each.micro) for each in plans]


# ---- the terms one by one ----


def test_tariff_follows_weight_rebate_and_collection_fee() -> None:
    case = made(
        lines=[(0, 2)],
        stock=[[5]],
        bands=[([500.0, 860.0, 5000.0], [200.0, 250.0, 400.0])],
        cod=[(0.01, 30.0)],
        is_cod=True,
        unit_value=2499.0,
    ).change(network={"rebate": np.array([0.85])})
    assert terms(decide(case))["parcel"] == 250 * 0.85 + 49.98  # 800 g and 60 of packaging just fit
    heavier = case.change(weights={"packaging_grams": 61})
    assert terms(decide(heavier))["parcel"] == 400 * 0.85 + 49.98
    cheap = case.change(orders={"value": np.array([2000.0])})
    assert terms(decide(cheap))["parcel"] == 250 * 0.85 + 30


def test_nothing_carries_more_than_the_last_band() -> None:
    case = made(lines=[(0, 3)], stock=[[5]], bands=[([1000.0], [300.0])])
    decisions = decide(case)
    assert terms(decisions) == {"short": 900.0}
    assert decisions.reject.tolist() == [[Reject.TOO_HEAVY]]


def test_overtime_is_paid_line_by_line_above_the_soft_capacity() -> None:
    case = made(lines=[(0, 1), (1, 1), (2, 1)], stock=[[9]] * 3).change(
        network={"cap": np.array([10])}, state={"load": np.array([8])}
    )
    assert terms(decide(case))["overflow"] == 60.0
    busier = case.change(state={"load": np.array([12])})
    assert terms(decide(busier))["overflow"] == 180.0


def test_last_piece_is_worth_more_than_one_of_many() -> None:
    case = made(lines=[(0, 1)], stock=[[1, 4]], scarcity=[[200.0, 200.0]])
    decisions = decide(case)
    assert decisions.location.tolist() == [1]
    assert terms(decisions)["scarcity"] == 25.0
    assert decisions.whole.tolist() == [[435.0 + 200, 435.0 + 25]]


def test_late_parcel_costs_by_the_day_and_promise_can_come_first() -> None:
    case = made(
        lines=[(0, 1)],
        stock=[[5]],
        lead=[[1, 3]],
        bands=[([5000.0], [700.0]), ([5000.0], [300.0])],
        promise=1,
    )
    assert terms(decide(case)) == {"parcel": 300.0, "pick": 135.0, "late": 300.0}
    on_time = decide(case.change(weights={"keep_promise": True}))
    assert terms(on_time) == {"parcel": 700.0, "pick": 135.0}
    assert [(each.kind, each.cost) for each in on_time.runner_up[0]] == [
        (Kind.LATE, 735.0),
        (Kind.SHORT, 900.0),
    ]


def test_two_lines_of_one_sku_draw_on_the_same_shelf() -> None:
    case = made(lines=[(0, 2), (0, 2)], stock=[[3, 2]], scarcity=[[80.0, 80.0]])
    decisions = decide(case)
    assert sorted(decisions.location.tolist()) == [0, 1]
    assert decisions.reject.tolist() == [
        [Reject.PART_OF_STOCK, Reject.NO_STOCK]
    ] or decisions.reject.tolist() == [[Reject.PART_OF_STOCK, Reject.PART_OF_STOCK]]
    together = decide(made(lines=[(0, 2), (0, 2)], stock=[[4, 2]], scarcity=[[80.0, 80.0]]))
    assert together.location.tolist() == [0, 0]
    assert terms(together)["scarcity"] == 80 + 40 + 20 + 10


def test_lane_without_service_and_forbidden_location_are_rejected() -> None:
    case = made(lines=[(0, 1)], stock=[[5, 5, 5]], lead=[[NOT_OFFERED], [1], [1]]).change(
        network={"allowed": np.array([[True, False, True]])}
    )
    decisions = decide(case)
    assert decisions.location.tolist() == [2]
    assert decisions.reject.tolist() == [[Reject.NO_SERVICE, Reject.NOT_ALLOWED, Reject.NONE]]


# ---- lines that are picked already ----


def test_picked_line_stays_though_stock_capacity_and_rules_say_no() -> None:
    case = made(lines=[(0, 1), (1, 1)], stock=[[5, 0], [5, 0]]).change(
        network={"hard": np.array([10, 0]), "allowed": np.array([[True, False]])}
    )
    decisions = decide(case, fixed=[1, OPEN])
    assert decisions.location.tolist() == [1, 0]
    assert decisions.reject.tolist() == [[Reject.PICKED_ELSEWHERE, Reject.PART_OF_STOCK]]


def test_free_line_joins_the_picked_one_where_it_can() -> None:
    case = made(lines=[(0, 1), (1, 1)], stock=[[5, 0], [5, 5]])
    assert decide(case).location.tolist() == [0, 0]
    assert decide(case, fixed=[1, OPEN]).location.tolist() == [1, 1]


def test_picked_line_stays_open_only_when_nothing_carries_it() -> None:
    dear = made(lines=[(0, 1)], stock=[[5, 5]]).change(weights={"short": 10.0})
    assert decide(dear).location.tolist() == [OPEN]
    assert decide(dear, fixed=[1]).location.tolist() == [1]
    stranded = made(lines=[(0, 1)], stock=[[5, 5]], lead=[[1], [NOT_OFFERED]])
    assert decide(stranded, fixed=[1]).location.tolist() == [OPEN]


# ---- prices ----


def test_shadow_prices_move_the_plan_but_not_its_terms() -> None:
    case = made(lines=[(0, 1)], stock=[[5, 5]])
    prices = Prices(pi=np.array([[30.0, 0.0]]), mu=np.array([0.0, 20.0]))
    decisions = decide(case, prices)
    assert decisions.location.tolist() == [1]
    assert terms(decisions) == {"parcel": 300.0, "pick": 135.0}
    assert decisions.shadow.tolist() == [20.0]
    assert decisions.whole.tolist() == [[435.0, 435.0]]


def test_unit_is_compared_at_the_higher_of_its_scarcity_and_its_shadow_price() -> None:
    case = made(lines=[(0, 1)], stock=[[1, 1]], scarcity=[[50.0, 40.0]])
    prices = Prices(pi=np.array([[45.0, 60.0]]), mu=np.zeros(2))
    decisions = decide(case, prices)
    assert decisions.location.tolist() == [0]
    assert decisions.shadow.tolist() == [0.0]


def test_crowded_location_is_spared_before_there_is_overtime() -> None:
    case = made(lines=[(0, 1)], stock=[[5, 5]]).change(
        network={"cap": np.array([10, 10]), "pick_line": np.array([45.0, 60.0])},
        state={"load": np.array([8, 0])},
    )
    assert decide(case).location.tolist() == [0]
    spared = decide(case.change(weights={"crowding": 0.5}))
    assert spared.location.tolist() == [1]
    assert spared.shadow.tolist() == [0.0]
    assert decide(
        case.change(weights={"crowding": 0.5}, state={"load": np.array([4, 0])})
    ).shadow.tolist() == [12.0]


# ---- several orders, long orders, amounts ----


def test_orders_are_routed_one_after_the_other() -> None:
    case = made(lines=[(0, 1)], stock=[[1, 5]], orders=3).change(
        network={"pick_line": np.array([10.0, 45.0]), "cap": np.array([5, 1]), "hard": np.array([5, 9])}
    )
    decisions = decide(case)
    assert decisions.location.tolist() == [0, 1, 1]
    assert decisions.terms.sum(axis=1).tolist() == [400.0, 435.0, 495.0]
    assert decisions.bound == 3 * 400.0
    assert decisions.gap == pytest.approx(130 / 1200)


def test_bound_is_what_each_order_would_cost_alone() -> None:
    case = made(lines=[(0, 1)], stock=[[5], [5]], orders=2).change(
        orders={"sku": np.array([0, 1])}, network={"cap": np.array([1])}
    )
    decisions = decide(case)
    assert decisions.terms.sum(axis=1).tolist() == [435.0, 495.0]
    assert decisions.bound == 2 * 435.0


def test_no_orders_are_no_decisions() -> None:
    case = made(lines=[(0, 1)], stock=[[1]], orders=0)
    decisions = decide(case)
    assert (len(decisions.location), decisions.terms.shape, decisions.bound) == (0, (0, 7), 0.0)


def test_long_order_travels_together_where_it_can() -> None:
    lines = [(each, 1) for each in range(14)]
    stock = [[1, 5, 5 * (each % 2)] for each in range(14)]
    decisions = decide(made(lines=lines, stock=stock))
    assert decisions.location.tolist() in ([0] * 14, [1] * 14)
    assert decisions.is_exact.tolist() == [False]
    assert decisions.bound <= decisions.cost == 300 + 90 + 14 * 45
    scattered = [[1 if place == each % 12 else 0 for place in range(12)] for each in range(14)]
    apart = decide(made(lines=lines, stock=scattered))
    assert apart.location.tolist() == [each % 12 for each in range(14)]
    assert terms(apart) == {"parcel": 12 * 300.0, "pick": 12 * 90.0 + 14 * 45, "split": 11 * 80.0}


@pytest.mark.parametrize(("exact_items", "free_lines", "above_best"), [(10, 7, 0.0), (3, 2, 0.02)])
def test_search_for_long_orders_is_valid_and_close_to_the_best(
    monkeypatch: pytest.MonkeyPatch, exact_items: int, free_lines: int, above_best: float
) -> None:
    """The search is made to route short orders, of which the best plan is known; the smaller its steps, the worse."""
    monkeypatch.setattr(routing_engine, "EXACT_LINES", 1)
    monkeypatch.setattr(long_orders, "EXACT_LINES", 1)
    monkeypatch.setattr(long_orders, "EXACT_ITEMS", exact_items)
    monkeypatch.setattr(long_orders, "FREE_LINES", free_lines)
    found = best = searched = 0
    for seed in range(80):
        case, prices, fixed = random_case(seed)
        decisions = decide(case, prices, fixed, explain=False)
        if decisions.is_exact[0]:
            continue
        searched += 1
        plans = brute.every_plan(case, prices, fixed)
        plan = decisions.plan(0)
        same = [each for each in plans if _is_plan(each, plan.kind, plan.location, plan.micro)]
        assert same, f"{seed}: not one of the plans that can be had"
        rank = brute.best(plans, keep_promise=case.weights.keep_promise)
        on_time = (Kind.ONE_PARCEL, Kind.SPLIT)
        assert same[0].rank >= rank or (case.weights.keep_promise and plan.kind not in on_time), seed
        assert decisions.bound <= decisions.cost, seed
        if not case.weights.keep_promise:
            found += same[0].cost
            best += next(each.cost for each in plans if each.rank == rank)
    assert searched > 40
    assert found / best <= 1 + above_best


def test_terms_in_paras_add_up_to_the_rounded_cost() -> None:
    # 291.666666 and 133.333334 and 0.004 : 425.004 in all
    assert in_paras([291_666_666, 133_333_334, 0, 0, 0, 4_000, 0]) == [29_167, 13_333, 0, 0, 0, 0, 0]
    assert in_paras([5_000, 5_000, 0, 0, 0, 0, 0]) == [1, 0, 0, 0, 0, 0, 0]
    case = made(lines=[(0, 1)], stock=[[3]], bands=[([900.0], [350 / 1.2])])
    plan = decide(case).plan(0)
    assert plan.paras["parcel"] == 29_167
    assert sum(plan.paras.values()) == 42_667
