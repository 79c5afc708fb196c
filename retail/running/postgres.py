"""The embedded PostgreSQL 18: started and stopped below $ONEROW_HOME, by root (as another user) or by anyone."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql

from retail.running import home as local
from retail.running import processes

SUPERUSER, APPLICATION, DATABASE = "postgres", "onerow", "onerow"
START_ATTEMPTS = 20
MAX_CONNECTIONS = 200

DURABLE = (
    "fsync=on",  # the launcher starts its server with -F; what stands later on the command line holds
    f"max_connections={MAX_CONNECTIONS}",
    "shared_buffers=256MB",
    "work_mem=16MB",
    "maintenance_work_mem=128MB",
    "effective_cache_size=1GB",
    "random_page_cost=1.1",
    "max_wal_size=2GB",
    "checkpoint_timeout=15min",
    "jit=off",
    "timezone=UTC",
)
# Only for throw-away test servers: a crash of the machine may lose everything.
THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum_naptime=300")


class PostgresFailed(RuntimeError):
    """The embedded server does not start; the message says what it said."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the server lives, and as whom it runs: PostgreSQL refuses to run as root."""

    root: Path
    user: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def binary(self) -> Path:
        return self.root / "bin" / "pg0"


def start(home: Path, *, durable: bool = True) -> int:
    """Starts the server unless it runs, makes the application's role and database, returns the port."""
    with local.locked(home, "postgres"):
        port = int(local.read_record(home, "postgres").get("port", 0))
        place = _place(home)
        if port and _answers(home, port, place):
            return port
        port = _launch(home, place, port, durable=durable)
        _make_application(home, port)
        local.write_record(
            home,
            "postgres",
            {"port": port, "pid": _postmaster(place), "root": str(place.root), "durable": durable},
        )
        return port


def stop(home: Path) -> None:
    """A fast shutdown: open transactions roll back, nothing committed is lost."""
    with local.locked(home, "postgres"):
        place = _place(home)
        pid = _postmaster(place)
        if pid and processes.is_alive(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)
            deadline = time.monotonic() + 30
            while processes.is_alive(pid) and time.monotonic() < deadline:
                time.sleep(0.05)


def is_running(home: Path) -> bool:
    port = int(local.read_record(home, "postgres").get("port", 0))
    return bool(port) and _answers(home, port, _place(home))


def listens(home: Path) -> bool:
    """Cheaper than `is_running`, for a watch that looks every other second."""
    port = int(local.read_record(home, "postgres").get("port", 0))
    return bool(port) and processes.listens(port)


def delete(home: Path) -> None:
    """Stops the server and deletes what it keeps outside the home."""
    stop(home)
    root = _place(home).root
    if not root.is_relative_to(home):
        shutil.rmtree(root, ignore_errors=True)


def program(home: Path, name: str) -> Path:
    """One of the programs that come with the embedded server."""
    found = sorted((_place(home).root / "home").glob(f".pg0/installation/*/bin/{name}"))
    if not found:
        raise PostgresFailed(f"The embedded PostgreSQL has no {name}.")
    return found[-1]


def connection_arguments(home: Path) -> list[str]:
    """What these programs are told to reach the server as its superuser; the password goes into PGPASSWORD."""
    port = local.read_record(home, "postgres").get("port", 55432)
    return ["--host", "127.0.0.1", "--port", str(port), "--username", SUPERUSER, "--no-password"]


def has_data(home: Path) -> bool:
    return (_place(home).data / "PG_VERSION").exists()


def forget_data(home: Path) -> None:
    """The server ends, and its rows with it."""
    stop(home)
    for folder in (_place(home).data, _place(home).root / "changes"):
        shutil.rmtree(folder, ignore_errors=True)


