"""`manage.py up` as a person meets it: ready, a second one, a taken port, a fallen process, kill -9, Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retail.running import home as local
from retail.running import postgres, processes

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("servers")]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="onerow-up-"))
    folder.chmod(0o755)
    yield folder
    command(folder, 0, "stop").wait()
    postgres.delete(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def port() -> int:
    return processes.free_port()


def command(home: Path, port: int, name: str) -> subprocess.Popen[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DJANGO_")}
    variables = {"ONEROW_HOME": str(home), "SAMPLE": "none", "TASK_WORKERS": "1", "WEB_WORKERS": "1"}
    if port:
        variables["PORT"] = str(port)
    return subprocess.Popen(
        [sys.executable, "manage.py", name],
        cwd=ROOT,
        env={**clean, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(what: Callable[[], object]) -> object:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := what()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)
    return found


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return "".join(said)
    raise AssertionError(f"never said {words!r}:\n{''.join(said)}")


def status(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return int(answer.status)
    except OSError:
        return 0


def children(home: Path) -> dict[str, int]:
    return {child["name"]: child["pid"] for child in local.read_record(home, "up").get("children", [])}


def test_life_of_a_run(home: Path, port: int) -> None:
    first = command(home, port, "up")
    said = read_until(first, "Onerow is ready")
    assert f"Onerow is ready at http://localhost:{port}" in said
    assert status(port) == 200

    second = command(home, port, "up")
    assert f"it already runs here, on port {port}" in second.communicate()[0]
    assert second.returncode == 1
    assert status(port) == 200

    beat = children(home)["beat"]
    os.kill(beat, signal.SIGKILL)
    wait_for(lambda: children(home)["beat"] != beat)
    server = int(local.read_record(home, "postgres")["pid"])
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: int(local.read_record(home, "postgres")["pid"]) != server)
    wait_for(lambda: status(port) == 200)

    everything = [*children(home).values(), first.pid]
    for pid in (first.pid, *children(home).values()):
        os.kill(pid, signal.SIGKILL)
    first.wait()
    third = command(home, port, "up")
    read_until(third, "Onerow is ready")
    assert status(port) == 200
    assert not any(processes.is_alive(pid) for pid in everything)

    everything = [*children(home).values()]
    third.send_signal(signal.SIGINT)
    assert "Onerow is stopped." in third.communicate()[0]
    assert third.returncode == 0
    assert not any(processes.is_alive(pid) for pid in everything)
    assert not postgres.is_running(home)
    assert status(port) == 0


def test_taken_port_is_told_by_its_variable(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        refused = command(home, taken, "up")
        said = refused.communicate()[0]
    assert refused.returncode == 1
    assert f"PORT {taken} is taken by another program" in said
    assert "make run" in said


def test_stop_with_nothing_to_stop(home: Path) -> None:
    idle = command(home, 0, "stop")
    assert idle.communicate()[0].strip().endswith("Nothing was running.")
    assert idle.returncode == 0


def test_reset_asks(home: Path) -> None:
    environment = {**os.environ, "ONEROW_HOME": str(home)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    asked = subprocess.run(
        [sys.executable, "manage.py", "reset"],
        cwd=ROOT,
        env=environment,
        input="no\n",
        capture_output=True,
        text=True,
    )
    assert asked.returncode == 1
    assert "Nothing was deleted." in asked.stderr
    assert (home / "run").is_dir()
