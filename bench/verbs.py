"""What the bench does inside the house: fill, prepare, count. Called through bench/inside.py."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from audit.attach import attach_triggers
from bench import counting, coupons, filling, finding, pricing, segments
from oms.models import OrderLine
from oms.workflows import baskets
from retail.doctor.examine import examine
from retail.kernel import clock, prepared
from retail.kernel.context import acting
from retail.kernel.models import User
from retail.sample import people, titles
from storefront.imports import SHELF, import_catalog
from storefront.models import Category, Product
from storefront.selectors.filters import ListingQuery
from storefront.selectors.search import match
from warehouse.models import StockItem

Answer = dict[str, Any]
DEEP = filling.DEEP_UNITS


def fill(products: str, customers: str, orders: str) -> Answer:
    filling.fill(int(products), int(customers), int(orders), now=clock.now())
    return {}


def refresh() -> Answer:
    """The functions and triggers of the running code; a filled database may be older."""
    prepared.install()
    attach_triggers()
    return {}


def key() -> Answer:
    return {"key": people.api_key()}


def catalog() -> Answer:
    """What the client asks for: addresses, SKUs with shelves that do not empty, words that are in titles."""
    chance = random.Random(7)
    deep = StockItem.objects.filter(location__code=filling.PLACE, on_hand__gte=DEEP)
    skus = sorted(set(deep.values_list("variant__sku", flat=True)) - {filling.HOT_SKU})
    slugs = list(Product.objects.filter(status="PUBLISHED").order_by("id").values_list("slug", flat=True))
    titles_of_some = Product.objects.values_list("title", flat=True)[:2000]
    words = sorted({" ".join(title.split()[:2]) for title in titles_of_some})
    # What finds three titles of a thousand finds a page of a hundred thousand: these fill one in both.
    common = [each for each in words if len(match(each).ids) >= ListingQuery().page_size]
    deep_slugs = list(
        Product.objects.filter(variants__sku__in=skus).order_by("id").values_list("slug", flat=True)
    )
    paths = list(Category.objects.order_by("path").values_list("path", flat=True))
    return {
        "skus": skus,
        "deep_slugs": deep_slugs,
        "slugs": chance.sample(slugs, min(len(slugs), 1500)),
        "words": chance.sample(words, min(len(words), 100)),
        "common_words": chance.sample(common, min(len(common), 40)),
        "categories": paths,
    }


def baskets_of(count: str, lines: str, seed: str) -> Answer:
    """Open baskets with lines of different SKUs, through the verbs that a shopper's basket goes through."""
    chance = random.Random(seed)
    skus = catalog()["skus"]
    tokens = []
    for _ in range(int(count)):
        with acting(label="bench"):
            basket = baskets.create_basket(channel_code="web-rs", now=clock.now(), postal_code="21000")
            wanted = [(sku, 1) for sku in chance.sample(skus, int(lines))]
            baskets.add_lines(token=basket.token, wanted=wanted, now=clock.now())
        tokens.append(basket.token)
    return {"tokens": tokens}


def race_skus(*names: str) -> Answer:
    """Titles of each of which there are ten units."""
    now = clock.now()
    filling.lay([filling.make_variant(name, now=now) for name in names], filling.RACE_UNITS, now=now)
    return {}


def sold(*names: str) -> Answer:
    """Units of orders by SKU; minus one where the shelf does not say the same."""
    found = {}
    for name in names:
        units = sum(OrderLine.objects.filter(sku=name).values_list("quantity", flat=True))
        (item,) = StockItem.objects.filter(variant__sku=name)
        found[name] = units if item.reserved == units else -1
    return found


def session() -> Answer:
    """A member of staff who is signed in, for the lists of the back office."""
    user = User.objects.get(email=people.persona_of("ops lead").email)
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return {"session": store.session_key}


def import_lines(count: str) -> Answer:
    """Seconds of `import_catalog` for a file of titles that are all new."""
    titles.INVENTED = int(count)
    with tempfile.TemporaryDirectory() as folder:
        path = titles._written(Path(folder) / "titles.csv", titles.COLUMNS, _renamed())
        began = time.perf_counter()
        import_catalog(path=path, by=None, now=clock.now(), mapping=SHELF.load("columns"))
        return {"seconds": time.perf_counter() - began}


def _renamed() -> Any:
    for row in titles._invented():
        number = str(row["sku"])[:12].replace("97999", "97998", 1)
        isbn = number + titles.ean.calc_check_digit(number)
        yield {**row, "reference": f"bench-{row['reference']}", "sku": isbn, "barcode": isbn}


def statements() -> Answer:
    return counting.count(catalog())


def price_under_discounts() -> Answer:
    return pricing.measure()


def doctor() -> Answer:
    """Seconds of all invariants. Without a worker events wait, as they are meant to here; nothing else may be broken."""
    began = time.perf_counter()
    broken = {finding.check.name for finding in examine() if finding.violations}
    assert broken <= {"outbox_drains"}, broken
    return {"seconds": time.perf_counter() - began}


VERBS: dict[str, Callable[..., Answer]] = {
    "fill": fill,
    "refresh": refresh,
    "key": key,
    "catalog": catalog,
    "baskets": baskets_of,
    "race-skus": race_skus,
    "sold": sold,
    "session": session,
    "import": import_lines,
    "statements": statements,
    "coupons": lambda count: coupons.measure(int(count)),
    "price-under-discounts": price_under_discounts,
    "doctor": doctor,
    "segments": segments.measure,
    "find-accounts": finding.measure,
}
