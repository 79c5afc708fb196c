"""Invariants of discounts: what was taken off is what the lines say, and what is counted is what orders hold."""

# ruff: noqa: S608 - the fragment is our own
from retail.doctor.check import Check

# Orders that hold what they took: all but the canceled ones.
_HELD = """oms_linediscount d JOIN oms_orderline l ON l.id = d.line_id JOIN oms_order o ON o.id = l.order_id AND o.status <> 'CANCELED'"""

OFFER_CHECKS: tuple[Check, ...] = (
    Check(
        "line_discounts_add_up",
        "What discounts took off a line is its list price less what it costs, to the para.",
        """SELECT l.id, l.unit_price * l.quantity - l.total AS off, COALESCE(d.taken, 0) AS by_discounts FROM oms_orderline l
        LEFT JOIN (SELECT line_id, sum(amount) taken FROM oms_linediscount GROUP BY 1) d ON d.line_id = l.id
        WHERE NOT l.is_imported AND l.unit_price * l.quantity - l.total <> COALESCE(d.taken, 0)""",
    ),
    Check(
        "coupon_uses_match_redemptions",
        "A coupon was used as often as orders hold it.",
        """SELECT k.id, k.uses, COALESCE(r.held, 0) AS held FROM crm_coupon k
        LEFT JOIN (SELECT coupon_id, count(*) held FROM crm_couponredemption WHERE released_at IS NULL GROUP BY 1) r ON r.coupon_id = k.id
        WHERE k.uses <> COALESCE(r.held, 0)""",
    ),
    Check(
        "redemption_has_its_order",
        "A coupon that counts as used lowered the price of a living order.",
        """SELECT r.id, r.order_number FROM crm_couponredemption r WHERE r.released_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM oms_order o JOIN oms_orderline l ON l.order_id = o.id JOIN oms_linediscount d ON d.line_id = l.id
             WHERE o.number = r.order_number AND o.status <> 'CANCELED' AND d.coupon_id = r.coupon_id)""",
    ),
    Check(
        "order_has_its_redemption",
        "A living order whose price a coupon lowered has redeemed it.",
        f"""SELECT DISTINCT o.id, o.number, d.coupon_id FROM {_HELD} WHERE d.coupon_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM crm_couponredemption r WHERE r.order_number = o.number AND r.coupon_id = d.coupon_id AND r.released_at IS NULL)""",
    ),
    Check(
        "campaign_budget_matches_orders",
        "The budget that a campaign has used is what living orders got from it: money, or their number.",
        f"""SELECT b.campaign_id AS id, b.used, COALESCE(CASE WHEN b.kind = 'MONEY' THEN h.money ELSE h.orders END, 0) AS held
        FROM crm_campaignbudget b
        LEFT JOIN (SELECT d.campaign_id, sum(d.amount) money, count(DISTINCT o.id) orders FROM {_HELD} GROUP BY 1) h
               ON h.campaign_id = b.campaign_id
        WHERE b.used <> COALESCE(CASE WHEN b.kind = 'MONEY' THEN h.money ELSE h.orders END, 0)""",
    ),
    Check(
        "offer_uses_match_orders",
        "An offer on an account was used in as many living orders as it says.",
        f"""SELECT c.id, c.uses, COALESCE(h.orders, 0) AS held FROM crm_customerdiscount c
        LEFT JOIN (SELECT d.offer_id, count(DISTINCT o.id) orders FROM {_HELD} GROUP BY 1) h ON h.offer_id = c.id
        WHERE c.uses <> COALESCE(h.orders, 0)""",
    ),
    Check(
        "active_discount_can_be_priced",
        "A discount that is on has the numbers that the price engine needs; another would lower nothing and nobody would know why.",
        """SELECT id, code FROM crm_discount WHERE state = 'ACTIVE' AND (
            (kind = 'TIERED') <> (jsonb_array_length(tiers) > 0) OR (kind = 'GIFT_LINE' AND gift_id IS NULL)
            OR (kind IN ('N_FOR_M', 'CHEAPEST_FREE') AND NOT (pay >= 0 AND pay < take)))""",
    ),
)
