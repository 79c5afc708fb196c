"""$ONEROW_HOME: where all local state is, and what the settings read from it. Imports nothing of Django."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A Unix socket's path may have 107 bytes; a long home keeps its sockets in a short folder of its own.
SOCKET_PATH_MAX = 100


def folder(base: Path, configured: str) -> Path:
    """The home as an absolute path; a relative one stands beside manage.py."""
    return (base / configured).resolve()


def private_folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(home: Path, name: str) -> Iterator[None]:
    """One process at a time inside; a killed holder leaves nothing behind."""
    with (private_folder(home / "run") / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def read_record(home: Path, name: str) -> dict[str, Any]:
    """What was recorded under run/; empty when nothing or only half of it is there."""
    try:
        content = json.loads((home / "run" / f"{name}.json").read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_record(home: Path, name: str, content: dict[str, Any]) -> None:
    write_private(private_folder(home / "run") / f"{name}.json", json.dumps(content, indent=2) + "\n")


def forget_record(home: Path, name: str) -> None:
    (home / "run" / f"{name}.json").unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Readable by its owner only, and never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(temporary).replace(path)


def secret(home: Path, name: str, *, kind: str = "text") -> str:
    """A random secret of this home, made at its first use: there is no default one to forget.

    In hexadecimal, since it also travels as a program's argument, where a leading minus would be an option.
    """
    path = home / "secrets.json"
    known = _secrets(path)
    if name not in known:
        with locked(home, "secrets"):
            known = _secrets(path)
            if name not in known:
                known[name] = _fernet_key() if kind == "fernet" else secrets.token_hex(32)
                write_private(path, json.dumps(known, indent=2) + "\n")
    return known[name]


def _secrets(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def socket_path(home: Path, name: str) -> Path:
    path = home / "run" / name
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
        return path
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"onerow-{os.getuid()}-{digest}" / name


def database_url(home: Path) -> str:
    """The embedded server's address, as the application (not as its superuser)."""
    port = read_record(home, "postgres").get("port", 55432)
    return f"postgresql://onerow:{secret(home, 'database_password')}@127.0.0.1:{port}/onerow"


def redis_url(home: Path) -> str:
    return f"redis+socket://{socket_path(home, 'valkey.sock')}?virtual_host=0"


def cache_location(url: str) -> str:
    """Celery's and the cache client's addresses differ for a socket."""
    if url.startswith("redis+socket://"):
        return f"unix://{url.removeprefix('redis+socket://').split('?', 1)[0]}?db=1"
    return url
