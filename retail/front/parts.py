"""The rows of the shared parts, as views hand them to the templates."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class MoneyCell:
    """One cell of the money strip. `state` is "due" (amber), "even" (green) or "" (plain)."""

    label: Any
    amount: Decimal | None
    note: Any = ""
    url: str = ""
    state: str = ""


@dataclass(frozen=True)
class TimelineEntry:
    """Newest first in the list. `said` is a note's own text; `url` leads to the row behind."""

    title: Any
    at: datetime
    who: Any = ""
    icon: str = "note"
    tone: str = "idle"
    detail: Any = ""
    url: str = ""
    said: str = ""


@dataclass(frozen=True)
class DiffRow:
    """One field before and after; None means that there was nothing, or will be nothing. `current` only for a stale base."""

    field: Any
    before: Any = None
    after: Any = None
    current: Any = None


@dataclass(frozen=True)
class WaterfallRow:
    label: Any
    value: int | Decimal
    url: str = ""
    note: Any = ""


@dataclass(frozen=True)
class Waterfall:
    rows: Sequence[WaterfallRow]
    total_label: Any
    total: int | Decimal
    caption: Any = ""


@dataclass(frozen=True)
class Action:
    """A way on, drawn as a button; `is_main` at most once in a region."""

    title: Any
    url: str
    icon: str = ""
    is_main: bool = False


@dataclass(frozen=True)
class PaletteEntry:
    title: Any
    url: str
    icon: str = "box"
    note: Any = ""


@dataclass(frozen=True)
class PaletteGroup:
    title: Any
    entries: Sequence[PaletteEntry] = field(default_factory=tuple)
