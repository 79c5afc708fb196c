"""Past orders from a file: mapped by name, cleaned row by row, written in sets (retail.imports runs the batches)."""

from oms.imports.mapping import SHELF, Mapping
from oms.imports.run import ImportReport, import_orders

__all__ = ["SHELF", "ImportReport", "Mapping", "import_orders"]
