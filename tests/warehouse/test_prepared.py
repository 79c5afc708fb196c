"""The functions that migrate makes say the same as the text that they were made from."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.urls import get_resolver

from retail.kernel import prepared
from tests.warehouse.test_holds import hold
from tests.warehouse.world import NOW, World
from warehouse import operations as stock
from warehouse import selectors as warehouse
from warehouse.models import SafetyStock

pytestmark = pytest.mark.django_db


@pytest.fixture
def without_functions() -> Iterator[None]:
    """As on a database that was migrated by other code: the text itself is run."""
    kept = {each.function: dict(each._is_there) for each in prepared._all.values()}
    for each in prepared._all.values():
        each._is_there[str(connection.settings_dict["NAME"])] = False
    yield
    for each in prepared._all.values():
        each._is_there.clear()
        each._is_there.update(kept[each.function])


def test_every_function_is_there_after_migrate() -> None:
    """Also those of modules that only the addresses import: `migrate`, called by `make run`, looks at no address."""
    assert get_resolver().url_patterns
    known = {each.name for each in prepared._all.values()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname FROM pg_proc WHERE proname = ANY(%s)", [list(prepared._all)])
        found = {prepared._all[name].name for (name,) in cursor.fetchall()}
    # A statement that another test has made for itself is of no migrate.
    assert found == known - {"a_page_of_tests"}
    assert {"catalog_branch", "oms_tariff", "stock_of_sku", "stock_promise", "stock_reserve"} <= found


def play(world: World) -> object:
    """One of each statement, with what it answers."""
    book = world.variant()
    world.stock(book, "WH-1", 5)
    world.stock(book, "S-001", 2)
    SafetyStock.objects.update_or_create(location=None, category=None, defaults={"quantity": 1})
    (claim,) = hold(world, book, 2)
    places = {place.pk: code for code, place in world.locations.items()}
    with pytest.raises(stock.OutOfStock) as refusal:
        hold(world, book, 6)
    ask = {"variant_ids": [book.pk], "channel_id": world.channel.pk, "now": NOW}
    by_location = warehouse.availability_by_location(**ask)[book.pk]  # type: ignore[arg-type]
    return (
        claim.quantity,
        places[claim.location_id],
        refusal.value.details["available"],
        warehouse.availability(**ask)[book.pk],  # type: ignore[arg-type]
        {places[pk]: units for pk, units in by_location.items()},
    )


EXPECTED = (2, "WH-1", 3, 3, {"WH-1": 2, "S-001": 1})


def test_the_functions_answer(world: World) -> None:
    assert play(world) == EXPECTED


def test_the_text_answers_the_same(world: World, without_functions: None) -> None:
    assert play(world) == EXPECTED
