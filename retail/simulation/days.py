"""Trading days: orders come in while everything else goes on; then quiet days in which what is open settles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from retail.simulation import report
from retail.simulation.agents import Agents
from retail.simulation.changes_work import OrderChanges
from retail.simulation.digital_work import Readers
from retail.simulation.exchange_work import Exchangers
from retail.simulation.inside_work import Inside
from retail.simulation.marketing import Marketing
from retail.simulation.money_work import Money
from retail.simulation.paper_work import Papers
from retail.simulation.shoppers import Shoppers
from retail.simulation.stage import Stage
from retail.simulation.sweeps import nightly, sweep
from retail.simulation.warehouse_work import Warehouse

ORDERS_A_DAY = 30
# Begun before the shop opens; others come and go in the course of the day.
CAMPAIGNS_A_DAY = 2
# Asked for in the evening, when parcels have come.
EXCHANGES_A_DAY = 4
OPENS_HOUR, HOURS_OPEN = 8, 12
# Days after the last order on which things still fail, and how many more it may take until all is worked off.
# The last ones outlast the deadline of an exchange whose goods never come.
ROUGH_DAYS, QUIET_DAYS = 3, 16
# Acts of others between two orders.
ACTS_PER_ORDER = 5
# How often in a row a kind of work finds nothing before everybody believes that there is none.
IDLE_TURNS = 3
TURNS = 200


class Days:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.shoppers, self.warehouse, self.money = Shoppers(stage), Warehouse(stage), Money(stage)
        self.agents, self.changes = Agents(stage), OrderChanges(stage)
        self.readers, self.exchangers = Readers(stage), Exchangers(stage)
        self.inside, self.papers = Inside(stage), Papers(stage)
        self.marketing = Marketing(stage)
        self._acts: list[tuple[int, Callable[[], None]]] = [
            (14, self.shoppers.pay_by_card),
            (12, self.messages),
            (3, self.shoppers.try_again),
            (3, self.shoppers.cancel),
            (3, self.shoppers.ask_to_return),
            (4, self.shoppers.bring_return),
            (8, self.warehouse.decide),
            (1, self.warehouse.plan_again),
            (1, self.warehouse.reassign),
            (24, self.warehouse.pick),
            (8, self.warehouse.pack),
            (18, self.warehouse.send),
            (10, self.warehouse.carry),
            (4, self.warehouse.take_back),
            (3, self.warehouse.put_back),
            (3, self.warehouse.count),
            (1, self.warehouse.order_goods),
            (2, self.warehouse.receive_goods),
            (1, self.warehouse.move_inside),
            (2, self.inside.ask_for_transfer),
            (3, self.inside.send_transfer),
            (3, self.inside.receive_transfer),
            (1, self.inside.start_count),
            (2, self.inside.record_count),
            (2, self.inside.approve_count),
            (4, self.changes.change),
            (3, self.readers.order),
            (2, self.readers.fetch),
            (1, self.readers.give_back),
            (2, self.exchangers.agree),
            (2, self.exchangers.send_ahead),
            (2, self.papers.withdraw),
            (1, self.papers.supply),
            (1, self.papers.decide),
            (3, self.marketing.start),
            (1, self.marketing.decide),
            (1, self.marketing.end),
            (1, self.marketing.undo),
            (2, self.marketing.hand_out_codes),
            (4, self.marketing.write_offer),
            (2, self.marketing.save_standing),
            (1, self.agents.goodwill),
            (3, self.agents.work_inbox),
            (1, self.agents.hold_and_release),
            (5, lambda: sweep(stage)),
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
        for _ in range(ROUGH_DAYS):
            self._day(0)
        stage.has_faults = False
        stage.outside.faults_off()
        for _ in range(QUIET_DAYS):
            self._quiet_day()
            if not (report.unfinished_orders().exists() or self.papers.is_waiting()):
                break
        self.papers.compare()

    def _quiet_day(self) -> None:
        """Everybody works through what is on the list, so that nothing is left half done."""
        stage = self.stage
        stage.set_clock(_morning(stage.now))
        self.agents.release_all()
        for case in (50, 50):
            self.agents.work_inbox(at_most=case)
        self.warehouse.decide(at_most=100)
        self.warehouse.plan_again(at_most=100)
        self.warehouse.decide(at_most=100)
        self.warehouse.put_back(at_most=100)
        # What stores wait for comes before they pack; what was lost on its way is sent once more.
        for _ in range(2):
            self._until_idle(self.inside.send_transfer)
            self._until_idle(self.inside.receive_transfer)
            self.warehouse.plan_again(at_most=100)
            self.warehouse.decide(at_most=100)
        self._until_idle(self.warehouse.pick)
        self.warehouse.pack()
        for act in (
            self.warehouse.send,
            self.shoppers.bring_return,
            self.warehouse.receive_goods,
            self.inside.record_count,
            self.inside.approve_count,
            self.papers.decide,
        ):
            self._until_idle(act)
        sweep(stage)
        self._until_idle(self.warehouse.carry)
        self.messages(with_all=True)
        self._until_idle(self.warehouse.take_back)
        self._end_of_day()

    def _until_idle(self, act: Callable[[], None]) -> None:
        tally, idle = self.stage.tally, 0
        for _ in range(TURNS):
            before = tally.done
            act()
            idle = 0 if tally.done > before else idle + 1
            if idle == IDLE_TURNS:
                return

    def messages(self, *, with_all: bool = False) -> None:
        """What card provider and carrier send us; each door takes its own."""
        stage = self.stage
        came = stage.outside.bring_messages(with_all=with_all)
        tracking = [m for m in came if "/carriers/" in m.url.path]
        self.shoppers.read_messages([m for m in came if "/payments/" in m.url.path])
        self.warehouse.read_tracking([(dict(m.headers), m.content) for m in tracking])

    def _day(self, orders: int) -> None:
        stage = self.stage
        opens = _morning(stage.now)
        stage.set_clock(opens)
        if orders:
            for _ in range(CAMPAIGNS_A_DAY):
                self.marketing.start()
        steps = max(orders, 12)
        for step in range(steps):
            moment = opens + timedelta(hours=HOURS_OPEN) * (step + stage.rng.random()) / steps
            stage.set_clock(max(stage.now, moment))
            if step < orders:
                self.shoppers.order()
            self._others()
        for _ in range(EXCHANGES_A_DAY):
            self.exchangers.agree()
        self._end_of_day()

    def _end_of_day(self) -> None:
        self.money.bank()
        self.money.couriers()
        self.money.accountant()
        self.agents.work_inbox(at_most=6)
        self.papers.look_at_purchases()
        sweep(self.stage)
        self.papers.buyers()
        nightly(self.stage)
        self.marketing.nightly()

    def _others(self) -> None:
        weights = [weight for weight, _ in self._acts]
        for _ in range(ACTS_PER_ORDER):
            act = self.stage.rng.choices(self._acts, weights=weights)[0][1]
            act()


def _morning(now: datetime) -> datetime:
    return (now + timedelta(days=1)).replace(hour=OPENS_HOUR - 1, minute=0, second=0, microsecond=0)
