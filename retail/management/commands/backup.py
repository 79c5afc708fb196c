from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from retail.running import backups, postgres


class Command(BaseCommand):
    help = (
        "Copies the whole shop (database, uploads, secrets) into a folder while it runs, and checks the copy."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where the copies lie; another disk than the shop's")
        parser.add_argument(
            "--follow",
            action="store_true",
            help="go on and keep every later change as it is committed, until Ctrl-C: `restore --until` needs them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        home, folder = settings.ONEROW_HOME, options["folder"].resolve()
        try:
            if options["follow"]:
                self.stdout.write(f"Keeping every change in {folder}. Ctrl-C ends it.")
                self.stdout.flush()
                with backups.following(home, folder) as wait:
                    self._copy(home, folder)
                    wait()
            else:
                self._copy(home, folder)
        except (backups.BackupFailed, postgres.PostgresFailed) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("No longer following.")

    def _copy(self, home: Path, folder: Path) -> None:
        self.stdout.write("Copying …")
        self.stdout.flush()
        copy = backups.back_up(home, folder, now=timezone.now())
        self.stdout.write(f"{copy} is complete and verified.")
        self.stdout.flush()
