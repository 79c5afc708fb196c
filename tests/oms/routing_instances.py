"""Instances for routing: the public generator's as plain arrays, small hand-made ones, and random ones."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oms.routing import NOT_OFFERED, OPEN, Network, Orders, Prices, State, Weights

PUBLIC = Path(__file__).resolve().parents[3] / "shared" / "examples" / "routing"


@dataclass(frozen=True)
class Case:
    orders: Orders
    network: Network
    state: State
    weights: Weights

    def change(self, **parts: dict[str, Any]) -> Case:
        """A copy with fields of its parts replaced: change(network={"cap": …})."""
        return replace(
            self, **{name: replace(getattr(self, name), **fields) for name, fields in parts.items()}
        )


def public(name: str) -> Any:
    """A module of the public routing examples; skips the test where they are not beside the repository."""
    if not (PUBLIC / f"{name}.py").exists():
        pytest.skip(f"the public routing instances are not beside the repository: {PUBLIC}")
    sys.path.insert(0, str(PUBLIC))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(PUBLIC))


class Doubles:
    """numpy for the public judge, which keeps parcels in single precision, made to count in double."""

    float32 = np.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


@cache
def instance(count: int, seed: int, level: str = "normal") -> Any:
    return public("gen").make(count, seed, level, 7)


def arrays(instance: Any) -> Case:
    """The public instance in the engine's arrays. Its last band, a million for any weight, means "not carried"."""
    return Case(
        orders=Orders(
            zone=instance.zone,
            promise=instance.promise,
            cod=instance.is_cod,
            start=instance.start,
            sku=instance.sku.astype(np.int64),
            qty=instance.qty,
            grams=instance.grams[instance.sku] * instance.qty,
            value=instance.price[instance.sku] * instance.qty,
        ),
        network=Network(
            lead=instance.lead,
            bands=[(upper[:-1], price[:-1]) for upper, price in instance.bands],
            cod=instance.cod,
            ship_day=instance.loc.ship_day.to_numpy(),
            cap=instance.loc.cap.to_numpy(),
            hard=instance.loc.hard.to_numpy(),
            pick_parcel=instance.loc.pick_parcel.to_numpy(),
            pick_line=instance.loc.pick_line.to_numpy(),
            rebate=instance.loc.disc.to_numpy(),
        ),
        state=State(
            stock=instance.stock,
            taken=np.zeros_like(instance.stock),
            load=np.zeros(instance.L, np.int64),
            off=instance.off,
            cum=instance.cum,
        ),
        weights=Weights(),
    )


def made(
    *,
    lines: list[tuple[int, int]],
    stock: list[list[int]],
    lead: list[list[int]] | None = None,
    bands: list[tuple[list[float], list[float]]] | None = None,
    cod: list[tuple[float, float]] | None = None,
    promise: int = 2,
    is_cod: bool = False,
    orders: int = 1,
    unit_value: float = 1000.0,
    scarcity: list[list[float]] | None = None,
) -> Case:
    """A small case by hand: `orders` times the same lines (SKU, units); stock by SKU and location.

    Without more, one service reaches every location in a day for 300, nothing is scarce, nobody is overworked.
    `scarcity[s][l]` is what the last unit of a cell costs; each unit before it half of the next one.
    """
    locations, services = len(stock[0]), len(bands) if bands else 1
    per_cell = np.array(stock, np.int64)
    last = np.array(scarcity) if scarcity is not None else np.zeros(per_cell.shape)
    off, cum = _staircases(per_cell, last)
    start = np.arange(orders + 1) * len(lines)
    sku = np.array([each for each, _ in lines] * orders, np.int64)
    qty = np.array([each for _, each in lines] * orders, np.int64)
    return Case(
        orders=Orders(
            zone=np.zeros(orders, np.int64),
            promise=np.full(orders, promise, np.int64),
            cod=np.full(orders, is_cod),
            start=start,
            sku=sku,
            qty=qty,
            grams=qty * 400,
            value=(qty * unit_value).astype(np.float64),
        ),
        network=Network(
            lead=np.array([lead if lead is not None else [[1] * services] * locations], np.int64),
            bands=[
                (np.array(upper, np.float64), np.array(price, np.float64))
                for upper, price in (bands or [([20_000.0], [300.0])])
            ],
            cod=np.array(cod if cod is not None else [(0.0, 0.0)] * services),
            ship_day=np.zeros(locations, np.int64),
            cap=np.full(locations, 1000),
            hard=np.full(locations, 1300),
            pick_parcel=np.full(locations, 90.0),
            pick_line=np.full(locations, 45.0),
            rebate=np.ones(locations),
        ),
        state=State(
            stock=per_cell,
            taken=np.zeros_like(per_cell),
            load=np.zeros(locations, np.int64),
            off=off,
            cum=cum,
        ),
        weights=Weights(),
    )


