"""One migrated template database, cloned in a tenth of a second for each worker and after each test that commits."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from retail.management.commands.migrate import migrate_libraries
from retail.running import home as local
from retail.running import postgres, processes

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("retail", "audit", "storefront", "crm", "oms", "warehouse", "finance", "cms")
_INTERNAL_IMPORT = re.compile(rf"^from ((?:{'|'.join(ROOMS)})[\w.]*) import", re.MULTILINE)


def fingerprint(migrations: Iterable[Path]) -> str:
    """Changes with everything that the migrated database depends on: migrations, what they import, the lock."""
    digest = hashlib.sha256()
    for path in sorted({*_with_imports(set(migrations)), ROOT / "requirements" / "base.lock"}):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _all_sources() -> set[Path]:
    patterns = ("migrations/*.py", "*.sql")
    found = {path for room in ROOMS for pattern in patterns for path in (ROOT / room).rglob(pattern)}
    # Statements that migrate makes into functions of the database, and the pieces they share.
    found |= {
        path
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\b(Prepared|Steps|KeyedQuestion\.of)\(", path.read_text())
    }
    found |= {ROOT / "crm" / "selectors" / "offers.py", ROOT / "crm" / "operations" / "spending.py"}
    # The trace's functions are made of its templates and of what is said of each column.
    found |= {ROOT / "audit" / name for name in ("sql.py", "attach.py")}
    found |= set((ROOT / "audit" / "register").glob("*.py"))
    found |= set((ROOT / "storefront" / "selectors").glob("*.py"))
    return found | {ROOT / "warehouse" / "selectors" / "sql.py", ROOT / "warehouse" / "apps.py"}


def _with_imports(sources: set[Path]) -> set[Path]:
    found = set(sources)
    for migration in sources:
        for name in _INTERNAL_IMPORT.findall(migration.read_text()):
            module = ROOT.joinpath(*name.split("."))
            found |= {path for path in (module.with_suffix(".py"), module / "__init__.py") if path.exists()}
    return found


class Databases:
    """The template and the clones of this process."""

    def __init__(self, worker: str) -> None:
        users = (ROOT / "retail" / "kernel" / "migrations").glob("0001*.py")
        self.libraries = f"template_{fingerprint(users)}_libraries"
        self.template = f"template_{fingerprint(_all_sources())}"
        self.name = f"test_{os.getpid()}_{worker}"

    def build(self) -> None:
        with local.locked(settings.ONEROW_HOME, "template"), self._administrator() as server:
            self._sweep(server)
            if not self._exists(server, self.template):
                if not self._exists(server, self.libraries):
                    self._make(server, self.libraries, "template0", _migrate_libraries)
                self._make(server, self.template, self.libraries, _migrate)
            self._clone(server)
        connections["default"].settings_dict["NAME"] = self.name

    def renew(self) -> None:
        """The clone as new: whatever the test committed, in whatever table, is gone."""
        connections.close_all()
        with self._administrator() as server:
            self._clone(server)

    def drop(self) -> None:
        connections.close_all()
        with self._administrator() as server:
            server.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name))
            )

    def _administrator(self) -> psycopg.Connection[tuple[object, ...]]:
        if url := os.environ.get("DATABASE_URL"):
            return psycopg.connect(url, autocommit=True)
        return psycopg.connect(postgres.administrator_url(settings.ONEROW_HOME), autocommit=True)

    def _exists(self, server: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
        return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None

    def _clone(self, server: psycopg.Connection[tuple[object, ...]]) -> None:
        name, template = sql.Identifier(self.name), sql.Identifier(self.template)
        owner = sql.Identifier(str(connections["default"].settings_dict["USER"]))
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY").format(
                name, template, owner
            )
        )

    def _make(
        self,
        server: psycopg.Connection[tuple[object, ...]],
        name: str,
        base: str,
        migrate: Callable[[], object],
    ) -> None:
        """Under a passing name first, so that a killed run leaves no half template."""
        making = sql.Identifier(f"{name}_making")
        owner = sql.Identifier(str(connections["default"].settings_dict["USER"]))
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(making))
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(making, sql.Identifier(base), owner)
        )
        connections["default"].settings_dict["NAME"] = f"{name}_making"
        migrate()
        connections.close_all()
        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(making, sql.Identifier(name)))

    def _sweep(self, server: psycopg.Connection[tuple[object, ...]]) -> None:
        """Databases of runs that were killed, and templates of migrations that are no more."""
        for name in self._leftovers(server):
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _leftovers(self, server: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
        for (name,) in server.execute("SELECT datname FROM pg_database").fetchall():
            owner = re.fullmatch(r"test_(\d+)_\w+", str(name))
            of_dead_run = owner is not None and not processes.is_alive(int(owner[1]))
            is_old_template = str(name).startswith("template_") and name not in (
                self.template,
                self.libraries,
            )
            if of_dead_run or is_old_template:
                yield str(name)


def _migrate_libraries() -> None:
    migrate_libraries(connections["default"])


def _migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)
