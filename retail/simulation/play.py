"""One run: the house empty, the chain built, the days played, the doctor asked."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from django.conf import settings
from kombu import pools

from retail.celery import app as celery
from retail.doctor.checks import CHECKS
from retail.doctor.examine import examine
from retail.kernel import clock
from retail.management.commands.sandbox import configuration
from retail.simulation.days import Days
from retail.simulation.outside import opened
from retail.simulation.report import Report, examine_all
from retail.simulation.stage import Stage
from retail.simulation.world import COMPANIES, COMPANY_NUMBER, START, build

# What must hold at any instant; the others speak of things that are overdue by the database's clock.
AT_ANY_INSTANT = tuple(check.name for check in CHECKS if "now()" not in check.sql)


# A small chain has small differences; some of them shall wait for another person.
COUNT_APPROVAL_ABOVE = 1_500


class Broken(Exception):
    """An invariant broke in the middle of a watched run."""


def play(
    *, seed: int, orders: int, has_faults: bool, tell: Callable[[int], None], is_watched: bool = False
) -> Report:
    """Plays on the rows of the connected database, which must be empty. A watched run stops at the act that breaks something."""
    began = time.perf_counter()
    rng = Random(seed)  # noqa: S311 - repeatable on purpose
    # What the stand-ins commit needs no disk: nobody reads it after the run.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory) as home, _alone():
        config = configuration(home=Path(home), port=settings.SANDBOX_PORT)
        with opened(config, now=START) as outside:
            with clock.standing_at(START):
                world = build(rng)
            outside.seed(seed)
            outside.open_sef(
                [
                    {
                        "pib": pib,
                        "registration_number": COMPANY_NUMBER,
                        "name": name,
                        "is_registered": is_registered,
                    }
                    for name, pib, is_registered in COMPANIES
                ]
            )
            stage = Stage(rng=rng, world=world, outside=outside, has_faults=has_faults, now=START)
            stage.watch = _watch(stage) if is_watched else None
            try:
                days = Days(stage)
                for done in days.trade(orders):
                    tell(done)
                days.settle()
            except Broken as broken:
                stage.tally.broken.append(str(broken))
            finally:
                stage.close()
            report = Report(seed, orders, stage.tally, outside.fired(), 0.0)
    examine_all(report)
    report.seconds = time.perf_counter() - began
    return report


def _watch(stage: Stage) -> Callable[[str], None]:
    def watch(act: str) -> None:
        for finding in examine(AT_ANY_INSTANT):
            if finding.violations:
                raise Broken(
                    f"after {act!r} at {stage.now:%Y-%m-%d %H:%M}: {finding.check.name} {finding.rows[:3]}"
                )

    return watch


@contextmanager
def _alone() -> Iterator[None]:
    """No letter leaves, no worker of a running house is rung, and what is provoked is not logged as trouble."""
    backend, limit, level = (
        settings.EMAIL_BACKEND,
        settings.COUNT_APPROVAL_ABOVE,
        logging.root.manager.disable,
    )
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    settings.COUNT_APPROVAL_ABOVE = COUNT_APPROVAL_ABOVE
    before = {name: celery.conf[name] for name in ("broker_url", "task_always_eager")}
    celery.conf.update(broker_url="memory://", task_always_eager=False)
    _forget_broker()
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        settings.EMAIL_BACKEND, settings.COUNT_APPROVAL_ABOVE = backend, limit
        celery.conf.update(before)
        _forget_broker()
        logging.disable(level)


def _forget_broker() -> None:
    """Closed pools stay closed; what Celery does after a fork makes it open new ones, to the broker of the settings."""
    pools.reset()
    celery._after_fork()  # type: ignore[attr-defined]
