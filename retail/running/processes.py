"""Small facts about processes: alive, ours, what a port answers. /proc where there is one, `ps` elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

PROC = Path("/proc")


def started_at(pid: int) -> str:
    """When this process started, as the system writes it; empty when it is gone. Tells a reused id apart."""
    if (PROC / "self").exists():
        try:
            fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        return "" if fields[0] == "Z" else fields[19]
    answer = subprocess.run(
        ["ps", "-p", str(pid), "-o", "lstart="], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def is_alive(pid: int) -> bool:
    return pid > 0 and bool(started_at(pid))


def carrying(marker: str) -> list[int]:
    """Processes with this `NAME=value` in their environment: children that outlived a killed parent."""
    found = []
    for entry in PROC.glob("[0-9]*"):
        try:
            variables = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if marker.encode() in variables and int(entry.name) != os.getpid() and is_alive(int(entry.name)):
            found.append(int(entry.name))
    return found


def stop_all(pids: list[int], *, patience_seconds: float = 10.0) -> None:
    """Asks each process to end, waits, and ends those that do not."""
    for pid in pids:
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline and any(is_alive(pid) for pid in pids):
        time.sleep(0.05)
    for pid in pids:
        if is_alive(pid):
            _send(pid, signal.SIGKILL)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(*, start: int = 0) -> int:
    """A free port: the first from `start`, or any."""
    while start and not port_is_free(start):
        start += 1
    if start:
        return start
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
