"""One order from the basket to the ledger, through the public verbs, doctor clean at every station."""

from datetime import timedelta
from decimal import Decimal

import pytest

from audit.models import Proposal
from audit.operations import StaleProposal
from finance import selectors as finance_reads
from finance import workflows as money
from finance.models import FiscalReceipt, StockValue
from oms.models import Order, OrderException, RoutingDecision
from oms.workflows import cancellation, returns, routing
from retail.doctor.examine import examine
from tests.flows.chain import NOW, Chain
from tests.lock_order import recorded_locks
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Bin, Parcel, Reservation, Shipment, StockItem
from warehouse.selectors import order_claims

pytestmark = pytest.mark.django_db


def healthy() -> None:
    broken = {f.check.name: f.rows for f in examine() if f.violations and f.check.name != "outbox_drains"}
    assert broken == {}


def pick_all(chain: Chain, shipment: Shipment) -> None:
    picks = [
        stock.Pick(claim.sku, claim.bin, claim.quantity)
        for claim in order_claims(order_id=shipment.order_id)
        if claim.shipment_number == shipment.number and claim.state == "ALLOCATED"
    ]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=chain.bojan, now=NOW)


def send(chain: Chain, order: Order) -> list[Shipment]:
    """Route, ratify, pick, pack and dispatch everything."""
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=NOW)
    shipments = list(Shipment.objects.filter(order=order))
    for shipment in shipments:
        pick_all(chain, shipment)
        packed = stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(700)], by=chain.bojan, now=NOW)
        if packed.handover_code:
            goods.hand_over(shipment_id=shipment.pk, code=packed.handover_code, by=chain.bojan, now=NOW)
        else:
            goods.dispatch_shipment(shipment_id=shipment.pk, by=chain.bojan, now=NOW)
    order.refresh_from_db()
    return list(Shipment.objects.filter(order=order))


def balances(order: Order) -> dict[str, Decimal]:
    return {
        code: amount
        for code, amount in finance_reads.order_balances(order_number=order.number).items()
        if amount
    }


def test_cash_on_delivery_from_basket_to_ledger(chain: Chain) -> None:
    variant = chain.variant(price="1100.00", stock=10)
    order = chain.place((variant, 3))
    healthy()
    (shipment,) = send(chain, order)
    healthy()
    assert (order.status, order.fulfillment_status) == ("IN_FULFILLMENT", "DISPATCHED")
    item = StockItem.objects.get(variant=variant, bin__kind="STORAGE", location=chain.warehouse)
    assert (item.on_hand, item.reserved) == (7, 0)
    value = StockValue.objects.get(variant=variant)
    assert (value.quantity, value.value) == (7, Decimal("2800.00"))
    # 3 × 1,100.00 + 290.00 at 10 %: net 3,263.64, VAT 326.36; cost 3 × 400.00.
    assert balances(order) == {
        "2281": Decimal("3590.00"),
        "604": Decimal("-3000.00"),
        "614": Decimal("-263.64"),
        "4761": Decimal("-326.36"),
        "501": Decimal("1200.00"),
        "134": Decimal("-1200.00"),
    }
    receipt = FiscalReceipt.objects.get(order=order)
    assert (receipt.kind, receipt.transaction, receipt.total, receipt.state) == (
        "NORMAL",
        "SALE",
        Decimal("3590.00"),
        "PENDING",
    )

    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW + timedelta(days=1))
    Parcel.objects.filter(shipment=shipment).update(tracking_number="PE123")
    carrier = shipment.service.carrier.code if shipment.service else ""
    report = money.import_courier_remittance(
        carrier_code=carrier,
        text="line_key,tracking_number,amount,fee,paid_on\nr1,PE123,3590.00,0.00,2026-12-04\n",
        by=None,
        now=NOW + timedelta(days=2),
    )
    assert report is not None
    order.refresh_from_db()
    assert (order.status, order.payment_status, order.captured_total) == (
        "COMPLETED",
        "PAID",
        Decimal("3590.00"),
    )
    # The remittance clears the receivable; the bank statement will clear what is in transit.
    assert balances(order)["2480"] == Decimal("3590.00")
    assert "2281" not in balances(order)
    healthy()


