"""`manage.py rebuild_search`: a whole new index on the search server, swapped in when it is complete."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from retail.kernel import clock
from storefront import operations


class Command(BaseCommand):
    help = "Builds the index of the search server (SEARCH_URL) anew from the rows and swaps it in. Searches go on meanwhile."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SEARCH_URL:
            raise CommandError("SEARCH_URL names no search server; PostgreSQL's index needs no rebuilding.")
        count = operations.rebuild_index(now=clock.now())
        self.stdout.write(f"{count:,} products stand in the index.")
