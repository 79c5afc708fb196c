"""The stand-ins as one ASGI application. `manage.py sandbox` starts it; tests make it with `create_app`."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from retail.sandbox import (
    admin,
    bank,
    card,
    carrier,
    config,
    faults,
    fiscal,
    mail,
    messages,
    sef,
    sef_documents,
    sef_purchases,
    sef_vat,
    web,
)
from retail.sandbox.config import Config
from retail.sandbox.hosted import HostedPages
from retail.sandbox.mail_pages import MailPages
from retail.sandbox.pages import Pages
from retail.sandbox.store import Store, real_now

logger = logging.getLogger(__name__)

OWN_STATIC = Path(__file__).parent / "static"
SHARED_STATIC = {
    "tokens.css": "text/css",
    "ops.css": "text/css",
    "icons.svg": "image/svg+xml",
    "mark.svg": "image/svg+xml",
}
EXPIRY_SECONDS = 5.0

# Part, operation, method, path, handler: the API of every stand-in.
DOORS: tuple[tuple[str, str, str, str, web.Handler], ...] = (
    ("card", "create", "POST", "/kartica/v1/payments", card.create),
    ("card", "fetch", "GET", "/kartica/v1/payments/{reference}", card.read),
    ("card", "capture", "POST", "/kartica/v1/payments/{reference}/capture", card.capture),
    ("card", "void", "POST", "/kartica/v1/payments/{reference}/void", card.void),
    ("card", "refund", "POST", "/kartica/v1/payments/{reference}/refund", card.refund),
    ("fiscal", "status", "GET", "/fiscal/api/v3/status", fiscal.status),
    ("fiscal", "attention", "GET", "/fiscal/api/v3/attention", fiscal.attention),
    ("fiscal", "environment", "GET", "/fiscal/api/v3/environment-parameters", fiscal.environment),
    ("fiscal", "sign", "POST", "/fiscal/api/v3/invoices", fiscal.sign),
    ("fiscal", "fetch", "GET", "/fiscal/api/v3/invoices/{request_id}", fiscal.read),
    ("carrier", "announce", "POST", "/kurir/v1/parcels", carrier.announce),
    ("carrier", "fetch", "GET", "/kurir/v1/parcels/{reference}", carrier.read),
    ("carrier", "cancel", "POST", "/kurir/v1/parcels/{reference}/cancel", carrier.cancel),
    ("carrier", "remittance", "GET", "/kurir/v1/remittances/{day}.csv", carrier.remittance),
    ("bank", "create", "POST", "/bank/statements", bank.create),
    ("bank", "fetch", "GET", "/bank/statements/{number}.csv", bank.statement_csv),
    (
        "sef",
        "check",
        "POST",
        "/sef/api/publicApi/Company/CheckIfCompanyRegisteredOnEfaktura",
        sef.is_registered,
    ),
    ("sef", "companies", "GET", "/sef/api/publicApi/getAllCompanies", sef.all_companies),
    ("sef", "upload", "POST", "/sef/api/publicApi/sales-invoice/ubl", sef_documents.upload),
    ("sef", "fetch", "GET", "/sef/api/publicApi/sales-invoice", sef_documents.read),
    ("sef", "ids", "POST", "/sef/api/publicApi/sales-invoice/ids", sef_documents.ids),
    ("sef", "changes", "POST", "/sef/api/publicApi/sales-invoice/changes", sef_documents.changes),
    ("sef", "xml", "GET", "/sef/api/publicApi/sales-invoice/xml", sef_documents.xml),
    ("sef", "cancel", "POST", "/sef/api/publicApi/sales-invoice/cancel", sef_documents.cancel),
    ("sef", "storno", "POST", "/sef/api/publicApi/sales-invoice/storno", sef_documents.storno),
    ("sef", "subscribe", "POST", "/sef/api/publicApi/subscribe", sef_documents.subscribe),
    ("sef", "purchases", "GET", "/sef/api/publicApi/purchase-invoice/overview", sef_purchases.overview),
    ("sef", "purchase", "GET", "/sef/api/publicApi/purchase-invoice", sef_purchases.read),
    (
        "sef",
        "decide",
        "POST",
        "/sef/api/publicApi/purchase-invoice/acceptRejectPurchaseInvoice",
        sef_purchases.decide,
    ),
    ("sef", "records", "GET", "/sef/api/v2/publicApi/vat-recording/{kind}", sef_vat.listed),
    ("sef", "record", "POST", "/sef/api/v2/publicApi/vat-recording/{kind}", sef_vat.add),
    ("sef", "standing", "GET", "/sef/api/v2/publicApi/vat-recording/{kind}/{id:int}", sef_vat.read),
    (
        "sef",
        "correct",
        "POST",
        "/sef/api/v2/publicApi/vat-recording/{kind}/correction/{id:int}",
        sef_vat.correct,
    ),
    ("sef", "withdraw", "POST", "/sef/api/v2/publicApi/vat-recording/{kind}/cancel/{id:int}", sef_vat.cancel),
    ("mail", "receive", "POST", "/mail", mail.receive),
    ("mail", "find", "GET", "/mail.json", mail.find),
)
SCHEMAS = (
    faults.SCHEMA,
    messages.SCHEMA,
    card.SCHEMA,
    fiscal.SCHEMA,
    carrier.SCHEMA,
    bank.SCHEMA,
    sef.SCHEMA,
    sef_documents.SCHEMA,
    sef_purchases.SCHEMA,
    sef_vat.SCHEMA,
    mail.SCHEMA,
)


def create_app(
    settings: Config,
    *,
    client: httpx.AsyncClient | None = None,
    has_postman: bool = True,
    world_now: Callable[[], datetime] = real_now,
) -> Starlette:
    """The application. Tests give the client that messages go out with, may deliver by hand only, and may bring their own time."""
    store = Store(settings.state_file, SCHEMAS, world_now=world_now)
    outgoing = client or httpx.AsyncClient(trust_env=False, follow_redirects=False)
    postman = messages.Postman(store=store, config=settings, client=outgoing)
    hosted, pages, mailbox = (
        HostedPages(store, settings),
        Pages(store, settings, postman),
        MailPages(store, settings),
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        work = (postman.run(), _expire_by_clock(store, settings)) if has_postman else ()
        tasks = [asyncio.create_task(one) for one in work]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await outgoing.aclose()
        store.close()

    routes = [
        Route(
            path, web.door(store, settings, part=part, operation=operation, handler=handler), methods=[method]
        )
        for part, operation, method, path, handler in DOORS
    ]
    routes += [
        Route("/", pages.index, methods=["GET"]),
        Route("/parts/{part}", pages.part, methods=["GET"]),
        Route("/parts/{part}/{act}", pages.act, methods=["POST"]),
        Route("/kartica/pay/{token}", hosted.pay, methods=["GET", "POST"]),
        Route("/fiscal/sandbox/v/", hosted.check, methods=["GET"]),
        Route("/mail", mailbox.inbox, methods=["GET"]),
        Route("/mail/{mail_id:int}", mailbox.one, methods=["GET"]),
        Route("/mail/{mail_id:int}/html", mailbox.html, methods=["GET"]),
        Route("/mail/{mail_id:int}/attachments/{attachment_id:int}", mailbox.attachment, methods=["GET"]),
        Route("/codes", mailbox.codes, methods=["GET"]),
        Route("/static/{name}", _static(settings), methods=["GET"]),
        Route("/healthz", _health, methods=["GET"]),
        *admin.routes(store, settings, postman),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        # Another name in the Host header means a site that points its own name at this machine.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]"])],
        exception_handlers={web.Refused: _refused, HTTPException: _http_error},
    )
    app.state.store = store
    app.state.postman = postman
    return app


def from_environment() -> Starlette:
    """What the server process calls: the settings come from `manage.py sandbox`, and without them nothing starts."""
    text = os.environ.get(config.VARIABLE)
    if not text:
        raise config.SandboxForbidden("Start the stand-ins with `manage.py sandbox`.")
    return create_app(config.loads(text))


async def _expire_by_clock(store: Store, settings: Config) -> None:
    """Ends card sessions and authorizations whose time is over, as the provider's own clock would."""
    while True:
        await asyncio.sleep(EXPIRY_SECONDS)
        await run_in_threadpool(admin.expire_cards, store, settings)


def _static(settings: Config) -> Any:
    async def endpoint(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "sandbox.css":
            return FileResponse(OWN_STATIC / name, media_type="text/css")
        if name not in SHARED_STATIC or not (settings.styles / name).is_file():
            return Response(status_code=404)
        return FileResponse(settings.styles / name, media_type=SHARED_STATIC[name])

    return endpoint


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, web.Refused)
    return JSONResponse(error.body, status_code=error.status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"code": f"HTTP_{error.status_code}", "message": error.detail}
    return JSONResponse(body, status_code=error.status_code, headers=error.headers)
