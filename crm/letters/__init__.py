"""Letters to buyers: plain facts in, words in the buyer's language and script out, as HTML and as the same text."""

from crm.letters.facts import (
    ExchangeFacts,
    FileFacts,
    Line,
    OrderFacts,
    ParcelFacts,
    ReturnFacts,
    TransferFacts,
)
from crm.letters.paper import Action, Letter, Written, write

__all__ = [
    "Action",
    "ExchangeFacts",
    "FileFacts",
    "Letter",
    "Line",
    "OrderFacts",
    "ParcelFacts",
    "ReturnFacts",
    "TransferFacts",
    "Written",
    "write",
]
