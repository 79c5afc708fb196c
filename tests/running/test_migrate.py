"""A new database gets its tables in fewer steps, and the same tables."""

from typing import Any

import pytest
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from retail.management.commands.migrate import OURS, folded

FIRST = [
    (key, migration)
    for key, migration in MigrationLoader(None).disk_migrations.items()
    if key[0] in OURS and migration.initial
]


def models_after(app: str, operations: list[Operation]) -> dict[Any, Any]:
    state = ProjectState()
    for operation in operations:
        operation.state_forwards(app, state)
    return {
        key: (
            list(model.fields),
            {**model.options, **{name: sorted(map(repr, model.options.get(name, ()))) for name in LISTS}},
        )
        for key, model in state.models.items()
    }


LISTS = ("indexes", "constraints", "triggers")


@pytest.mark.parametrize(("key", "migration"), FIRST, ids=[key[0] for key, _ in FIRST])
def test_folded_steps_end_in_the_same_models(key: tuple[str, str], migration: Any) -> None:
    steps = folded(migration.operations)
    assert models_after(key[0], steps) == models_after(key[0], migration.operations)
    assert len(steps) <= len(migration.operations)


def test_most_steps_are_folded_and_the_migrations_themselves_stay_as_they_are() -> None:
    before = {
        key: [operation.deconstruct() for operation in migration.operations] for key, migration in FIRST
    }
    after = {key: folded(migration.operations) for key, migration in FIRST}
    assert {key: [each.deconstruct() for each in migration.operations] for key, migration in FIRST} == before
    assert sum(map(len, after.values())) < 0.6 * sum(map(len, before.values()))
