"""What every actor of a simulated day shares: chance, the clock, the chain, the outside, and the tally of what happened."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from django.db import transaction

from retail.kernel import clock
from retail.kernel.context import acting
from retail.kernel.errors import Refusal
from retail.simulation.outside import Outside
from retail.simulation.world import World

T = TypeVar("T")


@dataclass
class Crash:
    """An act that ended neither well nor with a refusal: a mistake of ours."""

    act: str
    at: datetime
    error: str
    trace: str


@dataclass
class Tally:
    acts: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    crashes: list[Crash] = field(default_factory=list)
    # A promise that an actor checked himself and saw broken (one key, two orders).
    broken: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.acts.total() + self.refusals.total()


class Stage:
    """Chance comes from one generator only, so that a seed plays the same days again."""

    def __init__(
        self, *, rng: Random, world: World, outside: Outside, has_faults: bool, now: datetime
    ) -> None:
        self.rng, self.world, self.outside, self.has_faults = rng, world, outside, has_faults
        self.tally = Tally()
        # Called after every act that went well; it may stop the run by raising.
        self.watch: Callable[[str], None] | None = None
        self.now = now
        self._standing = ExitStack()
        self.set_clock(now)

    def close(self) -> None:
        self._standing.close()

    def set_clock(self, now: datetime) -> None:
        assert now >= self.now, "time does not run backwards"
        self.now = now
        self._standing.close()
        self._standing.enter_context(clock.standing_at(now))
        self.outside.set_clock(now)

    def pass_time(self, minutes: float) -> None:
        self.set_clock(self.now + timedelta(minutes=minutes))

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.rng.randrange(len(options))]

    def key(self) -> str:
        return f"{self.rng.getrandbits(64):016x}"

    def fault(self, part: str, *kinds: str, operation: str = "", probability: float = 0.1) -> bool:
        """Perhaps lets one of these faults strike at the next fitting call."""
        if not self.has_faults or not self.chance(probability):
            return False
        self.outside.fault(part, self.one_of(kinds), operation=operation)
        return True

    def mischief(self, name: str, probability: float) -> bool:
        """Perhaps a fault that the actors make themselves; counted when it happens."""
        if not self.has_faults or not self.chance(probability):
            return False
        self.tally.faults[name] += 1
        return True

    def attempt(self, name: str, act: Callable[[], T]) -> T | None:
        """Do something through a verb. A refusal is a legal answer; anything else that is raised is a crash, and kept."""
        assert not transaction.get_connection().needs_rollback
        try:
            with acting(label=f"simulation:{name}"):
                result = act()
        except Refusal as refusal:
            self.tally.refusals[f"{name} {refusal.code}"] += 1
            return None
        except Exception as error:
            self.tally.crashes.append(
                Crash(name, self.now, f"{type(error).__name__}: {error}", traceback.format_exc())
            )
            return None
        self.tally.acts[name] += 1
        if self.watch is not None:
            self.watch(name)
        return result
