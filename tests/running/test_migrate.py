"""A new database gets its tables sooner than Django makes them, and the same tables."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField, AddIndex, CreateModel, RunPython
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from retail.management.commands.migrate import OURS, LeanState

IS_PROOF = bool(os.environ.get("ONEROW_PROOF"))
KEY = models.BigAutoField(primary_key=True)


def models_without_relatives() -> list[Operation]:
    return [
        CreateModel("Shelf", [("id", KEY), ("name", models.TextField())]),
        CreateModel("Book", [("id", KEY), ("shelf", models.ForeignKey("library.Shelf", models.CASCADE))]),
        CreateModel("Loan", [("id", KEY), ("book", models.ForeignKey("library.Book", models.CASCADE))]),
    ]


def after(state: ProjectState, operations: list[Operation]) -> ProjectState:
    for operation in operations:
        operation.state_forwards("library", state)
        assert state.apps is not None
    return state


@pytest.mark.parametrize(
    "step",
    [
        AddIndex("Book", models.Index(fields=["id", "shelf"], name="by_shelf")),
        AddField(
            "Book", "reader", models.ForeignKey("library.Shelf", models.CASCADE, null=True, related_name="+")
        ),
    ],
    ids=["index", "key"],
)
@pytest.mark.parametrize(("kind", "spared"), [(LeanState, {"shelf", "loan"}), (ProjectState, set())])
def test_a_step_makes_only_its_own_model_anew(
    step: Operation, kind: type[ProjectState], spared: set[str]
) -> None:
    """Django's own state is the twin: it makes the relatives anew as well, and says so here."""
    state = after(kind(), models_without_relatives())
    before = dict(state.apps.all_models["library"])
    made = after(state, [step]).apps.all_models["library"]
    assert {name for name in made if made[name] is before[name]} == spared
    assert made["book"]._meta.indexes or made["book"]._meta.get_field("reader")


def test_python_in_a_migration_sees_every_relative_fresh() -> None:
    state = after(LeanState(), models_without_relatives())
    step = AddField("Shelf", "room", models.TextField(null=True))
    state = after(state, [step])
    assert state.apps.get_model("library", "Book")._meta.get_field("shelf").related_model is not (
        state.apps.get_model("library", "Shelf")
    ), "nothing is spared, so there is nothing to see"
    seen: list[Any] = []

    def look(apps: object, editor: object) -> None:
        seen.append(apps)

    editor = type("Editor", (), {"connection": connection})()
    RunPython(look).database_forwards("library", editor, state, state.clone())
    (apps,) = seen
    assert apps.get_model("library", "Book")._meta.get_field("shelf").related_model is (
        apps.get_model("library", "Shelf")
    )


def statements(kind: type[ProjectState]) -> Iterator[tuple[str, list[str]]]:
    """What each migration of our rooms would do to a database that has the libraries' tables."""
    loader = MigrationLoader(None)
    graph = loader.graph
    known = loader.project_state([leaf for leaf in graph.leaf_nodes() if leaf[0] not in OURS])
    state = kind(known.models, known.real_apps)
    plan = {node: None for leaf in graph.leaf_nodes() for node in graph.forwards_plan(leaf)}
    for migration in (graph.nodes[node] for node in plan if node[0] in OURS):
        with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            state = migration.apply(state, editor, collect_sql=True)
        yield str(migration), list(editor.collected_sql)


@pytest.mark.django_db
@pytest.mark.skipif(not IS_PROOF, reason="played by `make proof`")
def test_both_ways_make_the_same_tables() -> None:
    lean = dict(statements(LeanState))
    assert sum(map(len, lean.values())) > 1_000
    assert lean == dict(statements(ProjectState))
