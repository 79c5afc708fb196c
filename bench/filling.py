"""The bench's databases: the sample chain in two sizes, with shelves that a bench does not empty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from finance import operations as finance
from retail.kernel.context import acting
from retail.kernel.models import Location, User
from retail.sample import history, people, stock, titles
from retail.sample.load import Plan, load
from storefront import operations as catalog
from storefront.models import Channel, Variant
from storefront.operations import VariantData
from warehouse.models import Bin, StockItem

PLACE = "WH-1"
DEEP_VARIANTS, DEEP_UNITS = 900, 100_000
HOT_SKU = "BENCH-HOT"
RACE_UNITS = 10


def fill(products: int, customers: int, orders: int, *, now: datetime) -> None:
    """The sample chain with invented titles, as `load_sample` makes it, in the size that is asked for."""
    titles.INVENTED, people.SMALL_CUSTOMERS, history.SMALL_ORDERS = products, customers, orders
    load(Plan(is_full=False), now=now)
    on_shelves = StockItem.objects.filter(location__code=PLACE).values("variant")
    chosen = list(Variant.objects.filter(pk__in=on_shelves).order_by("sku")[:DEEP_VARIANTS])
    lay(chosen, DEEP_UNITS, now=now)
    lay([make_variant(HOT_SKU, now=now)], 10_000_000, now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def make_variant(sku: str, *, now: datetime) -> Variant:
    channel = Channel.objects.get(code="web-rs")
    data = VariantData(
        title=f"Merenje {sku}",
        kind="BOOK",
        tax_class="BOOKS",
        weight_grams=300,
        price=Decimal("990.00"),
        price_list_id=channel.price_list_id,
        is_published=True,
    )
    with acting(label="bench"):
        variant, _ = catalog.put_variant(sku=sku, data=data, by=None, now=now)
    return variant


@transaction.atomic
def lay(variants: Sequence[Variant], units: int, *, now: datetime) -> None:
    """More units on the warehouse's first shelf, booked like the opening stock, so that `doctor` stays content."""
    place = Location.objects.get(code=PLACE)
    shelf = Bin.objects.filter(location=place, kind="STORAGE").order_by("pick_sequence", "code")[0]
    owner = User.objects.get(email=people.PERSONAS[0].email)
    with acting(by=owner, reason="bench"), connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('retail.audit_batch', 'bench: stock', true), set_config('pgtrigger.ignore', '{}', true)"
        )
        for start in range(0, len(variants), stock.VARIANTS_PER_ENTRY):
            _lay(variants[start : start + stock.VARIANTS_PER_ENTRY], units, place, shelf, owner, now)


def _lay(
    variants: Sequence[Variant], units: int, place: Location, shelf: Bin, owner: User, now: datetime
) -> None:
    key = f"BENCH-{variants[0].sku}"
    cost = Decimal("300.00")
    posted = finance.post_opening_stock(
        entity_id=place.entity_id,
        document_key=key,
        items=[(variant.pk, units, cost * units) for variant in variants],
        by=owner,
        now=now,
    )
    ids = [variant.pk for variant in variants]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO warehouse_stockitem (variant_id, bin_id, location_id, is_sellable, on_hand, reserved)
               SELECT v, %s, %s, true, %s, 0 FROM unnest(%s::bigint[]) AS v
               ON CONFLICT (variant_id, bin_id) DO UPDATE SET on_hand = warehouse_stockitem.on_hand + EXCLUDED.on_hand""",
            [shelf.pk, place.pk, units, ids],
        )
        cursor.execute(
            """INSERT INTO warehouse_stockmove (variant_id, to_bin_id, quantity, entity_id, unit_cost, value, reason, document_kind,
                                                document_key, entry_id, is_imported, by_id, created_at)
               SELECT v, %s, %s, %s, %s, %s, 'OPENING', 'opening', %s, %s, false, %s, %s FROM unnest(%s::bigint[]) AS v""",
            [shelf.pk, units, place.entity_id, cost, cost * units, key, posted.entry_id, owner.pk, now, ids],
        )
