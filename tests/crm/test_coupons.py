"""Batches of codes: one word or many random ones, all different, easy to read out; taken out as a file with a trace of who did."""

import pytest

from crm import operations as crm
from crm.models import Coupon, CouponBatch, CustomerDiscount
from crm.operations.coupons import ALPHABET
from oms.pricing import BadDiscount
from oms.workflows.discounts import save_discount
from retail.kernel.errors import InvalidInput
from retail.kernel.models import OutboxEvent
from tests.factories import make_channel, make_customer, make_entity, make_user, make_variant
from tests.flows.chain import NOW
from tests.oms import offering
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def world(db: None) -> None:
    make_channel(make_entity())


def test_many_codes_are_different_and_easy_to_read_out() -> None:
    discount = offering.discount(audience="COUPON")
    batch = crm.create_batch(
        discount_id=discount.pk, name="Jesen", count=3000, prefix="jesen-", by=None, now=NOW
    )
    codes = list(Coupon.objects.filter(batch=batch).values_list("code", flat=True))
    assert len(set(codes)) == 3000
    assert all(
        code.startswith("JESEN") and set(code.removeprefix("JESEN")) <= set(ALPHABET) for code in codes
    )
    assert {len(code) for code in codes} == {len("JESEN") + 8}
    assert set(Coupon.objects.filter(batch=batch).values_list("uses", "uses_max")) == {(0, 1)}
    event = OutboxEvent.objects.get(topic="crm.coupon_batch_created")
    assert event.payload == {"batch_id": batch.pk, "discount": discount.code, "count": 3000}


def test_a_larger_batch_gets_longer_codes() -> None:
    """However many there are, a guess hits one of ten million."""
    from crm.operations.coupons import _length

    assert (_length(10), _length(7_000), _length(8_000), _length(1_000_000)) == (8, 8, 9, 10)
    assert len(ALPHABET) == 23


@pytest.mark.parametrize(
    "wrong",
    [
        {"word": "AB"},
        {"word": "DOBRO!"},
        {"word": "DOBRO", "count": 5},
        {},
        {"count": 3_000_000},
        {"word": "DOBRO", "uses_max": 0},
        {"word": "DOBRO", "prefix": "X"},
        {"word": "DOBRO", "name": " "},
    ],
)
def test_a_batch_without_sense_is_refused(wrong: dict[str, object]) -> None:
    discount = offering.discount(audience="COUPON")
    with nothing_changes(), pytest.raises(InvalidInput):
        crm.create_batch(**{"discount_id": discount.pk, "name": "Jesen", "by": None, "now": NOW, **wrong})  # type: ignore[arg-type]


def test_a_word_is_one_coupon_and_cannot_be_taken_twice() -> None:
    discount = offering.discount(audience="COUPON")
    crm.create_batch(discount_id=discount.pk, name="Jesen", word=" jesen 20 ", by=None, now=NOW)
    assert Coupon.objects.get().code == "JESEN20"
    with nothing_changes(), pytest.raises(crm.CodeTaken):
        crm.create_batch(discount_id=discount.pk, name="Opet", word="JESEN-20", by=None, now=NOW)
    other = offering.discount()
    with nothing_changes(), pytest.raises(crm.NotForCoupons):
        crm.create_batch(discount_id=other.pk, name="Svima", word="SVIMA", by=None, now=NOW)


def test_codes_that_leave_the_house_are_told_first() -> None:
    discount, mila = offering.discount(audience="COUPON"), make_user("Mila")
    batch = crm.create_batch(discount_id=discount.pk, name="Jesen", count=3, by=mila, now=NOW)
    pieces = crm.export_codes(batch_id=batch.pk, by=mila, now=NOW)
    event = OutboxEvent.objects.get(topic="crm.coupons_exported")
    assert event.payload == {"batch_id": batch.pk, "by": mila.email, "count": 3}
    lines = "".join(pieces).splitlines()
    codes = list(batch.coupons.order_by("pk").values_list("code", flat=True))
    assert lines == ["code,uses,uses_max", *(f"{code},0,1" for code in codes)]


def test_a_stopped_batch_stays_stopped() -> None:
    discount = offering.discount(audience="COUPON")
    batch = crm.create_batch(discount_id=discount.pk, name="Jesen", word="JESEN", by=None, now=NOW)
    crm.stop_batch(batch_id=batch.pk, by=None, now=NOW)
    crm.stop_batch(batch_id=batch.pk, by=None, now=NOW)
    assert not CouponBatch.objects.get().is_active
    assert OutboxEvent.objects.filter(topic="crm.coupon_batch_stopped").count() == 1


def test_an_offer_is_written_once_and_withdrawn() -> None:
    discount, ana, mila = offering.discount(audience="ACCOUNT"), make_customer(), make_user("Mila")
    offer = crm.write_offer(
        customer_id=ana.pk, discount_id=discount.pk, reason=" kasnili smo ", by=mila, now=NOW, uses_max=2
    )
    assert (offer.reason, offer.valid_from, offer.uses_max, offer.created_by) == ("kasnili smo", NOW, 2, mila)
    with nothing_changes(), pytest.raises(crm.CarriedAlready):
        crm.write_offer(customer_id=ana.pk, discount_id=discount.pk, reason="opet", by=mila, now=NOW)
    crm.withdraw_offer(offer_id=offer.pk, by=mila, now=NOW)
    assert CustomerDiscount.objects.get().withdrawn_at == NOW
    again = crm.write_offer(customer_id=ana.pk, discount_id=discount.pk, reason="opet", by=mila, now=NOW)
    assert again.pk != offer.pk
    for_all = offering.discount()
    with nothing_changes(), pytest.raises(crm.NotForAccounts):
        crm.write_offer(customer_id=ana.pk, discount_id=for_all.pk, reason="x", by=mila, now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "PERCENT", "value": "101"},
        {"kind": "TIERED"},
        {"kind": "N_FOR_M", "take": 2, "pay": 2},
        {"kind": "GIFT_LINE"},
        {"kind": "PERCENT", "value": "10", "valid_from": NOW, "valid_to": NOW},
    ],
)
def test_numbers_that_make_no_sense_are_refused_by_the_engines_own_rules(wrong: dict[str, object]) -> None:
    with nothing_changes(), pytest.raises(BadDiscount):
        save_discount(values={"code": "los", "name": "Loš", **wrong}, by=None, now=NOW)


def test_a_saved_discount_is_a_draft_whose_version_counts() -> None:
    row = save_discount(
        values={"code": "deset", "name": "Deset", "kind": "PERCENT", "value": "10"}, by=None, now=NOW
    )
    assert (row.state, row.version) == ("DRAFT", 1)
    row = save_discount(values={"value": "12"}, by=None, now=NOW, discount_id=row.pk)
    assert (row.version, f"{row.value}") == (2, "12")
    crm.move_discount(discount_id=row.pk, state="ACTIVE", by=None, now=NOW)
    with nothing_changes(), pytest.raises(crm.CodeInUse):
        save_discount(values={"code": "deset", "name": "Opet", "kind": "PERCENT"}, by=None, now=NOW)


def test_goods_that_are_covered_and_left_out_are_refused() -> None:
    book = make_variant()
    both = [crm.Target(variant_id=book.pk), crm.Target(variant_id=book.pk, is_excluded=True)]
    with nothing_changes(), pytest.raises(BadDiscount, match="named twice"):
        save_discount(
            values={"code": "oba", "name": "Oba", "kind": "PERCENT", "value": "10"},
            targets=both,
            by=None,
            now=NOW,
        )
