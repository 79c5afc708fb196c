"""What one round measures. Each measure answers figures by name; a round runs all of them, rotated."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from bench import accounts, coupons, growing, load
from bench.figures import quantile
from bench.load import Answer, Browser, Load
from bench.shopper import buying, order_body, placing, product_path, reading, search_path, whole_way
from bench.stand import EMPTY, Stand

Figures = dict[str, float]
BASKET_LINES = 3
# Orders before the ones that are measured: each connection plans its statements once.
WARM_UP = 32
MEETINGS = 128
RACE_BUYERS, RACE_UNITS, RACE_RUNS = 100, 10, 20
IMPORT_LINES = 10_000


@dataclass
class Bench:
    """The stand with its addresses and what there is to ask for."""

    stand: Stand
    large: int
    small: int
    floor: int
    seconds: float
    baskets: int
    races: int
    accounts: int = accounts.ACCOUNTS
    huge: int = 0
    known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ask(self, size: str) -> dict[str, Any]:
        if size not in self.known:
            self.known[size] = self.stand.inside(size, "catalog")
        return self.known[size]

    def port(self, size: str) -> int:
        return {"large": self.large, "small": self.small, growing.DATABASE: self.huge}[size]

    def busy(self, name: str, process: str, work: Callable[[], Load]) -> tuple[Load, Figures]:
        """The work with its rate by second, and by second of CPU that the process and PostgreSQL used for it."""
        before = self.stand.cpu_seconds(of=[process])
        done = work()
        used = self.stand.cpu_seconds(of=[process]) - before
        return done, {name: done.per_second, f"{name}_by_cpu": len(done.milliseconds) / used}

    def meet(self, port: int, paths: list[str], **headers: str) -> None:
        """Before pages are timed every process has met them: its connections have plans, its templates are compiled."""
        load.run(port, reading(paths), times=MEETINGS, headers=headers)

    def read(self, port: int, paths: list[str], *, clients: int = 16, **headers: str) -> Load:
        return load.run(port, reading(paths), clients=clients, seconds=self.seconds, headers=headers)


Paths = Callable[[Bench, str], list[str]]


# ------------------------------------------------------------------ references
def pgbench_function(bench: Bench) -> Figures:
    by_second, by_cpu = bench.stand.pgbench("co_fn.sql", seconds=bench.seconds)
    return {"pgbench_function": by_second, "pgbench_function_by_cpu": by_cpu}


def floors(bench: Bench) -> Figures:
    found: Figures = {}
    for name, path in (("template_floor", "/tpl"), ("json_floor", "/q")):
        paths = [f"{path}/{number}" for number in range(1, 10_001, 7)]
        bench.meet(bench.floor, paths)
        found |= bench.busy(name, "floor", lambda paths=paths: bench.read(bench.floor, paths))[1]
    return found


# ------------------------------------------------------------------ orders
def place_order(bench: Bench) -> Figures:
    """POST /orders from baskets of three lines that are ready; 16 clients; nothing left out but the worker."""
    half = [str(bench.baskets // 2), str(BASKET_LINES)]
    made = bench.stand.inside_at_once("large", "baskets", *[[*half, uuid.uuid4().hex] for _ in range(2)])
    tokens = [token for each in made for token in each["tokens"]]
    ready = iter(tokens)
    load.run(bench.large, placing(ready), times=WARM_UP)
    done, figures = bench.busy(
        "place_order",
        "web-large",
        lambda: load.run(bench.large, placing(ready), times=len(tokens) - WARM_UP),
    )
    return {**figures, **_times("place_order", done)}


def full_guest_flow(bench: Bench) -> Figures:
    slugs = bench.ask("large")["deep_slugs"]
    done, figures = bench.busy(
        "full_guest_flow",
        "web-large",
        lambda: load.run(bench.large, whole_way(slugs, bench.stand.key), seconds=bench.seconds * 2),
    )
    return {**figures, **_times("full_guest_flow", done)}


def hot_sku(bench: Bench) -> Figures:
    """Basket, one line, order: all on one SKU, and spread over many."""
    cold = load.run(bench.large, buying(bench.ask("large")["skus"]), seconds=bench.seconds)
    hot = load.run(bench.large, buying(["BENCH-HOT"]), seconds=bench.seconds)
    return {"hot_sku": hot.per_second, "cold_checkout": cold.per_second}


def race(bench: Bench) -> Figures:
    """A hundred buyers with a basket each reach for the same ten units at once; who got some orders it."""
    skus = [f"RACE-{uuid.uuid4().hex[:10]}" for _ in range(bench.races)]
    bench.stand.inside("large", "race-skus", *skus)
    answers = {sku: asyncio.run(_race(bench.large, sku)) for sku in skus}
    sold = bench.stand.inside("large", "sold", *skus)
    waits = [milliseconds for each in answers.values() for status, milliseconds in each if status == 409]
    exact = sum(
        sold[sku] == RACE_UNITS and not any(status >= 500 for status, _ in answers[sku]) for sku in skus
    )
    return {
        "race_100_for_10": exact / bench.races,
        "race_100_for_10_sold_out_p95": quantile(waits, 0.95),
    }


async def _race(port: int, sku: str) -> list[tuple[int, float]]:
    browsers = [Browser(port) for _ in range(RACE_BUYERS)]
    tokens = []
    for browser in browsers:
        basket = await browser.post("/api/v1/baskets", b'{"channel": "web-rs"}')
        tokens.append(json.loads(load.expect(basket, 201).body)["token"])
        await browser.close()  # the server ends connections that rest; everybody comes anew
    line = json.dumps({"sku": sku, "quantity": 1}).encode()

    async def buy(browser: Browser, token: str) -> tuple[int, float]:
        began = time.perf_counter()
        answer: Answer = await browser.post(f"/api/v1/baskets/{token}/lines", line)
        waited = (time.perf_counter() - began) * 1000
        if answer.status == 201:
            body = json.dumps(order_body(token, uuid.uuid4().hex[:12])).encode()
            answer = await browser.post("/api/v1/orders", body, **{"Idempotency-Key": uuid.uuid4().hex})
        await browser.close()
        return answer.status, waited

    return list(await asyncio.gather(*map(buy, browsers, tokens)))


# ------------------------------------------------------------------ pages and questions
def product_page(bench: Bench) -> Figures:
    paths = _product_paths(bench, "large")
    bench.meet(bench.large, paths)
    done, figures = bench.busy("product_page", "web-large", lambda: bench.read(bench.large, paths))
    return {**figures, "product_page_p95": done.quantile(0.95)}


def listing(bench: Bench) -> Figures:
    paths = _listing_paths(bench, "large")
    bench.meet(bench.large, paths)
    done, figures = bench.busy("listing", "web-large", lambda: bench.read(bench.large, paths))
    return {**figures, "listing_p95": done.quantile(0.95)}


def search(bench: Bench) -> Figures:
    paths = _search_paths(bench, "large")
    bench.meet(bench.large, paths)
    done, alone = bench.read(bench.large, paths), bench.read(bench.large, paths, clients=1)
    return {"search": done.per_second, "search_alone_p95": alone.quantile(0.95)}


def stock_figure(bench: Bench) -> Figures:
    """The units of one SKU, by an integrator's key."""
    paths = [f"/api/v1/stock?sku={sku}" for sku in bench.ask("large")["skus"]]
    key = f"Bearer {bench.stand.key}"
    bench.meet(bench.large, paths, Authorization=key)
    return bench.busy("stock_figure", "web-large", lambda: bench.read(bench.large, paths, Authorization=key))[
        1
    ]


