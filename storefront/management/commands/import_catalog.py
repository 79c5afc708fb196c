"""`manage.py import_catalog FILE`: the door of storefront.imports for people and scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from retail.imports.command import ImportCommand
from retail.imports.rows import OnError
from retail.imports.run import Doors
from retail.kernel import clock
from storefront.imports import SHELF, ImportReport, import_catalog


class Command(ImportCommand[ImportReport]):
    help = (
        "Reads a catalog from a CSV file (also .gz). Rows are known by their reference: a second run changes nothing, a changed file "
        "changes only what differs, a killed run continues where it was (with --on-error skip). "
        "Exit code 1: the file was refused, or rows were rejected and nothing was taken."
    )
    label = "import_catalog"
    shelf = SHELF

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--price-list", default="", help="code of the price list that prices go to")

    def take(self, path: Path, doors: Doors, options: dict[str, Any]) -> ImportReport:
        return import_catalog(
            path=path,
            by=None,
            now=clock.now(),
            mapping=SHELF.load(options["map"]) if options["map"] else None,
            price_list=options["price_list"],
            on_error=OnError(options["on_error"]),
            is_dry_run=options["dry_run"],
            on_row_error=doors.on_row_error,
            on_progress=doors.on_progress,
        )

    def counts(self, report: ImportReport, would: str) -> str:
        return f"{report.created:,} {would}created, {report.updated:,} {would}updated"