def test_partial_return_puts_goods_cost_and_tax_back(chain: Chain) -> None:
    variant = chain.variant(price="1100.00", stock=10)
    order = chain.place((variant, 3))
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(variant.sku, 1, "DAMAGED")],
        by=None,
        now=NOW,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    with nothing_changes(), pytest.raises(returns.NothingToReturn):
        returns.request_return(
            order_id=order.pk, lines=[returns.Asked(variant.sku, 3, "X")], by=None, now=NOW
        )
    done = returns.receive_return(
        number=asked.number,
        location_code="S-001",
        lines=[returns.Arrived(variant.sku, 1, "RESTOCK")],
        by=chain.bojan,
        now=NOW,
    )
    order.refresh_from_db()
    assert (done.status, done.refund_total, order.due_total) == (
        "RECEIVED",
        Decimal("1100.00"),
        Decimal("2490.00"),
    )
    assert StockItem.objects.get(variant=variant, location=chain.store, is_sellable=True).on_hand == 1
    assert balances(order) == {
        "2281": Decimal("3590.00"),
        "204": Decimal("-1100.00"),
        "604": Decimal("-2000.00"),
        "614": Decimal("-263.64"),
        "4761": Decimal("-226.36"),
        "501": Decimal("800.00"),
        "134": Decimal("-800.00"),
    }
    healthy()


def test_pickup_is_handed_over_with_its_code(chain: Chain) -> None:
    variant = chain.variant(price="990.00", stock=0, store_stock=2)
    order = chain.place((variant, 1), delivery_method="STORE_PICKUP", pickup_location="S-001")
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=NOW)
    shipment = Shipment.objects.get(order=order)
    pick_all(chain, shipment)
    stock.pack(shipment_id=shipment.pk, parcels=[stock.ParcelSpec(300)], by=chain.bojan, now=NOW)
    order.refresh_from_db()
    assert order.fulfillment_status == "READY_FOR_PICKUP"
    shipment.refresh_from_db()
    with nothing_changes(), pytest.raises(stock.WrongCode):
        goods.hand_over(shipment_id=shipment.pk, code="000000", by=chain.bojan, now=NOW)
    goods.hand_over(shipment_id=shipment.pk, code=shipment.handover_code, by=chain.bojan, now=NOW)
    order.refresh_from_db()
    assert order.fulfillment_status == "DELIVERED"
    healthy()


def test_transfer_is_paid_by_statement_and_closed_from_the_advance(chain: Chain) -> None:
    variant = chain.variant(price="1100.00")
    order = chain.place((variant, 1), payment_method="BANK_TRANSFER")
    from finance.models import Payment

    payment = Payment.objects.get(order=order)
    money.import_bank_statement(
        account=chain.entity.bank_account,
        text=(
            "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
            f"b1,2026-12-03,1390.00,RSD,{payment.reference},Ana Anić,265-0000000000017-57,placanje\n"
        ),
        by=None,
        now=NOW + timedelta(days=1),
    )
    order.refresh_from_db()
    assert (order.status, order.payment_status, order.captured_total) == (
        "PLACED",
        "PAID",
        Decimal("1390.00"),
    )
    assert balances(order)["241"] == Decimal("1390.00")
    assert balances(order)["430"] == Decimal("-1390.00")
    healthy()
    send(chain, order)
    assert "430" not in balances(order)
    assert (balances(order)["604"], balances(order)["614"]) == (Decimal("-1000.00"), Decimal("-263.64"))
    kinds = list(FiscalReceipt.objects.filter(order=order).order_by("pk").values_list("kind", "transaction"))
    assert kinds == [("ADVANCE", "SALE"), ("ADVANCE", "REFUND"), ("NORMAL", "SALE")]
    healthy()


def test_cancel_gives_the_units_back(chain: Chain) -> None:
    variant = chain.variant(stock=4)
    order = chain.place((variant, 3))
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    cancellation.cancel_order(order_id=order.pk, reason="changed mind", by=None, now=NOW, is_shopper=True)
    order.refresh_from_db()
    assert (order.status, order.due_total) == ("CANCELED", Decimal("0.00"))
    assert StockItem.objects.get(variant=variant).reserved == 0
    assert decision.proposal is not None
    assert Proposal.objects.get(pk=decision.proposal.pk).state == "STALE"
    healthy()


