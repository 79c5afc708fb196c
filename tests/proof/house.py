"""A whole house of its own for tests that kill: durable PostgreSQL, Valkey, web, worker, scheduler and stand-ins, each a real process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from celery import Celery
from django.conf import settings
from django.db import connection

from retail.kernel import failpoints
from retail.running import children, postgres, processes, valkey
from retail.running import home as local
from retail.running.command_line import servers

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 180.0
# What a client must take for "not known": it asks again with the same key.
UNKNOWN = {500, 502, 503, 504}


def wait_for(what: Callable[[], Any], *, about: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited too long for {about}"
        time.sleep(0.1)
    return found


class House:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.port, self.sandbox_port = processes.free_port(), processes.free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/v1"
        self.failpoint = home / "failpoint"
        self.children: dict[str, children.Child] = {}
        self.skus: list[str] = []
        self.http = httpx.Client(timeout=60, trust_env=False)
        # Every order that some client was told of: number by key.
        self.acknowledged: dict[str, str] = {}

    # -- processes ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._copy_migrated()
        told = json.loads(self.run("-m", "tests.proof.furnish"))
        self.skus, self.channel = told["skus"], told["channel"]
        self.http.headers["Authorization"] = f"Bearer {told['key']}"
        self.start_processes()

    def start_processes(self) -> None:
        plans = children.plans(
            root=ROOT, port=self.port, sandbox_port=self.sandbox_port, web_workers=1, task_workers=1
        )
        for plan in plans:
            child = children.Child(plan, self.home, self.environment())
            self.children[plan.name] = child
            child.start()
        for child in self.children.values():
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not self._answers(child):
                assert time.monotonic() < deadline, f"{child.plan.name}: {child.last_words()}"
                time.sleep(0.2)

    def _copy_migrated(self) -> None:
        """The migrated database of this test run: migrating anew takes longer than some deaths."""
        dumps, restores = (postgres.program(self.home, name) for name in ("pg_dump", "pg_restore"))
        given = os.environ.get("DATABASE_URL", "") or postgres.administrator_url(settings.ONEROW_HOME)
        source = urlsplit(given)._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
        target = postgres.administrator_url(self.home, postgres.DATABASE)
        dump = self.home / "migrated.dump"
        for command in (
            [str(dumps), "--format=custom", "--no-privileges", f"--file={dump}", source],
            [str(restores), "--exit-on-error", f"--dbname={target}", str(dump)],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr

    def _answers(self, child: children.Child) -> bool:
        assert child.is_alive(), f"{child.plan.name} fell while starting:\n{child.last_words()}"
        return child.answers()

    def _start_fallen(self) -> None:
        """What `manage.py up` does for a process that ended: a web server gives up when its workers die within seconds."""
        for child in self.children.values():
            if not child.is_alive():
                child.start()

    def stop(self) -> None:
        for child in self.children.values():
            if child.process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGTERM)
        for child in self.children.values():
            if child.process is not None:
                with suppress(subprocess.TimeoutExpired):
                    child.process.wait(15)
                with suppress(ProcessLookupError):
                    os.killpg(child.process.pid, signal.SIGKILL)
        self.http.close()

    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DJANGO_", "PYTEST_")) and name not in ("DATABASE_URL", "REDIS_URL")
        }
        return kept | {
            "DJANGO_SETTINGS_MODULE": "retail.settings",
            "ONEROW_HOME": str(self.home),
            "ONEROW_ENV": "local",
            "PORT": str(self.port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "FAILPOINTS": str(self.failpoint),
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
        }

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def kill_postgres(self) -> None:
        """kill -9 of the server and of everything that it had started, then up again."""
        leader = int(local.read_record(self.home, "postgres")["pid"])
        for pid in [leader, *_children_of(leader)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not processes.is_alive(leader), about="the end of the server")
        postgres.start(self.home, durable=True)

    def strike_valkey(self, how: str) -> None:
        """Cache and doorbell are gone, with everything in them, or hang."""
        os.kill(self._valkey_pid(), signal.Signals[how])
        if how == "SIGKILL":
            wait_for(lambda: not valkey.is_running(self.home), about="the end of Valkey")
            shutil.rmtree(self.home / "valkey")

    def bring_valkey_back(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._valkey_pid(), signal.SIGCONT)
        valkey.start(self.home)

    def _valkey_pid(self) -> int:
        return int(local.read_record(self.home, "valkey")["pid"])

    # -- fail points -------------------------------------------------------------------------------------------

    def arm(self, point: str, action: str) -> None:
        """The next process that comes to this point is struck."""
        for suffix in (".here", ".go"):
            self.failpoint.with_suffix(suffix).unlink(missing_ok=True)
        self.failpoint.write_text(f"{point} {action}")

    def is_reached(self) -> bool:
        return self.failpoint.with_suffix(".here").exists()

    def let_go(self) -> None:
        self.failpoint.with_suffix(".go").touch()

    # -- a client that does not give up ------------------------------------------------------------------------

    def insist(self, method: str, path: str, *, key: str = "", body: Any = None) -> httpx.Response:
        """The same request with the same key until there is an answer that says something."""
        headers = {"Idempotency-Key": key} if key else {}
        deadline = time.monotonic() + PATIENCE_SECONDS
        last = ""
        while time.monotonic() < deadline:
            try:
                answer = self.http.request(method, f"{self.url}{path}", json=body, headers=headers)
            except httpx.TransportError as error:
                last = type(error).__name__
                self._start_fallen()
                time.sleep(0.2)
                continue
            if answer.status_code in UNKNOWN:
                last = answer.text
                time.sleep(0.2)
                continue
            if answer.status_code == 409 and answer.json().get("code") == "IDEMPOTENCY_IN_FLIGHT":
                self._let_leases_run_out()
                continue
            return answer
        raise AssertionError(f"{method} {path}: no answer; the last was {last}")

    def _let_leases_run_out(self) -> None:
        """A minute passes: the lease of a key whose request died may be taken over."""
        with suppress(psycopg.Error):
            self.sql(
                "UPDATE kernel_idempotencykey SET leased_until = now() - interval '1 second' WHERE state = 'STARTED'"
            )

    def basket(self, *, quantity: int = 1, title: int = 0) -> str:
        made = self.insist("POST", "/baskets", body={"channel": self.channel, "postal_code": "21000"})
        token = str(made.json()["token"])
        line = {"sku": self.skus[title], "quantity": quantity}
        added = self.insist("POST", f"/baskets/{token}/lines", body=line)
        assert added.status_code == 201, added.text
        return token

    def order(self, key: str, basket: str, *, method: str = "CARD", company: Any = None) -> str:
        """Places, however often it takes, and remembers what was acknowledged."""
        answer = self.insist(
            "POST",
            "/orders",
            key=key,
            body={
                "basket": basket,
                "email": "ana@example.com",
                "name": "Ana Anić",
                "phone": "+381601112223",
                "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000"},
                "delivery": {"method": "HOME_DELIVERY"},
                "payment": {"method": method},
                "company": company,
            },
        )
        assert answer.status_code == 201, answer.text
        number = str(answer.json()["number"])
        assert self.acknowledged.setdefault(key, number) == number
        return number

    def show(self, number: str) -> dict[str, Any]:
        return dict(self.insist("GET", f"/orders/{number}").json())

    def approve(self, number: str) -> None:
        """The shopper says yes on the provider's page, whose message comes to our door."""
        reference = self.sql(
            "SELECT p.public_id FROM finance_payment p JOIN oms_order o ON o.id = p.order_id WHERE o.number = %s",
            number,
        )[0][0]
        page = f"http://127.0.0.1:{self.sandbox_port}/admin/card/payments/{reference}/choose"
        answer = self.http.post(page, json={"choice": "approve"})
        assert answer.status_code == 200, answer.text

    def packed(self, key: str, *, method: str = "CARD", company: Any = None) -> str:
        """An order, paid where its method asks for it, whose parcel is ready to leave: its shipment's number."""
        number = self.order(key, self.basket(quantity=2), method=method, company=company)
        if method == "CARD":
            self.approve(number)
        shipments = wait_for(lambda: self.show(number)["shipments"], about=f"the plan of {number}")
        shipment = str(shipments[0]["number"])
        picks = [
            {"sku": line["sku"], "bin": claim["bin"], "quantity": line["quantity"]}
            for line in self.show(number)["lines"]
            for claim in line.get("reservations", [])
        ]
        for act, body in (("pick", {"lines": picks}), ("pack", {"parcels": [{"weight_grams": 640}]})):
            answer = self.insist("POST", f"/shipments/{shipment}/{act}", body=body)
            assert answer.status_code == 200, answer.text
        return shipment

    # -- SEF -------------------------------------------------------------------------------------------------------

    def register_at_sef(self, pib: str) -> None:
        """Our key is known there, and a company takes electronic invoices."""
        ours = self.sql("SELECT pib FROM kernel_legalentity")[0][0]
        key = local.secret(self.home, "sef_api_key")
        company = {
            "pib": pib,
            "registration_number": "20998873",
            "jbkjs": "",
            "name": "Firma d.o.o.",
            "is_registered": True,
        }
        for path, data in (
            ("keys", {"api_key": key, "pib": ours}),
            ("companies", {"companies": [company]}),
        ):
            answer = self.http.put(f"http://127.0.0.1:{self.sandbox_port}/admin/sef/{path}", json=data)
            assert answer.status_code < 300, answer.text

    def at_sef(self) -> list[dict[str, Any]]:
        answer = self.http.get(f"http://127.0.0.1:{self.sandbox_port}/admin/sef/documents")
        return list(answer.json()["results"])

    def stored_at_sef(self, key: str) -> str:
        """The number of the invoice of this order once we know that SEF has it; leases run out meanwhile."""
        self.sql("UPDATE finance_einvoice SET next_attempt_at = NULL WHERE sales_id IS NULL")
        with Celery(broker=local.redis_url(self.home)) as broker:
            broker.send_task("finance.tasks.send_einvoices", ignore_result=True)
        found = self.sql(
            "SELECT i.number FROM finance_einvoice e JOIN finance_invoice i ON i.id = e.invoice_id "
            "JOIN oms_order o ON o.id = i.order_id WHERE o.idempotency_key = %s AND e.sales_id IS NOT NULL",
            key,
        )
        return str(found[0][0]) if found else ""

    # -- what became of it -------------------------------------------------------------------------------------

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(local.database_url(self.home), autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    def settle(self) -> None:
        """The worker has done what there is to do: reactions, and receipts that are signed."""

        def is_quiet() -> bool:
            with suppress(psycopg.Error):
                return not self.sql(
                    "SELECT 1 FROM kernel_outboxevent WHERE pending <> '{}' "
                    "UNION ALL SELECT 1 FROM finance_fiscalreceipt WHERE state = 'PENDING' LIMIT 1"
                )
            return False

        patience = time.monotonic() + 3
        while time.monotonic() < patience and not is_quiet():
            time.sleep(0.2)
        if not is_quiet():
            # Who died held a lease of minutes: they pass, and the sweep of that minute comes.
            for table in ("kernel_outboxevent", "finance_fiscalreceipt"):
                self.sql(f"UPDATE {table} SET next_attempt_at = now() WHERE next_attempt_at > now()")
            with Celery(broker=local.redis_url(self.home)) as broker:
                for task in ("retail.tasks.run_outbox", "finance.tasks.sign_receipts"):
                    broker.send_task(task, ignore_result=True)
        wait_for(is_quiet, about="the worker")

    def assert_whole(self) -> None:
        """Nothing that was acknowledged is lost, nothing was done twice, and the doctor finds nothing."""
        self.settle()
        kept = dict(self.sql("SELECT idempotency_key, number FROM oms_order WHERE idempotency_key <> ''"))
        assert {key: kept.get(key) for key in self.acknowledged} == self.acknowledged
        assert len(set(kept.values())) == len(kept)
        # Asks for the loaded apps, which the proof of the pages has no use for.
        from retail.doctor.checks import CHECKS

        found = {check.name: self.sql(check.sql.replace("%", "%%")) for check in CHECKS}
        assert {name: rows for name, rows in found.items() if rows} == {}

    def assert_trace_whole(self) -> None:
        """The command itself, with the chain of the trace from its beginning."""
        said = subprocess.run(
            [sys.executable, "manage.py", "doctor", "--json", "--chain"],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        answer = json.loads(said.stdout)
        assert {c["name"]: c["rows"] for c in answer["checks"] if c["violations"]} == {}
        assert (answer["ok"], answer["chain"]) == (True, None)


def _children_of(leader: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == leader:
                found.append(int(stat.parent.name))
    return found


@contextmanager
def opened() -> Iterator[House]:
    """A house in small, furnished for deaths."""
    with _on_its_own() as house:
        house.start()
        yield house


@contextmanager
def sample() -> Iterator[tuple[House, dict[str, Any]]]:
    """A house with the sample chain and one of everything; with what `tests.proof.scene` told."""
    with _on_its_own() as house:
        house.run("manage.py", "migrate", "--verbosity", "0", "--no-input")
        house.run("manage.py", "load_sample")
        scene = json.loads(house.run("-m", "tests.proof.scene"))
        house.start_processes()
        house.settle()
        yield house, scene


@contextmanager
def _on_its_own() -> Iterator[House]:
    home = Path(tempfile.mkdtemp(prefix="onerow-proof-"))
    home.chmod(0o755)
    house = House(home)
    try:
        # Counted in, else the first command that ends would take the servers along.
        with servers(home):
            try:
                yield house
            finally:
                house.stop()
    finally:
        postgres.delete(home)
        shutil.rmtree(home, ignore_errors=True)


KILL, WAIT = failpoints.KILL, failpoints.WAIT
