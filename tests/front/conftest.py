"""A small web server on the test pages, without a database: the front must be drawn without one query."""

import threading
from collections.abc import Iterator

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.test import override_settings

from retail.front import covers, frame


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """The test's own assertion speaks; the access log would only be noise."""


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    """The address of a running server with the pages of tests/front/lab.py."""
    registered = frame._sources, covers._sources
    frame._sources = {}
    covers._sources = [lambda code: covers.CoverText("Soba sa pogledom", "Jasna")]
    with override_settings(ROOT_URLCONF="tests.front.lab", ALLOWED_HOSTS=["*"]):
        server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
        server.daemon_threads = True
        server.set_app(get_wsgi_application())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()
    frame._sources, covers._sources = registered


@pytest.fixture
def empty_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rooms registered at start-up is put aside for the test."""
    monkeypatch.setattr(frame, "_sources", {})
    monkeypatch.setattr(covers, "_sources", [])
