from __future__ import annotations

from typing import Any

import pytest
from django.db.models import QuerySet

from retail.kernel.prepared import Steps
from retail.kernel.rows import Question
from tests.flows.chain import Chain, make_chain


@pytest.fixture
def chain(transactional_db: None) -> Chain:
    """The chain in small, committed, so that other connections see it."""
    return make_chain()


@pytest.fixture
def without_row_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read, and nobody waits for anybody. A question that keeps its statement is built anew, and keeps the usual one."""
    build = Question._statement

    def unkept(question: Question[Any]) -> Any:
        usual, question._built = question._built, None
        try:
            return build(question)
        finally:
            question._built = usual

    defined = Steps._defined
    monkeypatch.setattr(Steps, "_exists", lambda _: False)
    monkeypatch.setattr(
        Steps, "_defined", lambda self, schema="": defined(self, schema).replace(" FOR UPDATE;", ";")
    )
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **_: self)
    monkeypatch.setattr(Question, "_statement", unkept)
