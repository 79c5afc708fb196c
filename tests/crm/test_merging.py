"""Two accounts become one and two again; what stands in the way is refused by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from crm.models import (
    Address,
    Alert,
    Consent,
    Customer,
    CustomerDiscount,
    CustomerMerge,
    Discount,
    LoyaltyAccount,
    ProductView,
    Review,
    Wish,
)
from crm.operations import loyalty as points
from crm.selectors.duplicates import duplicates, duplicates_of
from crm.workflows import merging, privacy
from oms.models import Order
from retail.doctor.examine import examine
from retail.kernel.models import User
from storefront.models import Channel, Variant
from tests.crm.members import earn, make_member, make_program
from tests.factories import NOW, Sells, make_channel, make_customer, make_entity, make_order
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db: None) -> None:
    make_channel(make_entity(), code="web")
    make_program()


def someone(name: str = "Ana Anić", **fields: Any) -> Customer:
    made = make_customer(**{"name": name, "email": "", "phone": "", **fields})
    Address.objects.create(
        customer=made, name=name, street="Glavna 1", city="Novi Sad", postal_code="21000", is_default=True
    )
    return made


def order_of(customer: Customer) -> Order:
    return make_order(Channel.objects.get(), Sells(1, "100.00"), customer=customer)


def merge(survivor: Customer, merged: Customer) -> CustomerMerge:
    return merging.merge_customers(survivor_id=survivor.pk, merged_id=merged.pk, by=None, now=NOW)


def consent(customer: Customer, kind: str, *, is_given: bool, days: int) -> None:
    Consent.objects.create(
        customer=customer, kind=kind, is_given=is_given, wording="Da.", given_at=NOW - timedelta(days=days)
    )


def test_pairs_have_a_score_and_reasons(world: None) -> None:
    ana = someone(email="ana@example.com", phone="+381601112223")
    same = someone("\u0410\u043d\u0430 \u0410\u043d\u0438\u045b", email="ANA@example.com")
    make_customer(name="Petar", email="petar@example.com", phone="+381601112223")
    found = duplicates()
    assert (found[0].one, found[0].other, found[0].signs) == (ana.pk, same.pk, ("city", "email", "street"))
    assert round(found[0].score, 3) == 0.988
    assert [pair.signs for pair in found[1:]] == [("phone",)]
    assert duplicates_of(customer_id=same.pk)[0].signs == ("email",)
    merge(ana, same)
    assert [pair.signs for pair in duplicates()] == [("phone",)]


def test_everything_moves_and_goes_back(world: None) -> None:
    ana, other = someone(email="ana@example.com"), someone("Ana A.", phone="+381601112223")
    own, moved = order_of(ana), order_of(other)
    consent(ana, "NEWSLETTER", is_given=False, days=9)
    consent(other, "NEWSLETTER", is_given=True, days=3)
    consent(ana, "SMS", is_given=False, days=1)
    consent(other, "SMS", is_given=True, days=5)
    for customer in (ana, other):
        make_member(customer)
    earn(ana, 30)
    earn(other, 50, value="2.00")
    shared = Discount.objects.create(code="a", name="A", kind="PERCENT", value=5, audience="ACCOUNT")
    only = Discount.objects.create(code="b", name="B", kind="PERCENT", value=5, audience="ACCOUNT")
    for customer, discount in ((ana, shared), (other, shared), (other, only)):
        CustomerDiscount.objects.create(customer=customer, discount=discount, reason="x")

    with nothing_changes():
        preview = merging.preview_merge(survivor_id=ana.pk, merged_id=other.pk)
    assert preview.moves == {"addresses": 1, "offers": 1, "orders": 1}
    assert (preview.points, preview.conflicts) == (50, [("name", "Ana Anić", "Ana A.")])
    assert preview.filled == {"phone": "+381601112223"}

    made = merge(ana, other)
    ana.refresh_from_db()
    other.refresh_from_db()
    assert set(Order.objects.filter(customer=ana)) == {own, moved}
    assert (ana.phone, other.merged_into) == ("+381601112223", ana)
    assert Address.objects.filter(customer=ana).count() == 2
    assert Address.objects.get(customer=ana, is_default=True).name == "Ana Anić"
    assert set(ana.offers.values_list("discount__code", flat=True)) == {"a", "b"}
    assert points_of() == {ana.pk: 80, other.pk: 0}
    newest = {one.kind: one.is_given for one in ana.consents.order_by("given_at", "pk")}
    assert newest == {"NEWSLETTER": True, "SMS": False}
    healthy()

    merging.undo_merge(public_id=made.public_id, by=None, now=NOW)
    ana.refresh_from_db()
    other.refresh_from_db()
    assert (Order.objects.get(pk=moved.pk).customer, ana.phone, other.merged_into) == (other, "", None)
    assert Address.objects.filter(customer=other, is_default=True).count() == 1
    assert set(other.offers.values_list("discount__code", flat=True)) == {"a", "b"}
    assert points_of() == {ana.pk: 30, other.pk: 50}
    assert not ana.consents.filter(kind="NEWSLETTER").latest("pk").is_given
    healthy()
    with nothing_changes(), pytest.raises(merging.CannotUndoMerge):
        merging.undo_merge(public_id=made.public_id, by=None, now=NOW)


def test_reviews_wishes_and_alerts_move_but_not_a_second_of_the_same(world: None) -> None:
    ana, other = someone(), someone("Ana A.")
    channel, (one, two) = Channel.objects.get(), (order_of(ana), order_of(other))
    shared, only = (order.lines.get().variant for order in (one, two))
    assert shared is not None and only is not None
    lines = iter(range(1, 9))

    def review(customer: Customer, variant: Variant, text: str) -> Review:
        return Review.objects.create(
            product=variant.product, customer=customer, order_line_id=next(lines), rating=5, text=text
        )

    review(ana, shared, "Ana")
    stays, moves = review(other, shared, "Ostaje"), review(other, only, "Prelazi")
    for customer, variant in ((ana, shared), (other, shared), (other, only)):
        Wish.objects.create(customer=customer, variant=variant)
        ProductView.objects.create(customer=customer, variant=variant, day=NOW.date(), at=NOW)
    alert = Alert.objects.create(
        kind="BACK_IN_STOCK", variant=only, channel=channel, customer=other, email="a@example.com"
    )

    assert merging.preview_merge(survivor_id=ana.pk, merged_id=other.pk).moves == {
        "addresses": 1, "alerts": 1, "orders": 1, "reviews": 1, "wishes": 1, "views": 1,
    }  # fmt: skip
    made = merge(ana, other)
    assert set(Review.objects.filter(customer=ana).values_list("text", flat=True)) == {"Ana", "Prelazi"}
    assert set(ana.wishes.values_list("variant", flat=True)) == {shared.pk, only.pk}
    assert ProductView.objects.filter(customer=ana).count() == 2
    alert.refresh_from_db()
    stays.refresh_from_db()
    assert (alert.customer, stays.customer) == (ana, other)
    exported = privacy.export_person(customer_id=ana.pk)
    assert {row["text"] for row in exported["reviews"]} == {"Ana", "Ostaje", "Prelazi"}

    merging.undo_merge(public_id=made.public_id, by=None, now=NOW)
    alert.refresh_from_db()
    moves.refresh_from_db()
    assert (alert.customer, moves.customer) == (other, other)
    assert set(other.wishes.values_list("variant", flat=True)) == {shared.pk, only.pk}
    assert list(ana.wishes.values_list("variant", flat=True)) == [shared.pk]
    assert ProductView.objects.filter(customer=other).count() == 2

    merge(ana, other)
    Order.objects.update(status="COMPLETED")
    privacy.erase_person(customer_id=ana.pk, by=None, now=NOW)
    assert set(Review.objects.values_list("text", flat=True)) == {""}
    assert not Wish.objects.exists() and not ProductView.objects.exists()


def points_of() -> dict[int, int]:
    return dict(LoyaltyAccount.objects.values_list("customer_id", "points"))


def healthy() -> None:
    names = ("points_owed_match_ledger", "loyalty_points_match_entries")
    assert [one.rows for one in examine(names) if one.violations] == []


def test_a_membership_and_a_login_go_over_whole(world: None) -> None:
    ana = someone()
    other = someone("Ana A.", user=User.objects.create_user("ana@example.com", name="Ana"))
    make_member(other)
    earn(other, 50)
    made = merge(ana, other)
    ana.refresh_from_db()
    assert (points_of(), ana.user and ana.user.email) == ({ana.pk: 50}, "ana@example.com")
    merging.undo_merge(public_id=made.public_id, by=None, now=NOW)
    ana.refresh_from_db()
    assert (points_of(), ana.user) == ({other.pk: 50}, None)


def test_undoing_is_refused_when_the_points_are_gone(world: None) -> None:
    ana, other = someone(), someone("Ana A.")
    for customer in (ana, other):
        make_member(customer)
    earn(other, 50)
    made = merge(ana, other)
    with transaction.atomic():
        account = points.lock_member(customer_id=ana.pk)
        assert account is not None
        points.use_points(account=account, points=20, reason="BURNED", source=("order", "X"), now=NOW)
    with nothing_changes(), pytest.raises(merging.CannotUndoMerge) as refused:
        merging.undo_merge(public_id=made.public_id, by=None, now=NOW)
    assert refused.value.details == {"reason": "points"}


def test_who_cannot_be_one(world: None) -> None:
    ana, other, third = someone(), someone("Ana A."), someone("Ana B.")
    firm = make_customer(name="Firma", kind="COMPANY", pib="100000024", email="")
    users = [User.objects.create_user(f"{n}@example.com", name=str(n)) for n in range(2)]
    for customer, user in zip((ana, other), users, strict=True):
        customer.user = user
        customer.save()
    for one, two, reason in ((ana, ana, "same"), (ana, firm, "kind"), (ana, other, "logins")):
        with nothing_changes(), pytest.raises(merging.CannotMerge) as refused:
            merge(one, two)
        assert refused.value.details == {"reason": reason}
    merge(ana, third)
    with nothing_changes(), pytest.raises(merging.MergedAlready):
        merge(other, third)
    with nothing_changes(), pytest.raises(merging.MergedAlready):
        merge(third, firm)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_guarded", [True, False])
def test_each_into_the_other_at_once(run_together: Any, monkeypatch: Any, is_guarded: bool) -> None:
    """Guarded one of the two is refused. With the check off both go through, and the accounts point at each other."""
    make_channel(make_entity(), code="web")
    ana, other = someone(), someone("Ana A.")
    if not is_guarded:
        monkeypatch.setattr(merging, "_check", lambda survivor, merged: None)

    def act(number: int) -> str:
        pair = (ana, other) if number else (other, ana)
        try:
            merge(*pair)
        except (merging.MergedAlready, IntegrityError) as refusal:
            return type(refusal).__name__
        return "merged"

    answers = sorted(run_together(2, act))
    assert answers == (["MergedAlready", "merged"] if is_guarded else ["merged", "merged"])
    assert Customer.objects.filter(merged_into__isnull=False).count() == (1 if is_guarded else 2)


def test_the_pages_of_a_merge(world: None) -> None:
    agent: Client = client_of(make_staff("AGENT", name="Olga"))
    ana, other = someone(email="ana@example.com"), someone("Ana A.", email="ana@example.com")
    order_of(other)
    assert "Ana A." in agent.get("/en/ops/customers/duplicates/").content.decode()
    address = f"/en/ops/customers/{ana.public_id}/merge/{other.public_id}/"
    with nothing_changes():
        assert "What would move" in agent.get(address).content.decode()
    assert agent.post(address)["Location"] == f"/en/ops/customers/{ana.public_id}/"
    assert agent.get(f"/en/ops/customers/{other.public_id}/")["Location"].endswith(f"/{ana.public_id}/")
    made = CustomerMerge.objects.get()
    agent.post(f"/en/ops/customers/{ana.public_id}/merge-undo/", {"merge": made.public_id})
    assert agent.get(f"/en/ops/customers/{other.public_id}/").status_code == 200
