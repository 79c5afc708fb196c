"""Electronic invoices as UBL 2.1 in the Serbian profile: built from plain data, and checked as SEF would."""

from finance.ubl.build import build
from finance.ubl.checks import Fault, check
from finance.ubl.documents import (
    Attachment,
    ClosedAdvance,
    DocumentType,
    ExtensionPrefix,
    LineText,
    PeriodCode,
    SourceDocument,
    UblDocument,
    UblParty,
)

__all__ = [
    "Attachment",
    "ClosedAdvance",
    "DocumentType",
    "ExtensionPrefix",
    "Fault",
    "LineText",
    "PeriodCode",
    "SourceDocument",
    "UblDocument",
    "UblParty",
    "build",
    "check",
]
