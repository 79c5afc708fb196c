"""Placing takes what it promises: reasons frozen line by line, coupons redeemed, budgets spent, gifts claimed; canceling gives back."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from bench.counting import counted, number_of
from crm import operations as crm
from crm.models import CampaignBudget, Coupon, CouponRedemption
from crm.operations import activate_segment, create_segment
from oms import selectors as oms
from oms.models import Basket, BasketCoupon, LineDiscount, Order, OrderLine
from oms.pricing import Outcome
from oms.rules import part_of
from oms.workflows import basket_coupons, baskets, cancellation, changes, placing
from oms.workflows.checkout import PriceChanged
from tests.flows.chain import NOW, Chain, make_chain
from tests.oms import offering
from tests.unchanged import nothing_changes
from warehouse.models import Reservation

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def coupon(
    code: str = "JESEN20",
    *,
    rule: str = "jesen",
    uses_max: int | None = 1,
    uses_per_customer_max: int | None = 1,
) -> Coupon:
    discount = offering.discount(rule, value="20.00", audience="COUPON")
    batch = crm.create_batch(
        discount_id=discount.pk,
        name="Jesen",
        word=code,
        by=None,
        now=NOW,
        uses_max=uses_max,
        uses_per_customer_max=uses_per_customer_max,
    )
    return batch.coupons.get()


def reasons(order: Order) -> list[tuple[str, str, Decimal, Decimal]]:
    rows = LineDiscount.objects.filter(line__order=order).order_by("line__position", "pk")
    return list(rows.values_list("line__sku", "code", "amount", "tax_share"))


def adds_up(order: Order) -> bool:
    """Every line: list price less what discounts took is what it costs."""
    return all(
        line.unit_price * line.quantity
        - (line.discounts.aggregate(taken=Sum("amount"))["taken"] or Decimal("0.00"))
        == line.total
        for line in OrderLine.objects.filter(order=order)
    )


def test_the_reasons_are_frozen_on_each_line(chain: Chain) -> None:
    campaign = offering.campaign("jesen-akcija")
    offering.discount("deset", value="10.00", campaign=campaign, version=3)
    offering.discount("besplatno", "FREE_SHIPPING", "50.00", priority=200)
    first, second = chain.variant(price="1100.00"), chain.variant(price="333.33")
    order = chain.place((first, 2), (second, 1))
    assert (order.goods_total, order.delivery_total, order.total) == (
        Decimal("2280.00"),
        Decimal("145.00"),
        Decimal("2425.00"),
    )
    assert reasons(order) == [
        (first.sku, "deset", Decimal("220.00"), Decimal("20.00")),
        (second.sku, "deset", Decimal("33.33"), Decimal("3.03")),
        ("", "besplatno", Decimal("145.00"), Decimal("13.18")),
    ]
    row = LineDiscount.objects.filter(line__sku=first.sku).get()
    assert (row.campaign, row.kind, row.discount_version, row.name) == (campaign, "PERCENT", 3, "Deset")
    assert adds_up(order)


def test_placing_with_discounts_asks_no_more_than_without(chain: Chain) -> None:
    variant = chain.variant(stock=20)
    chain.place((variant, 1))
    counts = []
    for _ in range(2):
        basket = chain.basket((variant, 1))
        with counted() as sent:
            placing.place_order(checkout=chain.checkout(basket), by=None, now=NOW)
        counts.append(number_of(sent))
        if len(counts) == 1:
            offering.discount("deset")
    # The reasons of all lines are written with the order; nothing is counted, so nothing is locked.
    assert counts[1] == counts[0]
    assert not [each for each in sent if "crm_couponredemption (" in each]


def test_a_single_use_coupon_is_redeemed_once_and_given_back_by_a_cancellation(chain: Chain) -> None:
    held = coupon()
    variant = chain.variant(price="1000.00", stock=20)
    first, second = chain.basket((variant, 1)), chain.basket((variant, 1))
    for basket in (first, second):
        basket_coupons.apply_coupon(token=basket.token, code=" jesen-20 ", now=NOW)
    order = placing.place_order(checkout=chain.checkout(first), by=None, now=NOW).order
    assert order.goods_total == Decimal("800.00")
    redeemed = CouponRedemption.objects.get()
    assert (redeemed.coupon, redeemed.order_number, redeemed.is_single_use, redeemed.customer) == (
        held,
        order.number,
        True,
        order.customer,
    )
    held.refresh_from_db()
    assert held.uses == 1
    again = chain.checkout(second, email="igor@example.com", expected_total=Decimal("1090.00"))
    with nothing_changes(), pytest.raises(PriceChanged) as refusal:
        placing.place_order(checkout=again, by=None, now=NOW)
    assert refusal.value.details["total"] == "1290.00"
    cancellation.cancel_order(order_id=order.pk, reason="predomislila se", by=None, now=NOW)
    held.refresh_from_db()
    assert held.uses == 0
    assert CouponRedemption.objects.get().released_at == NOW
    placed = placing.place_order(checkout=again, by=None, now=NOW).order
    assert (placed.goods_total, adds_up(placed)) == (Decimal("800.00"), True)
    assert LineDiscount.objects.get(line__order=placed).coupon == held


def test_a_guest_uses_a_word_once(chain: Chain) -> None:
    coupon("DOBRODOSLI", uses_max=None, uses_per_customer_max=1)
    variant = chain.variant(price="1000.00", stock=20)
    for number, email in enumerate(("ana@example.com", "igor@example.com")):
        basket = chain.basket((variant, 1))
        basket_coupons.apply_coupon(token=basket.token, code="dobrodosli", now=NOW)
        placing.place_order(checkout=chain.checkout(basket, email=email), by=None, now=NOW)
        assert CouponRedemption.objects.count() == number + 1
    basket = chain.basket((variant, 1))
    basket_coupons.apply_coupon(token=basket.token, code="dobrodosli", now=NOW)
    with nothing_changes(), pytest.raises(crm.CouponUsed):
        placing.place_order(checkout=chain.checkout(basket), by=None, now=NOW)


def test_a_coupon_that_takes_nothing_off_is_not_used(chain: Chain) -> None:
    held = coupon()
    offering.target(held.batch.discount, chain.variant())
    basket = chain.basket((chain.variant(price="1000.00"), 1))
    basket_coupons.apply_coupon(token=basket.token, code=held.code, now=NOW)
    order = placing.place_order(checkout=chain.checkout(basket), by=None, now=NOW).order
    assert (order.goods_total, CouponRedemption.objects.count()) == (Decimal("1000.00"), 0)


def test_budgets_and_offers_are_spent_and_given_back(chain: Chain) -> None:
    ana = offering.customer()
    money = offering.campaign("novac", budget=("MONEY", "500.00"))
    uses = offering.campaign("broj", budget=("USES", "5"))
    offering.discount("deset", value="10.00", campaign=money)
    own = offering.discount("njena", value="5.00", audience="ACCOUNT", campaign=uses, priority=200)
    offer = crm.write_offer(
        customer_id=ana.pk, discount_id=own.pk, reason="kasnili smo", by=None, now=NOW, uses_max=1
    )
    variant = chain.variant(price="1000.00", stock=20)
    basket = baskets.create_basket(channel_code="web-rs", now=NOW, postal_code="21000", customer_id=ana.pk)
    baskets.add_line(token=basket.token, sku=variant.sku, quantity=2, now=NOW)
    order = placing.place_order(checkout=chain.checkout(basket, customer_id=ana.pk), by=None, now=NOW).order
    assert order.goods_total == Decimal("1710.00")
    assert _spent() == {"novac": Decimal("200.00"), "broj": Decimal("1.00")}
    offer.refresh_from_db()
    assert offer.uses == 1
    assert LineDiscount.objects.get(line__order=order, code="njena").offer == offer
    cancellation.cancel_order(order_id=order.pk, reason="predomislila se", by=None, now=NOW)
    offer.refresh_from_db()
    assert (_spent(), offer.uses) == ({"novac": Decimal("0.00"), "broj": Decimal("0.00")}, 0)


def _spent() -> dict[str, Decimal]:
    return dict(CampaignBudget.objects.values_list("campaign__slug", "used"))


def test_a_budget_that_ran_out_since_is_told_with_the_new_total(chain: Chain) -> None:
    campaign = offering.campaign("novac", budget=("MONEY", "150.00"))
    offering.discount("deset", campaign=campaign)
    variant = chain.variant(price="1000.00", stock=20)
    first, second = chain.basket((variant, 1)), chain.basket((variant, 1))
    placing.place_order(checkout=chain.checkout(first), by=None, now=NOW)
    checkout = chain.checkout(second, expected_total=Decimal("1190.00"))
    with nothing_changes(), pytest.raises(PriceChanged) as refusal:
        placing.place_order(checkout=checkout, by=None, now=NOW)
    assert refusal.value.details["total"] == "1290.00"
    assert _spent() == {"novac": Decimal("100.00")}


def test_a_gift_is_a_line_of_its_own_with_its_stock(chain: Chain) -> None:
    gift = chain.variant(price="300.00", stock=1, tax="STANDARD", grams=50)
    offering.discount("poklon", "GIFT_LINE", gift=gift, minimum_amount=Decimal("1500.00"))
    variant = chain.variant(price="1000.00", stock=20)
    order = chain.place((variant, 2))
    line = OrderLine.objects.get(order=order, sku=gift.sku)
    assert (line.variant, line.quantity, line.unit_price, line.total, line.tax_rate, line.weight_grams) == (
        gift,
        1,
        Decimal("300.00"),
        Decimal("0.00"),
        Decimal("20.00"),
        50,
    )
    assert (order.total, adds_up(order)) == (Decimal("2290.00"), True)
    claim = Reservation.objects.get(order_line=line)
    assert (claim.state, claim.quantity, claim.variant) == ("ALLOCATED", 1, gift)
    # The last one is gone: the next order goes on without it, and its lines say why.
    basket = chain.basket((variant, 2))
    view = baskets.read_basket(basket=oms.basket_by_token(basket.token) or basket, now=NOW)
    assert not [each for each in view.priced.lines if each.is_gift]
    other = placing.place_order(checkout=chain.checkout(basket), by=None, now=NOW).order
    assert other.lines.filter(kind="GOODS").count() == 1
    told = [step for step in other.lines.all()[0].explanation if step["rule"] == "poklon"]
    assert [(step["outcome"], step["details"]["missing"]) for step in told] == [
        (Outcome.FACT_MISSING, "gift:poklon")
    ]


def test_a_gift_that_goes_between_price_and_claim_is_left_out(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    gift = chain.variant(price="300.00", stock=0)
    offering.discount("poklon", "GIFT_LINE", gift=gift)
    monkeypatch.setattr(
        "oms.workflows.taking.warehouse.availability",
        lambda *, variant_ids, channel_id, now: dict.fromkeys(variant_ids, 1),
    )
    order = chain.place((chain.variant(price="1000.00"), 1))
    assert [line.sku for line in order.lines.filter(sku=gift.sku)] == []
    assert order.total == Decimal("1290.00")


def test_units_that_come_back_bring_their_discounted_money_to_the_para(chain: Chain) -> None:
    """Three for two at 100.00 each: a unit is worth a third of 200.00, and all three are worth all of it."""
    offering.discount("tri-za-dva", "N_FOR_M", "100.00", take=3, pay=2)
    variant = chain.variant(price="100.00", stock=20)
    order = chain.place((variant, 3))
    line = order.lines.get(sku=variant.sku)
    assert (line.total, adds_up(order)) == (Decimal("200.00"), True)
    parts = [oms_part(line, done, 1) for done in range(3)]
    assert parts == [Decimal("66.67"), Decimal("66.66"), Decimal("66.67")]
    cancellation.cancel_lines(
        order_id=order.pk, lines=[(variant.sku, 1)], reason="jedna manje", by=chain.dragan, now=NOW
    )
    order.refresh_from_db()
    assert order.due_total == Decimal("490.00") - parts[0]


def oms_part(line: OrderLine, done: int, part: int) -> Decimal:
    return part_of(total=line.total, quantity=line.quantity, done=done, part=part)


def test_money_off_that_is_given_once_is_not_given_twice_by_a_change(chain: Chain) -> None:
    held = coupon("PETSTO", rule="petsto")
    held.batch.discount.__class__.objects.filter(pk=held.batch.discount_id).update(
        kind="AMOUNT", value=Decimal("500.00")
    )
    first, second = chain.variant(price="2000.00", stock=9), chain.variant(price="1000.00", stock=9)
    basket = chain.basket((first, 1))
    basket_coupons.apply_coupon(token=basket.token, code="petsto", now=NOW)
    order = placing.place_order(checkout=chain.checkout(basket), by=None, now=NOW).order
    assert order.total == Decimal("1790.00")
    outcome = changes.preview_changes(
        order_id=order.pk, changes=changes.Changes(lines=[(second.sku, 1)]), now=NOW
    )
    assert outcome.total == Decimal("2790.00")


def test_a_change_is_priced_by_the_discounts_of_the_order_when_they_have_ended(chain: Chain) -> None:
    campaign = offering.campaign("jesen", budget=("MONEY", "1000.00"))
    rule = offering.discount("dvadeset", value="20.00", campaign=campaign)
    variant = chain.variant(price="1000.00", stock=20)
    order = chain.place((variant, 2))
    assert order.total == Decimal("1890.00")
    rule.state = "ENDED"
    rule.save()
    later = NOW + timedelta(hours=1)
    wanted = changes.Changes(lines=[(variant.sku, 4)])
    with nothing_changes():
        outcome = changes.preview_changes(order_id=order.pk, changes=wanted, now=later)
    assert outcome.total == Decimal("3490.00")
    changes.apply_changes(order_id=order.pk, changes=wanted, version=outcome.version, by=None, now=later)
    order.refresh_from_db()
    assert (order.total, adds_up(order)) == (Decimal("3490.00"), True)
    assert _spent() == {"jesen": Decimal("800.00")}


def test_a_third_unit_still_completes_a_set(chain: Chain) -> None:
    offering.discount("tri-za-dva", "N_FOR_M", "100.00", take=3, pay=2)
    variant = chain.variant(price="900.00", stock=20)
    order = chain.place((variant, 2))
    assert order.total == Decimal("2090.00")
    outcome = changes.preview_changes(
        order_id=order.pk, changes=changes.Changes(lines=[(variant.sku, 3)]), now=NOW
    )
    assert (outcome.total, outcome.lines[0].amount) == (Decimal("2090.00"), Decimal("0.00"))


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("NEMA-GA", lambda held: None),
        ("JESEN20", lambda held: crm.stop_batch(batch_id=held.batch_id, by=None, now=NOW)),
        ("JESEN20", lambda held: Coupon.objects.filter(pk=held.pk).update(uses=1)),
        ("JESEN20", lambda held: Coupon.objects.filter(pk=held.pk).update(customer=offering.customer())),
        (
            "JESEN20",
            lambda held: crm.move_discount(
                discount_id=held.batch.discount_id, state="ENDED", by=None, now=NOW
            ),
        ),
    ],
)
def test_a_code_that_does_not_hold_gets_one_answer(chain: Chain, code: str, spoil: object) -> None:
    held = coupon()
    spoil(held)  # type: ignore[operator]
    basket = chain.basket((chain.variant(), 1))
    with nothing_changes(), pytest.raises(basket_coupons.UnknownCoupon) as refusal:
        basket_coupons.apply_coupon(token=basket.token, code=code, now=NOW)
    assert (str(refusal.value), refusal.value.details) == ("This code does not hold.", {})


def test_guessing_is_stopped_for_the_basket(chain: Chain) -> None:
    coupon()
    basket = chain.basket((chain.variant(), 1))
    for number in range(basket_coupons.ATTEMPTS_PER_BASKET):
        with pytest.raises(basket_coupons.UnknownCoupon):
            basket_coupons.apply_coupon(token=basket.token, code=f"PROBA{number}", now=NOW)
    with nothing_changes(), pytest.raises(basket_coupons.TooManyAttempts):
        basket_coupons.apply_coupon(token=basket.token, code="JESEN20", now=NOW)


def test_the_same_code_twice_stands_once_and_can_be_taken_out(chain: Chain) -> None:
    coupon()
    basket = chain.basket((chain.variant(price="1000.00"), 1))
    for _ in range(2):
        basket_coupons.apply_coupon(token=basket.token, code="JESEN20", now=NOW)
    assert BasketCoupon.objects.count() == 1
    view = baskets.read_basket(basket=basket, now=NOW)
    assert [(c.code, c.is_applied) for c in basket_coupons.coupons_of(view)] == [("JESEN20", True)]
    basket_coupons.remove_coupon(token=basket.token, code="jesen20", now=NOW)
    assert baskets.read_basket(basket=basket, now=NOW).priced.total == Decimal("1000.00")


def test_a_code_is_applied_in_as_many_statements_as_before(chain: Chain) -> None:
    coupon()
    counts = []
    for lines in (1, 6):
        basket = chain.basket(*((chain.variant(), 1) for _ in range(lines)))
        with counted() as sent:
            basket_coupons.apply_coupon(token=basket.token, code="JESEN20", now=NOW)
        counts.append(number_of(sent))
    assert counts[0] == counts[1]


def test_an_order_moves_an_account_into_a_segment_and_the_very_next_price_changes(chain: Chain) -> None:
    """No job and no cache in between; what priced the line is frozen with the words of the segment."""
    ana, variant = offering.customer(), chain.variant(price="3000.00", stock=20)
    segment = create_segment(slug="verni", name="Verni", definition="spent >= 2500", by=None, now=NOW)
    activate_segment(segment_id=segment.pk, version=segment.version, by=None, now=NOW)
    offering.discount("verni-deset", value="10.00", audience="SEGMENT", segment=segment)

    def basket_of_ana() -> Basket:
        basket = baskets.create_basket(
            channel_code="web-rs", now=NOW, postal_code="21000", customer_id=ana.pk
        )
        baskets.add_line(token=basket.token, sku=variant.sku, quantity=1, now=NOW)
        return basket

    first, second = basket_of_ana(), basket_of_ana()
    assert baskets.read_basket(basket=second, now=NOW).priced.total == Decimal("3000.00")
    placing.place_order(checkout=chain.checkout(first, customer_id=ana.pk), by=None, now=NOW)
    assert baskets.read_basket(basket=second, now=NOW).priced.total == Decimal("2700.00")
    order = placing.place_order(checkout=chain.checkout(second, customer_id=ana.pk), by=None, now=NOW).order
    row = LineDiscount.objects.get(line__order=order)
    assert (row.amount, row.segment_slug, row.segment_version, row.segment_definition) == (
        Decimal("300.00"),
        "verni",
        segment.version,
        segment.definition,
    )
