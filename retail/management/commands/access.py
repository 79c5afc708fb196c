"""`manage.py access`: who may open which page and call which operation, as a Markdown table (docs/access.md)."""

from typing import Any

from django.core.management.base import BaseCommand

from retail.access_table import as_markdown


class Command(BaseCommand):
    help = "Print roles, pages and API operations with what each needs, as docs/access.md has it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(as_markdown(), ending="")
