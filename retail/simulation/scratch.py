"""A database of its own for each run: the same seed finds the same empty house, and nobody's rows are touched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from retail.running import home as local
from retail.running import postgres


@contextmanager
def database(name: str, *, is_kept: Callable[[], bool]) -> Iterator[None]:
    """The house's connection points to a fresh, migrated database in here."""
    before = str(connection.settings_dict["NAME"])
    template = f"simulation_template_{_fingerprint()}"
    with local.locked(settings.ONEROW_HOME, "simulation"), _administrator() as server:
        _make_template(server, template)
        _create(server, name, template)
    try:
        _point_to(name)
        yield
    finally:
        _point_to(before)
        if not is_kept():
            with _administrator() as server:
                _drop(server, name)


def _administrator() -> psycopg.Connection[Any]:
    """Who may make databases: the embedded server's superuser, else the role of DATABASE_URL."""
    url = os.environ.get("DATABASE_URL") or postgres.administrator_url(settings.ONEROW_HOME)
    return psycopg.connect(url, autocommit=True)


def _make_template(server: psycopg.Connection[Any], template: str) -> None:
    """Migrated once for each state of the migrations; older ones go."""
    names = [str(row[0]) for row in server.execute("SELECT datname FROM pg_database").fetchall()]
    if template in names:
        return
    for old in names:
        if old.startswith("simulation_template_"):
            _drop(server, old)
    making = f"{template}_making"
    _drop(server, making)
    _create(server, making, "template0")
    before = str(connection.settings_dict["NAME"])
    _point_to(making)
    call_command("migrate", verbosity=0, interactive=False)
    _point_to(before)
    server.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(template))
    )


def _create(server: psycopg.Connection[Any], name: str, template: str) -> None:
    _drop(server, name)
    database, owner = sql.Identifier(name), sql.Identifier(str(connection.settings_dict["USER"]))
    server.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(database, sql.Identifier(template), owner)
    )
    # Nothing here must survive a crash of the machine.
    server.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(database))


def _drop(server: psycopg.Connection[Any], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _point_to(name: str) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    connection.settings_dict["NAME"] = name


def _fingerprint() -> str:
    """Changes with every migration, and with the SQL of the trace that migrations install."""
    digest = hashlib.sha256()
    for config in apps.get_app_configs():
        module = f"{config.name}.migrations"
        try:
            found = import_module(module)
        except ModuleNotFoundError:
            continue
        for folder in getattr(found, "__path__", []):
            for path in sorted(Path(folder).glob("*.py")):
                digest.update(path.read_bytes())
    for folder in ("audit", "audit/register"):
        for path in sorted(Path(settings.BASE_DIR, folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
