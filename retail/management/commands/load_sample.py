"""`manage.py load_sample`: the sample chain, for a look around, for tests and for the bench."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from retail.kernel import clock
from retail.kernel.errors import Refusal
from retail.sample.load import Plan, load

BOOKS = Path("books") / "books7k_metadata.csv.gz"


class Command(BaseCommand):
    help = (
        "Loads the sample chain: one company, 60 stores, 2 warehouses, titles, stock, customers, staff and a year of orders. "
        "The same every time; running it twice changes nothing. Refused in production."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--scale",
            choices=["small", "full"],
            default="small",
            help="800 titles and 3,000 orders, or everything and 60,000",
        )
        parser.add_argument(
            "--books",
            help="CSV of real titles; without it ../shared/data is used when it is there, else titles are invented. `none` invents them anyway",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        data = settings.BASE_DIR.parent / "shared" / "data"
        try:
            load(
                Plan(
                    is_full=options["scale"] == "full",
                    books=self._books(options["books"], data),
                    data=data if data.is_dir() else None,
                ),
                now=clock.now(),
                tell=self._tell if options["verbosity"] else lambda text: None,
            )
        except Refusal as refusal:
            raise CommandError(f"{refusal.code}: {refusal.message}") from None

    def _books(self, given: str | None, data: Path) -> Path | None:
        if given == "none":
            return None
        if given:
            if not Path(given).is_file():
                raise CommandError(f"There is no file {given}.")
            return Path(given)
        return data / BOOKS if (data / BOOKS).is_file() else None

    def _tell(self, text: str) -> None:
        self.stdout.write(f"  {text}")
        self.stdout.flush()