def test_cancel_after_picking_is_too_late_for_the_shopper_and_a_put_back_for_the_shop(chain: Chain) -> None:
    variant = chain.variant(stock=4)
    order = chain.place((variant, 2))
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=NOW)
    shipment = Shipment.objects.get(order=order)
    pick_all(chain, shipment)
    with nothing_changes(), pytest.raises(cancellation.TooLate):
        cancellation.cancel_order(order_id=order.pk, reason="x", by=None, now=NOW, is_shopper=True)
    cancellation.cancel_order(order_id=order.pk, reason="damaged cover", by=chain.dragan, now=NOW)
    claim = Reservation.objects.get(is_put_back=True)
    assert StockItem.objects.get(variant=variant, is_sellable=True).on_hand == 2
    stock.put_back(claim_id=claim.pk, by=chain.bojan, now=NOW)
    assert StockItem.objects.get(variant=variant, is_sellable=True).on_hand == 4
    healthy()


def test_unpaid_order_is_canceled_only_after_its_deadline(chain: Chain) -> None:
    variant = chain.variant(stock=1)
    order = chain.place((variant, 1), payment_method="BANK_TRANSFER")
    with nothing_changes(), pytest.raises(cancellation.NotDue):
        cancellation.cancel_unpaid_order(order_id=order.pk, now=NOW)
    late = NOW + timedelta(days=8)
    assert cancellation.cancel_overdue_orders(now=late) == 1
    order.refresh_from_db()
    assert order.status == "CANCELED"
    assert StockItem.objects.get(variant=variant).reserved == 0
    healthy()


def test_split_when_no_place_has_everything(chain: Chain) -> None:
    here, there = chain.variant(stock=2), chain.variant(stock=0, store_stock=2)
    order = chain.place((here, 1), (there, 1))
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert sorted(step["location"] for step in decision.plan) == ["S-001", "WH-1"]
    assert sum(Decimal(term) for term in decision.terms.values()) == decision.cost
    assert decision.terms["split"] == "80"
    shipments = send(chain, order)
    assert len(shipments) == 2
    healthy()


def test_ratifying_a_plan_of_a_changed_order_is_stale_with_a_fresh_one_attached(chain: Chain) -> None:
    variant = chain.variant(stock=5)
    order = chain.place((variant, 2))
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.proposal is not None
    cancellation.cancel_lines(
        order_id=order.pk, lines=[(variant.sku, 1)], reason="one is enough", by=None, now=NOW
    )
    fresh = routing.propose_routing(order_id=order.pk, now=NOW)
    assert fresh.proposal is not None
    Proposal.objects.filter(pk=fresh.proposal.pk).update(base={"version": 0})
    with pytest.raises(StaleProposal):
        routing.ratify_routing(
            public_id=fresh.proposal.public_id if fresh.proposal else "", by=chain.dragan, now=NOW
        )
    stale = Proposal.objects.get(pk=fresh.proposal.pk)
    assert (stale.state, stale.replaced_by and stale.replaced_by.state) == ("STALE", "OPEN")
    assert RoutingDecision.objects.get(proposal=stale).state == "STALE"
    healthy()


@pytest.mark.parametrize("act", ["ratify", "reject", "plan again"])
def test_whoever_decides_or_plans_locks_the_order_before_its_plan(chain: Chain, act: str) -> None:
    order = chain.place((chain.variant(stock=5), 2))
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.proposal is not None
    public_id = decision.proposal.public_id
    with recorded_locks() as locks:
        if act == "ratify":
            routing.ratify_routing(public_id=public_id, by=chain.dragan, now=NOW)
        elif act == "reject":
            routing.reject_routing(public_id=public_id, reason="no", by=chain.dragan, now=NOW)
        else:
            routing.propose_routing(order_id=order.pk, now=NOW)
    assert [tables[:2] for tables in locks.transactions] == [["oms_order", "audit_proposal"]]


def test_an_order_that_cannot_be_shipped_opens_an_exception(chain: Chain) -> None:
    variant = chain.variant(stock=1)
    order = chain.place((variant, 1))
    bin_ = Bin.objects.get(location=chain.warehouse, kind="STORAGE")
    goods.adjust_stock(
        variant_id=variant.pk,
        location_id=chain.warehouse.pk,
        bin_id=bin_.pk,
        delta=-1,
        reason="COUNT",
        reference="count 1",
        displace=True,
        by=chain.bojan,
        now=NOW,
    )
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.state == "UNROUTABLE"
    assert set(OrderException.objects.filter(order=order, state="OPEN").values_list("kind", flat=True)) >= {
        "UNROUTABLE"
    }
    healthy()
