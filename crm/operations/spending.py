"""What an order takes of offers: coupons redeemed, budgets spent, uses counted. Guarded set updates, so no race overruns a limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from retail.kernel.errors import Refusal


class OfferGone(Refusal):
    """A coupon, budget or offer was used up by others a moment ago."""

    code = "OFFER_GONE"


class CouponUsed(Refusal):
    """This customer has used the coupon as often as one may."""

    code = "COUPON_USED"


@dataclass(frozen=True, slots=True)
class Taken:
    """What one order takes: coupons by id, money by campaign, offers on the account by id."""

    coupons: Sequence[int] = ()
    campaigns: Mapping[int, Decimal] = field(default_factory=dict)
    offers: Sequence[int] = ()

    @property
    def is_nothing(self) -> bool:
        return not (self.coupons or self.campaigns or self.offers)


# In the order of locks: coupons, budgets, offers; within each by id. A limit that is reached updates no row.
_SPENDING = """
WITH coupons AS (
    UPDATE crm_coupon k SET uses = k.uses + 1
      FROM (SELECT id FROM crm_coupon WHERE id = ANY(%(coupons)s) ORDER BY id FOR UPDATE) l
     WHERE k.id = l.id AND (k.uses_max IS NULL OR k.uses < k.uses_max) RETURNING k.id
), budgets AS (
    UPDATE crm_campaignbudget h SET used = h.used + CASE WHEN h.kind = 'MONEY' THEN w.amount ELSE w.orders END
      FROM (SELECT b.campaign_id, t.amount, t.orders FROM crm_campaignbudget b
              JOIN unnest(%(campaigns)s::bigint[], %(amounts)s::numeric[], %(orders)s::int[]) AS t(id, amount, orders) ON t.id = b.campaign_id
             ORDER BY b.campaign_id FOR UPDATE OF b) w
     WHERE h.campaign_id = w.campaign_id
       AND h.used + CASE WHEN h.kind = 'MONEY' THEN w.amount ELSE w.orders END <= h."limit" RETURNING h.campaign_id
), offers AS (
    UPDATE crm_customerdiscount o SET uses = o.uses + 1
      FROM (SELECT id FROM crm_customerdiscount WHERE id = ANY(%(offers)s) ORDER BY id FOR UPDATE) l
     WHERE o.id = l.id AND (o.uses_max IS NULL OR o.uses < o.uses_max) AND o.withdrawn_at IS NULL RETURNING o.id
)
SELECT (SELECT count(*) FROM coupons), (SELECT count(*) FROM budgets), (SELECT count(*) FROM offers),
       (SELECT count(*) FROM crm_campaignbudget WHERE campaign_id = ANY(%(campaigns)s))"""
SPEND = _SPENDING
# The same inside a block that writes more: `{gone}` is what happens there when a limit is reached. Most campaigns have no budget.
SPEND_VARIABLES = "v_coupons bigint; v_budgets bigint; v_offers bigint; v_limited bigint;"
SPEND_IN_BLOCK = f"""
    IF cardinality(%(offers)s) > 0 OR EXISTS (SELECT 1 FROM crm_campaignbudget WHERE campaign_id = ANY(%(campaigns)s)) THEN
        {_SPENDING} INTO v_coupons, v_budgets, v_offers, v_limited;
        IF v_budgets <> v_limited OR v_offers <> cardinality(%(offers)s) THEN
            {{gone}}
        END IF;
    END IF;
    """  # noqa: S608 - a text of our own
# Asked after the coupon's row is ours, so that the other orders of this customer are seen.
REDEEM = """
INSERT INTO crm_couponredemption (coupon_id, order_number, customer_id, is_single_use, redeemed_at)
SELECT k.id, %(number)s, %(customer)s, COALESCE(k.uses_max = 1, false), %(now)s
  FROM crm_coupon k JOIN crm_couponbatch b ON b.id = k.batch_id
 WHERE k.id = ANY(%(coupons)s)
   AND (b.uses_per_customer_max IS NULL OR (SELECT count(*) FROM crm_couponredemption u
          WHERE u.coupon_id = k.id AND u.customer_id = %(customer)s AND u.released_at IS NULL) < b.uses_per_customer_max)
 ORDER BY k.id
