"""Opening stock: what each place has, booked by its own entries, so that ledger, values, moves and shelves agree from the first minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from django.db import connection

from finance import operations as finance
from retail.kernel.clock import business_date
from retail.kernel.models import Location, LocationKind, User
from retail.kernel.money import rounded
from retail.sample.chance import generator
from retail.sample.company import RACKS, SUPPLIERS, WAREHOUSE_ZONES, WAREHOUSES, Company
from storefront.models import Price, Variant
from storefront.states import ProductKind
from warehouse.models import Bin, PurchaseOrder, PurchaseOrderLine, StockItem
from warehouse.states import BinKind

DOCUMENT = "opening"
# Every line of an entry is checked against the whole entry at commit: short entries are checked faster.
VARIANTS_PER_ENTRY = 100
# Share of the net price that a title costs the chain, before its own small chance.
COST_SHARE = 0.58
# (units of the best seller, of the slowest title, chance that a slow title is missing)
WAREHOUSE_DEPTH = {"WH-1": (26.0, 1.6, 0.10), "WH-2": (13.0, 0.9, 0.35)}
STORE_PRESENCE = 0.8
PURCHASE_ORDERS = 24
LINES_PER_ORDER = 25


class _Title(NamedTuple):
    variant_id: int
    rank: float
    unit_cost: Decimal


class _Lot(NamedTuple):
    variant_id: int
    bin_id: int
    quantity: int
    unit_cost: Decimal


def exists() -> bool:
    return StockItem.objects.exists()


def make(company: Company, *, by: User, now: datetime) -> None:
    titles = _titles(company, now)
    lots = list(_lots(company, titles))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE opening_lot (variant_id bigint, bin_id bigint, quantity int, unit_cost numeric(14,2)) ON COMMIT DROP"
        )
        with cursor.copy("COPY opening_lot FROM STDIN") as copy:
            for lot in lots:
                copy.write_row(lot)
        cursor.execute("CREATE INDEX ON opening_lot (variant_id)")
        cursor.execute("ANALYZE opening_lot")
        cursor.execute(
            """INSERT INTO warehouse_stockitem (variant_id, bin_id, location_id, is_sellable, on_hand, reserved)
               SELECT o.variant_id, o.bin_id, b.location_id, true, o.quantity, 0
                 FROM opening_lot o JOIN warehouse_bin b ON b.id = o.bin_id ORDER BY o.variant_id, o.bin_id"""
        )
    for number, some in enumerate(_by_entry(lots), 1):
        _book(company, number, some, by=by, now=now)
    with connection.cursor() as cursor:
        # The deferred checks at commit should not be planned for the empty tables that these were.
        cursor.execute(
            "ANALYZE finance_journalentry, finance_journalline, finance_stockvalue, warehouse_stockitem"
        )
    _order_more(company, titles, now)


def _titles(company: Company, now: datetime) -> list[_Title]:
    """Priced variants, best sellers first, with what one unit costs."""
    rng = generator("costs")
    prices = dict(
        Price.objects.filter(price_list=company.price_list, valid_to__isnull=True).values_list(
            "variant_id", "amount"
        )
    )
    rows = list(
        Variant.objects.filter(id__in=prices)
        .order_by("-product__popularity", "sku")
        .values_list("id", "product__kind", "product__popularity")
    )
    # Toys have no reader counts: they are spread over the ranks instead of standing last.
    keys = [
        (place / len(rows) if popularity else rng.random(), variant_id, kind)
        for place, (variant_id, kind, popularity) in enumerate(rows)
    ]
    keys.sort(key=lambda each: (each[0], each[1]))
    return [
        _Title(variant_id, place / len(keys), _unit_cost(prices[variant_id], kind, rng.uniform(0.9, 1.1)))
        for place, (_, variant_id, kind) in enumerate(keys)
    ]


def _unit_cost(price: Decimal, kind: str, chance: float) -> Decimal:
    net = price / (Decimal("1.10") if kind == ProductKind.BOOK else Decimal("1.20"))
    return max(rounded(net * Decimal(f"{COST_SHARE * chance:.4f}")), Decimal("1.00"))


def _lots(company: Company, titles: list[_Title]) -> Iterator[_Lot]:
    ranks = np.array([title.rank for title in titles])
    # A large catalog is not on every shelf: stores carry about the same number of titles whatever its size.
    decline = 3.2 if len(titles) < 3000 else 6.0
    for code, location in sorted(company.locations.items()):
        if code in WAREHOUSES:
            yield from _warehouse_lots(location, titles, ranks)
        elif location.kind == LocationKind.STORE:
            yield from _store_lots(location, titles, ranks, decline)


def _warehouse_lots(location: Location, titles: list[_Title], ranks: np.ndarray) -> Iterator[_Lot]:
    rng = generator(f"stock {location.code}")
    best, slowest, missing = WAREHOUSE_DEPTH[location.code]
    units = rng.poisson(best * np.exp(-3.5 * ranks) + slowest)
    units[rng.random(len(titles)) < missing * (0.2 + 1.4 * ranks)] = 0
    shelves = _shelves(location)
    zones = len(WAREHOUSE_ZONES[location.code])
    per_zone = len(shelves) // zones
    assert per_zone > RACKS, "a zone has several levels"
    for place, (title, quantity) in enumerate(zip(titles, units, strict=True)):
        if quantity:
            zone = min(int(title.rank * zones), zones - 1)
            yield _Lot(
                title.variant_id, shelves[zone * per_zone + place % per_zone], int(quantity), title.unit_cost
            )


def _store_lots(
    location: Location, titles: list[_Title], ranks: np.ndarray, decline: float
) -> Iterator[_Lot]:
    rng = generator(f"stock {location.code}")
    size = location.capacity_lines_soft / 40
    here = rng.random(len(titles)) < np.clip(STORE_PRESENCE * size * np.exp(-decline * ranks), 0, 0.97)
    depth = 1 + rng.poisson(np.clip(1.6 * np.exp(-4 * ranks) * size, 0.15, 4))
    shelves = _shelves(location)
    for place in np.flatnonzero(here):
        title = titles[place]
        yield _Lot(title.variant_id, shelves[int(place) % len(shelves)], int(depth[place]), title.unit_cost)


def _shelves(location: Location) -> list[int]:
    bins = Bin.objects.filter(location=location, kind=BinKind.STORAGE).order_by("pick_sequence", "code")
    return list(bins.values_list("id", flat=True))


def _by_entry(lots: list[_Lot]) -> Iterator[list[_Lot]]:
    """All lots of a thousand variants at a time: each variant stands in one entry."""
    by_variant: dict[int, list[_Lot]] = {}
    for lot in lots:
        by_variant.setdefault(lot.variant_id, []).append(lot)
    variants = sorted(by_variant)
    for start in range(0, len(variants), VARIANTS_PER_ENTRY):
        yield [lot for variant in variants[start : start + VARIANTS_PER_ENTRY] for lot in by_variant[variant]]


def _book(company: Company, number: int, lots: list[_Lot], *, by: User, now: datetime) -> None:
    """One entry for some variants, and the moves that carry it; amounts are units times cost, so nothing is rounded away."""
    sums: dict[int, tuple[int, Decimal]] = {}
    for lot in lots:
        quantity, value = sums.get(lot.variant_id, (0, Decimal(0)))
        sums[lot.variant_id] = (quantity + lot.quantity, value + lot.quantity * lot.unit_cost)
    key = f"OPENING-{number:03d}"
    posted = finance.post_opening_stock(
        entity_id=company.entity.pk,
        document_key=key,
        items=[(variant_id, quantity, value) for variant_id, (quantity, value) in sorted(sums.items())],
        by=by,
        now=now,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO warehouse_stockmove (variant_id, to_bin_id, quantity, entity_id, unit_cost, value, reason, document_kind,
                                                document_key, entry_id, is_imported, by_id, created_at)
               SELECT variant_id, bin_id, quantity, %s, unit_cost, quantity * unit_cost, 'OPENING', %s, %s, %s, false, %s, %s
                 FROM opening_lot WHERE variant_id = ANY(%s) ORDER BY variant_id, bin_id""",
            [company.entity.pk, DOCUMENT, key, posted.entry_id, by.pk, now, list(sums)],
        )


