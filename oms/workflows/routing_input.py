"""From rows to the plain arrays of the routing engine, for one order. Reads only; the stock part is live."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil, exp
from typing import Any

import numpy as np
from django.db import connection

from oms import routing as engine
from oms.models import CarrierService, CarrierTariff, DeliveryPostcode, Lane, Order, OrderLine, RoutingRule
from oms.routing.amounts import Floats, Ints
from oms.states import LineKind, PaymentMethod
from oms.workflows import routing_shelves
from oms.workflows.routing_shelves import Shelves, Unit
from retail.kernel.clock import BUSINESS_ZONE, business_date
from retail.kernel.models import Holiday, Location, LocationClosure, LocationKind
from warehouse import selectors as warehouse

# RSD for a line left open, above any lateness.
LEFT_OPEN = 1_000_000.0
LOOK_AHEAD_DAYS = 21
# What a missing piece loses: a walk-in customer of a store rarely comes back, a warehouse order waits for the next delivery.
LOST = {LocationKind.STORE: 0.6, LocationKind.WAREHOUSE: 0.25}
REPLENISHMENT_DAYS = 7
SALES_DAYS = 90
# What was sold, and whether these units are missing everywhere.
Sku = tuple[int, bool]
MARGIN = Decimal("0.35")


@dataclass(frozen=True)
class Question:
    """The arrays, and the rows behind their indexes."""

    orders: engine.Orders
    network: engine.Network
    state: engine.State
    weights: engine.Weights
    units: list[Unit]
    skus: list[Sku]
    shelves: Shelves
    locations: list[Location]
    services: list[CarrierService]
    arrivals: dict[tuple[int, int], date]
    # The day on which goods must leave to be there on the day that the shopper chose; empty when it is the earliest.
    leaving: dict[tuple[int, int], date]


def solve(question: Question) -> engine.Decisions:
    """The best plan that can be kept.

    The engine counts units of one SKU together, but knows no kits: where a kit and another line of its parts would take the same
    units, one of them is kept away from there, whichever leaves the better plan.
    """
    answer = _route(question)
    while over := question.shelves.overdrawn(_taken(question, answer)):
        others = [_lowered(question, cell, most) for cell, most in over.items()]
        question, answer = min(((other, _route(other)) for other in others), key=lambda each: _rank(each[1]))
    return answer


def _route(question: Question) -> engine.Decisions:
    return engine.route(question.orders, question.network, question.state, question.weights)


def _taken(question: Question, answer: engine.Decisions) -> Counter[tuple[int, int]]:
    taken: Counter[tuple[int, int]] = Counter()
    for unit, i in zip(question.units, answer.plan(0).location, strict=True):
        if i != engine.OPEN:
            taken[unit.sold_id, question.locations[int(i)].pk] += unit.quantity
    return taken


def _lowered(question: Question, cell: tuple[int, int], units: int) -> Question:
    stock = question.state.stock.copy()
    place = next(i for i, place in enumerate(question.locations) if place.pk == cell[1])
    stock[question.skus.index((cell[0], False)), place] = units
    return replace(question, state=replace(question.state, stock=stock))


def _rank(answer: engine.Decisions) -> tuple[int, int]:
    plan = answer.plan(0)
    return max(int(plan.kind), engine.Kind.SPLIT), sum(plan.paras.values())


@dataclass(frozen=True, slots=True)
class Journey:
    """Where parcels go and by which day; of which lines how many units, and which places may send them."""

    postal_code: str
    arrives_by: date | None
    is_cash_collected: bool
    # By line; without it all that is still to be planned.
    units: Mapping[int, int] | None = None
    sources: frozenset[int] | None = None
    lead_days_min: int = 0


def to_the_buyer(order: Order) -> Journey:
    is_cash = order.payment_method == PaymentMethod.CASH_ON_DELIVERY
    return Journey(order.postal_code, order.promised_on, is_cash)


def build(*, order: Order, now: datetime, journey: Journey | None = None) -> Question:
    """Everything that the plan of this order depends on. Its own claims count as free stock."""
    journey = journey or to_the_buyer(order)
    lines = [
        line
        for line in order.lines.select_related("variant").filter(kind=LineKind.GOODS)
        if line.variant_id
        and line.quantity > line.quantity_canceled + line.quantity_dispatched
        and (journey.units is None or line.pk in journey.units)
    ]
    rule = (
        RoutingRule.objects.filter(is_active=True)
        .prefetch_related("excluded_locations", "excluded_services")
        .first()
    )
    kinds = (LocationKind.STORE, LocationKind.WAREHOUSE)
    locations = list(Location.objects.filter(is_active=True, kind__in=kinds).order_by("code"))
    services = [
        service
        for service in CarrierService.objects.filter(is_active=True)
        .select_related("carrier")
        .order_by("position")
        if (rule is None or service not in rule.excluded_services.all()) and _keeps_hours(service, order)
    ]
    shelves = routing_shelves.read(order=order, lines=lines, now=now)
    calendar = _Calendar(locations, business_date(now), now)
    lead, ship_day, arrivals, leaving = _lanes(order, journey, locations, services, calendar)
    excluded = set(rule.excluded_locations.values_list("pk", flat=True)) if rule else set()
    if journey.sources is not None:
        excluded |= {place.pk for place in locations} - journey.sources
    units = routing_shelves.divide(
        lines=lines,
        shelves=shelves,
        locations=[
            place
            for i, place in enumerate(locations)
            if place.pk not in excluded and (lead[0, i] != engine.NOT_OFFERED).any()
        ],
        open_units=open_units(order=order, lines=lines) if journey.units is None else journey.units,
    )
    # What nobody has is a SKU of its own, without stock: left among the others it might be sent in their place.
    skus = list(dict.fromkeys((unit.sold_id, unit.is_missing) for unit in units))
    network = engine.Network(
        lead=lead,
        bands=_bands(services),
        cod=np.array([[float(s.cod_percent) / 100, float(s.cod_minimum)] for s in services]).reshape(
            len(services), 2
        ),
        ship_day=ship_day,
        cap=np.array([place.capacity_lines_soft for place in locations], np.int64),
        hard=np.array([ceil(place.capacity_lines_soft * 1.3) for place in locations], np.int64),
        pick_parcel=np.array([float(place.pick_cost_parcel) for place in locations]),
        pick_line=np.array([float(place.pick_cost_line) for place in locations]),
        rebate=np.array([float(place.tariff_factor) for place in locations]),
        allowed=np.array([[place.pk not in excluded for place in locations]], bool),
    )
    stock = np.array(
        [
            [0 if is_missing else shelves.free(sold_id, place.pk) for place in locations]
            for sold_id, is_missing in skus
        ],
        np.int64,
    )
    off, cum = _scarcity(units, skus, stock, locations, now)
    state = engine.State(
        stock=stock.reshape(len(skus), len(locations)),
        taken=np.zeros_like(stock),
        load=_load(order, locations),
        off=off,
        cum=cum,
    )
    promised = journey.arrives_by or business_date(now) + timedelta(days=LOOK_AHEAD_DAYS)
    count = len(units)
    orders = engine.Orders(
        zone=np.zeros(1, np.int64),
        promise=np.array([(promised - business_date(now)).days], np.int64),
        cod=np.array([journey.is_cash_collected], bool),
        start=np.array([0, count], np.int64),
        sku=np.array([skus.index((u.sold_id, u.is_missing)) for u in units], np.int64),
        qty=np.array([u.quantity for u in units], np.int64),
        grams=np.array([u.line.weight_grams * u.quantity for u in units], np.int64),
        value=np.array([float(u.line.total) * u.quantity / u.line.quantity for u in units]),
    )
    return Question(
        orders, network, state, _weights(rule), units, skus, shelves, locations, services, arrivals, leaving
    )


def _weights(rule: RoutingRule | None) -> engine.Weights:
    """In live use plans that keep the promise come first; a rule may change what the rest is worth."""
    # Half the price of crowding: measured to bring the gap on arrival from 4.4 to 3.1 % (docs/routing.md).
    # A line is left open only when nobody can send it: an order that is a week late already still wants its goods.
    usual = engine.Weights(keep_promise=True, crowding=0.5, short=LEFT_OPEN)
    chosen: Mapping[str, Any] = rule.weights if rule else {}
    return replace(
        usual,
        split=float(chosen.get("split", usual.split)),
        late_day=float(chosen.get("late_day", usual.late_day)),
        overflow=float(chosen.get("overflow", usual.overflow)),
        short=float(chosen.get("short", usual.short)),
    )


def open_units(*, order: Order, lines: Sequence[OrderLine]) -> dict[int, int]:
    """Per line the units that still need a plan: neither canceled, dispatched nor picked already. A kit that is being picked is done."""
    picked: dict[int, int] = {}
    for claim in warehouse.order_claims(order_id=order.pk):
        if claim.state in ("PICKED", "PACKED") and not claim.is_put_back:
            picked[claim.order_line_id] = picked.get(claim.order_line_id, 0) + claim.quantity
    left = {}
    for line in lines:
        wanted = line.quantity - line.quantity_canceled - line.quantity_dispatched
        is_kit = bool(line.variant and line.variant.is_kit)
        left[line.pk] = 0 if is_kit and picked.get(line.pk) else max(0, wanted - picked.get(line.pk, 0))
    return left


class _Calendar:
    """Working, collecting and delivering days of the next weeks."""

    def __init__(self, locations: Sequence[Location], today: date, now: datetime) -> None:
        self.today = today
        self.now = now
        self.days = [today + timedelta(days=n) for n in range(LOOK_AHEAD_DAYS + 1)]
        self.holidays = set(
            Holiday.objects.filter(date__range=(today, self.days[-1])).values_list("date", flat=True)
        )
        self.closed = set(
            LocationClosure.objects.filter(
                location__in=locations, date__range=(today, self.days[-1])
            ).values_list("location_id", "date")
        )

    def ship_day(self, place: Location, service: CarrierService) -> int | None:
        """Days from today to the first day that is worked and collected; today only before the cut-off."""
        return next(self.ship_days(place, service), None)

    def ship_day_for(self, place: Location, service: CarrierService, lead: int, wanted: date) -> int | None:
        """The last day on which a parcel may leave to be there on the wanted day, not before; else the first that is late."""
        on = (wanted - self.today).days
        exact = late = None
        for ship in self.ship_days(place, service):
            arrival = self.arrival(ship, lead, service)
            if arrival == on:
                exact = ship
            elif arrival is not None and arrival > on:
                late = ship
                break
        return late if exact is None else exact

    def ship_days(self, place: Location, service: CarrierService) -> Iterator[int]:
        local = self.now.astimezone(BUSINESS_ZONE)
        for offset, day in enumerate(self.days):
            if offset == 0 and local.time() >= place.cutoff_time:
                continue
            # Nobody collects on a holiday, so a place that works then ships the day after.
            works = day.weekday() in place.work_days and (place.pk, day) not in self.closed
            if works and day.weekday() in service.collect_days and day not in self.holidays:
                yield offset

    def arrival(self, ship: int, lead: int, service: CarrierService) -> int | None:
        """The lead counts delivery days of the carrier after the ship day; none: the same or the next delivery day."""
        for offset in range(ship if lead == 0 else ship + 1, len(self.days)):
            day = self.days[offset]
            if day.weekday() in service.deliver_days and day not in self.holidays:
                if lead <= 1:
                    return offset
                lead -= 1
        return None


def _lanes(
    order: Order,
    journey: Journey,
    locations: Sequence[Location],
    services: Sequence[CarrierService],
    calendar: _Calendar,
) -> tuple[Ints, Ints, dict[tuple[int, int], date], dict[tuple[int, int], date]]:
    """The engine adds one ship day per location and a lead per lane; both are worked out on the real calendar here."""
    lead = np.full((1, len(locations), len(services)), engine.NOT_OFFERED, np.int64)
    arrivals: dict[tuple[int, int], date] = {}
    leaving: dict[tuple[int, int], date] = {}
    zone_id = (
        DeliveryPostcode.objects.filter(postal_code=journey.postal_code)
        .values_list("zone_id", flat=True)
        .first()
    )
    rows = Lane.objects.filter(
        zone_id=zone_id, location__in=locations, service__in=services, lead_days__gte=journey.lead_days_min
    )
    place_index = {place.pk: i for i, place in enumerate(locations)}
    service_index = {service.pk: v for v, service in enumerate(services)}
    for location_id, service_id, days in rows.values_list("location_id", "service_id", "lead_days"):
        i, v = place_index[location_id], service_index[service_id]
        ship = (
            calendar.ship_day_for(locations[i], services[v], days, order.wanted_on)
            if order.wanted_on
            else calendar.ship_day(locations[i], services[v])
        )
        arrival = calendar.arrival(ship, days, services[v]) if ship is not None else None
        if arrival is not None:
            lead[0, i, v] = arrival
            arrivals[(i, v)] = calendar.days[arrival]
            if order.wanted_on and ship is not None:
                leaving[(i, v)] = calendar.days[ship]
    return lead, np.zeros(len(locations), np.int64), arrivals, leaving


def _keeps_hours(service: CarrierService, order: Order) -> bool:
    """Whoever chose hours, or a locker, is brought it by the service that offers them."""
    chosen = order.wanted_slot or order.locker
    return chosen is None or chosen.service_id == service.pk


def _bands(services: Sequence[CarrierService]) -> list[tuple[Floats, Floats]]:
    rows: dict[int, list[tuple[int, Decimal]]] = {service.pk: [] for service in services}
    for service_id, grams, price in CarrierTariff.objects.filter(service__in=services).values_list(
        "service_id", "weight_grams_to", "price_net"
    ):
        rows[service_id].append((grams, price))
    return [
        (
            np.array([float(grams) for grams, _ in sorted(rows[service.pk])]),
            np.array([float(price) for _, price in sorted(rows[service.pk])]),
        )
        for service in services
    ]


def _load(order: Order, locations: Sequence[Location]) -> Ints:
    """Lines that wait to be picked in each location, without this order's own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.location_id, count(*) FROM warehouse_reservation r JOIN oms_orderline l ON l.id = r.order_line_id "
            "WHERE r.state = 'ALLOCATED' AND l.order_id <> %s GROUP BY 1",
            (order.pk,),
        )
        lines = dict(cursor.fetchall())
    return np.array([lines.get(place.pk, 0) for place in locations], np.int64)


