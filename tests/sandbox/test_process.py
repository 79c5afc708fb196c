"""The stand-ins as the process that people run: real sockets, real breaks, a memory that survives kill -9."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from finance.providers.card import CardProvider, verify_event
from finance.providers.fiscal import FiscalProcessor
from retail.kernel.outside import ProviderTimeout
from retail.management.commands.sandbox import configuration
from retail.sandbox.config import VARIABLE, SandboxForbidden, loads
from retail.sandbox.process import running, server_command
from tests.sandbox.receipts import receipt
from tests.sandbox.stand import CARD_SECRETS, config, open_session

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(config(tmp_path_factory.mktemp("sandbox"))) as started:
        yield started.url


def card(url: str, timeout_seconds: float = 5.0) -> CardProvider:
    return CardProvider(base_url=f"{url}/kartica", api_key="card-key", timeout_seconds=timeout_seconds)


def fiscal(url: str, timeout_seconds: float = 5.0) -> FiscalProcessor:
    return FiscalProcessor(
        base_url=f"{url}/fiscal",
        pac="A1B2C3",
        certificate="certificate of the first shop",
        timeout_seconds=timeout_seconds,
    )


def switch_on(url: str, part: str, fault: str, **options: Any) -> None:
    body = {"part": part, "fault": fault, "count": 1, **options}
    assert httpx.post(f"{url}/admin/faults", json=body).status_code == 201


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("TIMEOUT", "TIMEOUT"),
        ("RESET", "CONNECTION_LOST"),
        ("TRUNCATED", "UNREADABLE"),
        ("HTML_ANSWER", "UNREADABLE"),
        ("HTTP_502", "HTTP_502"),
    ],
)
def test_fault_on_the_wire_loses_the_answer_and_not_the_capture(server: str, fault: str, code: str) -> None:
    reference = f"PAY-{fault}"
    provider = card(server, timeout_seconds=1.5)
    open_session(provider, reference=reference, key=f"create {fault}")
    httpx.post(f"{server}/admin/card/payments/{reference}/choose", json={"choice": "approve"})
    switch_on(server, "card", fault, operation="capture", stage="AFTER")

    with pytest.raises(ProviderTimeout) as lost:
        provider.capture(reference=reference, key=f"c {fault}", amount=Decimal("1299.00"), currency="RSD")

    assert lost.value.code == code
    found = provider.fetch(reference=reference)
    assert found is not None
    assert (found.captured, len(found.operations)) == (Decimal("1299.00"), 1)
    again = provider.capture(reference=reference, key=f"c {fault}", amount=Decimal("1299.00"), currency="RSD")
    assert (again.captured, len(again.operations)) == (Decimal("1299.00"), 1)


def test_answer_that_drips_past_the_deadline_is_given_up(server: str) -> None:
    """Each byte comes in time; only the whole does not."""
    switch_on(server, "card", "SLOW", operation="fetch", seconds=20)

    with pytest.raises(ProviderTimeout, match="TIMEOUT"):
        card(server, timeout_seconds=1.5).fetch(reference="PAY-1")


def test_lost_receipt_is_looked_up_over_the_wire(server: str) -> None:
    switch_on(server, "fiscal", "RESET", operation="sign")
    processor = fiscal(server)

    result = processor.sign(request_id="wire", payload=receipt(), was_sent=False)

    assert processor.sign(request_id="wire", payload=receipt(), was_sent=True) == result


def test_what_was_answered_survives_kill_9(tmp_path: Path) -> None:
    with running(config(tmp_path)) as started:
        url = started.url
        provider = card(url)
        session = open_session(provider)
        signed = fiscal(url).sign(request_id="r1", payload=receipt(), was_sent=False)
        switch_on(url, "carrier", "RESET")
        os.killpg(started.process_id, signal.SIGKILL)

    with running(config(tmp_path)) as started:
        url = started.url
        found = card(url).fetch(reference="PAY-1")
        assert found is not None
        assert found.provider_id == session.provider_id
        assert fiscal(url).fetch(request_id="r1") == signed
        assert fiscal(url).sign(request_id="r2", payload=receipt(), was_sent=False).total_counter == 2
        active = httpx.get(f"{url}/admin/faults").json()["active"]
        assert [(one["part"], one["kind"], one["count_left"]) for one in active] == [("carrier", "RESET", 1)]


def test_message_goes_out_by_itself_and_again_until_it_is_taken(server: str) -> None:
    received: list[tuple[dict[str, str], bytes]] = []
    is_enough = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((dict(self.headers), body))
            self.send_response(503 if len(received) == 1 else 204)
            self.end_headers()
            if len(received) == 2:
                is_enough.set()

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    shop = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    try:
        card(server).create_session(
            key="create message",
            reference="PAY-MESSAGE",
            amount=Decimal("10.00"),
            currency="RSD",
            return_url="http://localhost/",
            notify_url=f"http://127.0.0.1:{shop.server_port}/events",
        )
        httpx.post(f"{server}/admin/card/payments/PAY-MESSAGE/choose", json={"choice": "approve"})
        assert is_enough.wait(30)
    finally:
        shop.shutdown()
        shop.server_close()

    events = [
        verify_event(headers=h, raw_body=b, secrets=CARD_SECRETS, now=datetime.now(UTC)) for h, b in received
    ]
    assert [event.kind for event in events] == ["payment.authorized"] * 2
    assert events[0].event_id == events[1].event_id


def test_server_listens_on_this_machine_only(server: str) -> None:
    port = int(server.rsplit(":", 1)[1])
    command = server_command(port)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in (one for one in others if not str(one).startswith("127.")):
        with socket.socket() as probe:
            probe.settimeout(2)
            assert probe.connect_ex((address, port)) != 0


def test_stand_ins_refuse_to_exist_outside_this_machine(tmp_path: Path) -> None:
    with pytest.raises(SandboxForbidden):
        config(tmp_path, is_local=False)
    text = config(tmp_path).dumps()
    assert loads(text) == config(tmp_path)
    with pytest.raises(SandboxForbidden):
        loads(json.dumps(json.loads(text) | {"is_local": False}))
    assert not (tmp_path / "sandbox").exists()


def test_command_refuses_in_production(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "ONEROW_ENV": "production",
        "ONEROW_HOME": str(tmp_path),
        "SECRET_KEY": "abcdefghij0123456789" * 3,
        "ENCRYPTION_KEYS": "bm90IGEgcmVhbCBrZXksIGp1c3QgMzIgYnl0ZXMgISE=",
        "ALLOWED_HOSTS": "shop.example",
        "BASE_URL": "https://shop.example",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "REDIS_URL": "redis://127.0.0.1:9/0",
    }

    answer = subprocess.run(
        [sys.executable, "manage.py", "sandbox"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert answer.returncode == 1, answer.stderr
    assert "never in production" in answer.stderr
    assert not (tmp_path / "sandbox").exists()


def test_server_process_without_its_settings_does_not_start() -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    code = "from retail.sandbox.app import from_environment; from_environment()"

    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )

    assert answer.returncode == 1
    assert "SandboxForbidden" in answer.stderr


def test_stand_ins_know_nothing_of_the_shop() -> None:
    """They are the outside: an import of our rooms would let one mistake hide another."""
    code = (
        "import sys, retail.sandbox.app\n"
        "rooms = {'audit', 'storefront', 'crm', 'oms', 'warehouse', 'finance', 'cms'}\n"
        "print([m for m in sys.modules if m.split('.')[0] in rooms or m.startswith('retail.kernel')])"
    )

    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert answer.stdout.strip() == "[]", answer.stderr


def test_command_hands_on_the_shops_keys(tmp_path: Path) -> None:
    what = configuration(home=tmp_path, port=8121)

    assert what.card_key == settings.CARD_PROVIDER_KEY
    assert what.card_secrets == tuple(settings.CARD_PROVIDER_SECRETS)
    assert (what.fiscal_pac, what.fiscal_certificate) == (settings.FISCAL_PAC, settings.FISCAL_CERT_HEADER)
    assert what.state_file == tmp_path / "sandbox" / "state.sqlite3"
    assert loads(what.dumps()) == what
