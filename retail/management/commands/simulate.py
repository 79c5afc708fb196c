"""Plays seeded trading days through the public verbs, with faults, and ends with the doctor; exit 1 when he finds something."""

import json
from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from retail.simulation.play import play
from retail.simulation.report import Report, lines
from retail.simulation.scratch import database


class Command(BaseCommand):
    help = (
        "Plays trading days on a database of their own: all channels, payments lost and doubled, short picks, returns, counts, "
        "statements. The same seed plays the same days. Ends with the doctor; exit 1 when something is broken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seed", type=int, default=1, help="the days to play (1)")
        parser.add_argument(
            "--orders", type=int, default=100, help="how many orders shoppers try to place (100)"
        )
        parser.add_argument("--faults", action="store_true", help="with faults of everything outside")
        parser.add_argument("--json", action="store_true", help="answer for programs")
        parser.add_argument("--trace", action="store_true", help="show where a crash came from")
        parser.add_argument(
            "--watch", action="store_true", help="ask the doctor after every act, stop at the one that breaks"
        )
        parser.add_argument(
            "--keep", action="store_true", help="keep the database to look into it; its name is printed"
        )
        parser.add_argument(
            "--here", action="store_true", help="play in the connected database, which must be empty"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.IS_LOCAL:
            raise CommandError(
                "Simulated days are played on a developer's machine only, never in production."
            )
        if options["orders"] < 1:
            raise CommandError("--orders must be 1 or more.")
        seed = options["seed"]
        name = f"simulation_{abs(seed)}"
        with ExitStack() as stack:
            if not options["here"]:
                stack.enter_context(database(name, is_kept=lambda: options["keep"]))
            report = play(
                seed=seed,
                orders=options["orders"],
                has_faults=options["faults"],
                is_watched=options["watch"],
                tell=(lambda done: None) if options["json"] else self._progress(options["orders"]),
            )
        self._tell(report, options)
        if options["keep"]:
            self.stderr.write(f"kept: database {name}")
        if not report.is_clean:
            raise SystemExit(1)

    def _progress(self, orders: int) -> Any:
        def tell(done: int) -> None:
            self.stderr.write(f"  {done} of {orders} orders", ending="\r" if done < orders else "\n")

        return tell

    def _tell(self, report: Report, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), indent=2, default=str))
            return
        for line in lines(report):
            self.stdout.write(line)
        if options["trace"]:
            for crash in report.tally.crashes:
                self.stdout.write(crash.trace)
