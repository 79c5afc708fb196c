"""A stranger in the place of an OpenSearch server: answers what it was told to, and keeps what it was asked, byte for byte as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    body: Any


@dataclass
class StandIn:
    """`answers` are taken in turn: (status, body)."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def hits(self, *ids: int) -> None:
        self.answers.append((200, answer_of(*ids)))


def answer_of(*ids: int) -> dict[str, Any]:
    """As the reference of the search API shows it."""
    hits = [
        {"_index": "onerow-products-1", "_id": str(pk), "_score": 2.5, "sort": [2.5, 9, pk]} for pk in ids
    ]
    total = {"value": len(ids), "relation": "eq"}
    return {
        "took": 3,
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {"total": total, "max_score": None, "hits": hits},
    }


@contextmanager
def stand_in() -> Iterator[StandIn]:
    told = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            lines = [json.loads(line) for line in raw.splitlines() if line]
            is_bulk = self.path.partition("?")[0].endswith("_bulk")
            told.asked.append(
                Asked(self.command, self.path, lines if is_bulk else lines[0] if lines else None)
            )
            status, body = told.answers.pop(0)
            text = b"" if self.command == "HEAD" else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815 the names are the standard library's

        def log_message(self, *_: Any) -> None:
            """The test says what it saw."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
