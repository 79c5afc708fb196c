"""The embedded servers: started twice, after a kill -9, with a taken port, by several at once."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from retail.running import home as local
from retail.running import postgres, processes, valkey

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers")]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Outside pytest's private folder: also a path that every user may reach is one of the cases."""
    folder = Path(tempfile.mkdtemp(prefix="onerow-servers-"))
    folder.chmod(0o755)
    yield folder
    valkey.stop(folder)
    postgres.delete(folder)
    shutil.rmtree(folder)


def ask(home: Path, query: str) -> object:
    with psycopg.connect(local.database_url(home)) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def test_second_start_finds_the_first(home: Path) -> None:
    port = postgres.start(home)
    assert postgres.start(home) == port
    assert ask(home, "SHOW server_version_num") is not None


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit", "full_page_writes"])
def test_what_is_committed_is_on_the_disk(home: Path, name: str) -> None:
    """The launcher itself switches fsync off; our settings must come after that."""
    postgres.start(home)
    assert ask(home, f"SHOW {name}") == "on"


def test_application_is_no_superuser(home: Path) -> None:
    postgres.start(home)
    assert ask(home, "SELECT current_user::text") == "onerow"
    assert ask(home, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_starts_after_kill_9_with_what_was_committed(home: Path) -> None:
    port = postgres.start(home)
    with psycopg.connect(local.database_url(home)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    os.kill(int(local.read_record(home, "postgres")["pid"]), signal.SIGKILL)
    assert postgres.start(home) == port
    assert ask(home, "SELECT answer FROM kept") == 42


def test_moves_when_its_port_was_taken_meanwhile(home: Path) -> None:
    port = postgres.start(home)
    postgres.stop(home)
    assert not postgres.is_running(home)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        moved = postgres.start(home)
    assert moved != port
    assert ask(home, "SELECT 1") == 1


def test_simultaneous_starts_make_one_server(home: Path) -> None:
    postgres.stop(home)
    ports: list[int] = []
    threads = [threading.Thread(target=lambda: ports.append(postgres.start(home))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ports) == 4
    assert len(set(ports)) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_root_runs_it_as_somebody_else_even_below_a_private_folder() -> None:
    private = Path(tempfile.mkdtemp(prefix="onerow-private-"))
    try:
        postgres.start(private, durable=False)
        assert ask(private, "SELECT 1") == 1
        pid = int(local.read_record(private, "postgres")["pid"])
        assert Path(f"/proc/{pid}").stat().st_uid != 0
        outside = Path(local.read_record(private, "postgres")["root"])
        assert not outside.is_relative_to(private)
    finally:
        postgres.delete(private)
        shutil.rmtree(private)
    assert not outside.exists()


def test_valkey_that_outlived_its_run_is_taken_over_and_stopped(home: Path) -> None:
    valkey.start(home)
    pid = int(local.read_record(home, "valkey")["pid"])
    valkey.start(home)
    assert int(local.read_record(home, "valkey")["pid"]) == pid
    valkey.stop(home)
    assert not valkey.is_running(home)


def test_valkey_starts_after_kill_9(home: Path) -> None:
    valkey.start(home)
    os.kill(int(local.read_record(home, "valkey")["pid"]), signal.SIGKILL)
    valkey.start(home)
    assert valkey.is_running(home)


def test_long_home_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    path = local.socket_path(deep, "valkey.sock")
    assert len(os.fsencode(path)) <= local.SOCKET_PATH_MAX
    assert path != local.socket_path(tmp_path / ("c" * 60) / ("d" * 60), "valkey.sock")


def test_process_identity_tells_a_reused_id_apart() -> None:
    assert processes.started_at(os.getpid()) == processes.started_at(os.getpid()) != ""
    assert processes.started_at(2**22 + 1) == ""