def availability(bench: Bench) -> Figures:
    paths = [
        f"/api/v1/availability?sku={sku}&quantity=1&postal_code=21000" for sku in bench.ask("large")["skus"]
    ]
    bench.meet(bench.large, paths)
    done, alone = bench.read(bench.large, paths), bench.read(bench.large, paths, clients=1)
    return {"availability": done.per_second, "availability_alone_p95": alone.quantile(0.95)}


def growth(bench: Bench) -> Figures:
    """The same pages over the small and the ten times larger database, one right after the other, one client."""
    found = _compared(bench, _GROWING, "large")
    return {name if name.endswith("_1x") else f"growth_{name}": value for name, value in found.items()}


def growth_full(bench: Bench) -> Figures:
    """The same over 100,000 titles with a million orders, which are made once, beside the small sample."""
    ways = {**_GROWING, **_LISTS}
    return _compared(bench, {f"full_{name}": ways[name] for name in growing.PAGES}, growing.DATABASE)


def _compared(bench: Bench, ways: Mapping[str, Paths], size: str) -> Figures:
    """Medians of one client over the small database (`…_1x`) and another one."""
    found: Figures = {}
    for name, paths_of in ways.items():
        for asked, label in (("small", f"{name}_1x"), (size, name)):
            headers = _staff(bench, asked) if _STAFF.search(name) else {}
            paths = paths_of(bench, asked)
            # Every process has met the page before it is timed.
            bench.read(bench.port(asked), paths, **headers)
            found[label] = bench.read(bench.port(asked), paths, clients=1, **headers).quantile(0.5)
    return found


def _staff(bench: Bench, size: str) -> dict[str, str]:
    return {"Cookie": f"session={bench.stand.inside(size, 'session')['session']}"}


def _product_paths(bench: Bench, size: str) -> list[str]:
    return [product_path(slug) for slug in bench.ask(size)["slugs"]]


def _listing_paths(bench: Bench, size: str) -> list[str]:
    return [f"/c/{path}/" for path in bench.ask(size)["categories"]]


def _search_paths(bench: Bench, size: str) -> list[str]:
    return [search_path(words) for words in bench.ask(size)["words"]]


def _full_search_paths(bench: Bench, size: str) -> list[str]:
    """Words that fill a page in a catalog of any size, so that the same number of cards is compared."""
    return [search_path(words) for words in bench.ask(size)["common_words"]]


def _orders_paths(bench: Bench, size: str) -> list[str]:
    return ["/ops/orders/"]


