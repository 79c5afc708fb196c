"""The stand-ins for each test, fresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.stand import Stand, stand


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Stand]:
    with stand(tmp_path) as ready:
        yield ready
