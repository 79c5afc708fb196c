"""Questions to the order room: what a basket costs, what an order is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Q

from crm import selectors as crm
from oms import rules
from oms.known_offers import KNOWN, KnownOffers, known_offers
from oms.models import Basket, BasketLine, DeliveryPostcode, Order
from oms.offers import (
    NO_OFFERS,
    Budget,
    Offers,
    RuleSet,
    TypedCoupon,
    Worked,
    engine_discount,
    facts_of,
    paths_with_ancestors,
    price_within_budgets,
    rule_of,
)
from oms.pricing import (
    DELIVERY_KEY,
    DeliveryQuote,
    Priced,
    PriceEntry,
    PricingInput,
    PricingLine,
)
from oms.pricing.points import PointsOffer, lowered
from oms.states import BasketState
from retail.kernel.clock import business_date
from retail.kernel.prepared import Prepared, as_array
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
# What may lower the price, each where it could hold (guests are members of nothing): discounts, coupons of the basket, offers on the account, what is
# left of budgets, prices of gifts; and what discounts have to know of the goods: branches of the catalog, and lowest prices.
# A process says which discounts it knows, by their name, and what these ask for; only when they go by another name now are they read.
OFFERS = f"""
    typed AS MATERIALIZED ({crm.TYPED_COUPONS}
                            WHERE k.id IN (SELECT x.coupon_id FROM oms_basketcoupon x WHERE x.basket_id = %(basket)s) ORDER BY k.id),
    carried AS MATERIALIZED ({crm.CARRIED_OFFERS}),
    named AS MATERIALIZED (SELECT n.name, n.name IS NOT DISTINCT FROM %(known)s AS is_known FROM ({crm.NAME_OF_OFFERS}) n),
    live AS MATERIALIZED (
        SELECT n.name, n.is_known, NULL::json AS texts, %(campaigns)s::bigint[] AS campaigns, %(gifts)s::bigint[] AS gifts,
               %(began)s::timestamptz AS began_at,
               %(is_any)s::boolean OR EXISTS (SELECT 1 FROM typed) OR EXISTS (SELECT 1 FROM carried) AS is_any
          FROM named n WHERE n.is_known
        UNION ALL
        SELECT n.name, n.is_known, c.* FROM named n, LATERAL {crm.COMING.function}(%(now)s) c WHERE NOT n.is_known)"""  # noqa: S608 - texts of our own
# The discounts by name, with their words only when the process does not know that name.
NAMED_RULES = "(SELECT name FROM live), (SELECT texts FROM live)"
# Nothing is said where nothing can be live and the process knows that.
HAS_OFFERS, HAS_DISCOUNTS = "(SELECT is_any OR NOT is_known FROM live)", "(SELECT is_any FROM live)"
BUDGETS = f"""(SELECT json_agg(json_build_array(h.campaign_id, h.kind, h.left_over::text)) FROM ({crm.BUDGETS_LEFT}) h
          WHERE h.campaign_id = ANY((SELECT campaigns FROM live)::bigint[]))"""  # noqa: S608 - texts of our own
GOODS_FACTS = """json_build_array(
        (SELECT json_agg(json_build_array(f.id, f.floor_price::text, f.paths)) FROM (
             SELECT v.id, v.floor_price, array_agg(g.path) FILTER (WHERE g.path IS NOT NULL) AS paths
               FROM storefront_variant v LEFT JOIN storefront_product_categories m ON m.product_id = v.product_id
               LEFT JOIN storefront_category g ON g.id = m.category_id WHERE v.id = ANY(%(variants)s) GROUP BY v.id) f))"""
_GIFTS = f"""SELECT v.id, e.amount, t.rate FROM storefront_variant v
       JOIN LATERAL (SELECT min(p.amount) AS amount FROM storefront_price p
                      WHERE p.price_list_id = %(price_list)s AND p.variant_id = v.id AND p.minimum_quantity = 1
                        AND p.valid_from <= %(now)s AND (p.valid_to IS NULL OR p.valid_to > %(now)s)) e ON e.amount IS NOT NULL
       JOIN ({catalog.TAX_RATES}) t ON t.tax_class = v.tax_class
      WHERE v.id = ANY((SELECT gifts FROM live)::bigint[]) AND NOT v.is_digital"""  # noqa: S608 - texts of our own
# Amounts travel as text: JSON numbers would lose their scale on the way.
TARIFF = Prepared(
    "oms_tariff",
    f"""WITH {OFFERS} SELECT
    (SELECT COALESCE(json_agg(json_build_array(c.id, c.variant_id, c.code, c.name, c.currency, c.amount::text,
                                               c.minimum_quantity, c.valid_from, c.valid_to)), '[]') FROM ({catalog.PRICE_CANDIDATES}) c),
    (SELECT COALESCE(json_agg(json_build_array(t.tax_class, t.rate::text)), '[]') FROM ({catalog.TAX_RATES}) t),
    (SELECT COALESCE(json_agg(json_build_array(d.code, d.amount::text, d.free_from::text, d.weight_grams_max)), '[]')
       FROM ({_DELIVERY_RATES}) d),
    CASE WHEN {HAS_OFFERS} THEN json_build_array(
        {NAMED_RULES},
        (SELECT json_agg(json_build_array(y.id, y.code, y.discount_id, y.is_usable)) FROM typed y),
        (SELECT json_agg(json_build_array(o.discount_id, o.id)) FROM carried o),
        {BUDGETS},
        (SELECT json_agg(json_build_array(g.id, g.amount::text, g.rate::text)) FROM ({_GIFTS}) g)) END,
    CASE WHEN %(scoped)s OR {HAS_DISCOUNTS} THEN {GOODS_FACTS} END""",  # noqa: S608 - texts of our own
    {
        "price_list": "bigint",
        "variants": "bigint[]",
        "now": "timestamptz",
        "country": "text",
        "day": "date",
        "channel": "bigint",
        "basket": "bigint",
        "customer": "bigint",
        **KNOWN,
        "scoped": "boolean",
    },
    ("json", "json", "json", "json", "json"),
)


@dataclass(frozen=True, slots=True)
class Goods:
    """What a price needs to know of a variant, read without the rest of it."""

    pk: int
    sku: str
    title: str
    tax_class: str
    weight_grams: int
    is_digital: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be priced: a line key of the caller, a variant with its product, a quantity."""

    key: str
    variant: Variant | Goods
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
    offers: Offers = NO_OFFERS
    worked: Worked = field(default_factory=dict, compare=False, repr=False)
    points: PointsOffer | None = None

    def priced_with(self, method: str) -> Priced:
        """The whole with this way of delivery, by the same engine and at the same moment; without a fee, the goods alone."""
        found = self._worked_out(method)
        return lowered(found, self.points) if self.points else found

    def _worked_out(self, method: str) -> Priced:
        if method not in self.fees:
            return price_within_budgets(replace(self.asked, delivery=None), self.offers, self.worked)
        # The fee shares the rates of the goods on the papers; the line shows the highest of them.
        top_rate = max((line.tax_rate for line in self.asked.lines), default=Decimal(0))
        delivery = DeliveryQuote(method=method, amount=self.fees[method], tax_rate=top_rate)
        return price_within_budgets(replace(self.asked, delivery=delivery), self.offers, self.worked)

    def brought_free(self, method: str) -> Quote:
        """What replaces goods that come back: bringing was paid with the first ones."""
        if method not in self.fees:
            return self
        free = replace(self, fees={**self.fees, method: rules.ZERO})
        return replace(free, priced=free.priced_with(method))

    def without(self, facts: Iterable[str]) -> Quote:
        """Priced again as if these did not hold: a gift that is out of stock, a coupon that was used up a moment ago."""
        offers = self.offers.without(facts)
        asked = replace(self.asked, facts=offers.facts)
        method = next((line.sku for line in self.priced.lines if line.key == DELIVERY_KEY), "")
        found = _with_fees(
            replace(self, asked=asked, offers=offers, priced=price_within_budgets(asked, offers, self.worked))
        )
        return replace(found, priced=found.priced_with(method)) if method in found.fees else found


