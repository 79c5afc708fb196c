"""Exchanges of companies that take electronic invoices: a credit note for what comes back, an invoice for what goes out, all accepted by SEF."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from finance.models import EInvoice, FiscalReceipt, Invoice, Refund
from oms.models import Order
from oms.workflows import cancellation
from oms.workflows.checkout import Company
from tests.finance.judges import faults
from tests.finance.sef_world import BUYER, BUYER_NUMBER, Seller
from tests.finance.shop import Shop
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.exchanges import agreed, arrives, bought, credited, swap
from tests.flows.test_lifecycle import balances, healthy, send
from tests.sandbox.stand import Stand

pytestmark = pytest.mark.django_db
FIRM = Company("Firma d.o.o.", BUYER, BUYER_NUMBER)


@dataclass
class World:
    chain: Chain
    sef: Seller

    def bought(self, price: str) -> Order:
        """Paid by transfer and delivered."""
        return bought(self.chain, (self.chain.variant(price=price), 1), company=FIRM)

    def instead(self, order: Order, price: str, *, method: str = "") -> Order:
        old = order.lines.get(kind="GOODS").variant
        assert old is not None
        wanted = swap(old, self.chain.variant(price=price), method=method, buyer_id_kind="", buyer_id="")
        done = agreed(order, wanted)
        arrives(self.chain, done.returned)
        done.order.refresh_from_db()
        return done.order

    def papers(self, order: Order) -> list[str]:
        """The kinds of this order's papers in their order, all of them approved by their buyer at SEF; each stands before the judge."""
        for _ in range(3):
            # A closing invoice waits for its advance, a credit note for its invoice.
            self.sef.work(2)
            for _kind, number, status in self.sef.at_sef():
                if status == "Sent":
                    self.sef.decide(number, "Approved")
            self.sef.later(hours=7)
        self.sef.work()
        kinds = {number: (kind, status) for kind, number, status in self.sef.at_sef()}
        rows = EInvoice.objects.filter(invoice__order=order).select_related("invoice").order_by("pk")
        assert [faults(one.document.encode()) for one in rows] == [[] for _ in rows]
        found = [kinds[one.invoice.number] for one in rows]
        assert {status for _, status in found} <= {"Approved"}
        return [kind for kind, _ in found]


@pytest.fixture
def world(db: None, outside: Stand) -> World:
    chain = make_chain()
    sef = Seller(Shop(chain.entity, chain.warehouse, chain.channel), outside).open()
    sef.at(NOW + timedelta(hours=1))
    return World(chain, sef)


def invoices(order: Order) -> list[tuple[str, str]]:
    rows = Invoice.objects.filter(order=order).order_by("pk")
    return [(one.kind, str(one.total)) for one in rows]


def test_even_exchange_is_a_credit_note_and_an_invoice(world: World) -> None:
    first = world.bought("1100.00")
    assert world.papers(first) == ["386", "380"]
    new = world.instead(first, "1100.00")
    assert invoices(first)[-1] == ("CREDIT_NOTE", "1100.00")
    assert world.papers(first) == ["386", "380", "381"]
    assert (new.paper, new.company_pib, new.payment_status) == ("SEF", BUYER, "PAID")
    send(world.chain, new)
    # Money did not move, so nothing is invoiced before the goods leave.
    assert invoices(new) == [("INVOICE", "1100.00")]
    assert world.papers(new) == ["380"]
    assert not FiscalReceipt.objects.exists()
    assert balances(new) == {
        "4306": Decimal("1100.00"),
        "604": Decimal("-1000.00"),
        "4710": Decimal("-100.00"),
        "501": Decimal("400.00"),
        "134": Decimal("-400.00"),
    }
    healthy()


def test_dearer_one_has_an_advance_invoice_for_the_transfer_only(world: World) -> None:
    first = world.bought("1100.00")
    new = world.instead(first, "1650.00", method="BANK_TRANSFER")
    credited(new, Decimal("550.00"))
    assert invoices(new) == [("ADVANCE", "550.00")]
    send(world.chain, new)
    assert invoices(new) == [("ADVANCE", "550.00"), ("INVOICE", "1650.00")]
    assert world.papers(new) == ["386", "380"]
    assert world.papers(first) == ["386", "380", "381"]
    found = balances(new)
    assert (found["604"], found["4710"]) == (Decimal("-1500.00"), Decimal("-150.00"))
    assert "430" not in found and "4730" not in found
    healthy()


def test_cheaper_one_gives_the_rest_back_beside_the_credit_note(world: World) -> None:
    first = world.bought("1650.00")
    new = world.instead(first, "1100.00")
    assert invoices(first)[-1] == ("CREDIT_NOTE", "1650.00")
    assert [(str(one.amount), bool(one.moved_to_id)) for one in Refund.objects.order_by("pk")] == [
        ("1100.00", True),
        ("550.00", False),
    ]
    send(world.chain, new)
    assert world.papers(first) == ["386", "380", "381"]
    assert world.papers(new) == ["380"]
    healthy()


def test_new_goods_that_are_not_wanted_any_more_leave_no_paper_behind(world: World) -> None:
    first = world.bought("1100.00")
    new = world.instead(first, "1100.00")
    cancellation.cancel_order(order_id=new.pk, reason="ne treba", by=None, now=NOW)
    assert (invoices(new), world.papers(new)) == ([], [])
    assert world.papers(first) == ["386", "380", "381"]
    healthy()
