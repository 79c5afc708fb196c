"""`manage.py translations extract|compile|check`: catalogs in pure Python, no gettext binaries."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from retail.front import catalogs


class Command(BaseCommand):
    help = "Collect the words that need Serbian, compile both scripts, or check that nothing is missing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["extract", "compile", "check"])
        parser.add_argument(
            "app", nargs="*", help="labels of apps; all of them when left out (not for compile)"
        )
        parser.add_argument("--force", action="store_true", help="compile even what is newer than its source")

    def handle(self, *args: Any, **options: Any) -> None:
        root = Path(settings.BASE_DIR)
        every = catalogs.rooms_below(root, [(c.label, Path(c.path)) for c in apps.get_app_configs()])
        chosen = [room for room in every if not options["app"] or room.name in options["app"]]
        if options["act"] == "extract":
            self._extract(chosen, root, catalogs.known_words(every))
        elif options["act"] == "compile":
            self._compile(every, force=options["force"], is_quiet=options["verbosity"] == 0)
        else:
            self._check(chosen, root)

    def _extract(
        self, rooms: list[catalogs.Room], root: Path, known: dict[catalogs.type_of_key, catalogs.Entry]
    ) -> None:
        for room in rooms:
            text, entries, empty = catalogs.refreshed(room, root, known)
            if entries or room.po.exists():
                room.po.parent.mkdir(parents=True, exist_ok=True)
                if not room.po.exists() or room.po.read_text(encoding="utf-8") != text:
                    room.po.write_text(text, encoding="utf-8")
                self.stdout.write(f"{room.name}: {entries} entries, {empty} without Serbian words")

    def _compile(self, rooms: list[catalogs.Room], *, force: bool, is_quiet: bool) -> None:
        libraries = [
            Path(c.path) for c in apps.get_app_configs() if all(r.folder != Path(c.path) for r in rooms)
        ]
        for room in rooms:
            more = (
                catalogs.borrowed(libraries, set(catalogs.known_words(rooms)))
                if room.name == "front"
                else None
            )
            if room.po.exists() and catalogs.compile_room(room, more, force=force) and not is_quiet:
                self.stdout.write(f"{room.name}: compiled")

    def _check(self, rooms: list[catalogs.Room], root: Path) -> None:
        found = catalogs.complaints(rooms, root)
        for complaint in found:
            self.stderr.write(str(complaint))
        if found:
            raise CommandError(f"{len(found)} words without a whole Serbian translation")
        self.stdout.write("Every word has its Serbian translation.")
