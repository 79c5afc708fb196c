"""What the draft would have done: real orders of the last days priced again, each at its own time, by the one engine. Writes nothing.

A replay goes on in steps (`Tally` travels from step to step), so that a page shows honest progress and needs no job. Price history
and the facts that were frozen on the lines are used as they were; who is in the draft's segment is asked today, and said so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from cms.workflows import drafts
from crm import rules as crm_rules
from crm.models import Campaign, Segment
from crm.segments import InvalidDefinition, leaves, tree_of, where
from oms import selectors as oms
from oms.models import LineDiscount, Order, OrderLine
from oms.offers import Budget, Offers, Rule
from oms.pricing import Priced, Unpriced
from oms.states import LineKind, OrderStatus
from retail.kernel.money import ZERO
from storefront import selectors as catalog
from storefront.models import Channel, Product, Variant

STEP = 250
DAYS = 30
_HISTORY = """
    SELECT p.id, p.variant_id, l.code, l.name, l.currency, p.amount, p.minimum_quantity, p.valid_from, p.valid_to
      FROM storefront_price p JOIN storefront_pricelist l ON l.id = p.price_list_id
     WHERE p.price_list_id = %s AND p.variant_id = ANY(%s) AND p.valid_from <= %s AND (p.valid_to IS NULL OR p.valid_to > %s)"""
_COSTS = """SELECT variant_id, sum(value) / sum(quantity) FROM finance_stockvalue
             WHERE variant_id = ANY(%s) AND quantity > 0 GROUP BY variant_id"""


@dataclass(frozen=True, slots=True)
class Tally:
    """The sums so far. `after` is the last order looked at, newest first; `exact` counts orders whose real prices came out again."""

    after: int = 0
    orders: int = 0
    touched: int = 0
    units: int = 0
    exact: int = 0
    provable: int = 0
    unpriced: int = 0
    revenue_before: Decimal = ZERO
    revenue_after: Decimal = ZERO
    margin_before: Decimal = ZERO
    margin_after: Decimal = ZERO
    given: Decimal = ZERO
    without_cost: int = 0
    used: Decimal = ZERO

    def as_text(self) -> dict[str, str]:
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_text(cls, data: Mapping[str, str]) -> Tally:
        values: dict[str, Any] = {
            name: Decimal(data[name]) if isinstance(made.default, Decimal) else int(data[name])
            for name, made in cls.__dataclass_fields__.items()
        }
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Replay:
    tally: Tally
    total: int
    is_done: bool
    # Conditions of the segment that have no history: what they say is today's.
    today: tuple[str, ...] = ()


@dataclass(slots=True)
class _Chunk:
    """Everything that the orders of one step need, read in sets."""

    orders: list[Order]
    lines: dict[int, list[OrderLine]]
    applied: dict[int, list[LineDiscount]]
    tariffs: dict[int, oms.Tariff]
    past: dict[int, Rule]
    versions: dict[int, int]
    costs: dict[int, Decimal]
    members: dict[str, set[int]] = field(default_factory=dict)


def start(*, campaign: Campaign, days: int, now: datetime, tally: Tally, size: int = STEP) -> Replay:
    """One step further."""
    with _reading():
        every = _orders(campaign, days, now)
        total = every.count()
        step = every.filter(pk__lt=tally.after) if tally.after else every
        orders = list(step.select_related("channel__entity", "channel__price_list")[:size])
        if orders:
            tally = _further(campaign, orders, tally, now)
        return Replay(tally, total, len(orders) < size, todays_conditions(campaign))


def whole(*, campaign: Campaign, days: int, now: datetime, limit: int = 2_000) -> Replay:
    """All steps at once, for a proposal's effect and for tests; at most `limit` orders."""
    found = Replay(Tally(), 0, is_done=False)
    while not found.is_done and found.tally.orders < limit:
        found = start(campaign=campaign, days=days, now=now, tally=found.tally)
    return found


def todays_conditions(campaign: Campaign) -> tuple[str, ...]:
    words: dict[str, None] = {}
    for definition in _definitions(campaign).values():
        try:
            words |= dict.fromkeys(leaf.name for leaf in leaves(tree_of(definition)))
        except InvalidDefinition:
            continue
    return tuple(words)


