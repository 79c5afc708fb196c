import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from retail.running import backups, postgres


class Command(BaseCommand):
    help = "Sets up an empty home ($ONEROW_HOME) from a folder of copies, as the shop was at a moment, and examines it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="the folder that `backup` was given")
        parser.add_argument(
            "--until", help="the moment, for example 2026-11-22T16:15:00+01:00; without it the newest state"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        until = self._moment(options["until"])
        try:
            copy = backups.restore(settings.ONEROW_HOME, options["folder"].resolve(), until=until)
        except backups.BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Restored from {copy}. What happened outside since then is not in it: see docs/backups.md."
        )
        self.stdout.flush()
        postgres.stop(settings.ONEROW_HOME)
        # A process of its own: this one began with the secrets of an empty home.
        doctor = [sys.executable, str(settings.BASE_DIR / "manage.py"), "doctor", "--chain"]
        sys.exit(subprocess.run(doctor, check=False).returncode)

    def _moment(self, text: str | None) -> datetime | None:
        if not text:
            return None
        try:
            moment = parse_datetime(text)
        except ValueError:
            moment = None
        if moment is None:
            raise CommandError("--until is a day and a time, for example 2026-11-22T16:15:00+01:00.")
        return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
