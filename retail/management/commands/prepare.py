import logging
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    help = "What `up` does before the processes start: migrations, translations, and the sample into an empty database."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self._migrate()
        call_command("translations", "compile", verbosity=0)
        if settings.SAMPLE_IS_ALLOWED and settings.SAMPLE != "none":
            self._load_sample()

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            self._say("Migrating the database …")
            call_command("migrate", interactive=False, verbosity=0)

    def _load_sample(self) -> None:
        """Only into an empty database, or one where it was cut off: a chain that somebody works with is never touched."""
        begun = settings.ONEROW_HOME / "run" / "sample-begun"
        if get_user_model().objects.exists() and not begun.exists():
            return
        begun.touch()
        # Its campaigns write letters to their editors before the sandbox, where letters go, is there to take them.
        logging.getLogger("retail.sandbox_mail").setLevel(logging.ERROR)
        self._say(f"Loading the sample chain ({settings.SAMPLE}) …")
        call_command("load_sample", scale=settings.SAMPLE)
        begun.unlink()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
