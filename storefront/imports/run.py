"""The verb `import_catalog`: a file of titles, taken whole or batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from retail.imports.reading import CsvFile, Record
from retail.imports.rows import OnError, RowError
from retail.imports.run import Doors, FileImport, Report
from retail.kernel.context import acting
from retail.kernel.errors import NotFound
from retail.kernel.models import User
from retail.kernel.outbox import announce
from storefront.events import CatalogImported
from storefront.imports.cleaning import Cleaned, Cleaner
from storefront.imports.loading import Loader
from storefront.imports.mapping import Mapping, detect_mapping
from storefront.imports.trees import Tree
from storefront.models import CatalogImport, PriceList

BATCH_LINES = 2000


class UnknownPriceList(NotFound):
    code = "UNKNOWN_PRICE_LIST"


@dataclass
class ImportReport(Report):
    updated: int = 0


def import_catalog(
    *,
    path: Path,
    by: User | None,
    now: datetime,
    mapping: Mapping | None = None,
    price_list: str = "",
    on_error: OnError = OnError.REJECT,
    is_dry_run: bool = False,
    on_row_error: Callable[[RowError], None] = lambda error: None,
    on_progress: Callable[[int, int], None] = lambda bytes_read, bytes_total: None,
    batch_lines: int = BATCH_LINES,
) -> ImportReport:
    """Read a catalog file. With SKIP each batch commits and a killed run continues; with REJECT all commits at the end.

    Rows are known by their external reference: a second run of the same file changes nothing, a changed file changes
    only what differs. Refuses a file that cannot be read (FileRefused) and, with REJECT, rows that are wrong (RowsRejected).
    """
    with CsvFile(path, encoding=mapping.encoding if mapping else "utf-8") as file:
        chosen = mapping or detect_mapping(file.header)
        file.need(chosen.needed_columns())
        run = _CatalogRun(file, chosen, now, Doors(on_row_error, on_progress), batch_lines)
        run.find_price_list(price_list)
        with acting(by=by, reason=f"import {path.name}"[:200]):
            run.take(on_error=on_error, is_dry_run=is_dry_run)
        return run.report


class _CatalogRun(FileImport[Cleaned, ImportReport, CatalogImport]):
    record_class = CatalogImport
    counted = {**FileImport.counted, "updated": "updated_count"}
    changing = ("created", "updated")

    def __init__(
        self, file: CsvFile, mapping: Mapping, now: datetime, doors: Doors, batch_lines: int
    ) -> None:
        report = ImportReport(
            file_name=file.path.name,
            mapping=mapping.name,
            unused_columns=[name for name in file.header if name not in mapping.known_columns()],
        )
        super().__init__(
            file, mapping_key=mapping.key, report=report, now=now, doors=doors, batch_lines=batch_lines
        )
        self.mapping = mapping
        self.tree = Tree(mapping.tree)
        self.cleaner = Cleaner(mapping, self.tree, file.header)
        self.loader = Loader(mapping, self.cleaner.present, self.tree, None)
        self._seen: dict[tuple[str, str], int] = {}

    def find_price_list(self, code: str) -> None:
        """The named list, the mapping's, or the only one. Without any price in the file none is needed."""
        if not self.cleaner.prices:
            return
        lists = PriceList.objects.all()
        if wanted := code or self.mapping.price_list:
            lists = lists.filter(code=wanted)
        ids = list(lists.values_list("id", flat=True)[:2])
        if len(ids) != 1:
            raise UnknownPriceList(
                f"There is no price list {wanted}." if wanted else "Say which price list: --price-list CODE."
            )
        self.loader.price_list_id = ids[0]

    def clean(self, record: Record) -> Cleaned | list[RowError]:
        line = record.line
        cleaned = self.cleaner.clean(line, record.cells)
        if isinstance(cleaned, list):
            return cleaned
        keys = {"reference": cleaned.line.reference, "sku": cleaned.line.sku}
        for name, value in keys.items():
            if earlier := self._seen.get((name, value)):
                column = self.mapping.columns[name].column
                return [RowError(line, column, value, "DOUBLED", f"stands on line {earlier} already")]
        self._seen.update(((name, value), line) for name, value in keys.items())
        return cleaned

    def load(self, lines: list[Cleaned]) -> list[RowError]:
        loaded = self.loader.load(lines, now=self.now)
        self.report.created += loaded.created
        self.report.updated += loaded.updated
        self.report.unchanged += loaded.unchanged
        return loaded.errors

    def finished(self, record: CatalogImport) -> None:
        announce(
            CatalogImported(record.pk, record.file_name, self.report.created, self.report.updated),
            subject=("catalog_import", str(record.pk)),
        )
