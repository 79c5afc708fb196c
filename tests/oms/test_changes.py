"""Changing an order: shown exactly as it will be, applied whole or not at all, only before picking; money, stock, plan and promise follow."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm import operations as crm
from crm.operations import InvalidPib
from finance import operations as finance
from finance import workflows as money
from finance.models import Payment, Refund
from oms import operations as orders
from oms.models import Order
from oms.workflows import cancellation, changes, routing
from oms.workflows.baskets import InvalidQuantity, NotForSale, UnknownSku
from oms.workflows.change_lines import NothingLeft
from oms.workflows.changes import Changes
from oms.workflows.checkout import Company, InvalidContact, MethodNotAvailable, PriceChanged
from retail.doctor.examine import examine
from retail.kernel import outbox
from retail.kernel.errors import InvalidInput
from retail.kernel.models import OutboxEvent
from storefront.models import Price, Variant
from tests.flows.chain import NOW, Chain, make_chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes
from warehouse import operations as stock
from warehouse.models import Shipment, StockItem
from warehouse.selectors import order_claims

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


def applied(order: Order, change: Changes, *, now: Any = NOW) -> changes.Changed:
    """Previewed without a trace, then applied; both say the same."""
    order.refresh_from_db()
    with nothing_changes():
        shown = changes.preview_changes(order_id=order.pk, changes=change, now=now)
    assert shown.version == order.version
    done = changes.apply_changes(order_id=order.pk, changes=change, version=order.version, by=None, now=now)
    assert done.outcome == shown
    order.refresh_from_db()
    assert healthy()
    return done


def healthy() -> bool:
    return [finding.check.name for finding in examine() if finding.violations] == []


def claimed(order: Order) -> list[tuple[str, int, str]]:
    live = [claim for claim in order_claims(order_id=order.pk) if claim.state != "RELEASED"]
    return sorted((claim.sku, claim.quantity, claim.state) for claim in live)


def lines(order: Order) -> list[tuple[int, int, Decimal, Decimal]]:
    """(quantity, canceled, unit price, total) of the goods lines."""
    rows = order.lines.filter(kind="GOODS").order_by("position")
    return [(one.quantity, one.quantity_canceled, one.unit_price, one.total) for one in rows]


def routed(chain: Chain, order: Order) -> str:
    decision = routing.propose_routing(order_id=order.pk, now=NOW)
    assert decision.proposal is not None
    routing.ratify_routing(public_id=decision.proposal.public_id, by=chain.dragan, now=NOW)
    return Shipment.objects.get(order=order).number


def paid(chain: Chain, order: Order, amount: str) -> None:
    payment = Payment.objects.filter(order=order).latest("attempt")
    report = money.import_bank_statement(
        account=chain.entity.bank_account,
        text="line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
        f"b{payment.pk}-{amount},{NOW.date()},{amount},RSD,{payment.reference},Ana,265-0000000000017-57,uplata\n",
        by=None,
        now=NOW,
    )
    assert report.matched == 1, report


def test_contact_and_note_change_without_touching_goods_or_plan(chain: Chain) -> None:
    order = chain.place((chain.variant(), 2))
    number = routed(chain, order)
    before = claimed(order)
    done = applied(order, Changes(phone="060 222 3334", note="Zvoniti dvaput", street="Dunavska 2"))
    assert (order.phone, order.note, order.street) == ("+381602223334", "Zvoniti dvaput", "Dunavska 2")
    assert [one.field for one in done.outcome.fields] == ["phone", "note", "street"]
    assert (done.outcome.to_refund, done.outcome.due, done.payment) == (Decimal(0), order.total, None)
    assert (order.fulfillment_status, claimed(order)) == ("ROUTED", before)
    assert Shipment.objects.get(order=order, status="READY").number == number
    event = OutboxEvent.objects.get(topic="oms.order_changed", subject_key=order.number)
    assert (event.payload["what"], event.payload["is_replanned"]) == ("note, phone, street", False)


def test_fewer_units_and_a_removed_line_keep_the_price_of_the_rest(chain: Chain) -> None:
    book, other = chain.variant(price="1000.00"), chain.variant(price="500.00")
    order = chain.place((book, 3), (other, 1))
    total = order.total
    done = applied(order, Changes(lines=[(book.sku, 1), (other.sku, 0)]))
    assert [(one.sku, one.before, one.after, one.amount) for one in done.outcome.lines] == [
        (book.sku, 3, 1, Decimal("-2000.00")),
        (other.sku, 1, 0, Decimal("-500.00")),
    ]
    assert (order.total, order.due_total) == (total, total - Decimal("2500.00"))
    assert lines(order) == [
        (3, 2, Decimal("1000.00"), Decimal("3000.00")),
        (1, 1, Decimal("500.00"), Decimal("500.00")),
    ]
    assert claimed(order) == [(book.sku, 1, "ALLOCATED")]
    # What the courier will collect is asked for anew.
    assert (done.payment is not None, done.outcome.to_pay) == (True, order.due_total)
    assert Payment.objects.filter(order=order, state="PENDING").get().amount == order.due_total


def test_more_units_at_the_same_price_join_their_line(chain: Chain) -> None:
    book, added = chain.variant(price="1000.00"), chain.variant(price="700.00")
    order = chain.place((book, 1))
    total = order.total
    done = applied(order, Changes(lines=[(book.sku, 3), (added.sku, 2)]))
    assert lines(order) == [
        (3, 0, Decimal("1000.00"), Decimal("3000.00")),
        (2, 0, Decimal("700.00"), Decimal("1400.00")),
    ]
    assert order.total == order.due_total == total + Decimal("3400.00")
    assert claimed(order) == sorted(
        [(book.sku, 1, "ALLOCATED"), (book.sku, 2, "ALLOCATED"), (added.sku, 2, "ALLOCATED")]
    )
    assert done.outcome.is_replanned


def test_more_units_at_another_price_stand_on_their_own_line_and_go_first(chain: Chain) -> None:
    book = chain.variant(price="1000.00")
    order = chain.place((book, 2))
    Price.objects.filter(variant=book).update(amount=Decimal("1200.00"))
    applied(order, Changes(lines=[(book.sku, 3)]))
    assert lines(order) == [
        (2, 0, Decimal("1000.00"), Decimal("2000.00")),
        (1, 0, Decimal("1200.00"), Decimal("1200.00")),
    ]
    cancellation.cancel_lines(order_id=order.pk, lines=[(book.sku, 2)], reason="r", by=None, now=NOW)
    assert [one[1] for one in lines(order)] == [1, 1]
    assert healthy()


def test_another_postcode_takes_the_plan_back_and_promises_anew(chain: Chain) -> None:
    book = chain.variant()
    order = chain.place((book, 2))
    routed(chain, order)
    promise = dict(order.promise)
    done = applied(order, Changes(street="Terazije 5", city="Beograd", postal_code="11000"))
    assert (done.outcome.promise_before, done.outcome.is_replanned) == (promise, True)
    assert order.promise["date"] == order.promised_on.isoformat()  # type: ignore[union-attr]
    assert (order.fulfillment_status, order.postal_code) == ("UNROUTED", "11000")
    assert not Shipment.objects.filter(order=order, status="READY").exists()
    while outbox.run_pending(now=NOW + timedelta(seconds=1)):
        pass
    assert routing.KIND in set(
        type(order).objects.get(pk=order.pk).decisions.values_list("proposal__kind", flat=True)
    )
    assert healthy()


def test_an_order_that_waits_for_its_transfer_asks_for_the_new_sum(chain: Chain) -> None:
    book = chain.variant(price="1000.00")
    order = chain.place((book, 1), payment_method="BANK_TRANSFER")
    done = applied(order, Changes(lines=[(book.sku, 2)]))
    assert done.payment is not None
    assert (done.payment.method, done.payment.amount) == ("BANK_TRANSFER", order.due_total)
    assert claimed(order) == [(book.sku, 1, "HELD"), (book.sku, 1, "HELD")]
    paid(chain, order, str(order.total))
    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("PLACED", "PAID")
    assert healthy()


def test_a_paid_order_gets_money_back_or_pays_the_difference(chain: Chain) -> None:
    book = chain.variant(price="1000.00")
    order = chain.place((book, 2), payment_method="BANK_TRANSFER")
    paid(chain, order, str(order.total))
    less = applied(order, Changes(lines=[(book.sku, 1)]))
    assert (less.outcome.to_refund, less.outcome.to_pay, less.payment) == (
        Decimal("1000.00"),
        Decimal(0),
        None,
    )
    assert Refund.objects.get(payment__order=order).amount == Decimal("1000.00")

    more = applied(order, Changes(lines=[(book.sku, 4)]))
    assert more.payment is not None
    assert (more.payment.amount, more.outcome.to_pay) == (Decimal("3000.00"), Decimal("3000.00"))
    paid(chain, order, "3000.00")
    order.refresh_from_db()
    assert finance.held_for(order=order) == order.due_total
    assert healthy()


def test_a_reduction_that_the_money_covers_confirms_the_order(chain: Chain) -> None:
    book = chain.variant(price="1000.00")
    order = chain.place((book, 2), payment_method="BANK_TRANSFER")
    paid(chain, order, str(order.total - 1000))
    order.refresh_from_db()
    assert order.status == "PENDING_PAYMENT"
    applied(order, Changes(lines=[(book.sku, 1)]))
    assert (order.status, claimed(order)) == ("PLACED", [(book.sku, 1, "ALLOCATED")])


def test_the_buyer_becomes_a_company_until_there_are_papers(chain: Chain) -> None:
    book = chain.variant(price="1000.00")
    order = chain.place((book, 1), payment_method="BANK_TRANSFER")
    firm = Company("Firma d.o.o.", "100000024", "12345678")
    applied(order, Changes(company=firm))
    assert (order.company_pib, order.paper, order.customer.kind) == ("100000024", "FISCAL_COMPANY", "COMPANY")  # type: ignore[union-attr]
    paid(chain, order, str(order.total))
    order.refresh_from_db()
    with nothing_changes(), pytest.raises(changes.PapersIssued):
        changes.preview_changes(
            order_id=order.pk, changes=Changes(company=Company("Druga", "111911206")), now=NOW
        )


def test_a_company_at_sef_says_its_registration_number_as_at_checkout(chain: Chain) -> None:
    """SEF refuses an invoice without it, and then the goods are gone already."""
    company = crm.find_or_create_company(
        name="Firma d.o.o.",
        pib="101134702",
        registration_number="",
        email="nabavka@firma.example",
        phone="+38111222333",
        language="sr-latn",
        now=NOW,
    )
    crm.record_sef_registration(customer_id=company.pk, is_registered=True, now=NOW)
    order = chain.place((chain.variant(), 1))
    with nothing_changes(), pytest.raises(InvalidContact) as refusal:
        changes.preview_changes(
            order_id=order.pk, changes=Changes(company=Company("Firma d.o.o.", "101134702")), now=NOW
        )
    assert refusal.value.details["fields"] == ["registration_number"]
    applied(order, Changes(company=Company("Firma d.o.o.", "101134702", "17862146")))
    assert (order.paper, order.company_registration_number) == ("SEF", "17862146")


def refusals(chain: Chain, book: Variant) -> list[tuple[Changes, type[Exception]]]:
    unpriced = chain.variant()
    Price.objects.filter(variant=unpriced).delete()
    return [
        (Changes(), changes.NothingToChange),
        (Changes(phone="+381601112223"), changes.NothingToChange),
        (Changes(phone="12"), InvalidContact),
        (Changes(email="nobody"), InvalidContact),
        (Changes(name=" "), InvalidContact),
        (Changes(street=""), InvalidContact),
        (Changes(street="x" * 201), InvalidContact),
        (Changes(postal_code="99999"), MethodNotAvailable),
        (Changes(company=Company("X", "123")), InvalidPib),
        (Changes(lines=[(book.sku, 0)]), NothingLeft),
        (Changes(lines=[(book.sku, -1)]), InvalidInput),
        (Changes(lines=[(book.sku, 1000)]), InvalidQuantity),
        (Changes(lines=[(book.sku, 11)]), stock.OutOfStock),
        (Changes(lines=[(book.sku, 1), (book.sku, 2)]), InvalidInput),
        (Changes(lines=[("nope", 1)]), UnknownSku),
        (Changes(lines=[(unpriced.sku, 1)]), NotForSale),
    ]


def test_refusals_change_nothing_shown_or_applied(chain: Chain) -> None:
    book = chain.variant(stock=10)
    order = chain.place((book, 2))
    for change, refusal in refusals(chain, book):
        with nothing_changes(), pytest.raises(refusal):
            changes.preview_changes(order_id=order.pk, changes=change, now=NOW)
        with nothing_changes(), pytest.raises(refusal):
            changes.apply_changes(order_id=order.pk, changes=change, version=order.version, by=None, now=NOW)


def test_a_stale_version_or_another_total_is_refused(chain: Chain) -> None:
    book = chain.variant(price="1000.00")
    order = chain.place((book, 1))
    change = Changes(lines=[(book.sku, 2)])
    shown = changes.preview_changes(order_id=order.pk, changes=change, now=NOW)
    act: dict[str, Any] = {"order_id": order.pk, "changes": change, "by": None, "now": NOW}
    Price.objects.filter(variant=book).update(amount=Decimal("1500.00"))
    with nothing_changes(), pytest.raises(PriceChanged):
        changes.apply_changes(version=shown.version, expected_total=shown.total, **act)
    orders.hold_order(order_id=order.pk, reason="check", by=None)
    with nothing_changes(), pytest.raises(changes.StaleOrder):
        changes.apply_changes(version=shown.version, **act)


def test_once_picked_it_is_too_late(chain: Chain) -> None:
    book = chain.variant()
    order = chain.place((book, 2))
    routed(chain, order)
    (claim,) = order_claims(order_id=order.pk)
    shipment = Shipment.objects.get(order=order)
    stock.pick(shipment_id=shipment.pk, picks=[stock.Pick(claim.sku, claim.bin, 1)], by=chain.bojan, now=NOW)
    with nothing_changes(), pytest.raises(changes.TooLateToChange):
        changes.preview_changes(order_id=order.pk, changes=Changes(note="x"), now=NOW)
    canceled = chain.place((book, 1))
    cancellation.cancel_order(order_id=canceled.pk, reason="r", by=None, now=NOW)
    with nothing_changes(), pytest.raises(changes.TooLateToChange):
        changes.preview_changes(order_id=canceled.pk, changes=Changes(note="x"), now=NOW)
    assert StockItem.objects.filter(variant=book).count() == 2


@pytest.fixture
def agent(chain: Chain) -> Client:
    return client_of(make_staff("AGENT", name="Jana"))


def test_the_page_shows_what_it_does_and_does_it(chain: Chain, agent: Client) -> None:
    book = chain.variant(price="1000.00")
    order = chain.place((book, 2), now=timezone.now())
    page = f"/en/ops/orders/{order.number}/change/"
    assert (
        f"/ops/orders/{order.number}/change/" in agent.get(f"/en/ops/orders/{order.number}/").content.decode()
    )
    sent = {
        "name": order.name,
        "phone": order.phone,
        "email": order.email,
        "note": "Zvoniti",
        "street": order.street,
        "city": order.city,
        "postal_code": order.postal_code,
        f"qty_{book.sku}": "1",
    }
    assert agent.get(page).status_code == 200
    with nothing_changes():
        shown = agent.post(page, sent)
    text = shown.content.decode()
    assert (shown.status_code, f'name="version" value="{order.version}"' in text, "Zvoniti" in text) == (
        200,
        True,
        True,
    )
    assert '<input type="hidden" name="total" value="2290.00">' in text
    with nothing_changes():
        stale = agent.post(page, {**sent, "apply": "1", "version": "99", "total": "2290.00"})
        refused = agent.post(page, {**sent, f"qty_{book.sku}": "0"})
    assert (stale.status_code, refused.status_code) == (422, 422)
    applied_ = agent.post(page, {**sent, "apply": "1", "version": str(order.version), "total": "2290.00"})
    assert applied_.status_code == 302
    order.refresh_from_db()
    assert (order.note, order.due_total) == ("Zvoniti", Decimal("1290.00"))