def delivery_rates(*, channel_id: int, now: datetime) -> list[rules.RateRow]:
    with connection.cursor() as cursor:
        cursor.execute(_DELIVERY_RATES, {"channel": channel_id, "now": now})
        return [rules.RateRow(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a price is made of, before the arithmetic: entries of the price list by variant, tax rates of the day, delivery rates,
    what may lower it, and per variant its lowest price and the branches of the catalog that it stands in."""

    candidates: Mapping[int, tuple[catalog.PriceCandidate, ...]]
    taxes: Mapping[str, Decimal]
    rates: Sequence[rules.RateRow]
    offers: Offers = NO_OFFERS
    goods: Mapping[int, tuple[Decimal | None, frozenset[str]]] = field(default_factory=dict)


def tariff(
    *,
    channel: Channel,
    variant_ids: Iterable[int],
    now: datetime,
    customer_id: int | None = None,
    basket_id: int | None = None,
    is_scoped: bool = False,
) -> Tariff:
    """All of it in one statement. The facts about the shopper are still to be asked (`facts_now`).

    `is_scoped`: what discounts have to know of the goods, also when none is live.
    """
    (row,) = TARIFF.rows(
        {
            "price_list": channel.price_list_id,
            "variants": as_array(variant_ids),
            "now": now,
            "country": channel.entity.country,
            "day": business_date(now),
            "channel": channel.pk,
            "basket": basket_id,
            "customer": customer_id,
            "scoped": is_scoped,
            **(known := known_offers(now)).values,
        }
    )
    return tariff_of(row, known, channel_id=channel.pk, customer_id=customer_id)


def tariff_of(row: Sequence[Any], known: KnownOffers, *, channel_id: int, customer_id: int | None) -> Tariff:
    """The answer of TARIFF; `known` is what it was asked with."""
    candidates, taxes, rates, live, goods = row
    return Tariff(
        catalog.by_variant(_candidate(*row) for row in candidates),
        {tax_class: Decimal(rate) for tax_class, rate in taxes},
        [
            rules.RateRow(code, Decimal(amount), Decimal(free) if free is not None else None, grams)
            for code, amount, free, grams in rates
        ],
        offers_from(known, live, channel_id=channel_id, customer_id=customer_id),
        goods_from(goods),
    )


def goods_from(rows: Sequence[Any] | None) -> dict[int, tuple[Decimal | None, frozenset[str]]]:
    return {
        variant: (Decimal(floor) if floor is not None else None, paths_with_ancestors(paths or ()))
        for variant, floor, paths in (rows[0] if rows else None) or ()
    }


def offers_from(
    known: KnownOffers, live: Sequence[Any] | None, *, channel_id: int, customer_id: int | None
) -> Offers:
    """What the statement says of discounts, to the process that asked with `known`; its facts are still to be asked."""
    if not live:
        return NO_OFFERS
    name, texts, typed, carried, budgets, gifts = live
    coupons, on_account = tuple(TypedCoupon(*row) for row in typed or ()), dict(carried or ())
    return Offers(
        rules=known.rules(
            name,
            texts,
            channel_id=channel_id,
            is_guest=customer_id is None,
            held=frozenset(on_account).union(each.discount_id for each in coupons),
        ),
        coupons=coupons,
        carried=on_account,
        budgets={campaign: Budget(kind, Decimal(left)) for campaign, kind, left in budgets or ()},
        gifts={variant: (Decimal(amount), Decimal(rate)) for variant, amount, rate in gifts or ()},
    )


def facts_now(offers: Offers, *, customer_id: int | None, now: datetime) -> Offers:
    """With the facts that hold for this shopper; one statement, and only when a segment decides and the shopper is known."""
    if not offers.rules:
        return offers
    ids = offers.rule_set.segment_ids
    if ids and customer_id is not None:
        segments = crm.segments_of(customer_id=customer_id, segment_ids=ids, now=now)
        offers = replace(offers, segments=segments)
    return replace(offers, facts=facts_of(offers, customer_id=customer_id))


def live_offers(
    *, channel: Channel, now: datetime, customer_id: int | None = None, basket_id: int | None = None
) -> Offers:
    """What may lower a price now in this channel, for this shopper."""
    known = tariff(channel=channel, variant_ids=(), now=now, customer_id=customer_id, basket_id=basket_id)
    return facts_now(known.offers, customer_id=customer_id, now=now)


def rules_of_discounts(discount_ids: Iterable[int]) -> RuleSet:
    """Discounts as the engine would take them, whatever their state: for drafts, replays, and orders that were priced by them."""
    return RuleSet(rule for text in _texts(discount_ids) if (rule := rule_of(text)) is not None)


def check_discount(discount_id: int) -> None:
    """Refuses BadDiscount in the engine's own words when it cannot be priced with."""
    for text in _texts([discount_id]):
        engine_discount(text)


def _texts(discount_ids: Iterable[int]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {crm.DISCOUNT_AS_TEXT} FROM {crm.DISCOUNT_ROWS} "  # noqa: S608 - texts of our own
            "WHERE d.id = ANY(%s) ORDER BY d.priority, d.code",
            [list(discount_ids)],
        )
        return [text for (text,) in cursor.fetchall()]


# Equal rows are read once in a process: the database has said them again just now.
@lru_cache(maxsize=16_384)
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
    offers: Offers | None = None,
    customer_id: int | None = None,
    basket_id: int | None = None,
) -> Quote:
    """The one way to a price, for basket, checkout, order and API: one statement for any number of lines and discounts,
    and one more when a segment decides and the customer is known.

    `offers`: None is what is live now for this customer and basket; given ones are a preview, a replay, or an order's own.
    `known` is what was read for this answer already; without rates in it only the goods are priced.
    """
    if known is None:
        known = tariff(
            channel=channel,
            variant_ids=[w.variant.pk for w in wanted],
            now=now,
            customer_id=customer_id,
            basket_id=basket_id,
            is_scoped=offers is not None,
        )
    if offers is None:
        offers = facts_now(known.offers, customer_id=customer_id, now=now)
    priced = [(w, pk) for w in wanted if (pk := w.variant.pk) in known.candidates]
    lines = tuple(_pricing_line(w, pk, known) for w, pk in priced)
    asked = PricingInput(
        lines=lines, currency=channel.currency, at=now, discounts=offers.discounts, facts=offers.facts
    )
    worked: Worked = {}
    found = _with_fees(
        Quote(
            priced=price_within_budgets(asked, offers, worked),
            unpriced=_others(wanted, priced),
            weight_grams=sum(w.variant.weight_grams * w.quantity for w in wanted),
            fees={},
            asked=asked,
            rates=tuple(known.rates),
            offers=offers,
            worked=worked,
        )
    )
    return (
        replace(found, priced=found.priced_with(delivery_method)) if delivery_method in found.fees else found
    )


def _with_fees(found: Quote) -> Quote:
    """With the fee of each way of delivery for these goods."""
    goods_total, grams = found.priced.goods_total, found.weight_grams
    fees = {
        row.method: fee
        for row in found.rates
        if (
            fee := rules.delivery_fee(
                rates=found.rates, method=row.method, goods_total=goods_total, weight_grams=grams
            )
        )
        is not None
    }
    return replace(found, fees=fees)


def _others(wanted: Sequence[Wanted], priced: Sequence[tuple[Wanted, int]]) -> tuple[str, ...]:
    if len(wanted) == len(priced):
        return ()
    keys = {w.key for w, _ in priced}
    return tuple(w.key for w in wanted if w.key not in keys)


def _pricing_line(wanted: Wanted, variant_id: int, known: Tariff) -> PricingLine:
    floor, paths = known.goods.get(variant_id, (None, frozenset()))
    return PricingLine(
        key=wanted.key,
        sku=wanted.variant.sku,
        name=wanted.variant.title if isinstance(wanted.variant, Goods) else wanted.variant.product.title,
        quantity=wanted.quantity,
        tax_rate=known.taxes[wanted.variant.tax_class],
        categories=paths,
        floor=floor,
        entries=tuple(
            PriceEntry(
                amount=c.amount,
                list_code=c.list_code,
                list_name=c.list_name,
                minimum_quantity=c.minimum_quantity,
                valid_from=c.valid_from,
                valid_to=c.valid_to,
            )
            for c in known.candidates[variant_id]
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
    if all(one.variant.is_digital for one in wanted):
        # Nothing to carry, so nothing is asked for carrying it.
        delivery_method = ""
    return quote(
        channel=basket.channel,
        wanted=wanted,
        now=now,
        delivery_method=delivery_method,
        customer_id=basket.customer_id,
        basket_id=basket.pk,
    )


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
