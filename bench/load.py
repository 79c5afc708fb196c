"""A lean client: some connections kept open, each doing one thing after the other until the time is over.

It costs about a tenth of a millisecond of CPU for each request, on the machine that it measures; the references are
asked by the same client and pay the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bench.figures import quantile

WAIT_SECONDS_MAX = 60.0


class UnexpectedAnswer(Exception):
    """An answer with another status than the script can go on with."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str]


@dataclass
class Browser:
    """One client: a connection that is kept, and its cookies."""

    port: int
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, headers=headers)

    async def post(self, path: str, body: bytes, kind: str = "application/json", **headers: str) -> Answer:
        return await self.send("POST", path, body, {"Content-Type": kind, **headers})

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in {**self.headers, **(headers or {})}.items()]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        answer = await asyncio.wait_for(self._exchange(raw), WAIT_SECONDS_MAX)
        self.cookies.update(answer.cookies)
        return answer

    async def _exchange(self, raw: bytes) -> Answer:
        if self._writer is None or self._writer.is_closing():
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self._reader is not None
        self._writer.write(raw)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers, cookies = {}, {}
        for line in head[1:-2]:
            name, _, value = line.partition(": ")
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                cookies[cookie] = content
            else:
                headers[name.lower()] = value
        status = int(head[0].split(" ", 2)[1])
        body = await self._body(headers)
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return Answer(status, headers, body, cookies)

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        assert self._reader is not None
        if headers.get("transfer-encoding") != "chunked":
            return await self._reader.readexactly(int(headers.get("content-length", 0)))
        parts = []
        while size := int(await self._reader.readline(), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readline()
        await self._reader.readline()
        return b"".join(parts)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


@dataclass
class Load:
    """What happened: how long each piece of work took, and what went wrong."""

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.milliseconds) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        return quantile(self.milliseconds, share)


Script = Callable[[Browser], Awaitable[None]]


def run(
    port: int,
    script: Script,
    *,
    clients: int = 16,
    seconds: float = 4.0,
    times: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """All clients at once, for some seconds or until `times` pieces of work are done. Any failure stops the bench."""
    load = asyncio.run(_drive(port, script, clients, seconds, times, headers or {}))
    if load.failures:
        raise UnexpectedAnswer(f"{len(load.failures)} failed, the first: {load.failures[0]}")
    return load


async def _drive(
    port: int, script: Script, clients: int, seconds: float, times: int | None, headers: Mapping[str, str]
) -> Load:
    load, left = Load(), times
    deadline = time.perf_counter() + (seconds if times is None else 3600.0)

    async def client() -> None:
        nonlocal left
        browser = Browser(port, headers)
        while time.perf_counter() < deadline and (left is None or left > 0):
            if left is not None:
                left -= 1
            began = time.perf_counter()
            try:
                await script(browser)
            except (UnexpectedAnswer, OSError, EOFError, TimeoutError) as error:
                load.failures.append(f"{type(error).__name__}: {error}")
                break
            load.milliseconds.append((time.perf_counter() - began) * 1000)
        await browser.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    load.seconds = time.perf_counter() - began
    return load


def expect(answer: Answer, *statuses: int) -> Answer:
    if answer.status not in statuses:
        raise UnexpectedAnswer(f"{answer.status} {answer.body[:300].decode(errors='replace')}")
    return answer
