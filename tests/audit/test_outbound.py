"""Addresses that somebody else chose: public machines only, the checked one, never redirected."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from audit.outbound import TIMEOUT_SECONDS, Unreachable, UnsafeAddress, check_address, post

PUBLIC = "93.184.216.34"


@pytest.fixture(autouse=True)
def as_in_production(settings: Any) -> None:
    settings.WEBHOOKS_MAY_BE_LOCAL = False


def resolver(*found: str) -> Any:
    return lambda host, port: list(found)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/",
        "//example.com/",
        "example.com",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: other",
        "https://example.com:99999/",
        "https://ex\u00e4mple.com/",
        "https://example.com/" + "a" * 500,
        "",
    ],
)
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(UnsafeAddress):
        check_address(url, resolver=resolver(PUBLIC))


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
    ],
)
def test_machines_that_are_not_public_are_refused_also_beside_public_ones(ip: str) -> None:
    for found in ([ip], [PUBLIC, ip], [ip, PUBLIC]):
        with pytest.raises(UnsafeAddress):
            check_address("https://hooks.example/", resolver=resolver(*found))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433", "0x7f000001", "localhost", "127.1"])
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(UnsafeAddress):
        check_address(f"https://{host}/")


def test_a_name_nobody_knows_is_refused() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(UnsafeAddress):
        check_address("https://nowhere.example/", resolver=unknown)


def test_the_call_goes_to_the_number_that_was_checked_with_the_name_kept() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204, stream=httpx.ByteStream(b""))

    target = check_address("https://hooks.example:8443/in?a=1", resolver=resolver(PUBLIC))
    answered = post(
        target, body=b"{}", headers={"webhook-id": "msg_1"}, transport=httpx.MockTransport(answer)
    )
    assert answered.status == 204
    (request,) = seen
    assert str(request.url) == f"https://{PUBLIC}:8443/in?a=1"
    assert request.headers["host"] == "hooks.example:8443"
    assert request.extensions["sni_hostname"] == "hooks.example"
    assert (request.headers["webhook-id"], request.content) == ("msg_1", b"{}")


def test_a_redirect_is_an_answer_not_a_way() -> None:
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://127.0.0.1/"}, stream=httpx.ByteStream(b""))

    target = check_address("https://hooks.example/", resolver=resolver(PUBLIC))
    assert post(target, body=b"", headers={}, transport=httpx.MockTransport(answer)).status == 302
    assert calls == [f"https://{PUBLIC}/"]


def test_a_long_answer_is_cut_and_a_lost_one_says_so() -> None:
    target = check_address("https://hooks.example/", resolver=resolver(PUBLIC))
    long = httpx.MockTransport(lambda request: httpx.Response(200, stream=httpx.ByteStream(b"x" * 1_000_000)))
    assert post(target, body=b"", headers={}, transport=long).text == "x" * 2_000

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(Unreachable, match="in time"):
        post(target, body=b"", headers={}, transport=httpx.MockTransport(lost))
    assert TIMEOUT_SECONDS <= 10