@contextmanager
def _reading() -> Iterator[None]:
    """The database itself refuses to write in here."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        yield


def _orders(campaign: Campaign, days: int, now: datetime) -> Any:
    found = Order.objects.filter(placed_at__gte=now - timedelta(days=days), placed_at__lt=now)
    chosen = [channel.pk for channel in campaign.channels.all()]
    found = found.filter(channel_id__in=chosen) if chosen else found
    return found.exclude(status=OrderStatus.CANCELED).order_by("-pk")


def _further(campaign: Campaign, orders: list[Order], tally: Tally, now: datetime) -> Tally:
    own, chunk = drafts.rules(campaign), _read(campaign, orders, now)
    budget = getattr(campaign, "budget", None)
    for order in orders:
        tally = replace(tally, after=order.pk, orders=tally.orders + 1)
        lines = chunk.lines.get(order.pk, [])
        known = chunk.tariffs.get(order.channel_id)
        if not lines or known is None:
            continue
        base = _base_offers(chunk, order)
        before = _priced(order, lines, known, base)
        if before is None:
            tally = replace(tally, unpriced=tally.unpriced + 1)
            continue
        is_provable = _is_provable(chunk, order)
        tally = replace(
            tally,
            provable=tally.provable + is_provable,
            exact=tally.exact + (is_provable and _is_exact(before, lines)),
        )
        left = Budget(budget.kind, budget.limit - tally.used) if budget else None
        after = _priced(order, lines, known, _with_draft(base, own, chunk, order, campaign, left))
        if after is not None:
            tally = _added(tally, before, after, lines, chunk, own, budget.kind if budget else "")
    return tally


def _read(campaign: Campaign, orders: list[Order], now: datetime) -> _Chunk:
    lines: dict[int, list[OrderLine]] = defaultdict(list)
    sold = OrderLine.objects.filter(order__in=orders, kind=LineKind.GOODS, variant__isnull=False)
    for line in sold.select_related("variant__product").order_by("pk"):
        lines[line.order_id].append(line)
    applied: dict[int, list[LineDiscount]] = defaultdict(list)
    order_of = {line.pk: line.order_id for found in lines.values() for line in found}
    for discount in LineDiscount.objects.filter(line__order__in=orders).order_by("pk"):
        if discount.line_id in order_of:
            applied[order_of[discount.line_id]].append(discount)
    past = oms.rules_of_discounts({each.discount_id for found in applied.values() for each in found})
    variants = sorted({line.variant_id for found in lines.values() for line in found if line.variant_id})
    first, last = min(order.placed_at for order in orders), max(order.placed_at for order in orders)
    channels = {order.channel_id: order.channel for order in orders}
    return _Chunk(
        orders=orders,
        lines=lines,
        applied=applied,
        tariffs={pk: _history(channel, variants, first, last) for pk, channel in channels.items()},
        past={rule.row.id: rule for rule in past},
        versions={rule.row.id: rule.row.version for rule in past},
        costs=_costs(variants),
        members=_members(campaign, {order.customer_id for order in orders if order.customer_id}, now),
    )


def _history(channel: Channel, variants: Sequence[int], first: datetime, last: datetime) -> oms.Tariff:
    """Every entry that was valid at any of the orders' times: the engine itself chooses by the time of each."""
    known = oms.tariff(channel=channel, variant_ids=variants, now=last, is_scoped=True)
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, [channel.price_list_id, list(variants), last, first])
        entries = catalog.by_variant(catalog.PriceCandidate(*row) for row in cursor.fetchall())
    return replace(known, candidates=entries, rates=[], offers=Offers())


def _costs(variants: Sequence[int]) -> dict[int, Decimal]:
    with connection.cursor() as cursor:
        cursor.execute(_COSTS, [list(variants)])
        return {variant: Decimal(cost) for variant, cost in cursor.fetchall()}


def _definitions(campaign: Campaign) -> dict[str, str]:
    wanted = drafts.segments_of(campaign)
    return dict(Segment.objects.filter(pk__in=wanted).values_list("slug", "definition"))


def _members(campaign: Campaign, customers: set[int], now: datetime) -> dict[str, set[int]]:
    """Who of these customers is in each segment of the draft: one statement for a segment, as of today."""
    found: dict[str, set[int]] = {}
    for slug, definition in _definitions(campaign).items():
        try:
            condition = where(definition, now)
        except InvalidDefinition:
            found[slug] = set()
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT c.id FROM crm_customer c WHERE c.id = ANY(%s) AND ({condition.sql})",  # noqa: S608 - the language's own SQL
                [sorted(customers), *condition.params],
            )
            found[slug] = {pk for (pk,) in cursor.fetchall()}
    return found


def _base_offers(chunk: _Chunk, order: Order) -> Offers:
    """What priced the order then: the discounts frozen on its lines, with the facts that held because they did."""
    rules = {
        each.discount_id: chunk.past[each.discount_id]
        for each in chunk.applied.get(order.pk, ())
        if each.discount_id in chunk.past
    }
    facts = {need for rule in rules.values() for need in rule.discount.needs}
    timeless = tuple(
        replace(rule, discount=replace(rule.discount, valid_from=None, valid_to=None))
        for rule in rules.values()
    )
    return Offers(rules=timeless, facts=frozenset(facts))


