"""What the client's shoppers do: read, put in the basket, order, pay. No Django here: it only speaks HTTP."""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from itertools import cycle
from urllib.parse import quote, urlencode

from bench.load import Answer, Browser, Script, UnexpectedAnswer, expect

FORM = "application/x-www-form-urlencoded"
_SKU = re.compile(rb'name="sku" value="([^"]+)"')
_CSRF = re.compile(rb'name="csrfmiddlewaretoken" value="([^"]+)"')
_SEEN = re.compile(rb'name="(key|seen_\w+)" value="([^"]*)"')
_COPIED = re.compile(rb'data-copy="([^"]+)"')
_AMOUNT = re.compile(rb'<dd class="num">([0-9.]+,[0-9]{2})')


def product_path(slug: str) -> str:
    return f"/p/{slug}/"


def order_body(token: str, who: str) -> dict[str, object]:
    """A guest whom the house does not know yet, at home, in cash."""
    return {
        "basket": token,
        "email": f"{who}@example.com",
        "name": "Ana Anić",
        "phone": "+381601112223",
        "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000", "country": "RS"},
        "delivery": {"method": "HOME_DELIVERY"},
        "payment": {"method": "CASH_ON_DELIVERY"},
    }


def contact(who: str) -> dict[str, str]:
    """The checkout form of a guest who pays by transfer."""
    return {
        "name": "Ana Anić",
        "email": f"{who}@example.com",
        "phone": "0601112223",
        "delivery": "HOME_DELIVERY",
        "street": "Dunavska 1",
        "postal_code": "21000",
        "city": "Novi Sad",
        "payment": "BANK_TRANSFER",
    }


def reading(paths: Sequence[str], *, status: int = 200) -> Script:
    """One page after the other, each client its own way round."""
    ways = cycle(random.Random(5).sample(paths, len(paths)))

    async def read(browser: Browser) -> None:
        expect(await browser.get(next(ways)), status)

    return read


def placing(tokens: Iterator[str]) -> Script:
    """Each piece of work is one order from a basket that is ready."""

    async def place(browser: Browser) -> None:
        await _order(browser, next(tokens))

    return place


def buying(skus: Sequence[str]) -> Script:
    """Basket, one line, order."""
    chance = random.Random(11)

    async def buy(browser: Browser) -> None:
        basket = expect(await browser.post("/api/v1/baskets", b'{"channel": "web-rs"}'), 201)
        token = json.loads(basket.body)["token"]
        line = json.dumps({"sku": chance.choice(skus), "quantity": 1}).encode()
        expect(await browser.post(f"/api/v1/baskets/{token}/lines", line), 201)
        await _order(browser, token)

    return buy


def whole_way(slugs: Sequence[str], key: str) -> Script:
    """A guest in a browser: product page, basket, checkout, order, the page that says how to pay; then the bank's line is read."""
    ways = cycle(random.Random(3).sample(slugs, len(slugs)))

    async def walk(browser: Browser) -> None:
        browser.cookies.clear()
        page = expect(await browser.get(product_path(next(ways))), 200)
        fields = {"csrfmiddlewaretoken": _found(_CSRF, page), "sku": _found(_SKU, page), "quantity": "1"}
        expect(await _submit(browser, "/basket/add/", fields), 302)
        desk = expect(await browser.get("/checkout/"), 200)
        seen = {name.decode(): value.decode() for name, value in _SEEN.findall(desk.body)}
        token = {"csrfmiddlewaretoken": _found(_CSRF, desk)}
        placed = await _submit(browser, "/checkout/", {**contact(uuid.uuid4().hex[:12]), **seen, **token})
        transfer = expect(await browser.get(expect(placed, 302).headers["location"]), 200)
        await _pay(browser, transfer, key)

    return walk


async def _pay(browser: Browser, transfer: Answer, key: str) -> None:
    """The accountant's program sends what the bank says."""
    body = json.dumps(bank_line(transfer.body)).encode()
    paid = await browser.post("/api/v1/bank-statements", body, Authorization=f"Bearer {key}")
    if json.loads(expect(paid, 201).body)["matched"] != 1:
        raise UnexpectedAnswer(f"the bank's line found no order: {paid.body!r}")


def bank_line(page: bytes) -> dict[str, str]:
    """A statement with one line, for what the page about the transfer says."""
    account, reference = (value.decode() for value in _COPIED.findall(page)[:2])
    amount = _AMOUNT.findall(page)[0].decode().replace(".", "").replace(",", ".")
    line = f"{uuid.uuid4().hex},{time.strftime('%Y-%m-%d')},{amount},{reference},Ana"
    return {"account": account, "csv": f"line_key,booked_on,amount,reference,payer\n{line}\n"}


async def _order(browser: Browser, token: str) -> None:
    body = json.dumps(order_body(token, uuid.uuid4().hex[:12])).encode()
    expect(await browser.post("/api/v1/orders", body, **{"Idempotency-Key": uuid.uuid4().hex}), 201)


async def _submit(browser: Browser, path: str, fields: dict[str, str]) -> Answer:
    return await browser.post(path, urlencode(fields).encode(), FORM)


def _found(pattern: re.Pattern[bytes], answer: Answer) -> str:
    found = pattern.search(answer.body)
    if found is None:
        raise UnexpectedAnswer(f"the page has no {pattern.pattern!r}")
    return found[1].decode()


def search_path(words: str) -> str:
    return f"/search/?q={quote(words)}"
