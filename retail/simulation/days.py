"""Trading days: orders come in while everything else goes on; then quiet days in which what is open settles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from retail.simulation.agents import Agents
from retail.simulation.money_work import Money
from retail.simulation.shoppers import Shoppers
from retail.simulation.stage import Stage
from retail.simulation.sweeps import nightly, sweep
from retail.simulation.warehouse_work import Warehouse

ORDERS_A_DAY = 30
OPENS_HOUR, HOURS_OPEN = 8, 12
# Transfers have three working days, authorizations seven days, pickups seven: after these every deadline is over.
QUIET_DAYS = 12
# Acts of others between two orders.
ACTS_PER_ORDER = 5
# How often each kind of work is taken up on a quiet evening.
TURNS = 12


class Days:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.shoppers, self.warehouse, self.money = Shoppers(stage), Warehouse(stage), Money(stage)
        self.agents = Agents(stage)
        self._acts: list[tuple[int, Callable[[], None]]] = [
            (14, self.shoppers.pay_by_card),
            (12, self.messages),
            (3, self.shoppers.try_again),
            (3, self.shoppers.cancel),
            (3, self.shoppers.ask_to_return),
            (4, self.shoppers.bring_return),
            (8, self.warehouse.decide),
            (1, self.warehouse.plan_again),
            (14, self.warehouse.pick),
            (8, self.warehouse.pack),
            (12, self.warehouse.send),
            (10, self.warehouse.carry),
            (4, self.warehouse.take_back),
            (3, self.warehouse.put_back),
            (3, self.warehouse.count),
            (1, self.warehouse.order_goods),
            (2, self.warehouse.receive_goods),
            (1, self.warehouse.move_inside),
            (1, self.agents.goodwill),
            (3, self.agents.work_inbox),
            (1, self.agents.hold_and_release),
            (6, lambda: sweep(stage)),
        ]

    def trade(self, orders: int) -> Iterator[int]:
        """Plays days until so many orders were tried; answers after each day how many."""
        done = 0
        while done < orders:
            today = min(ORDERS_A_DAY, orders - done)
            self._day(today)
            done += today
            yield done

    def settle(self) -> None:
        """No new orders and, at last, no new faults: whoever is left works off what is there."""
        stage = self.stage
        for day in range(QUIET_DAYS):
            if day == QUIET_DAYS // 2:
                stage.has_faults = False
                stage.outside.faults_off()
            self._day(0)
            if day >= QUIET_DAYS // 2:
                self._work_off()
        self.agents.release_all()
        self.messages(with_all=True)
        for _ in range(6):
            sweep(stage)
            stage.pass_time(30)
        nightly(stage)

    def _work_off(self) -> None:
        """Everybody works through what is on the list, so that little is left half done."""
        self.agents.release_all()
        self.warehouse.decide(at_most=50)
        self.warehouse.plan_again()
        self.warehouse.put_back(at_most=50)
        for act in (
            self.warehouse.pick,
            self.warehouse.pack,
            self.warehouse.send,
            self.warehouse.carry,
            self.warehouse.take_back,
            self.warehouse.receive_goods,
            self.shoppers.bring_return,
        ):
            for _ in range(TURNS):
                act()
        self.messages()

    def messages(self, *, with_all: bool = False) -> None:
        """What card provider and carrier send us; each door takes its own."""
        stage = self.stage
        came = stage.outside.bring_messages(with_all=with_all)
        tracking = [m for m in came if "/carriers/" in m.url.path]
        self.shoppers.read_messages([m for m in came if "/payments/" in m.url.path])
        self.warehouse.read_tracking([(dict(m.headers), m.content) for m in tracking])

    def _day(self, orders: int) -> None:
        stage = self.stage
        opens = (stage.now + timedelta(days=1)).replace(
            hour=OPENS_HOUR - 1, minute=0, second=0, microsecond=0
        )
        stage.set_clock(opens)
        steps = max(orders, 12)
        for step in range(steps):
            moment = opens + timedelta(hours=HOURS_OPEN) * (step + stage.rng.random()) / steps
            stage.set_clock(max(stage.now, moment))
            if step < orders:
                self.shoppers.order()
            self._others()
        self.money.bank()
        self.money.couriers()
        self.money.accountant()
        self.agents.work_inbox(at_most=6)
        sweep(stage)
        nightly(stage)

    def _others(self) -> None:
        weights = [weight for weight, _ in self._acts]
        for _ in range(ACTS_PER_ORDER):
            act = self.stage.rng.choices(self._acts, weights=weights)[0][1]
            act()
