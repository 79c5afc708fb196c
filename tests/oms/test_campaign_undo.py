"""A campaign is taken back: its orders are kept or credited, and the preview says what crediting writes, without writing it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm.models import Campaign
from finance.models import JournalEntry
from oms.models import Order, Return
from oms.workflows import campaign_undo as undo
from oms.workflows import cancellation
from tests.finance.campaigning import taken_off
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import healthy, send
from tests.oms import offering
from tests.unchanged import nothing_changes
from warehouse import workflows as goods

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def campaign() -> Campaign:
    return offering.campaign("jesen")


@pytest.fixture
def sold(chain: Chain, campaign: Campaign) -> list[Order]:
    """Three orders of two books less 20 %: one waits, one is sent, one delivered; and a fourth that the campaign did not price."""
    fifth_off = offering.discount("jesen-20", value="20.00", campaign=campaign)
    book, other = chain.variant(price="1100.00", stock=20), chain.variant(price="1100.00", stock=20)
    offering.target(fifth_off, book)
    placed = [chain.place((book, 2)) for _ in range(3)]
    for order in placed:
        taken_off(order.lines.get(kind="GOODS"), fifth_off, "440.00")
    for order in placed[1:]:
        for shipment in send(chain, order):
            goods.deliver(shipment_id=shipment.pk, by=None, now=NOW)
    return [*placed, chain.place((other, 1))]


def numbers(campaign: Campaign) -> list[str]:
    return [order.number for order in undo.affected_orders(campaign_id=campaign.pk)]


def test_the_orders_it_priced_are_listed(campaign: Campaign, sold: list[Order]) -> None:
    found = list(undo.affected_orders(campaign_id=campaign.pk))
    assert [order.number for order in found] == [order.number for order in reversed(sold[:3])]
    assert {order.given for order in found} == {Decimal("440.00")}  # type: ignore[attr-defined]


def test_the_preview_is_the_journal_that_will_be_written(
    chain: Chain, campaign: Campaign, sold: list[Order]
) -> None:
    with nothing_changes():
        shown = undo.preview_credit(order_id=sold[1].pk, campaign_id=campaign.pk, by=chain.dragan, now=NOW)
    assert (shown.canceled_units, shown.returned_units) == (0, 2)
    # 1,760.00 at 10 % back: 1,600.00 and 160.00 owed to the buyer; 2 × 400.00 of goods; list value and its discount told apart.
    assert {(row.account, row.debit, row.credit) for row in shown.entries} == {
        ("134", Decimal("800.00"), Decimal("0.00")),
        ("204", Decimal("0.00"), Decimal("1760.00")),
        ("4761", Decimal("160.00"), Decimal("0.00")),
        ("501", Decimal("0.00"), Decimal("800.00")),
        ("604", Decimal("2000.00"), Decimal("400.00")),
    }


def test_what_waits_is_canceled_and_what_left_is_asked_back(
    chain: Chain, campaign: Campaign, sold: list[Order]
) -> None:
    waiting = undo.credit_order(order_id=sold[0].pk, campaign_id=campaign.pk, by=chain.dragan, now=NOW)
    assert (waiting.canceled_units, waiting.returned_units) == (2, 0)
    sold[0].refresh_from_db()
    assert sold[0].status == "CANCELED"
    before = JournalEntry.objects.count()
    sent = undo.credit_order(order_id=sold[1].pk, campaign_id=campaign.pk, by=chain.dragan, now=NOW)
    assert (sent.canceled_units, sent.returned_units, sent.entries) == (0, 2, [])
    assert JournalEntry.objects.count() == before, "the books wait for the goods"
    assert Return.objects.get(order=sold[1]).status == "REQUESTED"
    assert numbers(campaign) == [sold[2].number]
    with nothing_changes(), pytest.raises(undo.NothingToCredit):
        undo.credit_order(order_id=sold[1].pk, campaign_id=campaign.pk, by=chain.dragan, now=NOW)
    healthy()


def test_all_of_them_one_by_one_and_again_after_an_interruption(
    chain: Chain, campaign: Campaign, sold: list[Order]
) -> None:
    class Interrupted(Exception):
        pass

    def stop(done: int, total: int) -> None:
        assert total == 3
        if done == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        undo.credit_orders(campaign_id=campaign.pk, numbers=None, by=chain.dragan, now=NOW, tell=stop)
    assert numbers(campaign) == [sold[0].number]
    report = undo.credit_orders(campaign_id=campaign.pk, numbers=None, by=chain.dragan, now=NOW)
    assert (report.done, report.refused, report.left) == ([sold[0].number], [], 0)
    again = undo.credit_orders(campaign_id=campaign.pk, numbers=None, by=chain.dragan, now=NOW)
    assert (again.done, again.refused, again.left) == ([], [], 0)
    healthy()


def test_one_refusal_does_not_hold_up_the_rest(
    chain: Chain, campaign: Campaign, sold: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = cancellation.cancel_order

    def refuse(**asked: object) -> Order:
        raise cancellation.TooLate("It is being packed.")

    monkeypatch.setattr(cancellation, "cancel_order", refuse)
    report = undo.credit_orders(campaign_id=campaign.pk, numbers=None, by=chain.dragan, now=NOW)
    assert sorted(report.done) == sorted(order.number for order in sold[1:3])
    assert [(number, refusal.code) for number, refusal in report.refused] == [
        (sold[0].number, "TOO_LATE_TO_CANCEL")
    ]
    assert report.left == 1
    monkeypatch.setattr(cancellation, "cancel_order", cancel)
    chosen = undo.credit_orders(campaign_id=campaign.pk, numbers=["none"], by=chain.dragan, now=NOW)
    assert (chosen.done, chosen.left) == ([], 1)


def test_others_are_not_touched_and_nobody_is_charged_more(
    chain: Chain, campaign: Campaign, sold: list[Order]
) -> None:
    with nothing_changes():
        with pytest.raises(undo.NotOfCampaign):
            undo.credit_order(order_id=sold[3].pk, campaign_id=campaign.pk, by=chain.dragan, now=NOW)
        with pytest.raises(undo.ContractStands):
            undo.charge_again(order_id=sold[0].pk, campaign_id=campaign.pk)