_GROWING: dict[str, Paths] = {
    "product_page": _product_paths,
    "listing": _listing_paths,
    "search": _full_search_paths,
    "orders_list": _orders_paths,
}
# What is looked at over the full shop as well: every list that people narrow, sort and search.
_LISTS: dict[str, Paths] = {
    "home": lambda bench, size: ["/"],
    "listing_newest": lambda bench, size: _with(_listing_paths(bench, size), "sort=newest"),
    "listing_cheapest": lambda bench, size: _with(_listing_paths(bench, size), "sort=price_asc"),
    "listing_by_title": lambda bench, size: _with(_listing_paths(bench, size), "sort=title"),
    "listing_best_rated": lambda bench, size: _with(_listing_paths(bench, size), "sort=rating"),
    "listing_available": lambda bench, size: _with(_listing_paths(bench, size), "available=1"),
    "suggestions": lambda bench, size: [
        f"/search/suggestions/?q={quote(words)}" for words in bench.ask(size)["common_words"]
    ],
    "orders_filtered": lambda bench, size: ["/ops/orders/?status=COMPLETED&payment_method=CARD"],
    "orders_late": lambda bench, size: ["/ops/orders/?view=late"],
    "orders_found": lambda bench, size: ["/ops/orders/?q=Jovanovi%C4%87"],
    "customers_list": lambda bench, size: ["/ops/customers/"],
    "stock_lookup": lambda bench, size: [f"/ops/stock/?sku={sku}" for sku in bench.ask(size)["skus"]],
}
_STAFF = re.compile("orders_|customers_|stock_lookup")


def _with(paths: list[str], asked: str) -> list[str]:
    return [f"{path}?{asked}" for path in paths]


# ------------------------------------------------------------------ work without a client
def statements(bench: Bench) -> Figures:
    return {name: float(value) for name, value in bench.stand.inside("large", "statements").items()}


def price_under_discounts(bench: Bench) -> Figures:
    """In a process of its own, without a request around it: the price alone."""
    found = bench.stand.inside("small", "price-under-discounts")
    return {
        "price_under_discounts_by_cpu": found["per_cpu_second"],
        "price_under_discounts": found["milliseconds"],
        "statements_price_under_discounts": float(found["statements"]),
    }


def import_catalog(bench: Bench) -> Figures:
    """Titles that are all new, into the small catalog."""
    bench.stand.renew("import", "origin_small")
    bench.stand.inside("import", "refresh")
    seconds = bench.stand.inside("import", "import", str(IMPORT_LINES))["seconds"]
    return {"import_catalog": IMPORT_LINES / seconds}


def doctor(bench: Bench) -> Figures:
    """All invariants over the large database with every order of this bench."""
    return {"doctor": bench.stand.inside("large", "doctor")["seconds"]}


def segments(bench: Bench) -> Figures:
    """Counts against hand-written SQL over the same purchases, and membership of one account, in a database of their own."""
    bench.stand.make_accounts(bench.accounts)
    found = bench.stand.inside(accounts.DATABASE, "segments")
    ratios = [found[f"count_{name}_cpu_ms"] / found[f"count_{name}_raw_cpu_ms"] for name in accounts.COMPARED]
    return {f"segment_{name}": value for name, value in found.items()} | {"segment_count_ratio": max(ratios)}


def find_accounts(bench: Bench) -> Figures:
    """An account by anything, among as many as the segments have."""
    bench.stand.make_accounts(bench.accounts)
    found = bench.stand.inside(accounts.DATABASE, "find-accounts")
    return {f"find_account_{name}": value for name, value in found.items()}


def coupons_million(bench: Bench) -> Figures:
    """A million codes as one act, in a database that has none yet."""
    bench.stand.renew(coupons.DATABASE, EMPTY)
    bench.stand.inside(coupons.DATABASE, "refresh")
    found = bench.stand.inside(coupons.DATABASE, "coupons", str(coupons.COUNT))
    bench.stand.drop(coupons.DATABASE)
    return {"coupons_million": found["seconds"], "coupons_million_by_cpu": found["cpu_seconds"]}


def _times(name: str, done: Load) -> Figures:
    return {f"{name}_p{share}": done.quantile(share / 100) for share in (50, 95, 99)}


MEASURES: dict[str, Callable[[Bench], Figures]] = {
    "pgbench_function": pgbench_function,
    "place_order": place_order,
    "full_guest_flow": full_guest_flow,
    "floors": floors,
    "product_page": product_page,
    "listing": listing,
    "search": search,
    "stock_figure": stock_figure,
    "availability": availability,
    "hot_sku": hot_sku,
    "race": race,
    "growth": growth,
    "growth_full": growth_full,
    "statements": statements,
    "price_under_discounts": price_under_discounts,
    "import_catalog": import_catalog,
    "doctor": doctor,
    "segments": segments,
    "find_accounts": find_accounts,
    "coupons_million": coupons_million,
}
# What a measure is compared with must stand in the same round.
NEEDS = {
    "place_order": ["pgbench_function"],
    "full_guest_flow": ["pgbench_function"],
    "product_page": ["floors"],
    "listing": ["floors"],
    "stock_figure": ["floors"],
    "price_under_discounts": ["floors"],
}
