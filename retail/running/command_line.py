"""What happens before Django: a local command finds its embedded servers up, and leaves none behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from retail.running import home as local

# They need no database; `up`, `stop`, `reset` and `restore` manage the servers themselves.
WITHOUT_SERVERS = frozenset(
    {
        "",
        "help",
        "--help",
        "-h",
        "version",
        "--version",
        "stop",
        "reset",
        "restore",
        "sandbox",
        "translations",
    }
    | {
        "makemigrations",
        "makemessages",
        "compilemessages",
        "startapp",
        "diffsettings",
        "check",
        "spectacular",
    }
)


def run(argv: list[str]) -> None:
    name = argv[1] if len(argv) > 1 else ""
    asks_for_help = "--help" in argv or "-h" in argv
    if name == "up" and not asks_for_help:
        from retail.running import supervisor

        sys.exit(supervisor.main(argv[2:]))
    from django.core.management import execute_from_command_line

    if name in WITHOUT_SERVERS or asks_for_help or os.environ.get("DATABASE_URL"):
        execute_from_command_line(argv)
        return
    with servers(local.folder(Path(__file__).parents[2], os.environ.get("ONEROW_HOME") or ".onerow")):
        execute_from_command_line(argv)


@contextlib.contextmanager
def servers(home: Path) -> Iterator[None]:
    """Both servers while inside. The last one out stops them; `up` counts itself in and stops them at its end."""
    from retail.running import postgres, valkey

    with counted_in(home) as users:
        postgres.start(home)
        valkey.start(home)
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                valkey.stop(home)
                postgres.stop(home)


@contextlib.contextmanager
def counted_in(home: Path) -> Iterator[IO[str]]:
    """While inside, no other command of this home stops the servers."""
    with (local.private_folder(home / "run") / "users.lock").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield users
