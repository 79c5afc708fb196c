"""CPU of this process and of the server process that answers it: hardly moved by who else works on the machine."""

from __future__ import annotations

import time
from pathlib import Path

from django.db import connection


def used() -> float:
    """Seconds so far, of both."""
    return time.process_time() + of_server()


def of_server() -> float:
    """Seconds so far of the server process behind Django's connection; what it has others do in parallel is not in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
