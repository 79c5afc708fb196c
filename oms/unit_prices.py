"""What one unit costs by itself under live discounts: for cards and product pages, whose list prices are read already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from oms import selectors as oms
from oms.known_offers import KNOWN, KnownOffers, known_offers
from oms.offers import NO_OFFERS, Offers, price_within_budgets
from oms.pricing import PricedLine, PriceEntry, PricingInput, PricingLine
from oms.pricing.reach import reached
from retail.kernel.prepared import Prepared, as_array
from storefront import selectors as catalog
from storefront.models import Channel

# Prices of single units that are kept for one set of rules.
SINGLES_KEPT = 8192
_UNKNOWN: Any = object()
# Variant → lowest price, branches of the catalog.
GoodsFacts = Mapping[int, tuple[Decimal | None, frozenset[str]]]
_LIVE = f"""CASE WHEN {oms.HAS_OFFERS} THEN json_build_array(
        {oms.NAMED_RULES}, NULL, (SELECT json_agg(json_build_array(o.discount_id, o.id)) FROM carried o), {oms.BUDGETS}, NULL) END"""  # noqa: S608 - texts of our own
# The same for goods whose list prices are known, with what they cost before: cards and product pages.
OFFERS_OF_GOODS = f"""WITH {oms.OFFERS} SELECT {_LIVE}, CASE WHEN {oms.HAS_DISCOUNTS} THEN {oms.GOODS_FACTS} END,
       CASE WHEN {oms.HAS_DISCOUNTS} THEN ({catalog.past_prices("(SELECT began_at FROM live)")}) END"""  # noqa: S608 - texts of our own
_OFFERS_OF_GOODS = Prepared(
    "oms_offers_of_goods",
    OFFERS_OF_GOODS,
    {
        "variants": "bigint[]",
        "list": "bigint",
        "now": "timestamptz",
        "basket": "bigint",
        "customer": "bigint",
        **KNOWN,
    },
    ("json", "json", "json"),
)


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """One unit by itself: what it costs, before discounts, and since when the discounts hold. `lowest`: in the days before that, when known."""

    amount: Decimal
    list_amount: Decimal
    began_at: datetime
    lowest: Decimal | None = None

    @property
    def saved(self) -> Decimal:
        return self.list_amount - self.amount


def offers_of_row(
    known: KnownOffers,
    live: Sequence[Any] | None,
    goods: Sequence[Any] | None,
    *,
    channel: Channel,
    now: datetime,
    customer_id: int | None,
) -> tuple[Offers, GoodsFacts]:
    """What the first two columns of OFFERS_OF_GOODS say: what may lower prices, and what discounts have to know of the goods."""
    if not live:
        return NO_OFFERS, {}
    found = oms.offers_from(known, live, channel_id=channel.pk, customer_id=customer_id)
    return oms.facts_now(found, customer_id=customer_id, now=now), oms.goods_from(goods)


def lowered_prices(
    *,
    channel: Channel,
    listed: Mapping[int, tuple[str, Decimal]],
    now: datetime,
    customer_id: int | None = None,
) -> dict[int, UnitPrice]:
    """Of variants with SKU and list price those that a discount lowers when one unit is bought by itself, by the one engine; one statement."""
    known = known_offers(now)
    ((live, goods, past),) = _OFFERS_OF_GOODS.rows(
        {
            "variants": as_array(listed),
            "list": channel.price_list_id,
            "now": now,
            "basket": None,
            "customer": customer_id,
            **known.values,
        }
    )
    offers, facts = offers_of_row(known, live, goods, channel=channel, now=now, customer_id=customer_id)
    return with_lowest(lowered(offers, facts, channel=channel, listed=listed, now=now), past)


def with_lowest(found: Mapping[int, UnitPrice], past: Sequence[Sequence[Any]] | None) -> dict[int, UnitPrice]:
    """With what each cost at the least before it was lowered, of the third column of OFFERS_OF_GOODS."""
    lowest = catalog.lowest_of(past, {variant_id: each.began_at for variant_id, each in found.items()})
    return {
        variant_id: replace(each, lowest=min(lowest[variant_id], each.list_amount))
        if variant_id in lowest
        else each
        for variant_id, each in found.items()
    }


def lowered(
    offers: Offers,
    goods: GoodsFacts,
    *,
    channel: Channel,
    listed: Mapping[int, tuple[str, Decimal]],
    now: datetime,
) -> dict[int, UnitPrice]:
    """The same with what was read already."""
    if not any(each.is_of_goods for each in offers.discounts):
        return {}
    found = {}
    for variant_id, (sku, amount) in listed.items():
        floor, paths = goods.get(variant_id, (None, frozenset()))
        single = Single(sku, amount, floor, paths, channel.price_list.code, channel.currency)
        price = _kept(single, offers, now)
        if price is not None:
            found[variant_id] = price
    return found


class Single(NamedTuple):
    """One unit by itself: everything of it that a discount may ask for."""

    sku: str
    amount: Decimal
    floor: Decimal | None
    paths: frozenset[str]
    list_code: str
    currency: str


def _kept(single: Single, offers: Offers, now: datetime) -> UnitPrice | None:
    """The same titles stand beside many others: worked out once while the same rules are on and the same facts hold."""
    kept = offers.rule_set.singles
    # What is left of a budget, and what a gift costs, is asked with each price.
    if kept is None or offers.budgets or offers.gifts:
        return _lowered(single, offers, now)
    key = (single, offers.facts)
    price: UnitPrice | None = kept.get(key, _UNKNOWN)
    if price is _UNKNOWN:
        price = _lowered(single, offers, now)
        if len(kept) >= SINGLES_KEPT:
            kept.clear()
        kept[key] = price
    return price


def _lowered(single: Single, offers: Offers, now: datetime) -> UnitPrice | None:
    line = PricingLine(
        key=single.sku,
        sku=single.sku,
        quantity=1,
        entries=(PriceEntry(amount=single.amount, list_code=single.list_code),),
        tax_rate=Decimal(0),
        categories=single.paths,
        floor=single.floor,
    )
    if not reached(offers.discounts, (line,)):
        return None
    asked = PricingInput(
        lines=(line,), currency=single.currency, at=now, discounts=offers.discounts, facts=offers.facts
    )
    priced = price_within_budgets(asked, offers).lines[0]
    if not priced.discounts:
        return None
    return UnitPrice(priced.total, single.amount, began_at(offers, priced))


def began_at(offers: Offers, line: PricedLine) -> datetime:
    """When the newest of the discounts on a line began: its earlier price is the one before that."""
    return max(offers.by_code[each.code].row.began_at for each in line.discounts)
