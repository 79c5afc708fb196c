"""The bench's own house: servers below a home of its own, a large and a small database, the web as `make run` starts it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench import accounts, growing
from retail.environment import read
from retail.running import home as local
from retail.running import postgres, processes, valkey
from retail.running.children import Child, Plan, environment, plans

ROOT = Path(__file__).resolve().parents[1]
REFERENCES = ROOT.parent / "shared" / "examples" / "bench"
REFERENCE_DATABASE = "bench"
EMPTY = "origin_empty"
# What the growth is measured over: (products, customers, orders of the last year).
SIZES = {"small": (1_000, 2_000, 3_000), "large": (10_000, 20_000, 30_000)}
# What decides which rows a filled database has.
_MADE_OF = ("retail/sample/*.py", "bench/filling.py")


class NoReferences(Exception):
    """The references are not beside the repository, so no ratio can be taken."""


class BenchFailed(Exception):
    """Something that the bench needs did not work; the message says what it said."""


class Stand:
    """Everything that is started for a bench, and stopped after it. Durable: nothing of PostgreSQL is switched off."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        self.children: list[Child] = []
        self.key = ""

    # ------------------------------------------------------------------ start and stop
    def start(self, *, sizes: Sequence[str] = tuple(SIZES)) -> None:
        """Servers, references, and the databases of these sizes."""
        if not (REFERENCES / "fn.sql").is_file():
            raise NoReferences(f"The references are missing: {REFERENCES} (see docs/performance.md).")
        postgres.start(self.home)
        valkey.start(self.home)
        if "off" in self.settings().values():
            raise BenchFailed(f"The server is not durable: {self.settings()}")
        self._migrate()
        for size in sizes:
            self._fill(size)
        for size in sizes:
            self.renew(size, f"origin_{size}")
            self.inside(size, "refresh")
        self._make_references()
        if "large" not in sizes:
            return
        self.key = self.inside("large", "key")["key"]

    def stop(self) -> None:
        processes.stop_all([child.process.pid for child in self.children if child.process is not None])
        valkey.stop(self.home)
        postgres.stop(self.home)

    def renew(self, name: str, origin: str) -> None:
        """A database as its origin was filled."""
        self.drop(name)
        with self._administrator() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(origin), sql.Identifier(postgres.APPLICATION)
                )
            )

    def drop(self, name: str) -> None:
        with self._administrator() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def make_accounts(self, count: int) -> None:
        """The database of the accounts, kept until its size or what makes it changes; new migrations come to what is there."""
        name, migrations = accounts.DATABASE, _digest("*/migrations/*.py")
        digest = f"{_digest('bench/accounts.py', 'bench/persons.py')}-{count}"
        kept = local.read_record(self.home, name)
        if kept.get("digest") != digest:
            print(f"  filling {count:,} accounts with {count * accounts.LINES_EACH:,} lines …", flush=True)
            self.renew(name, EMPTY)
            with self._administrator(name) as connection:
                accounts.fill(connection, REFERENCES, count=count)
        elif kept.get("migrations") != migrations:
            self.manage(name, "migrate", "--verbosity", "0")
        local.write_record(self.home, name, {"digest": digest, "migrations": migrations})
        self.inside(name, "refresh")

    def make_huge(self) -> None:
        """The large database many times over, kept until what it is made of changes."""
        name = growing.DATABASE
        digest = _digest("*/migrations/*.py", "bench/growing.py", *_MADE_OF)
        if local.read_record(self.home, name).get("digest") != digest:
            print(f"  filling {growing.PRODUCTS:,} titles with {growing.ORDERS:,} orders …", flush=True)
            self.renew(name, "origin_large")
            with self._administrator(name) as connection:
                growing.grow(connection)
            local.write_record(self.home, name, {"digest": digest})
        self.inside(name, "refresh")

    def _migrate(self) -> None:
        """Tables, with rows or without, as the migrations of today make them."""
        digest = _digest("*/migrations/*.py")
        if local.read_record(self.home, EMPTY).get("digest") == digest:
            return
        print("  migrating …", flush=True)
        if not local.read_record(self.home, EMPTY):
            self.renew(EMPTY, "template1")
        filled = [f"origin_{size}" for size in SIZES if local.read_record(self.home, f"origin_{size}")]
        for database in (EMPTY, *filled):
            self.manage(database, "migrate", "--verbosity", "0")
        local.write_record(self.home, EMPTY, {"digest": digest})

    def _fill(self, size: str) -> None:
        """The sample, kept until what it is made of changes."""
        origin, digest = f"origin_{size}", _digest(*_MADE_OF)
        if local.read_record(self.home, origin).get("digest") == digest:
            return
        print(f"  filling the {size} database …", flush=True)
        self.renew(origin, EMPTY)
        products, customers, orders = SIZES[size]
        self.inside(origin, "fill", str(products), str(customers), str(orders))
        local.write_record(self.home, origin, {"digest": digest})

    # ------------------------------------------------------------------ processes
    def environment(self, database: str) -> dict[str, str]:
        own = {
            "ONEROW_ENV": "local",
            "DATABASE_URL": self._url(database),
            "REDIS_URL": local.redis_url(self.home),
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.port + 9),
            "SAMPLE": "none",
            "LOG_LEVEL": "WARNING",
            "API_REQUESTS_PER_MINUTE": "1000000000",  # one client is everybody here
        }
        return environment(self.home, "ONEROW_BENCH=1", **own)

    def start_web(self, size: str, port: int) -> int:
        """The web process as `make run` starts it. No worker: what waits for it waits, as on a busy day."""
        (web, *_) = plans(
            root=ROOT,
            port=port,
            sandbox_port=self.port + 9,
            web_workers=read("WEB_WORKERS"),
            task_workers=read("TASK_WORKERS"),
        )
        self._run(Plan(f"web-{size}", web.command, url=web.url), self.environment(size))
        return port

    def start_floor(self, port: int) -> int:
        """The bare Django floor: the same server, settings of its own."""
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "bench.floor_door:wsgi"]
        command += ["--workers", "2", "--blocking-threads", "1", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--no-access-log", "--log-level", "error"]
        own = {
            "FLOOR_FOLDER": str(REFERENCES / "floor"),
            "FLOOR_PORT": str(local.read_record(self.home, "postgres")["port"]),
            "FLOOR_PASSWORD": local.secret(self.home, "superuser_password"),
        }
        plan = Plan("floor", tuple(command), url=f"http://127.0.0.1:{port}/hello")
        self._run(plan, environment(self.home, "ONEROW_BENCH=1", **own))
        return port

    def _run(self, plan: Plan, variables: Mapping[str, str]) -> None:
        child = Child(plan, self.home, variables)
        child.start()
        self.children.append(child)
        deadline = time.monotonic() + 120
        while not child.answers():
            if not child.is_alive() or time.monotonic() > deadline:
                raise BenchFailed(f"The {plan.name} process does not answer:\n{child.last_words()}")
            time.sleep(0.1)

    def manage(self, database: str, *arguments: str) -> str:
        return self._output([str(ROOT / "manage.py"), *arguments], database)

    def inside(self, database: str, verb: str, *arguments: str) -> Any:
        """One verb of bench/verbs.py in a process of its own, and its answer."""
        return json.loads(self._output(["-m", "bench.inside", verb, *arguments], database))

    def inside_at_once(self, database: str, verb: str, *calls: Sequence[str]) -> list[Any]:
        """The same verb several times beside each other."""
        command = [sys.executable, "-m", "bench.inside", verb]
        running = [
            subprocess.Popen(
                [*command, *arguments], cwd=ROOT, env=self.environment(database), stdout=subprocess.PIPE
            )
            for arguments in calls
        ]
        said = [process.communicate()[0] for process in running]
        if any(process.returncode for process in running):
            raise BenchFailed(f"bench.inside {verb} failed")
        return [json.loads(each) for each in said]

    def _output(self, arguments: Sequence[str], database: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(database),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchFailed(f"{' '.join(arguments)}:\n{done.stderr[-3000:]}")
        return done.stdout

    # ------------------------------------------------------------------ references
    def _make_references(self) -> None:
        with self._administrator() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {REFERENCE_DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {REFERENCE_DATABASE}")
        with self._administrator(REFERENCE_DATABASE) as connection:
            for name in ("schema.sql", "fn.sql"):
                connection.execute((REFERENCES / name).read_text())  # type: ignore[call-overload]
            connection.execute("VACUUM ANALYZE stock")

    def cpu_seconds(self, *, of: Sequence[str] = ()) -> float:
        """What PostgreSQL and these processes of ours have used so far, with the children that they had."""
        roots = [child.process.pid for child in self.children if child.process and child.plan.name in of]
        roots.append(int(local.read_record(self.home, "postgres")["pid"]))
        return _cpu_seconds(roots)

    def pgbench(self, script: str, *, seconds: float, clients: int = 16) -> tuple[float, float]:
        """Transactions of one script of the references, by second and by second of CPU; afterwards its rows are gone again."""
        server = urlsplit(postgres.administrator_url(self.home, REFERENCE_DATABASE))
        command = [
            str(postgres.program(self.home, "pgbench")),
            "-n",
            "-M",
            "prepared",
            "-T",
            str(max(1, round(seconds))),
        ]
        command += ["-c", str(clients), "-j", "2", "-f", str(REFERENCES / script)]
        command += ["-h", "127.0.0.1", "-p", str(server.port), "-U", postgres.SUPERUSER, REFERENCE_DATABASE]
        variables = {**os.environ, "PGPASSWORD": server.password or ""}
        client, server_before = resource.getrusage(resource.RUSAGE_CHILDREN), self.cpu_seconds()
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = self.cpu_seconds() - server_before
        used += after.ru_utime + after.ru_stime - client.ru_utime - client.ru_stime
        figures = dict(
            re.findall(
                r"^(tps|number of transactions actually processed)\D+([0-9.]+)", done.stdout, re.MULTILINE
            )
        )
        if done.returncode or "tps" not in figures:
            raise BenchFailed(f"pgbench {script}:\n{done.stderr[-2000:]}")
        with self._administrator(REFERENCE_DATABASE) as connection:
            connection.execute("TRUNCATE orders, order_line, payment, ledger, audit RESTART IDENTITY CASCADE")
            connection.execute("VACUUM stock")
        return float(figures["tps"]), float(figures["number of transactions actually processed"]) / used

    def version(self) -> str:
        with self._administrator() as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else ""

    def settings(self) -> dict[str, str]:
        """What proves that nothing of the durability is switched off."""
        names = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        with self._administrator() as connection:
            rows = [(name, connection.execute(f"SHOW {name}").fetchone()) for name in names]
        return {name: str(row[0]) for name, row in rows if row}

    def _administrator(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(postgres.administrator_url(self.home, database), autocommit=True)

    def _url(self, database: str) -> str:
        return local.database_url(self.home).rpartition("/")[0] + f"/{database}"


def _cpu_seconds(roots: Sequence[int]) -> float:
    """User and system time of these processes and of everything below them, the ended ones included."""
    ticks, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), sum(int(each) for each in fields[11:15])
    wanted = set(roots)
    for pid in sorted(parents):
        line = [pid]
        while line[-1] in parents:
            line.append(parents[line[-1]])
        if wanted & set(line):
            wanted.add(pid)
    return sum(ticks.get(pid, 0) for pid in wanted) / os.sysconf("SC_CLK_TCK")


def _digest(*patterns: str) -> str:
    found = hashlib.sha256(repr(SIZES).encode())
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            found.update(path.read_bytes())
    return found.hexdigest()
