"""What could go wrong with a campaign, said before anybody ratifies it. The prices are the engine's, with everything else that is on."""

# ruff: noqa: S608 - the fragments are our own; every value is a parameter
from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cms.selectors.shelves import of_discount
from cms.workflows import description, discounts, drafts
from crm.models import Campaign
from oms import selectors as oms
from retail.kernel.models import User
from retail.kernel.money import ZERO
from storefront import selectors as catalog
from storefront.models import Channel, Product, Variant

# The thinnest margins and the lowest prices: where any discount hurts first.
THIN, CHEAP = 300, 200
UNITS_MAX = 20
ROWS_SHOWN = 8
_GOODS = """
    SELECT v.id, v.sku, p.id, p.title, v.tax_class, o.amount, o.amount * 100 / (100 + COALESCE(t.rate, 0)) net, s.cost
      FROM storefront_product p JOIN storefront_variant v ON v.product_id = p.id AND v.is_sellable
      JOIN LATERAL (SELECT min(amount) amount FROM storefront_price WHERE variant_id = v.id AND price_list_id = %(list)s
                      AND minimum_quantity = 1 AND valid_from <= %(now)s AND (valid_to IS NULL OR valid_to > %(now)s)) o ON o.amount > 0
      LEFT JOIN LATERAL (SELECT sum(value) / sum(quantity) cost FROM finance_stockvalue WHERE variant_id = v.id AND quantity > 0) s ON true
      LEFT JOIN LATERAL (SELECT rate FROM storefront_taxrate WHERE tax_class = v.tax_class AND country = %(country)s
                            AND valid_from <= %(now)s::date AND (valid_to IS NULL OR valid_to >= %(now)s::date)
                          ORDER BY valid_from DESC LIMIT 1) t ON true
     WHERE p.status = 'PUBLISHED' AND ({scope})"""
