"""The processes that `up` keeps: what each one is, how it says that it answers, and when to give up on it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retail.running import processes

RESTARTS_MAX = 5
RESTARTS_WINDOW_SECONDS = 60.0
LOG_BYTES_MAX = 20_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A process to be: it answers at `url` (any HTTP status below 500), or by touching its ready file."""

    name: str
    command: tuple[str, ...]
    url: str = ""


def plans(*, root: Path, port: int, sandbox_port: int, web_workers: int, task_workers: int) -> list[Plan]:
    python, manage = sys.executable, str(root / "manage.py")
    web = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    web += ["--workers", str(web_workers), "--blocking-threads", "4", "--backpressure", "64"]
    web += ["--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "5", "--no-ws"]
    web += ["retail.wsgi:application"]
    worker = ("worker", "--concurrency", str(task_workers), "--without-gossip", "--without-mingle")
    celery = (python, "-m", "celery", "-A", "retail")
    return [
        Plan("web", (python, *web), url=f"http://127.0.0.1:{port}/readyz"),
        Plan("worker", (*celery, *worker, "--without-heartbeat")),
        Plan("beat", (*celery, "beat")),
        Plan(
            "sandbox",
            (python, manage, "sandbox", "--port", str(sandbox_port)),
            url=f"http://127.0.0.1:{sandbox_port}/",
        ),
    ]


@dataclass(slots=True)
class Child:
    """One running process, with its log and the times it was started again."""

    plan: Plan
    home: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    restarts: deque[float] = field(default_factory=deque)
    has_answered: bool = False

    @property
    def log(self) -> Path:
        return self.home / "logs" / f"{self.plan.name}.log"

    @property
    def ready_file(self) -> Path:
        return self.home / "run" / f"{self.plan.name}.ready"

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.ready_file.unlink(missing_ok=True)
        fresh = not self.log.exists() or self.log.stat().st_size > LOG_BYTES_MAX
        with self.log.open("wb" if fresh else "ab") as output:
            # A session of its own: Ctrl-C reaches only the supervisor, which stops them in order.
            self.process = subprocess.Popen(
                self.plan.command,
                cwd=Path(__file__).parents[2],
                env={**self.environment, "ONEROW_READY_FILE": str(self.ready_file)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def answers(self) -> bool:
        if not self.has_answered:
            self.has_answered = (
                self.ready_file.exists() if not self.plan.url else _http_answers(self.plan.url)
            )
        return self.has_answered

    def may_start_again(self) -> bool:
        """Not when it keeps falling: a fault that a restart does not mend must be seen."""
        now = time.monotonic()
        while self.restarts and now - self.restarts[0] > RESTARTS_WINDOW_SECONDS:
            self.restarts.popleft()
        self.restarts.append(now)
        return len(self.restarts) <= RESTARTS_MAX

    def last_words(self, lines: int = 15) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def identity(self) -> dict[str, int | str]:
        pid = self.process.pid if self.process else 0
        return {"name": self.plan.name, "pid": pid, "started": processes.started_at(pid) if pid else ""}


def _http_answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return int(answer.status) < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, ValueError):
        return False


def environment(home: Path, marker: str, **more: str) -> dict[str, str]:
    """What every child gets: this machine's variables, our choices, and a mark to be found by later."""
    name, _, value = marker.partition("=")
    return {**os.environ, "ONEROW_HOME": str(home), name: value, "PYTHONUNBUFFERED": "1", **more}
