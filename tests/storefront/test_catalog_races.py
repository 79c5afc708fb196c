"""Two people set a price at once: one entry stays open. With the lock off, the same race leaves two."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from storefront import operations as verbs
from storefront.models import Price, Variant
from tests.storefront.catalogs import LATER, make_price_list, make_title

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
EDITORS = 6


def race(run: Callable[..., list[Any]], variant: Variant) -> int:
    """Everybody sets another price at the same instant; answers how many entries are open afterwards."""
    price_list = make_price_list()

    def set_price(number: int) -> None:
        amount = Decimal(900 - number)
        verbs.set_price(variant_id=variant.pk, price_list_id=price_list.pk, amount=amount, by=None, now=LATER)

    run(EDITORS, set_price)
    return Price.objects.filter(variant=variant, valid_to__isnull=True).count()


def test_one_open_entry_survives_a_race(run_together: Callable[..., list[Any]]) -> None:
    assert race(run_together, make_title("T-1", "Most", price="1000.00")) == 1


def test_without_the_lock_the_race_leaves_several(
    run_together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same verbs, the row lock taken off, all of them held together until each has read."""
    variant = make_title("T-1", "Most", price=None)
    barrier = threading.Barrier(EDITORS)
    usual_create = Price.objects.create

    def held(**values: Any) -> Price:
        barrier.wait(30)
        return usual_create(**values)

    monkeypatch.setattr(type(Variant.objects.all()), "select_for_update", lambda self, **options: self)
    monkeypatch.setattr(Price.objects, "create", held)
    assert race(run_together, variant) == EDITORS
