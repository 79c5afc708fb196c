"""Many orders at once for the same coupon, customer's limit, or budget. Each race has a twin without the guard, which must go wrong."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from crm import operations as crm
from crm.models import CampaignBudget, Coupon, CouponRedemption
from oms.models import Basket, LineDiscount
from oms.workflows import basket_coupons, baskets, placing
from retail.kernel.errors import Refusal
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms import offering

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]
BUYERS = 20


@pytest.fixture
def chain(transactional_db: None) -> Chain:
    return make_chain()


def coupon(*, uses_max: int | None, per_customer: int | None) -> Coupon:
    discount = offering.discount("jesen", value="20.00", audience="COUPON")
    batch = crm.create_batch(
        discount_id=discount.pk,
        name="Jesen",
        word="JESEN20",
        by=None,
        now=NOW,
        uses_max=uses_max,
        uses_per_customer_max=per_customer,
    )
    return batch.coupons.get()


def filled(chain: Chain, count: int, *, code: str = "", customer_id: int | None = None) -> list[Basket]:
    """Baskets of one book of 1000.00 each, with plenty in stock."""
    variant = chain.variant(price="1000.00", stock=count + 5)
    made = []
    for _ in range(count):
        basket = baskets.create_basket(
            channel_code="web-rs", now=NOW, postal_code="21000", customer_id=customer_id
        )
        baskets.add_line(token=basket.token, sku=variant.sku, quantity=1, now=NOW)
        if code:
            basket_coupons.apply_coupon(token=basket.token, code=code, now=NOW)
        made.append(basket)
    return made


def place(chain: Chain, basket: Basket, number: int, total: str, **changes: Any) -> str:
    checkout = chain.checkout(
        basket, **{"email": f"kupac{number}@example.com", "expected_total": Decimal(total), **changes}
    )
    try:
        placing.place_order(checkout=checkout, by=None, now=NOW)
    except Refusal as refusal:
        return refusal.code
    return "PLACED"


def unguarded(*, taken: crm.Taken, order_number: str, customer_id: int, now: datetime) -> None:
    """Read, think, write: what a shop does that trusts what it has read."""
    for held in Coupon.objects.select_related("batch").filter(pk__in=list(taken.coupons)):
        by_customer = CouponRedemption.objects.filter(coupon=held, customer_id=customer_id).count()
        most = held.batch.uses_per_customer_max
        if (held.uses_max is not None and held.uses >= held.uses_max) or (
            most is not None and by_customer >= most
        ):
            raise crm.OfferGone("used up")
        CouponRedemption.objects.create(
            coupon=held, order_number=order_number, customer_id=customer_id, is_single_use=held.uses_max == 1
        )
        Coupon.objects.filter(pk=held.pk).update(uses=held.uses + 1)
    for budget in CampaignBudget.objects.filter(campaign__in=list(taken.campaigns)):
        part = taken.campaigns[budget.campaign_id] if budget.kind == "MONEY" else Decimal(1)
        if budget.used + part > budget.limit:
            raise crm.OfferGone("used up")
        CampaignBudget.objects.filter(pk=budget.pk).update(used=budget.used + part)


def take_the_guards_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crm, "spend_offers", unguarded)
    monkeypatch.setattr(crm, "is_spent_apart", lambda taken: not taken.is_nothing)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_coupon DROP CONSTRAINT coupon_uses_kept")
        cursor.execute("ALTER TABLE crm_campaignbudget DROP CONSTRAINT campaign_budget_kept")
        cursor.execute("DROP INDEX single_use_coupon_once")


def given() -> Decimal:
    return LineDiscount.objects.aggregate(taken=Sum("amount"))["taken"] or Decimal("0.00")


def test_a_single_use_coupon_goes_to_one_of_twenty(chain: Chain, run_together: Together) -> None:
    held = coupon(uses_max=1, per_customer=1)
    made = filled(chain, BUYERS, code="JESEN20")
    answers = run_together(BUYERS, lambda n: place(chain, made[n], n, "1090.00"))
    assert Counter(answers) == {"PLACED": 1, "PRICE_CHANGED": BUYERS - 1}
    held.refresh_from_db()
    assert (held.uses, CouponRedemption.objects.count(), given()) == (1, 1, Decimal("200.00"))


def test_twin_without_the_guard_redeems_it_more_than_once(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    coupon(uses_max=1, per_customer=1)
    made = filled(chain, BUYERS, code="JESEN20")
    take_the_guards_away(monkeypatch)
    run_together(BUYERS, lambda n: place(chain, made[n], n, "1090.00"))
    assert CouponRedemption.objects.count() > 1


def test_one_customer_gets_no_more_than_the_limit(chain: Chain, run_together: Together) -> None:
    held = coupon(uses_max=None, per_customer=2)
    ana = offering.customer()
    made = filled(chain, BUYERS, code="JESEN20", customer_id=ana.pk)
    answers = run_together(
        BUYERS, lambda n: place(chain, made[n], n, "1090.00", email=ana.email, customer_id=ana.pk)
    )
    assert Counter(answers)["PLACED"] == 2
    assert set(answers) <= {"PLACED", "PRICE_CHANGED", "COUPON_USED"}
    held.refresh_from_db()
    assert (held.uses, CouponRedemption.objects.filter(customer=ana).count()) == (2, 2)


def test_twin_without_the_guard_gives_one_customer_more(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    coupon(uses_max=None, per_customer=2)
    ana = offering.customer()
    made = filled(chain, BUYERS, code="JESEN20", customer_id=ana.pk)
    take_the_guards_away(monkeypatch)
    run_together(BUYERS, lambda n: place(chain, made[n], n, "1090.00", email=ana.email, customer_id=ana.pk))
    assert CouponRedemption.objects.filter(customer=ana).count() > 2


@pytest.mark.parametrize(("kind", "limit", "used"), [("MONEY", "350.00", "300.00"), ("USES", "3", "3.00")])
def test_a_budget_is_never_overrun(
    chain: Chain, run_together: Together, kind: str, limit: str, used: str
) -> None:
    offering.discount("deset", value="10.00", campaign=offering.campaign("jesen", budget=(kind, limit)))
    made = filled(chain, BUYERS)
    answers = run_together(BUYERS, lambda n: place(chain, made[n], n, "1190.00"))
    assert Counter(answers) == {"PLACED": 3, "PRICE_CHANGED": BUYERS - 3}
    assert (CampaignBudget.objects.get().used, given()) == (Decimal(used), Decimal("300.00"))


@pytest.mark.parametrize(("kind", "limit"), [("MONEY", "350.00"), ("USES", "3")])
def test_twin_without_the_guard_overruns_the_budget(
    chain: Chain, run_together: Together, monkeypatch: pytest.MonkeyPatch, kind: str, limit: str
) -> None:
    offering.discount("deset", value="10.00", campaign=offering.campaign("jesen", budget=(kind, limit)))
    made = filled(chain, BUYERS)
    take_the_guards_away(monkeypatch)
    run_together(BUYERS, lambda n: place(chain, made[n], n, "1190.00"))
    assert given() > Decimal("350.00")
