"""What it costs to price a basket of fifty lines under two hundred live discounts and fifty segments, by the CPU of both sides.

Everything is made in a transaction that is taken back. Half of the discounts are for everyone, half for members of a segment; each
covers one of fifty branches; they stack in five groups. The shopper is in ten of the segments.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from bench import cpu
from bench.counting import counted, number_of
from crm.models import Customer, Discount, DiscountTarget, Segment
from oms import selectors as oms
from retail.kernel import clock
from storefront.models import Category, Channel, Price, Product, Variant

LINES, DISCOUNTS, SEGMENTS, GROUPS = 50, 200, 50, 5
KINDS: tuple[dict[str, Any], ...] = (
    *({"kind": "PERCENT", "value": Decimal(5 + n)} for n in range(5)),
    {"kind": "PERCENT", "value": Decimal(20)},
    {"kind": "FIXED_PRICE", "value": Decimal("700.00")},
    {"kind": "AMOUNT", "value": Decimal("50.00"), "is_per_unit": True},
    {"kind": "N_FOR_M", "take": 3, "pay": 2},
    {
        "kind": "TIERED",
        "tiers": [{"minimum_quantity": 3, "percent": "5.00"}, {"minimum_quantity": 6, "percent": "12.00"}],
    },
)


@dataclass(frozen=True, slots=True)
class World:
    channel: Channel
    wanted: list[oms.Wanted]
    customer: Customer


def measure(rounds: int = 200) -> dict[str, float]:
    """Prices per second of CPU (this process and its server process together) and statements for one price."""
    with transaction.atomic():
        now = clock.now()
        world = make(now)
        for _ in range(5):  # what a process and a connection learn once
            _price(world, now)
        with counted() as sent:
            _price(world, now)
        began, before = time.perf_counter(), cpu.used()
        for _ in range(rounds):
            _price(world, now)
        used, passed = cpu.used() - before, time.perf_counter() - began
        transaction.set_rollback(True)
    return {
        "statements": number_of(sent),
        "per_cpu_second": rounds / used,
        "milliseconds": passed * 1000 / rounds,
    }


def _price(world: World, now: datetime) -> oms.Quote:
    return oms.quote(channel=world.channel, wanted=world.wanted, now=now, customer_id=world.customer.pk)


def make(now: datetime) -> World:
    channel = Channel.objects.select_related("entity", "price_list").filter(is_active=True).order_by("id")[0]
    branches = [_branch(number) for number in range(LINES)]
    wanted = [_goods(number, branch, channel, now) for number, branch in enumerate(branches)]
    segments = Segment.objects.bulk_create(
        Segment(
            slug=f"bench-{number}",
            name=f"Bench {number}",
            definition='city = "Novi Sad" or language = "sr-latn"'
            if number % 5 == 1
            else f"points > {number}",
            state="ACTIVE",
        )
        for number in range(SEGMENTS)
    )
    rules = Discount.objects.bulk_create(
        Discount(
            code=f"bench-{number}",
            name=f"Bench {number}",
            state="ACTIVE",
            group=f"g{number % GROUPS}",
            priority=number % 7,
            audience="SEGMENT" if number % 2 else "EVERYONE",
            segment=segments[number // 2 % SEGMENTS] if number % 2 else None,
            **KINDS[number % len(KINDS)],
        )
        for number in range(DISCOUNTS)
    )
    DiscountTarget.objects.bulk_create(
        DiscountTarget(discount=rule, category=branches[number * 7 % LINES])
        for number, rule in enumerate(rules)
    )
    customer = Customer.objects.create(name="Bench", email="bench@example.com", language="sr-latn")
    with connection.cursor() as cursor:  # a shop that has them for a minute has statistics of them, too
        cursor.execute("ANALYZE crm_discount, crm_discounttarget, crm_segment, storefront_category")
    return World(channel, wanted, customer)


def _branch(number: int) -> Category:
    path = f"bench-{number // GROUPS}"
    above, _ = Category.objects.get_or_create(path=path, defaults={"slug": path, "name": path})
    return Category.objects.create(
        path=f"{path}/p{number}", slug=f"p{number}", name=f"p{number}", parent=above, depth=1
    )


def _goods(number: int, branch: Category, channel: Channel, now: datetime) -> oms.Wanted:
    product = Product.objects.create(
        slug=f"bench-price-{number}", title=f"Bench {number}", status="PUBLISHED"
    )
    assert branch.parent is not None
    product.categories.add(branch, branch.parent)
    variant = Variant.objects.create(product=product, sku=f"BENCH-P{number}", weight_grams=300)
    Price.objects.create(
        variant=variant,
        price_list=channel.price_list,
        amount=Decimal(999 + number),
        valid_from=now - timedelta(days=90),
    )
    return oms.Wanted(variant.sku, variant, 1 + number % 4)
