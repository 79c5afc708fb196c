"""Everything outside, in this process: the real stand-ins behind the real clients, without a socket, with faults on request.

A timeout costs no time here: the stand-in does what it would have done, and the caller hears that nobody answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from django.conf import settings
from starlette.applications import Starlette

from finance.providers import card, fiscal, sef, sef_documents
from finance.providers.card import CardProvider
from finance.providers.fiscal import FiscalProcessor
from finance.providers.sef import SefRegister
from finance.providers.sef_documents import SefDocuments
from oms.carriers import client as carriers
from oms.carriers.client import CarrierClient
from retail.kernel import clock
from retail.kernel.outside import Breaker
from retail.sandbox.app import create_app
from retail.sandbox.config import Config

ADDRESS = "http://localhost"
# Generous: nothing here waits for a clock, and a slow machine must not look like a fault.
TIMEOUT_SECONDS = 60.0
NO_ANSWER = ("TIMEOUT", "SLOW")


@dataclass
class Time:
    """It stands until somebody moves it: nothing that happens depends on how fast this machine is."""

    now: datetime


@dataclass
class Postbox:
    """Where the stand-ins' signed messages arrive."""

    messages: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.messages.append(request)
        return httpx.Response(204)

    def empty(self) -> list[httpx.Request]:
        messages, self.messages = self.messages, []
        return messages


class Wire(httpx.BaseTransport):
    """A blocking client's way into the application."""

    def __init__(self, portal: BlockingPortal, app: Starlette) -> None:
        self._portal, self._app = portal, app
        self._inner = httpx.ASGITransport(app=app, client=("127.0.0.1", 50_000))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._portal.call(self._ask, request)
        if request.url.path.startswith("/admin/") or self._last_fault() not in NO_ANSWER:
            return response
        raise httpx.ReadTimeout("nobody answered", request=request)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        try:
            response = await self._inner.handle_async_request(request)
            body = await response.aread()
        except AssertionError as error:  # how this transport says that the application never finished
            raise httpx.RemoteProtocolError("the connection broke", request=request) from error
        return httpx.Response(response.status_code, headers=response.headers, content=body, request=request)

    def _last_fault(self) -> str:
        with self._app.state.store.transaction() as db:
            row = db.execute("SELECT fault FROM received ORDER BY id DESC LIMIT 1").fetchone()
        return str(row["fault"]) if row else ""


@dataclass
class Outside:
    """The tester's hand on the stand-ins."""

    http: httpx.Client
    postbox: Postbox
    time: Time

    def set_clock(self, now: datetime) -> None:
        self.time.now = now

    def seed(self, seed: int) -> None:
        self._post("/admin/seed", {"seed": seed})

    def fault(self, part: str, kind: str, *, operation: str = "", count: int = 1) -> None:
        """Strikes the next fitting call or message; a `count` above one is an outage."""
        body: dict[str, Any] = {"part": part, "fault": kind, "count": count, "operation": operation}
        if kind in NO_ANSWER:
            body["seconds"] = 0
        self._post("/admin/faults", body)

    def faults_off(self) -> None:
        self.http.delete("/admin/faults")

    def fired(self) -> dict[str, int]:
        fired = self.http.get("/admin/faults").json()["fired"]
        return {f"{one['part']} {one['kind']}": int(one["times"]) for one in fired}

    def choose(self, reference: str, choice: str) -> bool:
        """What the shopper clicks on the provider's page; False when the page is gone."""
        answer = self.http.post(f"/admin/card/payments/{reference}/choose", json={"choice": choice})
        return answer.status_code == 200

    def expire_cards(self) -> None:
        self._post("/admin/card/expire", {})

    def move_parcel(self, reference: str, status: str) -> bool:
        answer = self.http.post(f"/admin/carrier/parcels/{reference}/events", json={"status": status})
        return answer.status_code < 300

    def open_sef(self, companies: list[dict[str, Any]]) -> None:
        """Who is registered; calls are not counted against the real clock."""
        self.http.put("/admin/sef/companies", json={"companies": companies})
        self.http.put("/admin/sef/switches", json={"calls_per_second": "0"})

    def documents(self) -> list[dict[str, Any]]:
        """What SEF stored, oldest first."""
        found: list[dict[str, Any]] = self.http.get("/admin/sef/documents").json()["results"]
        return found

    def documents_at_buyers(self) -> list[str]:
        return [str(one["number"]) for one in self.documents() if one["status"] == "Sent"]

    def decide_document(self, number: str, status: str) -> None:
        body = {"status": status, "comment": "nije naše" if status == "Rejected" else ""}
        self._post(f"/admin/sef/documents/{number}/decide", body)

    def supply(self, invoice: dict[str, Any]) -> None:
        """A supplier's invoice lies at SEF for us."""
        answer = self.http.put("/admin/sef/purchases", json=invoice)
        assert answer.status_code == 201, answer.text

    def bring_messages(self, *, with_all: bool) -> list[httpx.Request]:
        """What the stand-ins send now: what is due, or everything that waits."""
        self.http.post("/admin/messages/deliver", params={"all": "1"} if with_all else {})
        return self.postbox.empty()

    def _post(self, path: str, body: dict[str, Any]) -> None:
        answer = self.http.post(path, json=body)
        assert answer.status_code in (200, 201), f"{path}: {answer.text}"


@contextmanager
def opened(config: Config, *, now: datetime) -> Iterator[Outside]:
    """The stand-ins with fresh state; meanwhile every client of the house talks to them."""
    postbox, time = Postbox(), Time(now)
    app = create_app(
        config,
        client=httpx.AsyncClient(transport=httpx.MockTransport(postbox)),
        has_postman=False,
        world_now=lambda: time.now,
    )
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        stack.enter_context(portal.wrap_async_context_manager(app.router.lifespan_context(app)))
        wire = Wire(portal, app)
        for module, client in _clients(wire).items():
            stack.enter_context(_answered_by(module, client))
        http = stack.enter_context(httpx.Client(base_url=ADDRESS, transport=wire, timeout=TIMEOUT_SECONDS))
        yield Outside(http, postbox, time)


def _clients(wire: Wire) -> dict[ModuleType, Any]:
    def options(part: str) -> dict[str, Any]:
        # Breakers close with the simulated clock, not with the real one.
        breaker = Breaker(clock=lambda: clock.now().timestamp())
        return {
            "base_url": f"{ADDRESS}/{part}",
            "timeout_seconds": TIMEOUT_SECONDS,
            "transport": wire,
            "breaker": breaker,
        }

    return {
        card: CardProvider(api_key=settings.CARD_PROVIDER_KEY, **options("kartica")),
        fiscal: FiscalProcessor(
            pac=settings.FISCAL_PAC, certificate=settings.FISCAL_CERT_HEADER, **options("fiscal")
        ),
        sef: SefRegister(**options("sef")),
        # Its pace is real time, of which there is none here; the stand-in does not count either.
        sef_documents: SefDocuments(api_key=settings.SEF_API_KEY, turn=nullcontext, **options("sef")),
        carriers: CarrierClient(api_key=settings.CARRIER_KEY, **options("kurir")),
    }


@contextmanager
def _answered_by(module: ModuleType, client: Any) -> Iterator[None]:
    """The verbs take their client from `from_settings`; here it is this one."""
    name, before = "from_settings", module.from_settings
    setattr(module, name, lambda **_: client)
    try:
        yield
    finally:
        setattr(module, name, before)
