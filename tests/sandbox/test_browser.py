"""A shopper's card payment in a real browser: from the shop to the provider's page and back, with the message."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from finance.providers.card import CardEvent, CardProvider, verify_event
from retail.sandbox.process import running
from tests.sandbox.stand import CARD_SECRETS, config

pytestmark = pytest.mark.browser


class SmallShop:
    """A checkout with the shop's policy: one button that posts and is redirected to the provider."""

    def __init__(self, sandbox_url: str, form_action: str) -> None:
        shop = self
        self.events: list[CardEvent] = []
        self.has_event = threading.Event()
        self.provider = CardProvider(
            base_url=f"{sandbox_url}/kartica", api_key="card-key", timeout_seconds=10
        )

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                form = '<form method="post" action="/buy"><button>Buy</button></form>'
                body = f"<!doctype html><title>Shop</title><h1>{self.path}</h1>{form}".encode()
                self._answer(
                    200, body, {"Content-Security-Policy": f"default-src 'self'; form-action {form_action}"}
                )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path == "/events":
                    shop.take(dict(self.headers), body)
                    self._answer(204, b"", {})
                else:
                    self._answer(303, b"", {"Location": shop.redirect_url()})

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {
                    "Content-Type": "text/html",
                    "Content-Length": str(len(body)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def redirect_url(self) -> str:
        return self.provider.create_session(
            key="k",
            reference="PAY-BROWSER",
            amount=Decimal("2598.00"),
            currency="RSD",
            return_url=f"{self.url}/order/secret/",
            notify_url=f"{self.url}/events",
            description="ORD-2026-000123",
        ).redirect_url

    def take(self, headers: dict[str, str], body: bytes) -> None:
        self.events.append(
            verify_event(headers=headers, raw_body=body, secrets=CARD_SECRETS, now=datetime.now(UTC))
        )
        self.has_event.set()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(config(tmp_path_factory.mktemp("browser"))) as started:
        yield started.url


@pytest.mark.parametrize("width", [360, 1440])
def test_shopper_pays_and_comes_back(
    tmp_path: Path, new_context: Callable[..., BrowserContext], width: int
) -> None:
    with running(config(tmp_path)) as started:
        shop = SmallShop(started.url, f"'self' {started.url}")
        page = new_context(viewport={"width": width, "height": 800}).new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.goto(shop.url)

        page.get_by_role("button", name="Buy").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Platite karticom")
        expect(page.get_by_text("2.598,00 RSD")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="Odobri").press("Enter")
        page.wait_for_url(f"{shop.url}/order/secret/?reference=PAY-BROWSER&status=AUTHORIZED")

        assert shop.has_event.wait(30)
        shop.server.shutdown()
        shop.server.server_close()
    assert [(one.kind, one.payment.authorized) for one in shop.events] == [
        ("payment.authorized", Decimal("2598.00"))
    ]
    assert problems == []


def test_browser_holds_the_redirect_to_the_shops_policy(
    sandbox: str, new_context: Callable[..., BrowserContext]
) -> None:
    """The control: without the provider's origin in form-action, checkout would end on a dead button."""
    shop = SmallShop(sandbox, "'self'")
    page = new_context().new_page()
    page.goto(shop.url)

    with page.expect_console_message(lambda message: "form-action" in message.text):
        page.get_by_role("button", name="Buy").click()

    assert page.url == f"{shop.url}/"
    shop.server.shutdown()
    shop.server.server_close()


@pytest.mark.parametrize(
    "path", ["/", "/parts/card", "/parts/carrier", "/parts/bank", "/parts/sef", "/mail", "/codes"]
)
@pytest.mark.parametrize("width", [360, 1440])
def test_page_fits_and_breaks_no_policy(
    sandbox: str, new_context: Callable[..., BrowserContext], path: str, width: int
) -> None:
    page = new_context(viewport={"width": width, "height": 800}).new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("requestfailed", lambda request: problems.append(request.url))

    page.goto(f"{sandbox}{path}")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert problems == []
