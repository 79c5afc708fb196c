"""The door of every stand-in: one transaction per request, its record, and the faults that strike before or after."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from retail.sandbox import faults
from retail.sandbox.config import Config
from retail.sandbox.store import Store

BODY_BYTES_MAX = 10_000_000
LOGGED_CHARACTERS_MAX = 20_000


class Refused(Exception):
    """A stand-in's "no": an HTTP status and the JSON body that the real service would send."""

    def __init__(
        self,
        status: int,
        body: Any,
        content_type: str = "application/json",
        *,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(str(status))
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers or {}


def refusal(status: int, code: str, message: str) -> Refused:
    return Refused(status, {"code": code, "message": message})


@dataclass(slots=True)
class Call:
    """One request as a handler sees it, inside its transaction."""

    store: Store
    db: sqlite3.Connection
    config: Config
    part: str
    operation: str
    now: datetime
    headers: dict[str, str]
    path: dict[str, str]
    query: dict[str, str]
    raw: bytes
    base_url: str
    reference: str = ""  # set by the handler: what the record is filed under
    struck: list[faults.Fault] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        try:
            data = json.loads(self.raw, parse_float=Decimal)
        except ValueError:
            raise refusal(400, "MALFORMED_JSON", "The body is not JSON.") from None
        if not isinstance(data, dict):
            raise refusal(400, "MALFORMED_JSON", "The body is not a JSON object.")
        return data

    def fault(self, *kinds: str) -> faults.Fault | None:
        fault = faults.take(self.store, self.db, part=self.part, operation=self.operation, kinds=kinds)
        if fault:
            self.struck.append(fault)
        return fault


@dataclass(slots=True)
class Answer:
    """What a handler answers. `body` is JSON data, or bytes of `content_type`."""

    body: Any = None
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False, default=_plain).encode()


Handler = Callable[[Call], Answer]


def door(
    store: Store, config: Config, *, part: str, operation: str, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that runs `handler` in a transaction and lets the switched-on faults have their way."""

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        answer, fault = await run_in_threadpool(_serve, store, config, part, operation, handler, request, raw)
        return await _deliver(request, answer, fault)

    return endpoint


def _serve(
    store: Store, config: Config, part: str, operation: str, handler: Handler, request: Request, raw: bytes
) -> tuple[Answer, faults.Fault | None]:
    with open_call(store, config, part=part, operation=operation, request=request, raw=raw) as call:
        fault = call.fault(*faults.REQUEST_KINDS)
        if fault and fault.stage == faults.BEFORE:
            answer = Answer(status=0, body=b"")
        elif len(raw) > BODY_BYTES_MAX:
            answer = Answer(status=413, body={"code": "TOO_LARGE", "message": "The body is too large."})
        else:
            answer = _answer(store, handler, call)
        _record(call, answer, fault)
    return answer, fault


@contextmanager
def open_call(
    store: Store, config: Config, *, part: str, operation: str, request: Request, raw: bytes = b""
) -> Iterator[Call]:
    """A request inside its own transaction; a `Refused` that leaves it undoes everything."""
    with store.transaction() as db:
        yield Call(
            store=store,
            db=db,
            config=config,
            part=part,
            operation=operation,
            now=store.now(),
            headers=dict(request.headers),
            path={name: str(value) for name, value in request.path_params.items()},
            query=dict(request.query_params),
            raw=raw,
            base_url=str(request.base_url).rstrip("/"),
        )


def _answer(store: Store, handler: Handler, call: Call) -> Answer:
    before = len(call.struck)
    try:
        with store.undo_point():
            return handler(call)
    except Refused as no:
        # The refusal undid what the handler wrote, also the count of the fault that made it refuse.
        for fault in call.struck[before:]:
            faults.spend(call.db, fault)
        return Answer(status=no.status, body=no.body, content_type=no.content_type, headers=no.headers)


def _record(call: Call, answer: Answer, fault: faults.Fault | None) -> None:
    call.db.execute(
        "INSERT INTO received (at, part, operation, reference, status, fault, request, answer) VALUES (?,?,?,?,?,?,?,?)",
        (
            call.now.isoformat(timespec="milliseconds"),
            call.part,
            call.operation,
            call.reference,
            answer.status,
            fault.kind if fault else "",
            call.raw.decode("utf-8", "replace")[:LOGGED_CHARACTERS_MAX],
            answer.raw().decode("utf-8", "replace")[:LOGGED_CHARACTERS_MAX],
        ),
    )


async def _deliver(request: Request, answer: Answer, fault: faults.Fault | None) -> Response:
    plain = Response(
        answer.raw(), status_code=answer.status or 200, media_type=answer.content_type, headers=answer.headers
    )
    if fault is None:
        return plain
    kind = fault.kind
    if kind == "TIMEOUT":
        await _wait(request, fault.seconds)
        return plain if fault.stage == faults.AFTER else _page(503)
    if kind == "RESET":
        return _Broken()
    if kind == "TRUNCATED":
        raw = answer.raw() if fault.stage == faults.AFTER else b"{}"
        return Response(
            raw[: len(raw) // 2], status_code=answer.status or 200, media_type=answer.content_type
        )
    if kind == "HTML_ANSWER":
        return _page(200)
    if kind == "SLOW":
        return _Dripping(plain, fault.seconds)
    if kind == "HTTP_429":
        return _too_many({})
    if kind == "HTTP_429_RETRY_AFTER":
        return _too_many({"Retry-After": str(int(fault.seconds))})
    return _page(int(kind.removeprefix("HTTP_")))


async def _wait(request: Request, seconds: float) -> None:
    """Sleeps, and stops early when the caller has hung up, so that no answer waits for nobody."""

    async def hung_up() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            continue

    try:
        await asyncio.wait_for(hung_up(), timeout=seconds)
    except TimeoutError:
        return


def _page(status: int) -> Response:
    html = f"<!doctype html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return Response(html, status_code=status, media_type="text/html")


def _too_many(headers: dict[str, str]) -> Response:
    body = json.dumps({"code": "TOO_MANY_REQUESTS", "message": "Slow down."})
    return Response(body, status_code=429, media_type="application/json", headers=headers)


class _Broken(Response):
    """Promises a body and hangs up: the caller sees a connection that broke."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


class _Dripping(Response):
    """Sends a finished response in small pieces over `seconds`."""

    def __init__(self, response: Response, seconds: float) -> None:
        super().__init__(response.body, status_code=response.status_code)
        self.raw_headers = response.raw_headers
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        pieces = 20
        size = max(1, -(-len(self.body) // pieces))
        for start in range(0, len(self.body), size):
            await asyncio.sleep(self._seconds / pieces)
            await send(
                {
                    "type": "http.response.body",
                    "body": bytes(self.body[start : start + size]),
                    "more_body": True,
                }
            )
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} does not belong in JSON")
