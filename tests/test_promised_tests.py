"""Documents that name the test of each promise name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize(("document", "least"), [("faults", 40), ("security", 40)])
def test_every_named_test_exists(document: str, least: int) -> None:
    named = NAMED.findall((ROOT / "docs" / f"{document}.md").read_text())
    assert len(named) >= least
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / "tests" / path).is_file()
        or not re.search(rf"^def {test}\(", (ROOT / "tests" / path).read_text(), re.MULTILINE)
    ]
    assert missing == []


@pytest.mark.parametrize("document", ["faults", "security"])
def test_every_row_names_a_test(document: str) -> None:
    rows = [
        line
        for line in (ROOT / "docs" / f"{document}.md").read_text().splitlines()
        if line.startswith("| ") and not line.startswith(("| fault |", "| risk |"))
    ]
    assert [row[:80] for row in rows if not NAMED.search(row)] == []