ON CONFLICT (coupon_id, order_number) DO UPDATE SET released_at = NULL, redeemed_at = EXCLUDED.redeemed_at
RETURNING coupon_id"""
_GIVE_BACK = """
WITH released AS (
    UPDATE crm_couponredemption SET released_at = %(now)s
     WHERE order_number = %(number)s AND released_at IS NULL RETURNING coupon_id
), coupons AS (
    UPDATE crm_coupon k SET uses = k.uses - 1
      FROM (SELECT c.id FROM crm_coupon c WHERE c.id IN (SELECT coupon_id FROM released) ORDER BY c.id FOR UPDATE) l
     WHERE k.id = l.id RETURNING k.id
), budgets AS (
    UPDATE crm_campaignbudget h SET used = h.used - CASE WHEN h.kind = 'MONEY' THEN w.amount ELSE 1 END
      FROM (SELECT b.campaign_id, t.amount FROM crm_campaignbudget b
              JOIN unnest(%(campaigns)s::bigint[], %(amounts)s::numeric[]) AS t(id, amount) ON t.id = b.campaign_id
             ORDER BY b.campaign_id FOR UPDATE OF b) w
     WHERE h.campaign_id = w.campaign_id RETURNING h.campaign_id
), offers AS (
    UPDATE crm_customerdiscount o SET uses = o.uses - 1
      FROM (SELECT id FROM crm_customerdiscount WHERE id = ANY(%(offers)s) ORDER BY id FOR UPDATE) l
     WHERE o.id = l.id RETURNING o.id
)
SELECT (SELECT count(*) FROM coupons), (SELECT count(*) FROM budgets), (SELECT count(*) FROM offers)"""


def is_spent_apart(taken: Taken) -> bool:
    """A coupon is asked about once more when its row is ours; all else can be spent by the statement that writes the order."""
    return bool(taken.coupons)


def spending_values(taken: Taken) -> dict[str, Any]:
    """The parameters of SPEND for a new order."""
    return _values(taken) | {"orders": [1] * len(taken.campaigns)}


def offer_gone() -> OfferGone:
    return OfferGone("A discount of this basket was used up a moment ago.")


def spend_offers(*, taken: Taken, order_number: str, customer_id: int | None, now: datetime) -> None:
    """All of it or a refusal: OfferGone when others were faster, CouponUsed when this customer has had it.

    One statement, and one more with coupons. Inside the transaction that writes the order, before its claims.
    """
    if taken.is_nothing:
        return
    values = spending_values(taken)
    with connection.cursor() as cursor:
        cursor.execute(SPEND, values)
        coupons, budgets, offers, limited = cursor.fetchone()
        if (coupons, budgets, offers) != (len(taken.coupons), limited, len(taken.offers)):
            raise offer_gone()
        if not taken.coupons:
            return
        cursor.execute(
            REDEEM,
            {"coupons": values["coupons"], "number": order_number, "customer": customer_id, "now": now},
        )
        if len(cursor.fetchall()) < len(taken.coupons):
            raise CouponUsed("This coupon was used as often as one customer may.")


def spend_more(*, campaigns: Mapping[int, Decimal]) -> None:
    """A changed order takes more money of campaigns that it takes part in already; refuses OfferGone."""
    if not campaigns:
        return
    with connection.cursor() as cursor:
        cursor.execute(SPEND, _values(Taken(campaigns=campaigns)) | {"orders": [0] * len(campaigns)})
        _, budgets, _, limited = cursor.fetchone()
    if budgets != limited:
        raise OfferGone("The budget of a campaign is used up.")


def give_back_offers(*, taken: Taken, order_number: str, now: datetime) -> None:
    """The order was canceled before anything left: others may use what it took."""
    if taken.is_nothing:
        return
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK, _values(taken) | {"number": order_number, "now": now})
        cursor.fetchone()


def _values(taken: Taken) -> dict[str, Any]:
    campaigns = sorted(taken.campaigns)
    return {
        "coupons": sorted(taken.coupons),
        "campaigns": campaigns,
        "amounts": [taken.campaigns[each] for each in campaigns],
        "offers": sorted(taken.offers),
    }