def _is_provable(chunk: _Chunk, order: Order) -> bool:
    """Every discount on it still says what it said when it priced the order."""
    return all(
        chunk.versions.get(each.discount_id) == each.discount_version
        for each in chunk.applied.get(order.pk, ())
    )


def _with_draft(
    base: Offers, own: Iterable[Rule], chunk: _Chunk, order: Order, campaign: Campaign, left: Budget | None
) -> Offers:
    """As if the draft had been on: its own period is left aside, everything else holds as it would have."""
    facts, held = set(base.facts), _frozen_segments(chunk, order)
    timeless = [replace(r, discount=replace(r.discount, valid_from=None, valid_to=None)) for r in own]
    for rule in timeless:
        row = rule.row
        for slug in (row.segment_slug, row.campaign_segment_slug):
            if slug and (slug in held or order.customer_id in chunk.members.get(slug, ())):
                facts.add(f"segment:{slug}")
        is_out = order.customer_id is not None and crm_rules.is_held_out(
            slug=campaign.slug, customer_id=order.customer_id, percent=campaign.holdout_percent
        )
        facts |= set() if is_out else {f"treated:{row.campaign_slug}"}
        if left is None or left.is_open:
            facts.add(f"budget:{row.campaign_slug}")
    others = tuple(rule for rule in base.rules if rule.row.campaign_id != campaign.pk)
    return Offers(
        rules=(*others, *timeless),
        facts=frozenset(facts),
        budgets={campaign.pk: left} if left else {},
    )


def _frozen_segments(chunk: _Chunk, order: Order) -> set[str]:
    return {each.segment_slug for each in chunk.applied.get(order.pk, ()) if each.segment_slug}


def _priced(order: Order, lines: list[OrderLine], known: oms.Tariff, offers: Offers) -> Priced | None:
    wanted = [oms.Wanted(str(line.pk), _variant(line), line.quantity) for line in lines]
    try:
        found = oms.quote(
            channel=order.channel, wanted=wanted, now=order.placed_at, known=known, offers=offers
        )
    except Unpriced:
        return None  # nothing says what a title of it cost then
    return None if found.unpriced else found.priced


def _variant(line: OrderLine) -> Variant:
    assert line.variant is not None, "goods have an article"
    return Variant(
        pk=line.variant_id,
        sku=line.sku or line.variant.sku,
        tax_class=line.tax_class or line.variant.tax_class,
        weight_grams=0,
        product=Product(pk=line.variant.product_id, title=line.title),
    )


def _is_exact(priced: Priced, lines: list[OrderLine]) -> bool:
    told = {line.key: line.total for line in priced.lines}
    return all(told.get(str(line.pk)) == line.total for line in lines)


def _added(
    tally: Tally,
    before: Priced,
    after: Priced,
    lines: list[OrderLine],
    chunk: _Chunk,
    own: Iterable[Rule],
    budget_kind: str,
) -> Tally:
    codes = {rule.row.code for rule in own}
    given = sum((d.amount for line in after.lines for d in line.discounts if d.code in codes), ZERO)
    costs = {line.pk: chunk.costs.get(line.variant_id or 0) for line in lines}
    first, second = _money(before, lines, costs), _money(after, lines, costs)
    is_touched = given > 0
    return replace(
        tally,
        touched=tally.touched + is_touched,
        units=tally.units + (sum(line.quantity for line in lines) if is_touched else 0),
        revenue_before=tally.revenue_before + first[0],
        revenue_after=tally.revenue_after + second[0],
        margin_before=tally.margin_before + first[1],
        margin_after=tally.margin_after + second[1],
        given=tally.given + given,
        without_cost=tally.without_cost + sum(cost is None for cost in costs.values()),
        used=tally.used + (given if budget_kind == "MONEY" else Decimal(bool(budget_kind and is_touched))),
    )


def _money(
    priced: Priced, lines: list[OrderLine], costs: Mapping[int, Decimal | None]
) -> tuple[Decimal, Decimal]:
    """Gross revenue of the goods, and what is left of it without tax and cost."""
    gross, margin = ZERO, ZERO
    by_key = {line.key: line for line in priced.lines}
    for line in lines:
        found = by_key[str(line.pk)]
        gross += found.total
        net = found.total * 100 / (100 + found.tax_rate)
        margin += net - (costs[line.pk] or ZERO) * line.quantity
    return gross, margin.quantize(Decimal("0.01"))
