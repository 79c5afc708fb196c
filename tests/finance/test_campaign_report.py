"""What a campaign brought: the same number by its papers and by the ledger, to the para, at each station of its orders."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection

from bench.counting import counted, number_of
from crm.models import Campaign, Discount
from finance import selectors
from finance.models import JournalLine
from finance.selectors import CampaignFigures
from finance.selectors.campaigns import Side
from oms.models import LineDiscount, Order, OrderLine
from oms.workflows import cancellation, returns
from retail.doctor.examine import examine
from tests.finance.campaigning import taken_off
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import balances, healthy, send
from tests.oms import offering
from warehouse import workflows as goods
from warehouse.models import Shipment

pytestmark = pytest.mark.django_db
NOTHING = Side(Decimal("0.00"), Decimal("0.00"), Decimal("0.00"), Decimal("0.00"))


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def campaign() -> Campaign:
    return offering.campaign("jesen")


@pytest.fixture
def fifth_off(campaign: Campaign) -> Discount:
    return offering.discount("jesen-20", value="20.00", campaign=campaign)


def figures(campaign: Campaign) -> CampaignFigures:
    return selectors.campaign_figures(campaign_ids=[campaign.pk])[campaign.pk]


def line_of(order: Order, kind: str = "GOODS", position: int = 0) -> OrderLine:
    return list(order.lines.filter(kind=kind).order_by("position"))[position]


def come_back(chain: Chain, order: Order, sku: str, units: int) -> None:
    asked = returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(sku, units, "DAMAGED")],
        by=None,
        now=NOW,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    returns.receive_return(
        number=asked.number,
        location_code="S-001",
        lines=[returns.Arrived(sku, units, "RESTOCK")],
        by=chain.bojan,
        now=NOW,
    )


def test_one_number_from_the_basket_to_the_return(
    chain: Chain, campaign: Campaign, fifth_off: Discount
) -> None:
    variant, other = chain.variant(price="1100.00", stock=10), chain.variant(price="550.00", stock=10)
    offering.target(fifth_off, variant)
    order = chain.place((variant, 3), (other, 1))
    # 3 × 1,100.00 less 20 %, beside a line that no campaign priced.
    taken = taken_off(line_of(order), fifth_off, "660.00")
    assert figures(campaign) == CampaignFigures(
        campaign_id=campaign.pk,
        views=0,
        visitors=0,
        baskets=0,
        orders=1,
        units=3,
        ordered=Decimal("2640.00"),
        promised=Decimal("660.00"),
        units_sold=0,
        units_back=0,
        papers=NOTHING,
        ledger=NOTHING,
    )

    (shipment,) = send(chain, order)
    # 2,640.00 at 10 %: 2,400.00 and 240.00; 660.00: 600.00 and 60.00; 3 × 400.00 of cost.
    side = Side(Decimal("2400.00"), Decimal("0.00"), Decimal("1200.00"), Decimal("600.00"))
    shown = figures(campaign)
    assert (shown.papers, shown.ledger, shown.difference, shown.units_sold) == (
        side,
        side,
        Decimal("0.00"),
        3,
    )
    assert (side.revenue, side.margin) == (Decimal("2400.00"), Decimal("1200.00"))
    # The account says list value less the discount; its balance is what was charged.
    told = [
        (line.account.code, line.debit, line.credit, line.source_kind, line.source_key)
        for line in JournalLine.objects.filter(order_line_id=taken.line_id, account__code="604").order_by(
            "pk"
        )
    ]
    assert told == [
        ("604", Decimal("0.00"), Decimal("3000.00"), "", ""),
        ("604", Decimal("600.00"), Decimal("0.00"), "line_discount", str(taken.pk)),
    ]
    assert balances(order)["604"] == Decimal("-2900.00")
    healthy()

    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    come_back(chain, order, variant.sku, 1)
    side = Side(Decimal("2400.00"), Decimal("800.00"), Decimal("800.00"), Decimal("400.00"))
    shown = figures(campaign)
    assert (shown.papers, shown.ledger, shown.difference) == (side, side, Decimal("0.00"))
    assert (shown.units_sold, shown.units_back, shown.papers.margin) == (3, 1, Decimal("800.00"))
    come_back(chain, order, variant.sku, 2)
    side = Side(Decimal("2400.00"), Decimal("2400.00"), Decimal("0.00"), Decimal("0.00"))
    assert (figures(campaign).papers, figures(campaign).ledger) == (side, side)
    healthy()


def test_three_units_that_do_not_divide_come_back_one_by_one(chain: Chain, campaign: Campaign) -> None:
    """Every paper takes its share by the same rounding, and the last takes the rest."""
    hundred_off = offering.discount("jesen-100", kind="AMOUNT", value="100.00", campaign=campaign)
    variant = chain.variant(price="1000.00", stock=10)
    order = chain.place((variant, 3))
    taken = taken_off(line_of(order), hundred_off, "100.00")
    (shipment,) = send(chain, order)
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    net = taken.amount - taken.tax_share
    given = []
    for _ in range(3):
        come_back(chain, order, variant.sku, 1)
        shown = figures(campaign)
        assert shown.difference == Decimal("0.00")
        given.append(shown.ledger.given)
    assert net == Decimal("90.91")
    assert given == [Decimal("60.61"), Decimal("30.30"), Decimal("0.00")]
    healthy()


@pytest.mark.parametrize("is_at_sef", [True, False])
def test_a_company_with_an_invoice(chain: Chain, campaign: Campaign, is_at_sef: bool) -> None:
    """Its net is the base of the invoice; the para that no base gives lies on the rounding account, under the same order line."""
    tenth_off = offering.discount("jesen-10", campaign=campaign)
    variant, gift = chain.variant(price="1259.00", stock=10), chain.variant(price="333.33", stock=10)
    order = chain.place((variant, 1), (gift, 2))
    Order.objects.filter(pk=order.pk).update(
        paper="SEF" if is_at_sef else "FISCAL_COMPANY",
        company_pib="100000024",
        company_name="Firma",
        company_registration_number="12345678",
    )
    taken_off(line_of(order), tenth_off, "125.90")
    taken_off(line_of(order, position=1), tenth_off, "66.67")
    (shipment,) = send(chain, order)
    shown = figures(campaign)
    assert shown.papers == shown.ledger
    # 1,133.10 + 599.99 at 10 %.
    assert (shown.papers.sold, shown.papers.given) == (Decimal("1575.53"), Decimal("175.06"))
    goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    come_back(chain, order, gift.sku, 1)
    shown = figures(campaign)
    assert shown.papers == shown.ledger
    assert shown.papers.given == Decimal("144.76")
    healthy()


def test_delivery_made_free_is_given_with_the_first_parcel(chain: Chain, campaign: Campaign) -> None:
    free = offering.discount("besplatno", kind="FREE_SHIPPING", value="100.00", campaign=campaign)
    variant = chain.variant(price="1100.00", stock=10)
    order = chain.place((variant, 1))
    taken_off(line_of(order, "DELIVERY"), free, "290.00")
    assert figures(campaign).papers == NOTHING
    send(chain, order)
    shown = figures(campaign)
    net = Decimal("290.00") - LineDiscount.objects.get().tax_share
    assert shown.papers == shown.ledger == Side(Decimal("0.00"), Decimal("0.00"), Decimal("0.00"), net)
    assert "614" not in balances(order)
    healthy()


def test_a_canceled_order_brought_nothing(chain: Chain, campaign: Campaign, fifth_off: Discount) -> None:
    variant = chain.variant(price="1100.00", stock=10)
    order = chain.place((variant, 2))
    taken_off(line_of(order), fifth_off, "440.00")
    cancellation.cancel_order(order_id=order.pk, reason="test", by=chain.dragan, now=NOW)
    shown = figures(campaign)
    assert (shown.orders, shown.units, shown.ordered, shown.promised) == (
        0,
        0,
        Decimal("0.00"),
        Decimal("0.00"),
    )
    assert (shown.papers, shown.ledger) == (NOTHING, NOTHING)


def test_two_discounts_of_two_campaigns_on_one_line(
    chain: Chain, campaign: Campaign, fifth_off: Discount
) -> None:
    """Each campaign sees the whole line that it priced, and its own discount alone."""
    other = offering.campaign("clanovi")
    tenth = offering.discount("clanovi-10", campaign=other)
    variant = chain.variant(price="1100.00", stock=10)
    order = chain.place((variant, 1))
    # In the order of their codes: 110.00 of 1,100.00, then 198.00 of the rest.
    taken_off(line_of(order), fifth_off, "198.00")
    taken_off(line_of(order), tenth, "110.00")
    send(chain, order)
    both = selectors.campaign_figures(campaign_ids=[campaign.pk, other.pk])
    assert (
        both[campaign.pk].ledger
        == both[campaign.pk].papers
        == Side(Decimal("720.00"), Decimal("0.00"), Decimal("400.00"), Decimal("180.00"))
    )
    assert (
        both[other.pk].ledger
        == both[other.pk].papers
        == Side(Decimal("720.00"), Decimal("0.00"), Decimal("400.00"), Decimal("100.00"))
    )


def test_the_report_is_one_statement_however_many_campaigns(chain: Chain, campaign: Campaign) -> None:
    others = [offering.campaign() for _ in range(5)]
    with counted() as sent:
        found = selectors.campaign_figures(campaign_ids=[campaign.pk, *(one.pk for one in others)])
    assert (number_of(sent), len(found)) == (1, 6)


def disagreeing() -> list[int]:
    (found,) = examine(("campaign_report_equals_ledger",))
    return [row["campaign_id"] for row in found.rows]


def test_doctor_finds_a_discount_that_the_ledger_does_not_say(
    chain: Chain, campaign: Campaign, fifth_off: Discount
) -> None:
    variant = chain.variant(price="1100.00", stock=10)
    order = chain.place((variant, 1))
    taken = taken_off(line_of(order), fifth_off, "220.00")
    send(chain, order)
    assert disagreeing() == []
    LineDiscount.objects.filter(pk=taken.pk).update(amount=Decimal("221.00"))
    assert disagreeing() == [campaign.pk]
    LineDiscount.objects.filter(pk=taken.pk).update(amount=Decimal("220.00"))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE finance_journalline DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE finance_journalline SET order_line_id = NULL WHERE order_line_id = %s AND credit > 0 "
            "AND account_id = (SELECT id FROM finance_ledgeraccount WHERE code = '604')",
            [taken.line_id],
        )
        cursor.execute("ALTER TABLE finance_journalline ENABLE TRIGGER USER")
    assert disagreeing() == [campaign.pk]


def test_where_it_cannot_be_delivered_nothing_was_given(
    chain: Chain, campaign: Campaign, fifth_off: Discount
) -> None:
    variant = chain.variant(price="1100.00", stock=10)
    order = chain.place((variant, 2))
    taken_off(line_of(order), fifth_off, "440.00")
    (shipment,) = send(chain, order)
    goods.fail_delivery(shipment_id=shipment.pk, reason="REFUSED", by=None, now=NOW)
    assert figures(campaign).ledger.given == Decimal("400.00")
    goods.return_to_sender(shipment_id=shipment.pk, location_id=chain.warehouse.pk, by=chain.bojan, now=NOW)
    shown = figures(campaign)
    assert (
        shown.papers
        == shown.ledger
        == Side(Decimal("1600.00"), Decimal("1600.00"), Decimal("0.00"), Decimal("0.00"))
    )
    assert Shipment.objects.get().status == "RETURNED"
    healthy()
