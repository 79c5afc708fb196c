"""Questions to the order room: what a basket costs, what an order is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Q

from oms import rules
from oms.models import Basket, BasketLine, DeliveryPostcode, Order
from oms.pricing import DeliveryQuote, Priced, PriceEntry, PricingInput, PricingLine, price
from oms.states import BasketState
from retail.kernel.clock import business_date
from retail.kernel.prepared import Prepared
from retail.kernel.rows import Question
from storefront import selectors as catalog
from storefront.models import Channel, Variant

_OPEN_BASKET = Question(
    lambda token: Basket.objects.select_related("channel__entity", "channel__price_list").filter(
        token=token, state=BasketState.OPEN
    ),
    "?token",
)
_BASKET_LINES = Question(
    lambda basket_id: (
        BasketLine.objects.filter(basket_id=basket_id).select_related("variant__product").order_by("id")
    ),
    -1,
)

_DELIVERY_RATES = """
    SELECT m.code, r.amount, r.free_from, r.weight_grams_max
      FROM oms_deliveryrate r JOIN oms_deliverymethod m ON m.id = r.method_id
     WHERE r.channel_id = %(channel)s AND r.valid_from <= %(now)s AND (r.valid_to IS NULL OR r.valid_to > %(now)s)"""
# Amounts travel as text: JSON numbers would lose their scale on the way.
_TARIFF = Prepared(
    "oms_tariff",
    f"""SELECT
    (SELECT COALESCE(json_agg(json_build_array(c.id, c.variant_id, c.code, c.name, c.currency, c.amount::text,
                                               c.minimum_quantity, c.valid_from, c.valid_to)), '[]') FROM ({catalog.PRICE_CANDIDATES}) c),
    (SELECT COALESCE(json_agg(json_build_array(t.tax_class, t.rate::text)), '[]') FROM ({catalog.TAX_RATES}) t),
    (SELECT COALESCE(json_agg(json_build_array(d.code, d.amount::text, d.free_from::text, d.weight_grams_max)), '[]')
       FROM ({_DELIVERY_RATES}) d)""",  # noqa: S608 - texts of our own
    {
        "price_list": "bigint",
        "variants": "bigint[]",
        "now": "timestamptz",
        "country": "text",
        "day": "date",
        "channel": "bigint",
    },
    ("json", "json", "json"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be priced: a line key of the caller, a variant with its product, a quantity."""

    key: str
    variant: Variant
    quantity: int


@dataclass(frozen=True, slots=True)
class Quote:
    """Prices of lines with and without delivery. `unpriced` are the keys that cannot be sold now."""

    priced: Priced
    unpriced: tuple[str, ...]
    weight_grams: int
    fees: dict[str, Decimal]
    asked: PricingInput
    rates: tuple[rules.RateRow, ...] = ()

    def priced_with(self, method: str) -> Priced:
        """The whole with this way of delivery, by the same engine and at the same moment; without a fee, the goods alone."""
        if method not in self.fees:
            return price(replace(self.asked, delivery=None))
        # The fee shares the rates of the goods on the papers; the line shows the highest of them.
        top_rate = max((line.tax_rate for line in self.asked.lines), default=Decimal(0))
        delivery = DeliveryQuote(method=method, amount=self.fees[method], tax_rate=top_rate)
        return price(replace(self.asked, delivery=delivery))


