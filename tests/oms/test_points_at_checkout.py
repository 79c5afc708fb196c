"""Points pay a part of an order: what they take off, what they leave in the books, and how they come back."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from crm import operations as crm
from crm.models import Customer, Discount, LoyaltyAccount, LoyaltyEntry
from crm.operations import loyalty as verbs
from finance.models import FiscalReceipt
from finance.workflows import loyalty
from oms.models import Basket, LineDiscount, Order
from oms.workflows import baskets, cancellation, placing, points, returns, tenders
from oms.workflows.checkout import Company
from retail.kernel.errors import Refusal
from tests.crm.members import earn, make_member, make_program
from tests.factories import make_customer
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.gift_cards import make_card
from tests.flows.test_lifecycle import balances, healthy, send
from tests.unchanged import nothing_changes
from warehouse import workflows as goods

BUYERS = 8


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def member(held: int) -> Customer:
    customer = make_customer(name="Ana Anić", email="ana@example.com")
    make_member(customer)
    earn(customer, held)
    return customer


def basket_of(chain: Chain, customer: Customer, *prices: str, want: int = 0) -> Basket:
    basket = baskets.create_basket(
        channel_code="web-rs", now=NOW, postal_code="21000", customer_id=customer.pk
    )
    for price in prices:
        variant = chain.variant(price=price, stock=BUYERS + 2)
        baskets.add_line(token=basket.token, sku=variant.sku, quantity=1, now=NOW)
    if want:
        tenders.want_points(token=basket.token, points=want, customer_id=None, now=NOW)
    return basket


def total(basket: Basket) -> Decimal:
    basket.refresh_from_db()
    view = baskets.read_basket(
        basket=basket, now=NOW, delivery_method="HOME_DELIVERY", orderer_id=basket.customer_id
    )
    return view.priced.total


def place(chain: Chain, basket: Basket, **changes: Any) -> Order:
    checkout = chain.checkout(basket, customer_id=basket.customer_id, **changes)
    return placing.place_order(checkout=checkout, by=None, now=NOW).order


def moves() -> list[tuple[str, int, str]]:
    return [(one.reason, one.points, str(one.value)) for one in LoyaltyEntry.objects.order_by("pk")]


@pytest.mark.django_db
def test_points_lower_the_price_and_the_books_release_what_was_owed(chain: Chain) -> None:
    make_program()
    ana = member(500)
    basket = basket_of(chain, ana, "1000.00", "500.00", want=300)
    # 1,000.00 + 500.00 + 290.00 less 300 points.
    assert total(basket) == Decimal("1490.00")
    order = place(chain, basket, expected_total=Decimal("1490.00"))
    assert (order.goods_total, order.delivery_total, order.total) == (
        Decimal("1200.00"),
        Decimal("290.00"),
        Decimal("1490.00"),
    )
    lines = order.lines.filter(kind="GOODS").order_by("position")
    assert [str(line.total) for line in lines] == ["800.00", "400.00"]
    frozen = LineDiscount.objects.filter(line__order=order).order_by("line__position")
    assert [(one.code, one.kind, str(one.amount), str(one.tax_share)) for one in frozen] == [
        ("points", "POINTS", "200.00", "18.18"),
        ("points", "POINTS", "100.00", "9.09"),
    ]
    assert Discount.objects.get(code="points").state == "ENDED"
    assert moves() == [("EARNED", 500, "500.00"), ("BURNED", -300, "-300.00")]
    assert balances(order) == {"495": Decimal("300.00"), "6049": Decimal("-300.00")}
    healthy()
    send(chain, order)
    assert FiscalReceipt.objects.get(order=order).total == Decimal("1490.00")
    healthy()


@pytest.mark.django_db
def test_points_pay_no_more_than_the_program_allows(chain: Chain) -> None:
    make_program(burn_percent_max=Decimal(20))
    basket = basket_of(chain, member(5_000), "1000.00", want=900)
    # 20 % of 1,000.00.
    assert total(basket) == Decimal("1090.00")
    little = basket_of(chain, Customer.objects.get(), "400.00", want=900)
    # 80 would be below the least, 100.
    assert total(little) == Decimal("690.00")


@pytest.mark.django_db
def test_points_then_a_gift_card_then_cash(chain: Chain) -> None:
    make_program()
    basket = basket_of(chain, member(400), "1000.00", want=400)
    _, code = make_card(chain, "500")
    tenders.apply_gift_card(token=basket.token, code=code, now=NOW)
    order = place(chain, basket, expected_total=Decimal("890.00"), expected_rest=Decimal("390.00"))
    assert (order.total, order.captured_total) == (Decimal("890.00"), Decimal("500.00"))
    healthy()


@pytest.mark.django_db
def test_canceled_order_gives_the_points_back(chain: Chain) -> None:
    make_program()
    order = place(chain, basket_of(chain, member(400), "1000.00", want=400))
    assert LoyaltyAccount.objects.get().points == 0
    cancellation.cancel_order(order_id=order.pk, reason="predomislila se", by=None, now=NOW)
    for _ in range(2):
        loyalty.settle_points(order_id=order.pk, now=NOW)
    assert moves()[1:] == [("BURNED", -400, "-400.00"), ("RELEASED", 400, "400.00")]
    assert (LoyaltyAccount.objects.get().points, balances(order)) == (400, {})
    healthy()


@pytest.mark.django_db
def test_returned_goods_bring_their_share_of_points_back(chain: Chain) -> None:
    make_program()
    order = place(chain, basket_of(chain, member(300), "1000.00", "500.00", want=300))
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    line = order.lines.filter(kind="GOODS").earliest("position")
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(line.sku, 1, "DAMAGED")],
        by=None,
        now=NOW,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    done = returns.receive_return(
        number=asked.number,
        location_code="S-001",
        lines=[returns.Arrived(line.sku, 1, "RESTOCK")],
        by=chain.bojan,
        now=NOW,
    )
    # 1,000.00 less its 200 points in money, and the 200 points.
    assert done.refund_total == Decimal("800.00")
    loyalty.settle_points(order_id=order.pk, now=NOW)
    assert moves()[-1] == ("RELEASED", 200, "200.00")
    healthy()


@pytest.mark.django_db
def test_who_is_no_member_or_has_fewer_is_refused(chain: Chain) -> None:
    make_program()
    stranger = make_customer(name="Marko", email="marko@example.com")
    basket = basket_of(chain, stranger, "1000.00")
    with nothing_changes(), pytest.raises(crm.NoMember):
        tenders.want_points(token=basket.token, points=100, customer_id=None, now=NOW)
    basket = basket_of(chain, member(150), "1000.00")
    with nothing_changes(), pytest.raises(crm.NotEnoughPoints):
        tenders.want_points(token=basket.token, points=151, customer_id=None, now=NOW)


@pytest.mark.django_db
def test_company_does_not_pay_with_a_persons_points(chain: Chain) -> None:
    make_program()
    basket = basket_of(chain, member(400), "1000.00", want=400)
    with nothing_changes(), pytest.raises(points.NotForCompanies):
        place(chain, basket, company=Company("Firma d.o.o.", "100000024", "20998873"))


def attempt(chain: Chain, basket: Basket, number: int) -> str:
    try:
        place(chain, basket, expected_total=Decimal("890.00"))
    except Refusal as refusal:
        return refusal.code
    return "PLACED"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_points_are_used_once_by_many_baskets(run_together: Callable[..., list[Any]]) -> None:
    chain = make_chain()
    make_program()
    ana = member(1000)
    made = [basket_of(chain, ana, "1000.00", want=400) for _ in range(BUYERS)]
    answers = run_together(BUYERS, lambda n: attempt(chain, made[n], n))
    # 1,000 points are enough for two orders of 400; the rest of 200 is another price.
    assert Counter(answers) == {"PLACED": 2, "PRICE_CHANGED": BUYERS - 2}
    assert LoyaltyAccount.objects.get().points == 200
    healthy()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_twin_without_the_lock_uses_more_than_there_are(
    run_together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = make_chain()
    make_program()
    ana = member(1000)
    made = [basket_of(chain, ana, "1000.00", want=400) for _ in range(BUYERS)]

    def unlocked(*, customer_id: int) -> LoyaltyAccount | None:
        return LoyaltyAccount.objects.select_related("tier").filter(customer_id=customer_id).first()

    monkeypatch.setattr(verbs, "lock_member", unlocked)
    run_together(BUYERS, lambda n: attempt(chain, made[n], n))
    burned = -sum(entry.points for entry in LoyaltyEntry.objects.filter(reason="BURNED"))
    assert burned > 1000