def _order_more(company: Company, titles: list[_Title], now: datetime) -> None:
    """Open purchase orders, some of them late: dated supply for the promise, work for the receiver."""
    rng = generator("purchase orders")
    today = business_date(now)
    fast = titles[: max(60, len(titles) // 3)]
    for number in range(1, PURCHASE_ORDERS + 1):
        supplier = company.locations[SUPPLIERS[number % 2][0]]
        expected = today + timedelta(days=int(rng.integers(-2, 28)))
        order = PurchaseOrder.objects.create(
            number=f"NAB-{today.year}-{number:05d}",
            supplier=supplier,
            location=company.locations[WAREHOUSES[0] if number % 3 else WAREHOUSES[1]],
            entity=company.entity,
            ordered_at=now - timedelta(days=int(rng.integers(3, 20))),
            expected_on=expected,
        )
        chosen = rng.choice(len(fast), size=min(LINES_PER_ORDER, len(fast)), replace=False)
        PurchaseOrderLine.objects.bulk_create(
            PurchaseOrderLine(
                order=order,
                variant_id=fast[place].variant_id,
                quantity=int(rng.integers(5, 60)),
                unit_cost=fast[place].unit_cost,
                expected_on=expected,
            )
            for place in sorted(int(each) for each in chosen)
        )
