"""Discounts that are live at a moment in a channel, as SQL for the statement that reads prices, and as plain data."""

# ruff: noqa: S608 - texts of our own
from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from retail.kernel.prepared import Prepared

# A campaign is on by the clock alone: nothing has to run for it to open or close.
CAMPAIGN_IS_ON = (
    """(c.state = 'RATIFIED' AND c.starts_at <= %(now)s AND (c.ends_at IS NULL OR c.ends_at > %(now)s))"""
)
_IN_CHANNEL = """(NOT EXISTS (SELECT 1 FROM crm_{kind}_channels x WHERE x.{kind}_id = {row}.id)
          OR EXISTS (SELECT 1 FROM crm_{kind}_channels x WHERE x.{kind}_id = {row}.id AND x.channel_id = %(channel)s))"""
_COUPON_USED_BY = """(SELECT count(*) FROM crm_couponredemption u
                        WHERE u.coupon_id = k.id AND u.customer_id = %(customer)s AND u.released_at IS NULL)"""
# A code that can still be used by whoever this is; how often a guest has used it is asked when the order knows the mailbox.
COUPON_IS_USABLE = f"""(b.is_active AND (b.valid_to IS NULL OR b.valid_to > %(now)s)
       AND (k.uses_max IS NULL OR k.uses < k.uses_max)
       AND (k.customer_id IS NULL OR k.customer_id = %(customer)s)
       AND (b.uses_per_customer_max IS NULL OR %(customer)s::bigint IS NULL OR {_COUPON_USED_BY} < b.uses_per_customer_max))"""
TYPED_COUPONS = f"""
    SELECT k.id, k.code, b.discount_id, COALESCE({COUPON_IS_USABLE}, false) AS is_usable
      FROM crm_coupon k JOIN crm_couponbatch b ON b.id = k.batch_id"""
CARRIED_OFFERS = """
    SELECT o.discount_id, o.id FROM crm_customerdiscount o
     WHERE o.customer_id = %(customer)s AND o.withdrawn_at IS NULL
       AND o.valid_from <= %(now)s AND (o.valid_to IS NULL OR o.valid_to > %(now)s) AND (o.uses_max IS NULL OR o.uses < o.uses_max)"""
_TARGETS = """(SELECT json_agg(json_build_array(t.is_excluded, g.path, CASE WHEN t.product_id IS NOT NULL
                        THEN ARRAY(SELECT w.sku FROM storefront_variant w WHERE w.product_id = t.product_id ORDER BY w.sku)
                        ELSE ARRAY[w.sku] END) ORDER BY t.id)
                 FROM crm_discounttarget t LEFT JOIN storefront_category g ON g.id = t.category_id
                 LEFT JOIN storefront_variant w ON w.id = t.variant_id WHERE t.discount_id = d.id)"""
_GIFT = """(SELECT json_build_array(w.id, w.sku, p.title, w.tax_class, d.gift_quantity, w.weight_grams)
              FROM storefront_variant w JOIN storefront_product p ON p.id = w.product_id
             WHERE w.id = d.gift_id AND w.is_sellable AND p.status = 'PUBLISHED')"""
_BEGAN = "COALESCE(GREATEST(d.valid_from, c.starts_at), d.created_at)"
_CHANNELS = "ARRAY(SELECT x.channel_id FROM crm_{kind}_channels x WHERE x.{kind}_id = {row}.id ORDER BY 1)"
# Everything about a discount that stays as it is from one price to the next: equal texts are read once in a process.
DISCOUNT_AS_TEXT = f"""json_build_array(
    d.id, d.code, d.version, d.name, d.name_en, d.kind, d.value::text, d.audience, d."group", d.priority, d.is_exclusive,
    d.minimum_amount::text, d.minimum_quantity, d.minimum_basis, d.reduction_max::text, d.is_per_unit, d.take, d.pay, d.tiers,
    d.delivery_methods, d.valid_from, d.valid_to, s.id, s.slug,
    c.id, c.slug, c.holdout_percent, cs.id, cs.slug, h.kind, {_TARGETS}, {_GIFT},
    {_BEGAN}, GREATEST(d.valid_from, c.starts_at), LEAST(d.valid_to, c.ends_at),
    {_CHANNELS.format(kind="discount", row="d")}, {_CHANNELS.format(kind="campaign", row="c")})::text"""
# Cheap and without parameters, by the index of active discounts: whether a guest may see a lower price.
ANY_FOR_GUESTS = "EXISTS (SELECT 1 FROM crm_discount WHERE state = 'ACTIVE' AND audience = 'EVERYONE')"
DISCOUNT_ROWS = """crm_discount d LEFT JOIN crm_campaign c ON c.id = d.campaign_id LEFT JOIN crm_campaignbudget h ON h.campaign_id = c.id
      LEFT JOIN crm_segment s ON s.id = d.segment_id LEFT JOIN crm_segment cs ON cs.id = c.segment_id"""
LIVE_DISCOUNTS = f"""
    SELECT d.id FROM crm_discount d LEFT JOIN crm_campaign c ON c.id = d.campaign_id
     WHERE d.state = 'ACTIVE' AND (d.valid_from IS NULL OR d.valid_from <= %(now)s) AND (d.valid_to IS NULL OR d.valid_to > %(now)s)
       AND (c.id IS NULL OR {CAMPAIGN_IS_ON} AND {_IN_CHANNEL.format(kind="campaign", row="c")})
       AND {_IN_CHANNEL.format(kind="discount", row="d")}"""
