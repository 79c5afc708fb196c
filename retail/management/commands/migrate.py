"""Django's `migrate`, in little more than half the time on an empty database, and beside a shop that sells."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations import AddConstraint, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation
from psycopg.errors import LockNotAvailable

OURS = frozenset({"audit", "storefront", "crm", "oms", "warehouse", "finance", "cms"})


# Behind a migration that waits for a table, everybody else waits for it too: it gives way and comes again.
WAITS_SECONDS = 2
COMES_AGAIN_AFTER_SECONDS = 3
TIMES = 40


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        """Each migration is one transaction: what was applied stays, the one that found a table in use is tried again as a whole."""
        times_left = TIMES
        while True:
            times_left -= 1
            try:
                with _patience(connections[options["database"]]):
                    return self._apply(*args, **options)
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable) or not times_left:
                    raise
                self.stderr.write("A table is in use. Giving way, and trying again …")
                time.sleep(COMES_AGAIN_AFTER_SECONDS)

    def _apply(self, *args: Any, **options: Any) -> None:
        is_plain = not any(
            options.get(name) for name in ("app_label", "plan", "check_unapplied", "fake", "prune")
        )
        if is_plain:
            self.verbosity = options["verbosity"]
            connection = connections[options["database"]]
            migrate_libraries(connection, self.migration_progress_callback)
            _migrate_ours(connection, self.migration_progress_callback)
        super().handle(*args, **options)


@contextlib.contextmanager
def _patience(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Inside, nobody is waited for longer; what comes after it on this connection waits as ever."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{WAITS_SECONDS}s'")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


def migrate_libraries(connection: BaseDatabaseWrapper, progress: Callable[..., None] | None = None) -> None:
    """The libraries' migrations, with only our users beside them, when nothing was ever applied.

    Each of them renders every model that has a key to a user or a page; in Django's alphabetical order these
    would be all of ours.
    """
    executor = MigrationExecutor(connection, progress)
    if not executor.loader.applied_migrations:
        executor.migrate([node for node in executor.loader.graph.leaf_nodes() if node[0] not in OURS])


def _migrate_ours(connection: BaseDatabaseWrapper, progress: Callable[..., None]) -> None:
    """Our own migrations when none was applied, each new table with its indexes and constraints in one step."""
    executor = MigrationExecutor(connection, progress)
    if any(app in OURS for app, _ in executor.loader.applied_migrations):
        return
    for (app, _), migration in executor.loader.graph.nodes.items():
        if app in OURS and migration.initial:
            migration.operations = folded(migration.operations)
    executor.migrate(executor.loader.graph.leaf_nodes())


def folded(operations: Sequence[Operation]) -> list[Operation]:
    """The same tables from fewer steps: Django works out the state of all models anew for each step.

    Only for tables whose columns are all there when they are made, and only within one migration.
    """
    made = {each.name_lower: each for each in operations if isinstance(each, CreateModel)}
    grown = {
        str(getattr(each, "model_name", "")).lower()
        for each in operations
        if not isinstance(each, AddIndex | AddConstraint)
    }
    whole = {name: _copy(model) for name, model in made.items() if name not in grown}
    kept: list[Operation] = []
    for each in operations:
        if isinstance(each, CreateModel):
            kept.append(whole.get(each.name_lower, each))
        elif isinstance(each, AddIndex) and each.model_name_lower in whole:
            whole[each.model_name_lower].options["indexes"].append(each.index)
        elif isinstance(each, AddConstraint) and each.model_name_lower in whole:
            whole[each.model_name_lower].options["constraints"].append(each.constraint)
        else:
            kept.append(each)
    return kept


def _copy(model: CreateModel) -> CreateModel:
    lists = {name: [*model.options.get(name, ())] for name in ("indexes", "constraints")}
    return CreateModel(model.name, model.fields, {**model.options, **lists}, model.bases, model.managers)
