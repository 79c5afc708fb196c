from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from retail.running import supervisor


class Command(BaseCommand):
    help = "Stops a left-over run of this home by its recorded ids, with its embedded servers."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        had_something = supervisor.stop(settings.ONEROW_HOME)
        self.stdout.write("Stopped." if had_something else "Nothing was running.")