_OVERLAPS = """
    SELECT DISTINCT c.name, c.segment_id IS NOT DISTINCT FROM %(segment)s FROM crm_campaign c JOIN crm_discount o ON o.campaign_id = c.id
     WHERE c.id <> %(campaign)s AND c.state = 'RATIFIED' AND o.state = 'ACTIVE'
       AND (c.ends_at IS NULL OR c.ends_at > COALESCE(%(starts)s, %(now)s))
       AND (%(ends)s::timestamptz IS NULL OR c.starts_at < %(ends)s)
       AND EXISTS (SELECT 1 FROM storefront_product p WHERE p.status = 'PUBLISHED' AND ({scope}) AND ({other}))
     ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Line:
    sku: str
    title: str
    listed: Decimal
    price: Decimal
    net: Decimal
    cost: Decimal | None

    @property
    def percent(self) -> Decimal:
        return (100 * (self.listed - self.price) / self.listed).quantize(Decimal("0.01"))


@dataclass(frozen=True, slots=True)
class Finding:
    """`tone` is "critical" where a person should not go on, else "warning" or "info"."""

    code: str
    tone: str
    text: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Guards:
    findings: tuple[Finding, ...]
    checked: int
    percent_max: Decimal

    @property
    def codes(self) -> list[str]:
        return [finding.code for finding in self.findings]


def look(*, campaign: Campaign, now: datetime, by: User | None = None) -> Guards:
    """As things would be when it opens, for a member who holds the coupon: the most that anybody gets."""
    channel = next(iter(campaign.channels.select_related("entity", "price_list")), None) or _shop()
    opening = max(now, campaign.starts_at) if campaign.starts_at else now
    rules = drafts.rules(campaign)
    if channel is None or not rules:
        return Guards((), 0, ZERO)
    lines = _lines(campaign, channel, opening)
    touched = [line for line in lines if line.price < line.listed]
    percent = max(
        (line.percent for line in touched),
        default=description.percent_max(description.discounts_of(campaign)),
    )
    found = (
        *_of_lines(touched),
        *_over_limit(percent, by),
        *_not_lower(touched, channel, opening, campaign),
        *_overlaps(campaign, now),
    )
    return Guards(found, len(lines), percent)


def _shop() -> Channel | None:
    return catalog.channel_by_code(getattr(settings, "SHOP_CHANNEL", "web-rs"))


def _scope(campaign: Campaign) -> str:
    ids = [discount.pk for discount in description.discounts_of(campaign)]
    return " OR ".join(f"({of_discount(str(int(pk)))})" for pk in ids) or "false"


def _lines(campaign: Campaign, channel: Channel, now: datetime) -> list[Line]:
    goods = _GOODS.format(scope=_scope(campaign))
    values: dict[str, Any] = {"list": channel.price_list_id, "now": now, "country": channel.entity.country}
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH goods AS ({goods}) (SELECT * FROM goods WHERE cost IS NOT NULL ORDER BY (net - cost) / net LIMIT {THIN}) "
            f"UNION (SELECT * FROM goods ORDER BY amount LIMIT {CHEAP})",
            values,
        )
        rows = cursor.fetchall()
    known = oms.tariff(channel=channel, variant_ids=[row[0] for row in rows], now=now, is_scoped=True)
    offers = drafts.offers(campaign=campaign, channel=channel, now=now, is_member=True, has_coupon=True)
    found = []
    for pk, sku, product, title, tax_class, _amount, _net, cost in rows:
        variant = Variant(pk=pk, sku=sku, tax_class=tax_class, product=Product(pk=product, title=title))
        for units in _quantities(offers.discounts, _amount):
            wanted = [oms.Wanted(str(pk), variant, units)]
            priced = oms.quote(channel=channel, wanted=wanted, now=now, known=known, offers=offers).priced
            line = next((each for each in priced.lines if each.key == str(pk)), None)
            if line is not None:
                price = line.total / units
                net = price * 100 / (100 + line.tax_rate)
                unit_cost = Decimal(cost) if cost is not None else None
                found.append(Line(sku, title, line.unit_price, price, net, unit_cost))
    return found


def _quantities(rules: Iterable[Any], amount: Decimal) -> list[int]:
    """One unit, and as many as each rule asks for: three of a title where the third is free."""
    wanted = {1}
    for rule in rules:
        wanted.add(
            max(rule.take, rule.minimum_quantity, math.ceil(rule.minimum_amount / amount) if amount else 1)
        )
    return sorted(units for units in wanted if 1 <= units <= UNITS_MAX)


def _of_lines(lines: list[Line]) -> list[Finding]:
    costed = [line for line in lines if line.cost is not None]
    below = sorted((x for x in costed if x.net < (x.cost or ZERO)), key=lambda x: x.net - (x.cost or ZERO))
    floor = Decimal(settings.FLOOR_MARGIN_PERCENT)
    thin = [
        line
        for line in costed
        if line.net >= (line.cost or ZERO) and (line.net - (line.cost or ZERO)) * 100 < floor * line.net
    ]
    found = []
    if below:
        text = ngettext("%(n)s line sells below its cost", "%(n)s lines sell below their cost", len(below))
        found.append(Finding("BELOW_COST", "critical", text % {"n": len(below)}, tuple(below[:ROWS_SHOWN])))
    if thin:
        text = ngettext(
            "%(n)s line earns less than %(percent)s %%",
            "%(n)s lines earn less than %(percent)s %%",
            len(thin),
        )
        words = text % {"n": len(thin), "percent": settings.FLOOR_MARGIN_PERCENT}
        found.append(Finding("BELOW_MARGIN", "warning", words, tuple(thin[:ROWS_SHOWN])))
    return found


def _over_limit(percent: Decimal, by: User | None) -> list[Finding]:
    if by is None or percent <= (limit := discounts.limit_of(by)):
        return []
    words = _("It takes up to %(percent)s %% off; you may ratify up to %(limit)s %%.")
    return [Finding("OVER_LIMIT", "warning", words % {"percent": percent, "limit": limit})]


def _not_lower(lines: list[Line], channel: Channel, opening: datetime, campaign: Campaign) -> list[Finding]:
    """A price that was as low within the 30 days before is no reduction in the eyes of the law."""
    by_sku = dict(Variant.objects.filter(sku__in={line.sku for line in lines}).values_list("sku", "pk"))
    lowest = catalog.lowest_prices(by_sku.values(), channel.price_list_id, opening) if by_sku else {}
    wrong = [
        line for line in lines if (low := lowest.get(by_sku[line.sku])) is not None and line.price >= low
    ]
    if not wrong:
        return []
    text = ngettext(
        "%(n)s price is not below its lowest of the last 30 days",
        "%(n)s prices are not below their lowest of the last 30 days",
        len(wrong),
    )
    return [Finding("NOT_LOWER", "warning", text % {"n": len(wrong)}, tuple(wrong[:ROWS_SHOWN]))]


def _overlaps(campaign: Campaign, now: datetime) -> list[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            _OVERLAPS.format(scope=_scope(campaign), other=of_discount("o.id")),
            {
                "campaign": campaign.pk,
                "segment": campaign.segment_id,
                "starts": campaign.starts_at,
                "ends": campaign.ends_at,
                "now": now,
            },
        )
        rows = cursor.fetchall()
    return [
        Finding(
            "OVERLAP",
            "warning" if is_same_segment else "info",
            (
                _("%(name)s runs at the same time on the same goods, for the same people")
                if is_same_segment
                else _("%(name)s runs at the same time on the same goods")
            )
            % {"name": name},
        )
        for name, is_same_segment in rows
    ]
