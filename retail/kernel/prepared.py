"""Statements whose plan the server keeps: the hot questions and the reserving statement as functions of the database.

Planning them costs more than running them. A function keeps its plan in the server's session, so this works behind a transaction
pooler too, which a prepared statement would not. The text in this code is the only source: after every migrate the functions are made,
their names carry a digest of their text, so old and new code find their own. Where they are missing the text itself is run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import count
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import RawCursor

_PARAMETER = re.compile(r"%\((\w+)\)s(?:::[\w\[\]]+)?")
# Left to itself the server plans a large statement anew for each call, because it takes that for cheap.
_SETTING = "SET plan_cache_mode = force_generic_plan"
_all: dict[str, Prepared] = {}


@dataclass
class Prepared:
    """One statement with named parameters; `returns` are the types of its columns, in order."""

    name: str
    sql: str
    parameters: Mapping[str, str]
    returns: Sequence[str]
    writes: bool = False
    _is_there: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert set(_PARAMETER.findall(self.sql)) == set(self.parameters), f"parameters of {self.name}"
        digest = hashlib.sha256(f"{self.sql}{self.parameters}{self.returns}{_SETTING}".encode()).hexdigest()
        self.function = f"{self.name}_{digest[:10]}"
        _all[self.function] = self

    def rows(self, values: Mapping[str, Any]) -> list[Any]:
        """Run it with these values."""
        return self._run(self._call if self._exists() else self.sql, values)

    def _run(self, text: str, values: Mapping[str, Any]) -> list[Any]:
        own = _own()
        if self.writes or _is_watched(own):
            with own.cursor() as cursor:
                cursor.execute(text, values)
                return list(cursor.fetchall())
        # A read needs nothing of what Django lays around a cursor, which costs as much as the driver itself.
        with own.wrap_database_errors:
            own.ensure_connection()
            return list(own.create_cursor().execute(text, values).fetchall())

    @cached_property
    def _call(self) -> str:
        arguments = ", ".join(f"%({name})s::{kind}" for name, kind in self.parameters.items())
        call = f"SELECT * FROM {self.function}({arguments})"  # noqa: S608 - a name of our own
        # A write must not look like a read to the backend that tells the trace who acts.
        return f"WITH done AS ({call}) SELECT * FROM done" if self.writes else call  # noqa: S608

    @property
    def definition(self) -> str:
        """The function; its parameters are prefixed, so that no column is ever taken for one."""
        arguments = ", ".join(f"p_{name} {kind}" for name, kind in self.parameters.items())
        columns = ", ".join(f"out_{place} {kind}" for place, kind in enumerate(self.returns, start=1))
        body = _PARAMETER.sub(lambda found: f"p_{found[1]}", self.sql).replace("%%", "%")
        return (
            f"CREATE OR REPLACE FUNCTION {self.function}({arguments}) RETURNS TABLE ({columns}) LANGUAGE plpgsql "
            f"{'VOLATILE' if self.writes else 'STABLE'} {_SETTING} AS $prepared$\n#variable_conflict use_column\n"
            f"BEGIN RETURN QUERY {body}; END $prepared$"
        )

    def _exists(self) -> bool:
        """Asked once in a process and database, beside the statements that are counted and traced."""
        own = _own()
        database = str(own.settings_dict["NAME"])
        if database not in self._is_there:
            own.ensure_connection()
            found = own.connection.execute(
                "SELECT 1 FROM pg_proc WHERE proname = %s", [self.function]
            ).fetchone()
            self._is_there[database] = found is not None
        return self._is_there[database]


def asked(sql: str, values: Sequence[Any]) -> list[Any]:
    """A read in words that many questions share: its text is put in order once, where the driver would take a long one apart each time."""
    own = _own()
    if _is_watched(own):
        with own.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())
    with own.wrap_database_errors:
        own.ensure_connection()
        return list(RawCursor(own.connection).execute(_numbered(sql), values).fetchall())


def as_array(ids: Iterable[int]) -> str:
    """Whole numbers as an array's text: the driver looks at each of a list to find out what it is."""
    return f"{{{','.join(map(str, ids))}}}"


@lru_cache(maxsize=256)
def _numbered(sql: str) -> bytes:
    numbers = count(1)
    text = re.sub("%(s|%)", lambda found: f"${next(numbers)}" if found[1] == "s" else "%", sql)
    return text.encode()


def _own() -> Any:
    """This thread's connection itself: `django.db.connection` looks it up anew for each of its attributes."""
    return connections[DEFAULT_DB_ALIAS]


def _is_watched(own: Any) -> bool:
    """Somebody counts, logs or disturbs statements, or an open transaction is broken: Django knows what to do."""
    return bool(own.queries_logged or own.needs_rollback or len(own.execute_wrappers) > 1)


@dataclass
class Steps(Prepared):
    """Several statements in their order as one call: `sql` is the body of a PL/pgSQL block, `variables` declares what it uses.

    It hands out rows through its columns (`out_1`, `out_2`, …). Each statement sees what was committed before it began, as if it had
    been sent by itself. Where the function is missing, the session makes one of its own.
    """

    variables: str = ""

    def rows(self, values: Mapping[str, Any]) -> list[Any]:
        if self._exists():
            return self._run(self._call, values)
        with _own().cursor() as cursor:
            cursor.execute(self._defined("pg_temp."))
        return self._run(self._call.replace(f"{self.function}(", f"pg_temp.{self.function}("), values)

    @property
    def definition(self) -> str:
        return self._defined()

    def _defined(self, schema: str = "") -> str:
        arguments = ", ".join(f"p_{name} {kind}" for name, kind in self.parameters.items())
        columns = ", ".join(f"out_{place} {kind}" for place, kind in enumerate(self.returns, start=1))
        body = _PARAMETER.sub(lambda found: f"p_{found[1]}", self.sql).replace("%%", "%")
        return (
            f"CREATE OR REPLACE FUNCTION {schema}{self.function}({arguments}) RETURNS TABLE ({columns}) LANGUAGE plpgsql "
            f"VOLATILE {_SETTING} AS $prepared$\n#variable_conflict use_column\n"
            f"DECLARE {self.variables}\nBEGIN {body} END $prepared$"
        )


def with_variables(sql: str, variables: Mapping[str, str]) -> str:
    """A statement inside a block: these parameters of it are variables there, the others are the block's own."""
    return _PARAMETER.sub(lambda found: variables.get(found[1], found[0]), sql)


def install(*, using: str = "default", **_: Any) -> None:
    """Make what is missing; connected to post_migrate. Functions of older code stay for the processes that still run it."""
    with connections[using].cursor() as cursor:
        for each in _all.values():
            cursor.execute("SELECT 1 FROM pg_proc WHERE proname = %s", [each.function])
            if cursor.fetchone() is None:
                cursor.execute(each.definition)


def source_of(function: str) -> str | None:
    """The statement inside a function of ours, for those who read statements."""
    found = _all.get(function)
    return found.sql if found else None
