from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retail.running import supervisor


class Command(BaseCommand):
    help = (
        "Runs everything on this machine: embedded servers, migrations, sample chain, web, worker, scheduler, sandbox. "
        "PORT, SANDBOX_PORT, ONEROW_HOME and SAMPLE choose where and what. Ctrl-C stops all of it."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if code := supervisor.main([]):
            raise CommandError("", returncode=code)
