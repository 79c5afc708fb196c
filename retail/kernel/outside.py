"""One call to a service outside the house, and what its answer proves: done, refused, not begun, or unknown.

The difference decides what the caller may do next. Refused: never repeat it as it is. Unavailable: nothing was
done, repeat later. Timeout: it may have been done, so look it up by our own reference before repeating.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

import httpx

logger = logging.getLogger(__name__)

BODY_BYTES_MAX = 4_000_000
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,59}")
_DIGITS = re.compile(r"[0-9]{4}")
_NAMES = frozenset({"code", "errorcode"})


class ProviderError(Exception):
    """A call that brought no result. The text names service, operation and code, never what was sent."""

    def __init__(self, service: str, operation: str, code: str, *, status: int | None = None) -> None:
        super().__init__(f"{service} {operation}: {code}" + (f" (HTTP {status})" if status else ""))
        self.service = service
        self.operation = operation
        self.code = code
        self.status = status


class ProviderTimeout(ProviderError):
    """The outcome is unknown: the answer was lost, late, unreadable or an error of theirs. Look up before repeating."""


class ProviderRefused(ProviderError):
    """A definite no: nothing was done, and the same request would be refused again."""

    def __init__(
        self,
        service: str,
        operation: str,
        code: str,
        *,
        status: int | None = None,
        codes: tuple[str, ...] = (),
        said: str = "",
    ) -> None:
        super().__init__(service, operation, code, status=status)
        self.codes = codes or (code,)
        # The service's own words, for people to read; never for logs, since they may repeat what a person typed.
        self.said = said


class ProviderUnavailable(ProviderError):
    """Nothing was done, and the same request may be sent again after a while."""

    def __init__(
        self,
        service: str,
        operation: str,
        code: str,
        *,
        status: int | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(service, operation, code, status=status)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """A readable answer below 400, or a 404 that the service itself wrote when the caller asked to be told."""

    status: int
    data: Any


class Breaker:
    """Stops asking a service that failed several times in a row; after a pause lets single calls try."""

    def __init__(
        self,
        *,
        failures_max: int = 5,
        pause_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures_max = failures_max
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    def seconds_to_wait(self) -> int:
        """0 when a call may go out. The first call after a pause is the trial: the others wait one pause more."""
        with self._lock:
            if self._failures < self._failures_max:
                return 0
            left = self._closed_until - self._clock()
            if left > 0:
                return int(left) + 1
            self._closed_until = self._clock() + self._pause_seconds
            return 0

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._closed_until = self._clock() + self._pause_seconds


class Service:
    """A service outside: its address, standing headers, the deadline of a whole call, and its breaker."""

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        headers: Mapping[str, str],
        timeout_seconds: float,
        breaker: Breaker | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.name = name
        self._timeout_seconds = timeout_seconds
        self._breaker = breaker or Breaker()
        self._client = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers={"Accept": "application/json", **headers},
            timeout=httpx.Timeout(timeout_seconds, connect=min(2.0, timeout_seconds)),
            # A kept connection that the other side closed meanwhile would look like a lost answer.
            limits=httpx.Limits(max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def close(self) -> None:
        self._client.close()

    def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        payload: Any = None,
        content: bytes | None = None,
        parameters: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_absence_told: bool = False,
        is_raw: bool = False,
        bytes_max: int = BODY_BYTES_MAX,
    ) -> Answer:
        """One request and its whole answer. With `is_absence_told` the service's own 404 is an answer, not a refusal.

        `content` is a body that is no JSON (say its type in `headers`); with `is_raw` the answer is bytes, not JSON.
        """
        wait_seconds = self._breaker.seconds_to_wait()
        if wait_seconds:
            raise ProviderUnavailable(self.name, operation, "PAUSED", retry_after_seconds=wait_seconds)
        try:
            response, body = self._exchange(method, path, payload, content, parameters, headers, bytes_max)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            self._breaker.failed()
            self._log(operation, "UNREACHABLE", None)
            raise ProviderUnavailable(self.name, operation, "UNREACHABLE") from None
        except httpx.TimeoutException:
            self._unknown(operation, "TIMEOUT", None)
        except (httpx.TransportError, httpx.DecodingError):
            self._unknown(operation, "CONNECTION_LOST", None)
        return self._judge(operation, response, body, is_absence_told, is_raw)

    def _exchange(
        self,
        method: str,
        path: str,
        payload: Any,
        content: bytes | None,
        parameters: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        bytes_max: int,
    ) -> tuple[httpx.Response, bytes]:
        """Reads against one deadline: httpx restarts its own at each byte, so a dripping answer would never end."""
        deadline = time.monotonic() + self._timeout_seconds
        body = bytearray()
        with self._client.stream(
            method, path.lstrip("/"), json=payload, content=content, params=parameters, headers=headers
        ) as response:
            for chunk in response.iter_bytes():
                body += chunk
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer took too long")
                if len(body) > bytes_max:
                    raise httpx.DecodingError("the answer is too large")
        return response, bytes(body)

    def _judge(
        self, operation: str, response: httpx.Response, body: bytes, is_absence_told: bool, is_raw: bool
    ) -> Answer:
        status = response.status_code
        data, is_readable = _read(response, body)
        if status == 429:
            self._breaker.succeeded()
            self._log(operation, "TOO_MANY_REQUESTS", status)
            raise ProviderUnavailable(
                self.name,
                operation,
                "TOO_MANY_REQUESTS",
                status=status,
                retry_after_seconds=_seconds(response.headers.get("retry-after")),
            )
        if status == 408 or status >= 500 or 300 <= status < 400:
            self._unknown(operation, f"HTTP_{status}", status)
        if status >= 400:
            self._breaker.succeeded()
            # A 404 page of some proxy says nothing about the record; only the service's own JSON does.
            if status == 404 and is_absence_told:
                if is_readable:
                    return Answer(status=status, data=data)
                self._unknown(operation, "UNREADABLE", status)
            codes = _codes(data) or (f"HTTP_{status}",)
            self._log(operation, codes[0], status)
            raise ProviderRefused(
                self.name, operation, codes[0], status=status, codes=codes, said=_message(data)
            )
        if is_raw and "html" not in response.headers.get("content-type", ""):
            self._breaker.succeeded()
            return Answer(status=status, data=body)
        if not is_readable:
            self._unknown(operation, "UNREADABLE", status)
        self._breaker.succeeded()
        return Answer(status=status, data=data)

    def unreadable(self, operation: str) -> ProviderTimeout:
        """What a client raises when an answer was JSON, yet not the JSON that was agreed."""
        self._log(operation, "UNREADABLE", None)
        return ProviderTimeout(self.name, operation, "UNREADABLE")

    def _unknown(self, operation: str, code: str, status: int | None) -> NoReturn:
        self._breaker.failed()
        self._log(operation, code, status)
        raise ProviderTimeout(self.name, operation, code, status=status) from None

    def _log(self, operation: str, code: str, status: int | None) -> None:
        logger.warning("outside call failed: %s %s %s status=%s", self.name, operation, code, status)


_breakers: dict[str, Breaker] = {}


def shared_breaker(base_url: str) -> Breaker:
    """One breaker for each address in a process: what one caller learns spares the others."""
    return _breakers.setdefault(base_url, Breaker())


def close_breakers() -> None:
    """Lets every service be asked again at once: for tests and simulated days, where minutes pass in no time."""
    for breaker in _breakers.values():
        breaker.succeeded()


def _read(response: httpx.Response, body: bytes) -> tuple[Any, bool]:
    """The JSON with exact decimals, and whether there was one."""
    if "json" not in response.headers.get("content-type", ""):
        return None, False
    try:
        return json.loads(body, parse_float=Decimal), True
    except ValueError:
        return None, False


def _codes(data: Any) -> tuple[str, ...]:
    """The codes of an error body: values named `code`, and four-digit texts, which is how a fiscal processor answers.

    Messages and other values are left out, since they may repeat what a person typed.
    """
    found: dict[str, None] = {}

    def walk(name: str, node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(key.lower(), value)
        elif isinstance(node, list):
            for value in node:
                walk(name, value)
        elif isinstance(node, str) and (
            _DIGITS.fullmatch(node) or (name in _NAMES and _CODE.fullmatch(node))
        ):
            found[node] = None

    walk("", data)
    return tuple(found)


def _message(data: Any) -> str:
    """What an error body says in words."""
    if not isinstance(data, dict):
        return ""
    words = {str(key).lower(): value for key, value in data.items()}
    found = words.get("message") or words.get("title") or ""
    return found[:500] if isinstance(found, str) else ""


def _seconds(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else None
