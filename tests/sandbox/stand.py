"""The stand-ins inside the test's own process: the real application and the real clients, without a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette

from finance.providers.card import CardProvider, CardSession
from finance.providers.fiscal import FiscalProcessor
from finance.providers.sef import SefRegister
from finance.providers.sef_documents import SefDocuments
from oms.carriers.client import CarrierClient, ParcelRequest, Party
from retail.sandbox.app import create_app
from retail.sandbox.config import Config

CARD_SECRETS = ("whsec_bmV3ZXN0IHNlY3JldCBvZiBjYXJkcw==", "the secret before the newest one")
CARRIER_SECRETS = ("the secret of the carrier's messages",)
SHOP = "http://localhost:8000"
CARD_EVENTS = f"{SHOP}/api/v1/payments/kartica/events"
CARRIER_EVENTS = f"{SHOP}/api/v1/carriers/kurir/events"


def config(home: Path, *, public_url: str = "http://localhost:8121", is_local: bool = True) -> Config:
    return Config(
        home=home,
        public_url=public_url,
        styles=Path(__file__).resolve().parents[2] / "retail" / "front" / "static" / "front",
        shop_url=SHOP,
        card_key="card-key",
        card_secrets=CARD_SECRETS,
        carrier_key="carrier-key",
        carrier_secrets=CARRIER_SECRETS,
        fiscal_pac="A1B2C3",
        fiscal_certificate="certificate of the first shop",
        sef_keys=("sef-key",),
        is_local=is_local,
    )


@dataclass
class Shop:
    """The receiving end of the signed messages: keeps them, and answers what the test wants."""

    requests: list[httpx.Request] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.answers.pop(0) if self.answers else 204
        if status == 0:
            raise httpx.ConnectError("the shop is down")
        return httpx.Response(status)

    def kinds(self) -> list[str]:
        return [json.loads(request.content)["type"] for request in self.requests]

    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests]


class Bridge(httpx.BaseTransport):
    """Lets a blocking client call the application, with the deadline and the breaks that a socket has."""

    def __init__(self, portal: BlockingPortal, app: Starlette) -> None:
        self._portal = portal
        self._inner = httpx.ASGITransport(app=app, client=("127.0.0.1", 50_000))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._ask, request)

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        try:
            with anyio.fail_after(request.extensions.get("timeout", {}).get("read")):
                response = await self._inner.handle_async_request(request)
                body = await response.aread()
        except TimeoutError as error:
            raise httpx.ReadTimeout("timed out", request=request) from error
        except AssertionError as error:  # how this transport says that the application never finished
            raise httpx.RemoteProtocolError("the connection broke", request=request) from error
        return httpx.Response(response.status_code, headers=response.headers, content=body, request=request)


@dataclass
class Stand:
    """One set of stand-ins, the clients of the shop, and the tester's own hand."""

    app: Starlette
    http: httpx.Client
    transport: Bridge
    shop: Shop

    def card(self, **options: Any) -> CardProvider:
        values: dict[str, Any] = {
            "base_url": "http://localhost/kartica",
            "api_key": "card-key",
            "timeout_seconds": 5.0,
        } | options
        return CardProvider(transport=self.transport, **values)

    def fiscal(self, **options: Any) -> FiscalProcessor:
        values: dict[str, Any] = {
            "base_url": "http://localhost/fiscal",
            "pac": "A1B2C3",
            "certificate": "certificate of the first shop",
            "timeout_seconds": 5.0,
        } | options
        return FiscalProcessor(transport=self.transport, **values)

    def sef(self, **options: Any) -> SefDocuments:
        values: dict[str, Any] = {
            "base_url": "http://localhost/sef",
            "api_key": "sef-key",
            "timeout_seconds": 5.0,
            "turn": nullcontext,
        } | options
        return SefDocuments(transport=self.transport, **values)

    def sef_register(self, **options: Any) -> SefRegister:
        return SefRegister(transport=self.transport, base_url="http://localhost/sef", **options)

    def put(self, path: str, **data: Any) -> Any:
        """The tester's hand on a switch or a register."""
        answer = self.http.put(path, json=data)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def carrier(self, **options: Any) -> CarrierClient:
        values: dict[str, Any] = {
            "base_url": "http://localhost/kurir",
            "api_key": "carrier-key",
            "timeout_seconds": 5.0,
        } | options
        return CarrierClient(transport=self.transport, **values)

    def fault(self, part: str, fault: str, **options: Any) -> None:
        """Switches a fault on, once when nothing else is said."""
        if "probability" not in options:
            options.setdefault("count", 1)
        answer = self.http.post("/admin/faults", json={"part": part, "fault": fault, **options})
        assert answer.status_code == 201, answer.text

    def fired(self) -> dict[tuple[str, str], int]:
        fired = self.http.get("/admin/faults").json()["fired"]
        return {(one["part"], one["kind"]): one["times"] for one in fired}

    def deliver(self, *, everything: bool = True) -> int:
        """Sends the messages that wait; how many arrived."""
        answer = self.http.post("/admin/messages/deliver", params={"all": "1"} if everything else {})
        return int(answer.json()["delivered"])

    def choose(self, reference: str, choice: str = "approve") -> None:
        answer = self.http.post(f"/admin/card/payments/{reference}/choose", json={"choice": choice})
        assert answer.status_code == 200, answer.text

    def move_clock(self, seconds: int) -> None:
        assert self.http.post("/admin/clock", json={"offset_seconds": seconds}).status_code == 200

    def received(self, part: str) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.http.get("/admin/received", params={"part": part}).json()[
            "results"
        ]
        return results


@contextmanager
def stand(home: Path) -> Iterator[Stand]:
    """The stand-ins with their state below `home`, closed at the end."""
    shop = Shop()
    app = create_app(
        config(home), client=httpx.AsyncClient(transport=httpx.MockTransport(shop)), has_postman=False
    )
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
    ):
        transport = Bridge(portal, app)
        with httpx.Client(base_url="http://localhost", transport=transport, timeout=10) as http:
            yield Stand(app=app, http=http, transport=transport, shop=shop)


def open_session(
    provider: CardProvider, *, reference: str = "PAY-1", key: str = "create-1", amount: str = "1299.00"
) -> CardSession:
    return provider.create_session(
        key=key,
        reference=reference,
        amount=Decimal(amount),
        currency="RSD",
        return_url=f"{SHOP}/order/secret/",
        notify_url=CARD_EVENTS,
    )


def parcel_request(reference: str = "PCL-1", **changes: Any) -> ParcelRequest:
    ana = Party("Ana Anić", "Zmaj Jovina 4", "Novi Sad", "21000", "RS", "+381601112223", "ana@example.com")
    store = Party("Prelist", "Knez Mihailova 1", "Beograd", "11000", "RS", "+381112223334")
    values: dict[str, Any] = {
        "reference": reference,
        "carrier": "Post Express",
        "service": "danas_za_sutra",
        "weight_grams": 640,
        "sender": store,
        "recipient": ana,
        "notify_url": CARRIER_EVENTS,
        "cash_on_delivery": Decimal("2598.00"),
    }
    return ParcelRequest(**(values | changes))