def delivery_rates(*, channel_id: int, now: datetime) -> list[rules.RateRow]:
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERY_RATES, {"channel": channel_id, "now": now})
        return [rules.RateRow(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a price is made of, before the arithmetic: entries of the price list by variant, tax rates of the day, delivery rates."""

    candidates: Mapping[int, tuple[catalog.PriceCandidate, ...]]
    taxes: Mapping[str, Decimal]
    rates: Sequence[rules.RateRow]


def tariff(*, channel: Channel, variant_ids: Iterable[int], now: datetime) -> Tariff:
    """All of it in one statement."""
    ((candidates, taxes, rates),) = _TARIFF.rows(
        {
            "price_list": channel.price_list_id,
            "variants": list(variant_ids),
            "now": now,
            "country": channel.entity.country,
            "day": business_date(now),
            "channel": channel.pk,
        }
    )
    return Tariff(
        catalog.by_variant(_candidate(*row) for row in candidates),
        {tax_class: Decimal(rate) for tax_class, rate in taxes},
        [
            rules.RateRow(code, Decimal(amount), Decimal(free) if free is not None else None, grams)
            for code, amount, free, grams in rates
        ],
    )


def _candidate(
    price_id: int,
    variant_id: int,
    code: str,
    name: str,
    currency: str,
    amount: str,
    minimum: int,
    valid_from: str,
    valid_to: str | None,
) -> catalog.PriceCandidate:
    return catalog.PriceCandidate(
        price_id,
        variant_id,
        code,
        name,
        currency,
        Decimal(amount),
        minimum,
        datetime.fromisoformat(valid_from),
        datetime.fromisoformat(valid_to) if valid_to else None,
    )


def quote(
    *,
    channel: Channel,
    wanted: Sequence[Wanted],
    now: datetime,
    delivery_method: str = "",
    known: Tariff | None = None,
) -> Quote:
    """The one way to a price, for basket, checkout, order and API: one statement for any number of lines.

    `known` is what was read for this answer already; without rates in it only the goods are priced.
    """
    if known is None:
        known = tariff(channel=channel, variant_ids=[w.variant.pk for w in wanted], now=now)
    candidates = known.candidates
    lines = tuple(
        _pricing_line(w, candidates[w.variant.pk], known.taxes) for w in wanted if w.variant.pk in candidates
    )
    unpriced = tuple(w.key for w in wanted if w.variant.pk not in candidates)
    weight = sum(w.variant.weight_grams * w.quantity for w in wanted)
    asked = PricingInput(lines=lines, currency=channel.currency, at=now)
    goods = price(asked)
    fee_rows = known.rates
    fees = {
        row.method: fee
        for row in fee_rows
        if (
            fee := rules.delivery_fee(
                rates=fee_rows, method=row.method, goods_total=goods.goods_total, weight_grams=weight
            )
        )
        is not None
    }
    found = Quote(goods, unpriced, weight, fees, asked, tuple(fee_rows))
    return replace(found, priced=found.priced_with(delivery_method)) if delivery_method in fees else found


def _pricing_line(
    wanted: Wanted, candidates: Iterable[catalog.PriceCandidate], rates: Mapping[str, Decimal]
) -> PricingLine:
    return PricingLine(
        key=wanted.key,
        sku=wanted.variant.sku,
        name=wanted.variant.product.title,
        quantity=wanted.quantity,
        tax_rate=rates[wanted.variant.tax_class],
        entries=tuple(
            PriceEntry(
                amount=c.amount,
                list_code=c.list_code,
                list_name=c.list_name,
                minimum_quantity=c.minimum_quantity,
                valid_from=c.valid_from,
                valid_to=c.valid_to,
            )
            for c in candidates
        ),
    )


def basket_by_token(token: str) -> Basket | None:
    """An open basket with its channel; whoever has the token may."""
    if not token:
        return None
    return _OPEN_BASKET.first(token)


def basket_lines(basket: Basket) -> list[BasketLine]:
    lines = _BASKET_LINES.rows(basket.pk)
    for line in lines:
        line.basket = basket
    return lines


def quote_basket(
    *, basket: Basket, lines: Sequence[BasketLine], now: datetime, delivery_method: str = ""
) -> Quote:
    wanted = [Wanted(str(line.public_id), line.variant, line.quantity) for line in lines]
    return quote(channel=basket.channel, wanted=wanted, now=now, delivery_method=delivery_method)


def order_by_token(token: str) -> Order | None:
    return (
        Order.objects.select_related("channel", "entity", "pickup_location").filter(token=token).first()
        if token
        else None
    )


def order_by_number(number: str) -> Order | None:
    return (
        Order.objects.select_related("channel", "entity", "customer", "pickup_location")
        .filter(number=number)
        .first()
    )


def is_known_postcode(postal_code: str) -> bool:
    return DeliveryPostcode.objects.filter(postal_code=postal_code).exists()


def places_of_postcode(prefix: str, limit: int = 8) -> list[DeliveryPostcode]:
    """Completion of postcode or place while typing."""
    found = DeliveryPostcode.objects.filter(Q(postal_code__startswith=prefix) | Q(place__istartswith=prefix))
    return list(found.order_by("-population", "postal_code")[:limit])