def recover(home: Path, base: Path, changes: Path | None, *, until: datetime | None) -> None:
    """Starts a server of an empty home from a base backup and the changes since, up to a moment or to their end."""
    place = _place(home)
    _install(place)
    shutil.copytree(base, place.data)
    told: dict[str, str] = {}
    if changes is not None:
        # The server's own user may not look into the folder of the copies.
        kept = shutil.copytree(changes, place.root / "changes")
        told["restore_command"] = f'cp "{kept}/%f" "%p" || cp "{kept}/%f.partial" "%p"'
        (place.data / "recovery.signal").touch()
    if until is not None:
        told |= {"recovery_target_time": until.isoformat(), "recovery_target_action": "promote"}
    with (place.data / "postgresql.auto.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in told.items())
    _give(place, place.root / "changes", place.data)
    place.data.chmod(0o700)
    start(home)
    with psycopg.connect(administrator_url(home), autocommit=True) as connection:
        for name in told:
            connection.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
    shutil.rmtree(place.root / "changes", ignore_errors=True)


def _give(place: _Place, *folders: Path) -> None:
    if place.user:
        for folder in filter(Path.exists, folders):
            for path in (folder, *folder.rglob("*")):
                os.chown(path, place.user.pw_uid, place.user.pw_gid)


def administrator_url(home: Path, database: str = "postgres") -> str:
    """The superuser's address: to make databases and roles, never for the application."""
    port = local.read_record(home, "postgres").get("port", 55432)
    return _superuser_url(home, int(port), database)


def _superuser_url(home: Path, port: int, database: str) -> str:
    return f"postgresql://{SUPERUSER}:{local.secret(home, 'superuser_password')}@127.0.0.1:{port}/{database}"


def _place(home: Path) -> _Place:
    inside = home / "postgres"
    if os.geteuid() != 0:
        return _Place(inside, None)
    user = pwd.getpwnam("nobody")
    if _reachable(home, user):
        return _Place(inside, user)
    # Below /root and the like the other user may not even look: its server lives beside, named after the home.
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return _Place(Path("/var/lib/onerow") / digest, user)


def _reachable(home: Path, user: pwd.struct_passwd) -> bool:
    """May this user walk down to the home?"""
    home.mkdir(parents=True, exist_ok=True)
    for step in (home, *home.parents):
        status = step.stat()
        shift = 6 if status.st_uid == user.pw_uid else 3 if status.st_gid == user.pw_gid else 0
        if not (status.st_mode >> shift) & 1:
            return False
    return True


def _answers(home: Path, port: int, place: _Place) -> bool:
    """A real connection with our password to our data: only that proves that this server is ours and up."""
    try:
        with psycopg.connect(_superuser_url(home, port, "postgres"), connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT current_setting('data_directory'), pg_is_in_recovery()"
            ).fetchone()
    except psycopg.Error:
        return False
    return row is not None and Path(row[0]).resolve() == place.data.resolve() and not row[1]


def _launch(home: Path, place: _Place, port: int, *, durable: bool) -> int:
    _install(place)
    port = port or processes.free_port()
    said = ""
    for attempt in range(START_ATTEMPTS):
        pid = _postmaster(place)
        if not (pid and processes.is_alive(pid)) and not processes.port_is_free(port):
            port = processes.free_port()
        answer = _run(home, place, port, durable=durable)
        if answer.returncode == 0 and _waits_for(home, port, place):
            return port
        said = (answer.stderr or answer.stdout).strip()
        # After a kill -9 the old server's children need a moment to notice, and pg0 still believes in it.
        if "already running" in said and _waits_for(home, port, place, seconds=1):
            return port
        time.sleep(min(0.25 * (attempt + 1), 1.5))
    raise PostgresFailed(f"The embedded PostgreSQL does not start: {said[-2000:]}")


def _waits_for(home: Path, port: int, place: _Place, *, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not _answers(home, port, place):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _install(place: _Place) -> None:
    """The folders, and a copy of the server that the other user may run (a virtual environment may be hidden)."""
    from pg0 import __file__ as package

    bundled = Path(package).parent / "bin" / "pg0"
    place.root.mkdir(parents=True, exist_ok=True)
    if place.user:
        place.root.parent.chmod(place.root.parent.stat().st_mode | 0o111)
    for folder in (place.root, place.root / "home"):
        folder.mkdir(exist_ok=True)
        if place.user:
            os.chown(folder, place.user.pw_uid, place.user.pw_gid)
        folder.chmod(0o700 if folder != place.root else 0o711)
    if not place.binary.exists() or place.binary.stat().st_size != bundled.stat().st_size:
        place.binary.parent.mkdir(exist_ok=True)
        shutil.copyfile(bundled, place.binary)
        place.binary.chmod(0o755)


def _run(home: Path, place: _Place, port: int, *, durable: bool) -> subprocess.CompletedProcess[str]:
    """pg0 remembers nothing: the whole argument list, each time."""
    options = [part for option in (DURABLE if durable else DURABLE + THROW_AWAY) for part in ("-c", option)]
    command = [str(place.binary), "start", "--name", "onerow", "-p", str(port), "-d", str(place.data)]
    command += ["-u", SUPERUSER, "-P", local.secret(home, "superuser_password"), "-n", "postgres", *options]
    user = place.user
    return subprocess.run(
        command,
        cwd="/",
        env={"HOME": str(place.root / "home"), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _postmaster(place: _Place) -> int:
    try:
        return int((place.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0


def _make_application(home: Path, port: int) -> None:
    """The application's own role, without a superuser's rights, and its database."""
    password = local.secret(home, "database_password")
    with psycopg.connect(_superuser_url(home, port, "postgres"), autocommit=True) as connection:
        role = sql.Identifier(APPLICATION)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APPLICATION]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE").format(role))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), role))
