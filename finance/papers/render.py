"""Papers set in type: PDF for people and archives, PNG of single pages for previews. Same data, same bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import typst

from finance.papers.papers import Paper
from finance.papers.sheets import sheet

TEMPLATES = Path(__file__).parent / "templates"


def render_pdf(paper: Paper) -> bytes:
    """The paper as an archivable PDF (PDF/A-2a: fonts inside, tagged for screen readers).

    A name in letters that the bundled fonts lack cannot be archived that way; it still gets its paper, as plain PDF.
    """
    try:
        (made,) = _compile(paper, form="pdf", standard="a-2a")
    except typst.TypstError:
        (made,) = _compile(paper, form="pdf")
    return made


def render_pages(paper: Paper, *, dots_per_inch: int = 144) -> list[bytes]:
    """Every page of the paper as a PNG."""
    return _compile(paper, form="png", dots_per_inch=dots_per_inch)


def _compile(
    paper: Paper,
    *,
    form: Literal["pdf", "png"],
    standard: Literal["a-2a"] | None = None,
    dots_per_inch: int = 144,
) -> list[bytes]:
    template, data = sheet(paper)
    year, month, day = data["date"]
    made: bytes | list[bytes] = typst.compile(
        TEMPLATES / f"{template}.typ",
        root=TEMPLATES,
        format=form,
        ppi=float(dots_per_inch),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards=standard,
        timestamp=datetime(year, month, day, tzinfo=UTC),
    )
    # The typings know of one file only; several pages come as a list.
    return list(made) if isinstance(made, list) else [made]
