"""A catalog from a file: read with bounds, mapped by name, cleaned row by row, written in sets, resumable."""

from storefront.imports.cleaning import RowError
from storefront.imports.mapping import Mapping, UnknownMapping, load_mapping, shipped_mappings
from storefront.imports.reading import FileRefused
from storefront.imports.run import ImportReport, RowsRejected, import_catalog

__all__ = [
    "FileRefused",
    "ImportReport",
    "Mapping",
    "RowError",
    "RowsRejected",
    "UnknownMapping",
    "import_catalog",
    "load_mapping",
    "shipped_mappings",
]
