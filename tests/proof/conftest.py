from __future__ import annotations

import pytest
from django.db.models import QuerySet

from tests.flows.chain import Chain, make_chain


@pytest.fixture
def chain(transactional_db: None) -> Chain:
    """The chain in small, committed, so that other connections see it."""
    return make_chain()


@pytest.fixture
def without_row_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read, and nobody waits for anybody."""
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
