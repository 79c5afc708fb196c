"""`manage.py import_orders FILE`: the door of oms.imports for people and scripts."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from oms.imports import SHELF, ImportReport, import_orders
from retail.imports.command import ImportCommand
from retail.imports.rows import OnError
from retail.imports.run import Doors
from retail.kernel import clock


class Command(ImportCommand[ImportReport]):
    help = (
        "Reads past orders from a CSV file (also .gz), one row a line, as marked history: without claims, moves, papers or journals. "
        "Orders are known by their reference: a second run changes nothing, a killed run continues where it was (with --on-error skip). "
        "Credits become returns of the sale that they take back, or stand alone. "
        "Exit code 1: the file was refused, or rows were rejected and nothing was taken."
    )
    label = "import_orders"
    shelf = SHELF

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--channel", default="", help="code of the channel that the orders came by")

    def take(self, path: Path, doors: Doors, options: dict[str, Any]) -> ImportReport:
        return import_orders(
            path=path,
            by=None,
            now=clock.now(),
            mapping=SHELF.load(options["map"]) if options["map"] else None,
            channel=options["channel"],
            on_error=OnError(options["on_error"]),
            is_dry_run=options["dry_run"],
            on_row_error=doors.on_row_error,
            on_progress=doors.on_progress,
        )

    def counts(self, report: ImportReport, would: str) -> str:
        return (
            f"{report.created:,} lines {would}created in {report.orders:,} orders, "
            f"{report.returns:,} credits matched with their sale, {report.credits:,} standing alone"
        )

    def sentences(self, report: ImportReport) -> list[str]:
        return [
            f"Sums: {report.exact_total:,f} in the file, {report.stored_total:,f} stored line by line; "
            f"{report.rounding_remainder:,f} is the remainder of rounding."
        ]
