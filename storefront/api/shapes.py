"""What the API gives and takes for the catalog: one entry per variant, the sellable unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from oms import selectors as oms
from oms import unit_prices
from oms.offers import NO_OFFERS
from retail.rest.fields import MoneySerializer, StrictSerializer, WholeNumber, choice_values, money
from storefront import selectors as catalog
from storefront.models import Channel, TaxClass, Variant
from storefront.states import ContributorRole, ProductKind
from storefront.views.machines.heads import absolute
from warehouse import selectors as warehouse

# Since the present price began: younger ones are looked at for a reduction (the law asks for the lowest of 30 days).
REDUCED_DAYS = 30


class ProductPart(serializers.Serializer[Any]):
    slug = serializers.CharField()
    title = serializers.CharField()
    subtitle = serializers.CharField()
    brand = serializers.CharField(help_text="publisher or brand")
    language = serializers.CharField()
    kind = serializers.ChoiceField(choice_values(ProductKind))
    released_on = serializers.DateField(allow_null=True)
    authors = serializers.ListField(child=serializers.CharField())


class PictureAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    url = serializers.CharField(help_text="the largest size, JPEG")
    thumbnail = serializers.CharField(help_text="120 pixels wide, WebP")
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    text = serializers.CharField(help_text="what it shows, in Serbian (Latin)")
    text_en = serializers.CharField()


class PicturesAnswer(serializers.Serializer[Any]):
    pictures = PictureAnswer(many=True)


class PictureWords(StrictSerializer):
    id = serializers.CharField(max_length=40)
    text = serializers.CharField(max_length=200, required=False, allow_blank=True)
    text_en = serializers.CharField(max_length=200, required=False, allow_blank=True)


class PicturesBody(StrictSerializer):
    """All pictures of the product in their order. Words that are not sent stay as they are."""

    pictures = serializers.ListField(child=PictureWords(), max_length=12)


class FileAnswer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    name = serializers.CharField(help_text="as the buyer saves it")
    media_type = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField()
    uploaded_at = serializers.DateTimeField()


class ProductAnswer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    barcode = serializers.CharField()
    format = serializers.CharField()
    product = ProductPart()
    price = MoneySerializer(
        allow_null=True, help_text="gross, of one unit, after discounts for everyone; null: cannot be sold"
    )
    lowest_30_days = MoneySerializer(
        allow_null=True,
        help_text="the lowest price of the 30 days before a reduction; null when it is not reduced",
    )
    tax_class = serializers.ChoiceField(choice_values(TaxClass))
    tax_rate = serializers.CharField(help_text="percent, for example 10.00")
    weight_grams = serializers.IntegerField()
    available = serializers.IntegerField(help_text="units that this channel can have now")
    categories = serializers.ListField(
        child=serializers.CharField(), help_text="paths, with every branch above"
    )
    pictures = PictureAnswer(many=True, help_text="of the product, in their order; empty: its cover is drawn")
    updated_at = serializers.DateTimeField()


class ProductListAnswer(serializers.Serializer[Any]):
    results = ProductAnswer(many=True)
    next = serializers.CharField(allow_null=True, help_text="address of the next page")


class ProductBody(StrictSerializer):
    """Everything may be left out: what is not sent stays as it is. A new SKU needs a title."""

    title = serializers.CharField(max_length=400, required=False)
    slug = serializers.CharField(
        max_length=200,
        required=False,
        help_text="address of the product's page; the one before keeps leading to it",
    )
    subtitle = serializers.CharField(max_length=400, required=False, allow_blank=True)
    description = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, allow_blank=True)
    brand = serializers.CharField(max_length=160, required=False, allow_blank=True)
    kind = serializers.ChoiceField(choice_values(ProductKind), required=False)
    released_on = serializers.DateField(required=False)
    authors = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=20, required=False
    )
    categories = serializers.ListField(
        child=serializers.CharField(max_length=400), max_length=20, required=False
    )
    barcode = serializers.CharField(max_length=20, required=False)
    format = serializers.CharField(max_length=60, required=False, allow_blank=True)
    tax_class = serializers.ChoiceField(choice_values(TaxClass), required=False)
    weight_grams = WholeNumber(min_value=0, max_value=1_000_000, required=False)
    length_mm = WholeNumber(min_value=0, max_value=10_000, required=False)
    width_mm = WholeNumber(min_value=0, max_value=10_000, required=False)
    height_mm = WholeNumber(min_value=0, max_value=10_000, required=False)
    is_sellable = serializers.BooleanField(required=False)
    is_published = serializers.BooleanField(required=False)
    price = MoneySerializer(required=False)
    channel = serializers.CharField(
        max_length=20, required=False, help_text="whose price list the price goes to; web-rs"
    )


class OptionAnswer(serializers.Serializer[Any]):
    method = serializers.CharField()
    is_orderable = serializers.BooleanField()
    date = serializers.DateField(allow_null=True)
    ready_at = serializers.DateTimeField(allow_null=True, help_text="pickup: from then on")
    order_by = serializers.DateTimeField(
        allow_null=True, help_text="an order before this moment still gets this date"
    )
    price = MoneySerializer(allow_null=True)
    carrier = serializers.CharField(allow_null=True)
    location = serializers.CharField(allow_null=True, help_text="pickup: the store")
    distance_km = serializers.FloatField(allow_null=True)
    locations = serializers.ListField(child=serializers.CharField(), help_text="which would serve it")
    reason = serializers.CharField(allow_null=True, help_text="why it cannot be had this way")
    supply_on = serializers.DateField(
        allow_null=True, help_text="pre-order: the day on which the goods are to reach us"
    )


class PreorderAnswer(serializers.Serializer[Any]):
    expected_on = serializers.DateField()
    available = serializers.IntegerField()


class AvailabilityAnswer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    channel = serializers.CharField()
    available = serializers.IntegerField()
    preorder = PreorderAnswer(
        allow_null=True, help_text="with none on a shelf: the delivery that can be ordered of"
    )
    options = OptionAnswer(many=True)


def show_variants(variants: Sequence[Variant], *, channel: Channel, now: datetime) -> list[dict[str, Any]]:
    """Shelf entries of variants in their order; the same few statements for any number of them."""
    ids = [variant.pk for variant in variants]
    known = oms.tariff(channel=channel, variant_ids=ids, now=now)
    wanted = [oms.Wanted(str(one.pk), one, 1) for one in variants]
    listed = oms.quote(channel=channel, wanted=wanted, now=now, known=known, offers=NO_OFFERS).priced
    priced = {line.key: line for line in listed.lines}
    # Each by itself, for everybody: what stands beside it on the page is not bought with it.
    lowered = unit_prices.lowered(
        oms.facts_now(known.offers, customer_id=None, now=now),
        known.goods,
        channel=channel,
        listed={one.pk: (one.sku, priced[str(one.pk)].total) for one in variants if str(one.pk) in priced},
        now=now,
    )
    before = _prices_before(channel, ids, now)
    before |= catalog.lowest_prices_before(
        {pk: each.began_at for pk, each in lowered.items()}, channel.price_list_id
    )
    rates = catalog.tax_rates(now, country=channel.entity.country)
    free = warehouse.availability(variant_ids=ids, channel_id=channel.pk, now=now)
    paths = catalog.category_paths({one.product_id for one in variants})
    pictures = catalog.pictures_of({one.product_id for one in variants})
    found = []
    for one in variants:
        line, product = priced.get(str(one.pk)), one.product
        lowest, cut = before.get(one.pk), lowered.get(one.pk)
        amount = cut.amount if cut else line.total if line else None
        if cut is not None:
            lowest = min(lowest, cut.list_amount) if lowest is not None else cut.list_amount
        is_reduced = amount is not None and lowest is not None and lowest > amount
        found.append(
            {
                "sku": one.sku,
                "barcode": one.barcode,
                "format": one.format_name,
                "product": {
                    "slug": product.slug,
                    "title": product.title,
                    "subtitle": product.subtitle,
                    "brand": product.brand,
                    "language": product.language,
                    "kind": product.kind,
                    "released_on": product.released_on.isoformat() if product.released_on else None,
                    "authors": [
                        each.contributor.name
                        for each in product.contributions.all()
                        if each.role == ContributorRole.AUTHOR
                    ],
                },
                "price": money(amount, channel.currency),
                "lowest_30_days": money(lowest, channel.currency) if is_reduced else None,
                "tax_class": one.tax_class,
                "tax_rate": f"{rates[one.tax_class]:.2f}",
                "weight_grams": one.weight_grams,
                "available": free.get(one.pk, 0),
                "categories": paths.get(one.product_id, []),
                "pictures": [show_picture(each) for each in pictures.get(one.product_id, ())],
                "updated_at": max(one.updated_at, product.updated_at).isoformat(),
            }
        )
    return found


def show_picture(picture: catalog.Picture) -> dict[str, Any]:
    return {
        "id": picture.key,
        "url": absolute(picture.full),
        "thumbnail": absolute(picture.thumbnail),
        "width": picture.width,
        "height": picture.height,
        "text": picture.text,
        "text_en": picture.text_en,
    }


def _prices_before(channel: Channel, ids: list[int], now: datetime) -> dict[int, Decimal]:
    """The lowest price before the present one began, where that was in the last 30 days."""
    candidates = catalog.price_candidates(ids, channel.price_list_id, now)
    young = {
        variant_id: rows[0].valid_from
        for variant_id, rows in candidates.items()
        if rows and rows[0].valid_from > now - timedelta(days=REDUCED_DAYS)
    }
    by_start: dict[datetime, list[int]] = {}
    for variant_id, start in young.items():
        by_start.setdefault(start, []).append(variant_id)
    found: dict[int, Decimal] = {}
    for start, of_start in by_start.items():
        found |= catalog.lowest_prices(of_start, channel.price_list_id, start)
    return found


def show_option(option: warehouse.Option) -> dict[str, Any]:
    return {
        "method": option.method,
        "is_orderable": option.is_orderable,
        "date": option.date.isoformat() if option.date else None,
        "ready_at": option.ready_at.isoformat() if option.ready_at else None,
        "order_by": option.order_by.isoformat() if option.order_by else None,
        "price": money(option.price, option.currency),
        "carrier": option.carrier_name or None,
        "location": option.location.code if option.location else None,
        "distance_km": option.distance_km,
        "locations": list(option.locations),
        "reason": option.reason,
        "supply_on": option.supply_on.isoformat() if option.supply_on else None,
    }
