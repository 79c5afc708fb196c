"""Rows as COPY reads them, made while the server is busy with others: whoever writes them only hands the text over."""

from __future__ import annotations

from collections.abc import Sequence

# What the text format of COPY has words of its own for.
_SAID = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_row(values: Sequence[object]) -> str:
    """One row in the text format of COPY; None is NULL. Without NUL characters, which no text of PostgreSQL holds."""
    cells = [value if type(value) is str else None if value is None else str(value) for value in values]
    # Most rows have nothing to say in other words, and one look at all of a row is cheaper than one at each cell.
    if _has_own_words("".join(filter(None, cells))):
        cells = [cell and cell.translate(_SAID) for cell in cells]
    return "\t".join(["\\N" if cell is None else cell for cell in cells]) + "\n"


def _has_own_words(text: str) -> bool:
    return "\\" in text or "\n" in text or "\t" in text or "\r" in text
