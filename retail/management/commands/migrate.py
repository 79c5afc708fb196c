"""Django's `migrate`, several times sooner on an empty database, and beside a shop that sells."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Field
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
        _migrate(executor, [node for node in executor.loader.graph.leaf_nodes() if node[0] not in OURS])


def _migrate_ours(connection: BaseDatabaseWrapper, progress: Callable[..., None]) -> None:
    """Our own migrations when none was applied."""
    executor = MigrationExecutor(connection, progress)
    if not any(app in OURS for app, _ in executor.loader.applied_migrations):
        _migrate(executor, executor.loader.graph.leaf_nodes())


def _migrate(executor: MigrationExecutor, targets: list[tuple[str, str]]) -> None:
    executor.recorder.ensure_schema()
    loader = executor.loader
    known = loader.project_state([node for node in loader.applied_migrations if node in loader.graph.nodes])
    executor.migrate(targets, state=LeanState(known.models, known.real_apps))


class LeanState(ProjectState):
    """What the models are between two steps, of which only the one that a step changes is made anew.

    Django makes all of its relatives anew as well, here two hundred classes for a key to a user: nine tenths of
    the time of an empty database's first migration. A step on tables asks of a relative its table and its key,
    which stay. Python code in a migration gets all models fresh: that is what `is_delayed` is for.
    """

    _spares_relatives = False

    def add_model(self, model_state: ModelState) -> None:
        with self._lean():
            super().add_model(model_state)

    def add_field(self, *arguments: Any, **named: Any) -> None:
        with self._lean():
            super().add_field(*arguments, **named)

    def alter_field(
        self, app_label: str, model_name: str, name: str, field: Field[Any, Any], preserve_default: bool
    ) -> None:
        may_be_pointed_at = field.unique
        with contextlib.nullcontext() if may_be_pointed_at else self._lean():
            super().alter_field(app_label, model_name, name, field, preserve_default)

    @contextlib.contextmanager
    def _lean(self) -> Iterator[None]:
        self._spares_relatives = True
        try:
            yield
        finally:
            self._spares_relatives = False

    def _find_reload_model(
        self, app_label: str, model_name: str, delay: bool = False
    ) -> set[tuple[str, str]]:
        if delay or self._spares_relatives:
            self.is_delayed = True
            return {(app_label, model_name)}
        relatives: set[tuple[str, str]] = super()._find_reload_model(app_label, model_name)  # type: ignore[misc]
        return relatives
