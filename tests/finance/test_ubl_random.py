"""Random orders to the end: every electronic invoice is accepted, and its sums are those of the papers and of the ledger, to the para.

A dozen here, a thousand in `make proof` (ONEROW_PROOF=1).
"""

from __future__ import annotations

import os
import random
from decimal import Decimal

import pytest
from django.db import transaction

from finance import rules, selectors
from finance import workflows as money
from finance.models import Invoice
from finance.rules import Sold
from finance.selectors import ubl as ubl_selector
from oms.models import Order, OrderLine
from retail.kernel.money import from_paras
from tests.factories import NOW, Sells, goods_lines, make_customer, make_return
from tests.finance.judges import faults, said
from tests.finance.shop import Shop

pytestmark = pytest.mark.django_db

ORDERS = 1000 if os.environ.get("ONEROW_PROOF") else 12
TOTAL = "cac:LegalMonetaryTotal/cbc:"


@pytest.mark.parametrize("seed", [1])
def test_every_paper_of_random_orders_is_accepted_and_adds_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(ubl_selector, "render_pdf", lambda paper: b"%PDF-1.7 in place of a sheet")
    papers = 0
    for number in range(ORDERS):
        dice = random.Random(seed * 100_000 + number)
        sid = transaction.savepoint()
        order = play(shop, dice)
        papers += judge(order)
        transaction.savepoint_rollback(sid)
    assert papers >= 2 * ORDERS


def play(shop: Shop, dice: random.Random) -> Order:
    """An order of a company, sent in parts and taken back in parts, all of it or some."""
    paper = dice.choice(["SEF", "SEF", "FISCAL_COMPANY"])
    method = dice.choice(["CASH_ON_DELIVERY", "BANK_TRANSFER"])
    lines = [
        Sells(
            dice.randint(1, 400 if dice.random() < 0.1 else 5),
            str(gross(dice)),
            dice.choice(["BOOKS", "STANDARD"]),
        )
        for _ in range(dice.randint(1, 4))
    ]
    order = shop.order(
        *lines,
        delivery=str(from_paras(dice.choice([0, 1, 29_900, dice.randint(1, 99_999)]))),
        method=method,
        paper=paper,
        status="PLACED" if method == "CASH_ON_DELIVERY" else "PENDING_PAYMENT",
        company_registration_number="20998873",
        customer=make_customer(kind="COMPANY", pib="100000024", jbkjs="10520" if dice.random() < 0.2 else ""),
    )
    for line in goods_lines(order):
        if dice.random() < 0.5:
            # A discount to the para: the list price is above what was charged.
            line.unit_price = line.unit_price + from_paras(dice.randint(1, 50_000))
            line.save(update_fields=["unit_price"])
    pay(shop, order, dice)
    for wanted in parcels(order, dice):
        shop.dispatch(order, wanted, tracking=f"T-{order.pk}-{dice.random()}")
    take_back(shop, order, dice, everything=dice.random() < 0.7)
    return order


def gross(dice: random.Random) -> Decimal:
    # 1,259.00 at 10 % has no net base: such sums must turn up.
    return dice.choice(
        [Decimal("1259.00"), from_paras(dice.randint(1, 9_999_999)), from_paras(dice.randint(1, 200))]
    )


def pay(shop: Shop, order: Order, dice: random.Random) -> None:
    if order.payment_method == "CASH_ON_DELIVERY":
        shop.cod_payment(order)
        return
    payment = shop.transfer_payment(order)
    first = from_paras(dice.randint(0, int(order.total * 100)))
    amounts = [one for one in (first, order.total - first) if one]
    report = shop.statement(
        *(
            {"line_key": f"{order.pk}-{place}", "amount": str(one), "reference": payment.reference}
            for place, one in enumerate(amounts)
        )
    )
    assert report.errors == []


def parcels(order: Order, dice: random.Random) -> list[list[tuple[OrderLine, int]]]:
    """The units of the order in up to three bundles."""
    left = {line.pk: line.quantity for line in goods_lines(order)}
    bundles: list[list[tuple[OrderLine, int]]] = []
    while any(left.values()):
        is_last = len(bundles) == 2
        bundle = [
            (line, units)
            for line in goods_lines(order)
            if (units := left[line.pk] if is_last else dice.randint(0, left[line.pk]))
        ]
        for line, units in bundle:
            left[line.pk] -= units
        if bundle:
            bundles.append(bundle)
    return bundles


def take_back(shop: Shop, order: Order, dice: random.Random, *, everything: bool) -> None:
    bundles = parcels(order, dice)
    for wanted in bundles if everything else bundles[:-1]:
        shop.receive(make_return(order, wanted, buyer_id=""), wanted)
    fees = list(order.lines.filter(kind="DELIVERY"))
    if everything and fees:
        made = make_return(order, [(fees[0], 1)], buyer_id="")
        money.post_return(return_id=made.pk, goods=[], sold=[Sold(fees[0].pk, 1)], by=None, now=NOW)


def judge(order: Order) -> int:
    papers = list(ubl_selector.with_parties().filter(order=order).order_by("pk"))
    payable = tax = Decimal(0)
    for paper in papers:
        xml = selectors.invoice_ubl(number=paper.number)
        assert faults(xml) == [], paper.number
        agrees_with_rows(paper, xml)
        if paper.kind != "ADVANCE":
            sign = -1 if paper.kind == "CREDIT_NOTE" else 1
            payable += sign * (
                Decimal(said(xml, f"{TOTAL}PayableAmount")) + Decimal(said(xml, f"{TOTAL}PrepaidAmount") or 0)
            )
            tax += sign * Decimal(said(xml, "cac:TaxTotal/cbc:TaxAmount"))
    agrees_with_ledger(order, payable, tax)
    if all(rules.rest_of(sale) == [] for sale in selectors.sales_of_order(order=order)):
        assert (payable, tax) == (Decimal(0), Decimal(0))
    return len(papers)


def agrees_with_rows(paper: Invoice, xml: bytes) -> None:
    prepaid = sum((Decimal(row["gross"]) for row in paper.prepaid_by_rate), Decimal(0))
    rounding = Decimal(said(xml, f"{TOTAL}PayableRoundingAmount") or 0)
    assert (
        Decimal(said(xml, f"{TOTAL}TaxExclusiveAmount")),
        Decimal(said(xml, "cac:TaxTotal/cbc:TaxAmount")),
        rounding,
        Decimal(said(xml, f"{TOTAL}PayableAmount")) + prepaid,
    ) == (paper.net_total, paper.tax_total, paper.rounding, paper.total)


def agrees_with_ledger(order: Order, payable: Decimal, tax: Decimal) -> None:
    """What the documents say was sold is what the accounts of revenue, tax and rounding hold."""
    balances = selectors.order_balances(order_number=order.number)

    def held(*codes: str) -> Decimal:
        return -sum((balances.get(code, Decimal(0)) for code in codes), Decimal(0))

    assert held("4700", "4710", "4760", "4761") == tax
    assert held("604", "614", "579", "679") == payable - tax
