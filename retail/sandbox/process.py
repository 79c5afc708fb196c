"""The stand-ins as a process of their own: what starts it, and a context for programs that need one for a while."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from retail.sandbox.config import VARIABLE, Config

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Running:
    """A started server; `process_id` leads its process group."""

    url: str
    process_id: int


def server_command(port: int) -> list[str]:
    """One worker, since one process holds the state; this machine only; no websockets."""
    return [
        sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--host", "127.0.0.1",
        "--port", str(port), "--workers", "1", "--no-ws", "--workers-kill-timeout", "5", "--log-level", "warning",
        "retail.sandbox.app:from_environment",
    ]  # fmt: skip


@contextmanager
def running(config: Config) -> Iterator[Running]:
    """The stand-ins on a free port with the state of `config`, ready when this enters and gone when it leaves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, VARIABLE: replace(config, public_url=url).dumps()}
    process = subprocess.Popen(server_command(port), cwd=ROOT, env=environment, start_new_session=True)
    try:
        _wait(url, process)
        yield Running(url, process.pid)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the stand-ins ended while starting")
        try:
            if httpx.get(f"{url}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("the stand-ins did not answer in time")
