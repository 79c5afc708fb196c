"""Discounts, campaigns and coupons for tests, made in the shortest legal way."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from crm.models import Campaign, CampaignBudget, Customer, Discount, DiscountTarget
from storefront.models import Category, Variant
from tests.flows.chain import NOW

_serial = count(1)


def discount(code: str = "", kind: str = "PERCENT", value: str = "10.00", **values: Any) -> Discount:
    """Live for everyone, without end."""
    code = code or f"popust-{next(_serial)}"
    usual = {"name": code.title(), "state": "ACTIVE"}
    return Discount.objects.create(code=code, kind=kind, value=Decimal(value), **{**usual, **values})


def campaign(
    slug: str = "",
    *,
    budget: tuple[str, str] | None = None,
    start: datetime | None = None,
    **values: Any,
) -> Campaign:
    """Ratified and on; `budget` is (kind, limit)."""
    slug = slug or f"kampanja-{next(_serial)}"
    start = start or NOW - timedelta(days=1)
    usual = {"name": slug.title(), "state": "RATIFIED", "starts_at": start, "ratified_at": start}
    made = Campaign.objects.create(slug=slug, **{**usual, **values})
    if budget is not None:
        CampaignBudget.objects.create(campaign=made, kind=budget[0], limit=Decimal(budget[1]))
    return made


def target(of: Discount, *things: Variant | Category, is_excluded: bool = False) -> None:
    for thing in things:
        field = "variant" if isinstance(thing, Variant) else "category"
        DiscountTarget.objects.create(discount=of, is_excluded=is_excluded, **{field: thing})


def branch(path: str, *variants: Variant) -> Category:
    """The category with this path and those above it; the articles stand in the leaf and its ancestors."""
    parent = None
    parts = path.split("/")
    for depth in range(len(parts)):
        here = "/".join(parts[: depth + 1])
        parent, _ = Category.objects.get_or_create(
            path=here, defaults={"slug": parts[depth], "name": parts[depth], "depth": depth, "parent": parent}
        )
        for variant in variants:
            variant.product.categories.add(parent)
    assert parent is not None
    return parent


def customer(name: str = "Ana Anić", email: str = "ana@example.com") -> Customer:
    return Customer.objects.create(name=name, email=email, phone="+381601112223")