def _scarcity(
    units: Sequence[Unit], skus: Sequence[Sku], stock: Ints, locations: Sequence[Location], now: datetime
) -> tuple[Ints, Floats]:
    """cum[off + k]: the expected lost margin of taking k units from a cell, from what was sold in the last quarter.

    P(demand until the next replenishment ≥ stock − k + 1) with Poisson demand, spread evenly over the places that hold the title.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT variant_id, sum(quantity) FROM oms_orderline WHERE variant_id = ANY(%s) AND ordered_at > %s GROUP BY 1",
            ([sold_id for sold_id, _ in skus], now - timedelta(days=SALES_DAYS)),
        )
        sold = dict(cursor.fetchall())
    off = np.zeros((len(skus), len(locations)), np.int64)
    cum: list[float] = [0.0]
    for s, (sold_id, _) in enumerate(skus):
        lines = [unit for unit in units if unit.sold_id == sold_id]
        wanted = sum(unit.quantity for unit in lines)
        holders = max(1, int((stock[s] > 0).sum()))
        mean = float(sold.get(sold_id, 0)) / SALES_DAYS * REPLENISHMENT_DAYS / holders
        net = float(lines[0].line.unit_price) / (1 + float(lines[0].line.tax_rate) / 100)
        for i, place in enumerate(locations):
            on_hand = int(stock[s, i])
            if on_hand == 0:
                continue
            off[s, i] = len(cum)
            worth = float(MARGIN) * net * LOST[LocationKind(place.kind)]
            cum.append(0.0)
            for k in range(1, min(on_hand, wanted) + 1):
                cum.append(cum[-1] + worth * _at_least(mean, on_hand - k + 1))
            # The engine may read up to the stock; what this order can't take is never asked, but must exist.
            cum.extend([cum[-1]] * (on_hand - min(on_hand, wanted)))
    return off, np.array(cum)


def _at_least(mean: float, n: int) -> float:
    """P(Poisson(mean) ≥ n)."""
    if mean <= 0:
        return 0.0
    if n > mean * 4 + 40:
        return 0.0
    term, below = exp(-mean), 0.0
    for k in range(n):
        below += term
        term *= mean / (k + 1)
    return max(0.0, 1.0 - below)