def _staircases(stock: np.ndarray[Any, Any], last: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    off = np.zeros(stock.shape, np.int64)
    cum: list[float] = []
    for cell in np.ndindex(stock.shape):
        off[cell] = len(cum)
        total = 0.0
        cum.append(total)
        for taken in range(1, int(stock[cell]) + 1):
            total += float(last[cell]) / 2 ** min(4, int(stock[cell]) - taken)
            cum.append(total)
    return off, np.array(cum)


def random_case(
    seed: int, *, lines: int = 4, locations: int = 4
) -> tuple[Case, Prices | None, list[int] | None]:
    """One small, crowded order with everything that can go wrong; all amounts are exact in binary."""
    pick = np.random.default_rng(seed)
    n, places, services = int(pick.integers(1, lines + 1)), int(pick.integers(2, locations + 1)), 3
    skus = n + 1
    stock = pick.integers(0, 6, (skus, places)) * (pick.random((skus, places)) < 0.85)
    off, cum = _staircases(stock, pick.integers(0, 900, (skus, places)) / 4)
    taken = np.minimum(stock, pick.choice([0, 0, 1, 2], (skus, places)))
    cap = pick.integers(1, 8, places)
    distinct = pick.random() < 0.6
    sku = pick.choice(skus, n, replace=False) if distinct else pick.integers(0, skus, n)
    qty = pick.choice([1, 1, 1, 2], n).astype(np.int64)
    lead = pick.choice([0, 1, 1, 1, 2, 3, NOT_OFFERED], (1, places, services))
    bands = []
    for _ in range(services):
        upper = np.sort(pick.choice([1000, 2000, 3000, 5000, 9000], 3, replace=False)).astype(np.float64)
        bands.append(
            (upper, pick.integers(100, 2000, 3) / 4)
        )  # also dearer for less: parcels need not be subadditive
    case = Case(
        orders=Orders(
            zone=np.zeros(1, np.int64),
            promise=pick.integers(1, 4, 1),
            cod=pick.random(1) < 0.5,
            start=np.array([0, n]),
            sku=sku.astype(np.int64),
            qty=qty,
            grams=qty * pick.integers(100, 1500, n),
            value=pick.integers(200, 8000, n) / 2,
        ),
        network=Network(
            lead=lead.astype(np.int64),
            bands=bands,
            cod=np.column_stack([pick.choice([0.0, 0.03125], services), pick.integers(0, 200, services) / 2]),
            ship_day=pick.choice([0, 0, 0, 1, 3], places),
            cap=cap,
            hard=cap + pick.integers(0, 4, places),
            pick_parcel=pick.integers(0, 120, places) / 1.0,
            pick_line=pick.integers(0, 60, places) / 2,
            rebate=pick.choice([1.0, 0.75, 0.5], places),
            allowed=None if pick.random() < 0.7 else pick.random((1, places)) < 0.7,
        ),
        state=State(stock=stock, taken=taken, load=pick.integers(0, 5, places), off=off, cum=cum),
        weights=Weights(
            split=float(pick.choice([0, 40, 80])),
            short=float(pick.choice([300, 900])),
            keep_promise=bool(pick.random() < 0.3),
            crowding=float(pick.choice([0.0, 0.0, 0.5])),
        ),
    )
    prices = None
    if pick.random() < 0.4:
        prices = Prices(pi=pick.integers(0, 600, (skus, places)) / 2, mu=pick.integers(0, 100, places) / 2)
    fixed = None
    if pick.random() < 0.25:
        fixed = [int(pick.integers(0, places)) if pick.random() < 0.3 else OPEN for _ in range(n)]
    return case, prices, fixed