# Whoever sees the same marks sees the same rows, so a process that knows the texts by this name need not be told them again. Every statement
# that could change a text leaves a mark in its transaction (triggers), whatever it changed: two that meet only in their result see nothing
# of each other. Nobody waits for anybody, and what is taken back takes its mark along.
NAME_OF_OFFERS = "SELECT concat(count(*), ':', sum(m.mark)) AS name FROM crm_offermark m"
# What was over this long before the moment that is asked for is in no texts.
KEPT_AFTER_END = timedelta(hours=1)
_OVER = f"%(now)s::timestamptz - interval '{KEPT_AFTER_END.total_seconds():.0f} seconds'"
# What a process does not know: the texts of discounts that are on at that moment or later, in whatever channel and for whomever, and what
# these ask the rows for with each price. A function for itself, so that the statements that call it are not burdened with its plan; it
# sees what the statement around it sees.
COMING = Prepared(
    "crm_coming_offers",
    f"""
    WITH coming AS MATERIALIZED (
        SELECT d.id, d.campaign_id, d.gift_id, {_BEGAN} AS began_at FROM crm_discount d LEFT JOIN crm_campaign c ON c.id = d.campaign_id
         WHERE d.state = 'ACTIVE' AND (d.valid_to IS NULL OR d.valid_to > {_OVER})
           AND (c.id IS NULL OR c.state = 'RATIFIED' AND (c.ends_at IS NULL OR c.ends_at > {_OVER})))
    SELECT (SELECT COALESCE(json_agg({DISCOUNT_AS_TEXT} ORDER BY d.priority, d.code), '[]') FROM {DISCOUNT_ROWS}
             WHERE d.id IN (SELECT id FROM coming)),
           ARRAY(SELECT campaign_id FROM coming WHERE campaign_id IS NOT NULL), ARRAY(SELECT gift_id FROM coming WHERE gift_id IS NOT NULL),
           (SELECT min(began_at) FROM coming), EXISTS (SELECT 1 FROM coming)""",
    {"now": "timestamptz"},
    ("json", "bigint[]", "bigint[]", "timestamptz", "boolean"),
)
BUDGETS_LEFT = """SELECT h.campaign_id, h.kind, h."limit" - h.used AS left_over FROM crm_campaignbudget h"""


@dataclass(frozen=True, slots=True)
class LiveGift:
    variant_id: int
    sku: str
    title: str
    tax_class: str
    quantity: int
    weight_grams: int


@dataclass(frozen=True, slots=True)
class LiveTarget:
    """A branch of the catalog, or articles by SKU."""

    is_excluded: bool
    category_path: str | None
    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiveDiscount:
    """A discount as it stands in the rows, with what its campaign asks beside it."""

    id: int
    code: str
    version: int
    name: str
    name_en: str
    kind: str
    value: Decimal
    audience: str
    group: str
    priority: int
    is_exclusive: bool
    minimum_amount: Decimal
    minimum_quantity: int
    minimum_basis: str
    reduction_max: Decimal | None
    is_per_unit: bool
    take: int
    pay: int
    tiers: tuple[dict[str, Any], ...]
    delivery_methods: tuple[str, ...]
    valid_from: str | None
    valid_to: str | None
    segment_id: int | None
    segment_slug: str | None
    campaign_id: int | None
    campaign_slug: str | None
    holdout_percent: int
    campaign_segment_id: int | None
    campaign_segment_slug: str | None
    budget_kind: str | None
    targets: tuple[LiveTarget, ...]
    gift: LiveGift | None
    # Since when it lowers prices.
    began_at: datetime
    # Together with its campaign: from when to when it is on (the end not included), and where; no channel is every one.
    on_from: datetime | None
    on_to: datetime | None
    channel_ids: frozenset[int]
    campaign_channel_ids: frozenset[int]

    @property
    def is_for_members(self) -> bool:
        """Asks for a segment, so a guest never gets it."""
        return self.audience == "SEGMENT" or self.campaign_segment_id is not None

    def is_on(self, now: datetime) -> bool:
        return (self.on_from is None or self.on_from <= now) and (self.on_to is None or now < self.on_to)

    def is_in_channel(self, channel_id: int) -> bool:
        own, of_campaign = self.channel_ids, self.campaign_channel_ids
        return (not own or channel_id in own) and (not of_campaign or channel_id in of_campaign)

    @property
    def segment_ids(self) -> tuple[int, ...]:
        """All of them have to hold."""
        own = (self.segment_id, self.campaign_segment_id)
        return tuple(each for each in own if each is not None)


@lru_cache(maxsize=4096)
def live_discount(text: str) -> LiveDiscount:
    """What `DISCOUNT_AS_TEXT` made of a row."""
    row = json.loads(text)
    row[6], row[11] = Decimal(row[6]), Decimal(row[11])
    row[14] = Decimal(row[14]) if row[14] is not None else None
    row[18], row[19] = tuple(row[18]), tuple(row[19])
    row[26] = row[26] or 0
    row[30] = tuple(
        LiveTarget(out, path, tuple(sku for sku in skus if sku)) for out, path, skus in row[30] or ()
    )
    row[31] = LiveGift(*row[31]) if row[31] else None
    row[32], row[33], row[34] = (datetime.fromisoformat(each) if each else None for each in row[32:35])
    row[35], row[36] = frozenset(row[35]), frozenset(row[36])
    return LiveDiscount(*row)
