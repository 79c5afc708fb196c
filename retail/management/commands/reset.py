import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from retail.running import postgres, supervisor, valkey


class Command(BaseCommand):
    help = "Deletes all local state ($ONEROW_HOME: databases, uploads, logs, secrets) after asking."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        home: Path = settings.ONEROW_HOME
        if not (home / "run").is_dir():
            raise CommandError(f"{home} is not a home of Onerow; nothing was deleted.")
        if not options["yes"] and not self._agrees(home):
            raise CommandError("Nothing was deleted.")
        supervisor.stop(home)
        for record in (*home.glob("*/run"), home / "run"):
            valkey.stop(record.parent)
            postgres.delete(record.parent)
        shutil.rmtree(home)
        self.stdout.write(f"{home} is deleted. The next start makes a new one.")

    def _agrees(self, home: Path) -> bool:
        self.stdout.write(f"This deletes {home} with every order, upload and secret in it.")
        try:
            return input("Type yes to go on: ").strip().lower() == "yes"
        except EOFError:
            return False
