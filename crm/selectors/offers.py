"""Discounts that are live at a moment in a channel, as SQL for the statement that reads prices, and as plain data."""

# ruff: noqa: S608 - texts of our own
from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

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
# Everything about a discount that stays as it is from one price to the next: equal texts are read once in a process.
DISCOUNT_AS_TEXT = f"""json_build_array(
    d.id, d.code, d.version, d.name, d.name_en, d.kind, d.value::text, d.audience, d."group", d.priority, d.is_exclusive,
    d.minimum_amount::text, d.minimum_quantity, d.minimum_basis, d.reduction_max::text, d.is_per_unit, d.take, d.pay, d.tiers,
    d.delivery_methods, d.valid_from, d.valid_to, s.id, s.slug,
    c.id, c.slug, c.holdout_percent, cs.id, cs.slug, h.kind, {_TARGETS}, {_GIFT},
    {_BEGAN})::text"""
# Which versions of rows that text is made of. PostgreSQL never changes a row: it writes the next one, in another place or by another
# transaction. Equal names are equal texts, and cost a tenth of them.
_VERSION = """concat(d.xmin, d.ctid, c.xmin, c.ctid, h.kind, CASE WHEN d.gift_id IS NOT NULL THEN
    (SELECT concat(w.xmin, w.ctid, p.xmin, p.ctid) FROM storefront_variant w JOIN storefront_product p ON p.id = w.product_id
      WHERE w.id = d.gift_id) END)"""
_VERSIONS_OF_TARGETS = """
    SELECT string_agg(concat(t.xmin, t.ctid, g.xmin, g.ctid, w.xmin, w.ctid), ' ' ORDER BY t.id, w.id)
      FROM crm_discounttarget t LEFT JOIN storefront_category g ON g.id = t.category_id
      LEFT JOIN LATERAL (SELECT w.id, w.xmin, w.ctid FROM storefront_variant w WHERE w.id = t.variant_id
                         UNION ALL SELECT w.id, w.xmin, w.ctid FROM storefront_variant w WHERE w.product_id = t.product_id) w
             ON t.category_id IS NULL
     WHERE t.discount_id IN (SELECT id FROM live)"""
_VERSIONS_OF_SEGMENTS = """
    SELECT string_agg(concat(s.xmin, s.ctid), ' ' ORDER BY s.id) FROM crm_segment s
     WHERE s.id IN (SELECT segment_id FROM live UNION SELECT campaign_segment_id FROM live)"""
# Cheap and without parameters, by the index of active discounts: whether a guest may see a lower price.
ANY_FOR_GUESTS = "EXISTS (SELECT 1 FROM crm_discount WHERE state = 'ACTIVE' AND audience = 'EVERYONE')"
DISCOUNT_ROWS = """crm_discount d LEFT JOIN crm_campaign c ON c.id = d.campaign_id LEFT JOIN crm_campaignbudget h ON h.campaign_id = c.id
      LEFT JOIN crm_segment s ON s.id = d.segment_id LEFT JOIN crm_segment cs ON cs.id = c.segment_id"""
LIVE_DISCOUNTS = f"""
    SELECT d.id, d.priority, d.code, d.audience, (d.audience = 'SEGMENT' OR c.segment_id IS NOT NULL) AS is_for_members,
           c.id AS campaign_id, d.gift_id, d.segment_id, c.segment_id AS campaign_segment_id, {_VERSION} AS version,
           {_BEGAN} AS began_at
      FROM crm_discount d LEFT JOIN crm_campaign c ON c.id = d.campaign_id LEFT JOIN crm_campaignbudget h ON h.campaign_id = c.id
     WHERE d.state = 'ACTIVE' AND (d.valid_from IS NULL OR d.valid_from <= %(now)s) AND (d.valid_to IS NULL OR d.valid_to > %(now)s)
       AND (c.id IS NULL OR {CAMPAIGN_IS_ON} AND {_IN_CHANNEL.format(kind="campaign", row="c")})
       AND {_IN_CHANNEL.format(kind="discount", row="d")}"""
# Of the rows of `live`: the name of them all, and their texts for whoever does not know that name.
NAME_OF_LIVE = f"""
    SELECT md5(concat((SELECT string_agg(l.version, ' ' ORDER BY l.priority, l.code) FROM live l), ';',
                      ({_VERSIONS_OF_TARGETS}), ';', ({_VERSIONS_OF_SEGMENTS}))) AS name"""
TEXTS_OF_LIVE = f"""(SELECT json_agg({DISCOUNT_AS_TEXT} ORDER BY d.priority, d.code) FROM {DISCOUNT_ROWS}
                      WHERE d.id IN (SELECT id FROM live))"""
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
    row[32] = datetime.fromisoformat(row[32])
    return LiveDiscount(*row)
