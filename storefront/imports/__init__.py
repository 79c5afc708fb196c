"""A catalog from a file: mapped by name, cleaned row by row, written in sets (retail.imports runs the batches)."""

from storefront.imports.mapping import SHELF, Mapping
from storefront.imports.run import ImportReport, import_catalog

__all__ = ["SHELF", "ImportReport", "Mapping", "import_catalog"]
