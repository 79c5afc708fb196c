"""`manage.py up`: servers, migrations, sample, processes; says when all of them answer; stops all of them."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from django.core.exceptions import ImproperlyConfigured

from retail.environment import read
from retail.running import command_line, postgres, processes, valkey
from retail.running import home as local
from retail.running.children import Child, environment, plans

ROOT = Path(__file__).resolve().parents[2]
ANSWER_SECONDS_MAX = 120.0
SERVER_CHECK_SECONDS = 2.0


class CannotRun(Exception):
    """A reason that the person at the keyboard can act on."""


class _Stopped(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py up", description=__doc__)
    parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _raise_stopped)
    try:
        home = local.folder(ROOT, read("ONEROW_HOME"))
        with _only_one(home), command_line.counted_in(home):
            Supervisor(home).run()
    except (CannotRun, ImproperlyConfigured, postgres.PostgresFailed, valkey.ValkeyFailed) as problem:
        _say(f"\nOnerow did not start: {problem}")
        return 1
    except _Stopped:
        _say("Onerow is stopped.")
    return 0


def stop(home: Path) -> bool:
    """Ends what a killed or forgotten run left behind, by its recorded ids; says whether there was anything."""
    record = local.read_record(home, "up")
    supervisor = int(record.get("pid", 0))
    is_same = bool(supervisor) and processes.started_at(supervisor) == record.get("started")
    if is_same:
        processes.stop_all([supervisor], patience_seconds=40)
    children = _left_over(home)
    processes.stop_all(children)
    had_servers = valkey.is_running(home) or postgres.is_running(home)
    valkey.stop(home)
    postgres.stop(home)
    local.forget_record(home, "up")
    return is_same or bool(children) or had_servers


class Supervisor:
    """Owns everything that runs below one home, from the first server to the last process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port: int = read("PORT")
        self.sandbox_port: int = read("SANDBOX_PORT") or 0
        self.uses_own_database = not read("DATABASE_URL")
        self.uses_own_broker = not read("REDIS_URL")
        self.children: list[Child] = []
        self.server_checked_at = 0.0

    def run(self) -> None:
        started = time.monotonic()
        processes.stop_all(_left_over(self.home))
        self._choose_ports()
        try:
            self._start_servers()
            self._prepare()
            self._start_children()
            self._wait_until_all_answer()
            self._announce(time.monotonic() - started)
            self._watch()
        finally:
            self._stop()

    def _choose_ports(self) -> None:
        if not processes.port_is_free(self.port):
            raise CannotRun(
                f"PORT {self.port} is taken by another program. Choose another one, for example: "
                f"PORT={processes.free_port(start=self.port + 10)} make run"
            )
        if self.sandbox_port and not processes.port_is_free(self.sandbox_port):
            raise CannotRun(f"SANDBOX_PORT {self.sandbox_port} is taken by another program.")
        self.sandbox_port = self.sandbox_port or processes.free_port(start=self.port + 1)
        self._record()

    def _record(self) -> None:
        content = {
            "pid": os.getpid(),
            "started": processes.started_at(os.getpid()),
            "port": self.port,
            "sandbox_port": self.sandbox_port,
            "children": [child.identity() for child in self.children],
        }
        local.write_record(self.home, "up", content)

    def _environment(self) -> dict[str, str]:
        ports = {"PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port)}
        return environment(self.home, _marker(self.home), **ports)

    def _start_servers(self) -> None:
        if self.uses_own_database:
            _say("Starting PostgreSQL …")
            postgres.start(self.home)
        if self.uses_own_broker:
            _say("Starting Valkey …")
            valkey.start(self.home)

    def _prepare(self) -> None:
        """Migrations, translations, sample: one short process of its own."""
        command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
        preparing = subprocess.Popen(command, cwd=ROOT, env=self._environment(), start_new_session=True)
        try:
            if preparing.wait() != 0:
                raise CannotRun("the database could not be prepared; the reason stands above.")
        finally:
            if preparing.poll() is None:
                processes.stop_all([preparing.pid])

    def _start_children(self) -> None:
        _say("Starting web, worker, scheduler and sandbox …")
        wanted = plans(
            root=ROOT,
            port=self.port,
            sandbox_port=self.sandbox_port,
            web_workers=read("WEB_WORKERS"),
            task_workers=read("TASK_WORKERS"),
        )
        self.children = [Child(plan, self.home, self._environment()) for plan in wanted]
        for child in self.children:
            child.start()
        self._record()

    def _wait_until_all_answer(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while waiting := [child for child in self.children if not child.answers()]:
            for child in waiting:
                if not child.is_alive() or time.monotonic() > deadline:
                    raise CannotRun(
                        f"the {child.plan.name} process does not answer. Its log:\n{child.last_words()}"
                    )
            time.sleep(0.1)

    def _announce(self, seconds: float) -> None:
        sample = _sample(self.home)
        for login in sample.get("logins", []):
            _say(f"  {login['role']:<14} {login['email']:<28} {login['password']}")
        if key := sample.get("api_key"):
            _say(f"  {'API key':<14} {key}")
        _say(
            f"  {'Sandbox':<14} http://localhost:{self.sandbox_port}  (mail, one-time codes, what the stand-ins received)"
        )
        _say(f"  {'Logs':<14} {self.home / 'logs'}")
        _say(f"\nOnerow is ready at http://localhost:{self.port}   ({seconds:.0f} s; Ctrl-C stops it)")

    def _watch(self) -> None:
        while True:
            time.sleep(0.5)
            self._keep_servers()
            for child in self.children:
                if not child.is_alive():
                    self._start_again(child)

    def _keep_servers(self) -> None:
        if time.monotonic() - self.server_checked_at < SERVER_CHECK_SECONDS:
            return
        self.server_checked_at = time.monotonic()
        if self.uses_own_database and not postgres.listens(self.home):
            _say("PostgreSQL is gone; starting it again.")
            postgres.start(self.home)
        if self.uses_own_broker and not valkey.is_running(self.home):
            _say("Valkey is gone; starting it again.")
            valkey.start(self.home)

    def _start_again(self, child: Child) -> None:
        code = child.process.returncode if child.process else None
        if not child.may_start_again():
            raise CannotRun(f"the {child.plan.name} process keeps falling. Its log:\n{child.last_words()}")
        _say(f"The {child.plan.name} process ended ({code}); starting it again.")
        self._end_group(child)
        child.start()
        self._record()

    def _end_group(self, child: Child) -> None:
        """What a dead process left in its session."""
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)

    def _stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _say("\nStopping …")
        processes.stop_all(
            [child.process.pid for child in self.children if child.process and child.is_alive()]
        )
        for child in self.children:
            self._end_group(child)
        if self.uses_own_broker:
            valkey.stop(self.home)
        if self.uses_own_database:
            postgres.stop(self.home)
        local.forget_record(self.home, "up")


def _left_over(home: Path) -> list[int]:
    """Children of an earlier run that still live: by the recorded ids, and by the mark they carry."""
    recorded = [
        int(child["pid"])
        for child in local.read_record(home, "up").get("children", [])
        if child["pid"] and processes.started_at(int(child["pid"])) == child["started"]
    ]
    return sorted({*recorded, *processes.carrying(_marker(home))})


def _marker(home: Path) -> str:
    return f"ONEROW_RUN={hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (local.private_folder(home / "run") / "up.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            port = local.read_record(home, "up").get("port", "?")
            raise CannotRun(f"it already runs here, on port {port}. `make stop` stops it.") from None
        yield


def _sample(home: Path) -> dict[str, list[dict[str, str]]]:
    try:
        content: dict[str, list[dict[str, str]]] = json.loads((home / "sample.json").read_text())
    except (OSError, ValueError):
        return {}
    return content


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the conversation with the person who started it
