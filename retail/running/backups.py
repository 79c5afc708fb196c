"""A copy from which a house is set up again: its database as of any moment since, its uploads and its secrets.

    FOLDER/20261122T161500Z/   one whole copy: database/ (PostgreSQL's own base backup, verified) and files/ (uploads, secrets, …)
    FOLDER/changes/            every later change of the database, while `backup --follow` runs

For the embedded server. Who brings a server of their own backs it up with its tools (docs/backups.md).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from retail.running import home as local
from retail.running import postgres

NAME = "%Y%m%dT%H%M%SZ"
# What a start makes anew, or what is no part of the shop.
LEFT_OUT = frozenset({"postgres", "run", "logs", "valkey", "artifacts", "node", "pages"})


class BackupFailed(RuntimeError):
    """Nothing that looks like a whole copy was left; the message says what to do."""


def back_up(home: Path, folder: Path, *, now: datetime) -> Path:
    """One whole copy, made while the house runs; its folder has its name only when it is complete and verified."""
    if not postgres.is_running(home):
        raise BackupFailed(
            "The embedded PostgreSQL of this home does not run. Start it with `make run` first."
        )
    if folder.resolve().is_relative_to(home.resolve()):
        raise BackupFailed("A copy inside the home that it copies is lost with it. Choose another folder.")
    copy = folder / now.astimezone(UTC).strftime(NAME)
    if copy.exists():
        raise BackupFailed(f"{copy} is there already.")
    making = copy.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    local.private_folder(making).chmod(0o700)
    try:
        _copy_files(home, making / "files")
        _run(
            home,
            "pg_basebackup",
            "--pgdata",
            str(making / "database"),
            "--wal-method",
            "stream",
            "--checkpoint",
            "fast",
        )
        _run(home, "pg_verifybackup", str(making / "database"))
        making.rename(copy)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return copy


@contextlib.contextmanager
def following(home: Path, folder: Path) -> Iterator[Callable[[], None]]:
    """Keeps every change of the database as it is committed, from before the first copy inside; what is given waits until that breaks."""
    changes = local.private_folder(folder / "changes")
    changes.chmod(0o700)
    receiving = subprocess.Popen(
        [*_command(home, "pg_receivewal"), "--directory", str(changes), "--synchronous", "--no-loop"],
        env=_variables(home),
        stderr=subprocess.PIPE,
        text=True,
    )

    def wait() -> None:
        _, said = receiving.communicate()
        raise BackupFailed(f"The changes are no longer followed: {said.strip()[-1000:]}")

    try:
        while not any(changes.iterdir()):
            if receiving.poll() is not None:
                wait()
            time.sleep(0.1)
        yield wait
    finally:
        receiving.terminate()
        receiving.wait()


def restore(home: Path, folder: Path, *, until: datetime | None = None) -> Path:
    """Sets up an empty home from the newest copy before `until`, with every kept change up to then; says which copy it was."""
    if postgres.has_data(home):
        raise BackupFailed(
            f"{home} has a database. Restore into an empty home: set ONEROW_HOME to another folder."
        )
    if until is not None and not (folder / "changes").is_dir():
        raise BackupFailed(
            "A moment between two copies needs the changes since, and nothing followed them (`backup --follow`)."
        )
    copy = _newest(folder, until)
    for source in (copy / "files").iterdir():
        _copy(source, home / source.name)
    changes = folder / "changes"
    try:
        postgres.recover(home, copy / "database", changes if changes.is_dir() else None, until=until)
    except BaseException as error:
        # Empty again, so that another moment can be tried.
        postgres.forget_data(home)
        if isinstance(error, postgres.PostgresFailed):
            raise BackupFailed(
                "The restored database does not start. Is the moment later than the last change that was kept? "
                f"PostgreSQL says: {error}"
            ) from error
        raise
    return copy


def _newest(folder: Path, until: datetime | None) -> Path:
    copies = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(ValueError):
            copies[datetime.strptime(path.name, NAME).replace(tzinfo=UTC)] = path
    if not copies:
        raise BackupFailed(f"{folder} has no copy. `manage.py backup {folder}` makes one.")
    fitting = [moment for moment in copies if until is None or moment < until]
    if not fitting:
        raise BackupFailed(f"The oldest copy is of {min(copies):%Y-%m-%d %H:%M:%S} UTC, later than that.")
    return copies[max(fitting)]


def _copy_files(home: Path, target: Path) -> None:
    target.mkdir()
    for source in home.iterdir():
        if source.name not in LEFT_OUT and not source.name.startswith(("test", ".")):
            _copy(source, target / source.name)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _run(home: Path, program: str, *arguments: str) -> None:
    command = [*_command(home, program), *arguments]
    done = subprocess.run(command, env=_variables(home), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupFailed(f"{program}: {(done.stderr or done.stdout).strip()[-1000:]}")


def _command(home: Path, program: str) -> list[str]:
    server = [] if program == "pg_verifybackup" else postgres.connection_arguments(home)
    return [str(postgres.program(home, program)), *server]


def _variables(home: Path) -> dict[str, str]:
    return {**os.environ, "PGPASSWORD": local.secret(home, "superuser_password")}
