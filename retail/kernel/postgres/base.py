"""PostgreSQL backend that tells each transaction who acts, once, before its first write.

`set_config(…, true)` lives until the end of the transaction, so it is safe behind a transaction pooler. A write in autocommit gets a
transaction of its own. Reads stay free of it.
"""

import re
from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.transaction import Atomic

from retail.kernel.context import Context, current

# Known reads only; anything else (a leading comment, a CTE that writes, a function call) counts as a write.
_READ = re.compile(
    r"\A\s*(?:SELECT(?!.*\b(?:FOR\s+UPDATE|FOR\s+NO\s+KEY|set_config\b|onerow_))|SHOW|EXPLAIN|SAVEPOINT|RELEASE|ROLLBACK|SET\s|DECLARE|FETCH|CLOSE)",
    re.IGNORECASE | re.DOTALL,
)
# Plumbing without an audit trigger, on the hottest path: it needs no actor.
_UNTRACED = re.compile(r"\A(?:INSERT INTO|UPDATE|DELETE FROM) kernel_idempotencykey\b")
_SEND = "SELECT set_config('retail.actor', %s, true), set_config('retail.label', %s, true), set_config('retail.request_id', %s, true), set_config('retail.reason', %s, true)"


OURS = frozenset({"kernel", "audit", "storefront", "crm", "oms", "warehouse", "finance", "cms"})
# Called with the connection and the table whose columns a migration has just changed.
columns_changed: list[Callable[[Any, str], None]] = []


class SchemaEditor(DatabaseSchemaEditor):
    """Tells what lives beside a table that its columns are others now: the same migration may write to it next."""

    def add_field(self, model: Any, field: Any) -> None:
        super().add_field(model, field)
        self._tell(model)

    def remove_field(self, model: Any, field: Any) -> None:
        super().remove_field(model, field)
        self._tell(model)

    def alter_field(self, model: Any, old_field: Any, new_field: Any, strict: bool = False) -> None:
        super().alter_field(model, old_field, new_field, strict)
        self._tell(model)

    def _create_like_index_sql(self, model: Any, field: Any) -> Any:
        """Ours are asked whole; where a beginning is asked, the model says so with an index of its own."""
        if model._meta.app_label in OURS:
            return None
        return super()._create_like_index_sql(model, field)  # type: ignore[misc]

    def _tell(self, model: Any) -> None:
        for each in columns_changed:
            each(self.connection, model._meta.db_table)


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = SchemaEditor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sent: Context | None = None
        self.execute_wrappers.append(self._with_context)

    def set_autocommit(self, autocommit: bool, *args: Any, **kwargs: Any) -> None:
        self._sent = None
        super().set_autocommit(autocommit, *args, **kwargs)

    def _rollback(self) -> None:
        self._sent = None
        super()._rollback()  # type: ignore[misc]

    def _savepoint_rollback(self, sid: str) -> None:
        # A value set inside a rolled-back savepoint is undone with it.
        self._sent = None
        super()._savepoint_rollback(sid)  # type: ignore[misc]

    def close(self) -> None:
        self._sent = None
        super().close()

    def _with_context(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if (self._sent == current() and self.in_atomic_block) or _READ.match(str(sql)):
            return execute(sql, params, many, context)
        if _UNTRACED.match(str(sql)):
            return execute(sql, params, many, context)
        if self.in_atomic_block or not self.get_autocommit():
            self._send(context)
            return execute(sql, params, many, context)
        if not _needs_transaction(str(sql)):
            return execute(sql, params, many, context)
        with Atomic(self.alias, savepoint=False, durable=False):
            self._send(context)
            return execute(sql, params, many, context)

    def was_told(self, who: Context) -> None:
        """A function of ours has told this transaction who acts."""
        assert self.in_atomic_block, "what is told ends with its transaction"
        self._sent = who

    def _send(self, context: dict[str, Any]) -> None:
        who = current()
        actor = "" if who.actor_id is None else str(who.actor_id)
        # The raw cursor: the wrapper must not call itself.
        context["cursor"].cursor.execute(_SEND, (actor, who.actor_label, who.request_id, who.reason))
        self._sent = who


def _needs_transaction(sql: str) -> bool:
    """Only row writes carry an actor; DDL, VACUUM, LISTEN and friends must stay outside a transaction block."""
    return bool(
        re.match(
            r"\A\s*(?:/\*.*?\*/\s*)*(?:INSERT|UPDATE|DELETE|MERGE|WITH|SELECT|TRUNCATE)\b",
            sql,
            re.IGNORECASE | re.DOTALL,
        )
    )
