"""One call to an address that somebody else chose: only to a public machine, to the very address that was checked, never redirected."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from retail.kernel.errors import InvalidInput

TIMEOUT_SECONDS = 10.0
ANSWER_BYTES_MAX = 2_000
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

# Addresses of IPv6 that carry an IPv4 address: what they lead to is not what they look like.
_TUNNELS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class UnsafeAddress(InvalidInput):
    """The address is not one that the house may call."""

    code = "UNSAFE_URL"


class Unreachable(Exception):
    """The receiver gave no answer; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes: `ip` is what was checked, so the name cannot lead elsewhere a moment later."""

    url: httpx.URL
    host: str
    ip: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    milliseconds: int


def resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def check_address(url: str, *, resolver: Resolver = resolve) -> Target:
    """The target of an address, resolved once. Refuses UnsafeAddress."""
    if not url.isascii() or len(url) > 500 or any(char <= " " for char in url):
        raise UnsafeAddress("An address has at most 500 plain characters and no spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        target = httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        raise UnsafeAddress("This is not an address of the web.") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOKS_MAY_BE_LOCAL):
        raise UnsafeAddress("The address must begin with https://.")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise UnsafeAddress("The address needs a host, and no user name in it.")
    try:
        found = resolver(parts.hostname, port)
    except OSError:
        raise UnsafeAddress("No machine of this name was found.", host=parts.hostname[:80]) from None
    if not found or not all(_may_be_called(ipaddress.ip_address(one.split("%")[0])) for one in found):
        raise UnsafeAddress("The address must lead to public machines only.", host=parts.hostname[:80])
    return Target(url=target, host=parts.hostname, ip=found[0])


def post(
    target: Target,
    *,
    body: bytes,
    headers: Mapping[str, str],
    timeout_seconds: float = TIMEOUT_SECONDS,
    transport: httpx.BaseTransport | None = None,
) -> Answer:
    """One POST and the beginning of its answer, within one deadline. Raises Unreachable."""
    began = time.monotonic()
    text = bytearray()
    sent = {**headers, "Host": target.url.netloc.decode(), "Content-Type": "application/json"}
    try:
        with (
            httpx.Client(trust_env=False, timeout=timeout_seconds, transport=transport) as client,
            client.stream(
                "POST",
                target.url.copy_with(host=target.ip),
                content=body,
                headers=sent,
                follow_redirects=False,
                # The certificate must be that of the name, although the number is called.
                extensions={"sni_hostname": target.host},
            ) as response,
        ):
            # A receiver that drips its answer would otherwise hold the worker for ever.
            for chunk in response.iter_raw():
                text += chunk
                if len(text) >= ANSWER_BYTES_MAX or time.monotonic() - began > timeout_seconds:
                    break
    except httpx.TimeoutException:
        raise Unreachable("no answer in time") from None
    except httpx.HTTPError as error:
        raise Unreachable(type(error).__name__) from None
    spent = round((time.monotonic() - began) * 1000)
    return Answer(response.status_code, text[:ANSWER_BYTES_MAX].decode(errors="replace"), spent)


def _may_be_called(ip: Address) -> bool:
    if settings.WEBHOOKS_MAY_BE_LOCAL and ip.is_loopback:
        return True
    inner = getattr(ip, "ipv4_mapped", None) or ip
    return inner.is_global and not inner.is_multicast and not any(inner in net for net in _TUNNELS)
