"""Routing: the engine proposes where each line ships from, a person or a rule ratifies, and only then the claims move."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from audit import operations as proposals
from audit.models import Proposal
from oms import events
from oms import operations as orders
from oms import routing as engine
from oms.models import Order, OrderException, RoutingDecision, RoutingRule
from oms.states import (
    DecisionState,
    DeliveryKind,
    ExceptionKind,
    ExceptionState,
    FulfillmentStatus,
    OrderStatus,
)
from oms.workflows import routing_input, routing_shelves, to_store
from retail.kernel.errors import Refusal
from retail.kernel.models import Location, User
from retail.kernel.outbox import announce
from warehouse import operations as stock
from warehouse import selectors as warehouse

KIND = "ROUTING"
PERMISSION = "oms.ratify_routing"
ROUTABLE = {OrderStatus.PLACED, OrderStatus.IN_FULFILLMENT}
ENDED_BY_A_PLAN = (
    ExceptionKind.UNROUTABLE,
    ExceptionKind.LATE_PLAN,
    ExceptionKind.SHORT_PICK,
    ExceptionKind.DISPLACED_CLAIM,
)
_KIND_NAMES = {
    engine.Kind.ONE_PARCEL: "ONE_PARCEL",
    engine.Kind.SPLIT: "SPLIT",
    engine.Kind.LATE: "LATE",
    engine.Kind.SHORT: "SHORT",
}


class NotRoutable(Refusal):
    """The order waits for money, is held, or has nothing left to ship."""

    code = "NOT_ROUTABLE"


def route_order(*, order_id: int, now: datetime, by: User | None = None) -> RoutingDecision:
    """Work out the best plan, put it before a person, and let a rule ratify it when it is under its limit."""
    decision = propose_routing(order_id=order_id, now=now, by=by)
    rule = _rule_for(decision) if decision.state == DecisionState.PROPOSED else None
    if rule is not None and decision.proposal is not None:
        ratify_routing(public_id=decision.proposal.public_id, by=None, rule=rule.name, now=now)
        decision.refresh_from_db()
    return decision


def propose_routing(*, order_id: int, now: datetime, by: User | None = None) -> RoutingDecision:
    """The exact optimum of this order as things are now: a decision with all its terms, and a proposal."""
    with transaction.atomic():
        order = orders.lock_order(order_id=order_id)
        if order.is_awaiting_supply:
            raise NotRoutable(f"{order.number} waits for goods that are under way.", number=order.number)
        if order.status not in ROUTABLE:
            raise NotRoutable(
                f"{order.number} is {order.get_status_display()}.", number=order.number, status=order.status
            )
        if order.delivery_method == DeliveryKind.STORE_PICKUP:
            return _propose(order, *_pickup_plan(order, now), now=now, by=by)
        if order.is_sent_to_store:
            return _propose(order, *_plan_to_store(order, now), now=now, by=by)
        question = routing_input.build(order=order, now=now)
        if not question.units:
            raise NotRoutable(f"{order.number} has nothing left to ship.", number=order.number)
        return _propose(order, *_read(order, question, routing_input.solve(question)), now=now, by=by)


def ratify_routing(
    *, public_id: str, by: User | None, now: datetime, rule: str = "", limit: Decimal | None = None
) -> Proposal:
    """Move the claims and make the shipments. A plan that can no longer be had is stale; a fresh one is attached to it."""
    stale: proposals.StaleProposal | None = None
    with transaction.atomic():
        _lock_order_of(public_id)
        try:
            return proposals.ratify(public_id=public_id, by=by, rule=rule, limit=limit, now=now)
        except proposals.StaleProposal as refusal:
            stale = refusal  # that it is stale stays written
    _propose_again(public_id, now)
    raise stale


def reject_routing(*, public_id: str, reason: str, by: User, now: datetime) -> Proposal:
    with transaction.atomic():
        _lock_order_of(public_id)
        proposal = proposals.reject(public_id=public_id, reason=reason, by=by, now=now)
        RoutingDecision.objects.filter(proposal=proposal).update(state=DecisionState.REJECTED)
        return proposal


def _lock_order_of(public_id: str) -> None:
    """The order before its plan, as whoever plans anew does: two that met the other way round would wait for ever."""
    number = Proposal.objects.filter(public_id=public_id, kind=KIND).values_list("subject_key", flat=True)
    if known := number.first():
        orders.lock_order_by_number(number=known)


def apply(proposal: Proposal, by: User | None, now: datetime) -> None:
    """What ratifying does, inside the ratifying transaction (registered at start-up)."""
    order = orders.lock_order_by_number(number=proposal.subject_key)
    decision = RoutingDecision.objects.select_for_update().get(proposal=proposal)
    if order.version != proposal.base["version"] or order.status not in ROUTABLE:
        raise proposals.StaleProposal("The order has changed since this plan was made.", number=order.number)
    plan = [step for step in decision.plan if step["location_id"] is not None]
    try:
        stock.repoint_claims(
            order_id=order.pk,
            targets=[
                *((step["order_line"], step["location_id"], step["quantity"]) for step in plan),
                *_picked(order, {step["order_line"] for step in plan}),
            ],
            now=now,
            channel_id=order.channel_id,
        )
    except stock.TargetTaken as refusal:
        raise proposals.StaleProposal(
            "Somebody else took units of this plan.", **refusal.details
        ) from refusal
    except stock.InvalidQuantity as refusal:
        # Picking does not touch the order, so its version says nothing about units that were taken off the shelf since.
        raise proposals.StaleProposal(
            "The order's claims have changed since this plan was made.", number=order.number
        ) from refusal
    _ship(order, plan, by, now)
    decision.state, decision.ratified_by, decision.ratified_at = DecisionState.RATIFIED, by, now
    decision.ratified_by_rule = proposal.decided_by_rule
    decision.save(update_fields=["state", "ratified_by", "ratified_by_rule", "ratified_at"])
    if order.fulfillment_status != FulfillmentStatus.PARTLY_DISPATCHED:
        orders.set_fulfillment(order_id=order.pk, status=FulfillmentStatus.ROUTED)
    if decision.is_late:
        order.refresh_from_db()
        late = {**order.promise, "date": proposal.effect.get("arrives_on"), "ready_at": None}
        orders.change_promise(order=order, promise=late, cause="the plan on time could not be had", now=now)
    _close_cases(order, {step["sku"] for step in plan}, now)
    announce(
        events.OrderRouted(order_id=order.pk, number=order.number, decision_id=decision.pk),
        subject=("order", order.number),
    )


def _ship(order: Order, plan: list[dict[str, Any]], by: User | None, now: datetime) -> None:
    """Shipments to the buyer; to a store, transfers of what is elsewhere and a shipment of what stands there."""
    if order.is_sent_to_store:
        stock.plan_transfers(order_id=order.pk, plan=plan, by=by, now=now)
        plan = [step for step in plan if step["location_id"] == order.pickup_location_id]
    stock.create_shipments(order_id=order.pk, plan=plan, by=by, now=now)


def _close_cases(order: Order, skus: set[str], now: datetime) -> None:
    """What the inbox says of this order's plan, and of units that were missing from these lines, is over."""
    keys = [order.number, *(f"{order.number}:{sku}" for sku in skus)]
    for case in OrderException.objects.filter(
        state=ExceptionState.OPEN, kind__in=ENDED_BY_A_PLAN, cause_key__in=keys
    ).order_by("pk"):
        orders.resolve_exception(public_id=case.public_id, resolution="a plan was ratified", by=None, now=now)


def _picked(order: Order, line_ids: set[int]) -> list[tuple[int, int, int]]:
    """A plan is about units on shelves; those of its lines that are picked already stay where they are."""
    return [
        (claim.order_line_id, claim.location_id, claim.quantity)
        for claim in warehouse.order_claims(order_id=order.pk)
        if claim.order_line_id in line_ids and claim.state in ("PICKED", "PACKED") and not claim.is_put_back
    ]


def _propose_again(public_id: str, now: datetime) -> None:
    """The stale proposal points to a fresh one, made on what is there now."""
    stale = Proposal.objects.get(public_id=public_id)
    RoutingDecision.objects.filter(proposal=stale).update(state=DecisionState.STALE)
    order_id = Order.objects.values_list("pk", flat=True).get(number=stale.subject_key)
    try:
        fresh = propose_routing(order_id=order_id, now=now)
    except NotRoutable:
        return
    Proposal.objects.filter(pk=stale.pk).update(replaced_by=fresh.proposal)


def _rule_for(decision: RoutingDecision) -> RoutingRule | None:
    """The rule that lets this plan ratify itself; an exception always waits for a person."""
    if decision.is_late or decision.proposal is None or decision.proposal.is_exception:
        return None
    rules = RoutingRule.objects.filter(is_active=True, ratify_value_below__gt=decision.order.total)
    return next((r for r in rules if r.channel_id in (None, decision.order.channel_id)), None)


# --- reading the engine's answer ----------------------------------------------------------------------------------------------

_Read = tuple[
    list[dict[str, Any]], dict[str, str], list[dict[str, Any]], dict[str, Any], float, date | None, str
]


def _read(order: Order, question: routing_input.Question, answer: engine.Decisions) -> _Read:
    """The engine's arrays as JSON that a page can show and a verb can apply."""
    chosen = answer.plan(0)
    steps = _steps(question, chosen)
    arrivals = [
        question.arrivals[(int(i), int(v))]
        for i, v in zip(chosen.location, chosen.service, strict=True)
        if i != engine.OPEN
    ]
    runners = [
        {
            "kind": _KIND_NAMES[plan.kind],
            "plan": _steps(question, plan),
            "terms": _terms(plan),
            "cost": _cost(plan),
        }
        for plan in answer.runner_up[0]
    ]
    by_location = {
        place.code: {"cost": f"{answer.whole[0, i]:.2f}"}
        if answer.reject[0, i] == engine.Reject.NONE
        else {"reject": engine.Reject(int(answer.reject[0, i])).name}
        for i, place in enumerate(question.locations)
    }
    return (
        steps,
        _terms(chosen),
        runners,
        by_location,
        answer.seconds * 1000,
        max(arrivals, default=None),
        _KIND_NAMES[chosen.kind],
    )


def _terms(plan: engine.Plan) -> dict[str, str]:
    return {name: str(Decimal(paras) / 100) for name, paras in plan.paras.items()}


def _cost(plan: engine.Plan) -> str:
    return str(Decimal(sum(plan.paras.values())) / 100)


def _steps(question: routing_input.Question, plan: engine.Plan) -> list[dict[str, Any]]:
    steps = []
    for unit, i, v, parcel in zip(question.units, plan.location, plan.service, plan.parcel, strict=True):
        is_open = int(i) == engine.OPEN
        place = None if is_open else question.locations[int(i)]
        service = None if is_open else question.services[int(v)]
        steps.append(
            {
                "line": unit.line.position,
                "order_line": unit.line.pk,
                "sku": unit.line.sku,
                "title": unit.line.title,
                "quantity": unit.quantity,
                "location": place.code if place else None,
                "location_id": place.pk if place else None,
                "service": service.code if service else None,
                "carrier": service.carrier.name if service else None,
                "parcel": None if is_open else int(parcel) + 1,
                **_leaving(question, int(i), int(v)),
            }
        )
    return steps


def _leaving(question: routing_input.Question, i: int, v: int) -> dict[str, str]:
    """The day that the goods are kept until, where the shopper chose when they come."""
    day = question.leaving.get((i, v))
    return {"ship_on": day.isoformat()} if day else {}


def _pickup_plan(order: Order, now: datetime) -> _Read:
    """Pickup has one answer: the store's own stock, already claimed at placement; units that are gone from there are missing."""
    store, units = _on_its_shelves(order, now)
    here = [unit for unit in units if not unit.is_missing]
    steps = [_step_in_store(unit, store) for unit in units]
    pick = _pick_cost(store, len(here))
    terms = dict.fromkeys(engine.TERMS, "0") | {"pick": str(pick)}
    kind = "ONE_PARCEL" if len(here) == len(units) else "SHORT"
    return steps, terms, [], {store.code: {"cost": str(pick)}}, 0.0, None, kind


def _plan_to_store(order: Order, now: datetime) -> _Read:
    """What the store has stays there; for the rest the exact plan of a delivery to the store, by our own places."""
    store, units = _on_its_shelves(order, now)
    here = [unit for unit in units if not unit.is_missing]
    steps = [_step_in_store(unit, store) for unit in here]
    pick = _pick_cost(store, len(here))
    if len(here) == len(units):
        terms = dict.fromkeys(engine.TERMS, "0") | {"pick": str(pick)}
        return steps, terms, [], {store.code: {"cost": str(pick)}}, 0.0, None, "ONE_PARCEL"
    journey = to_store.journey(order=order, store=store, missing=[unit for unit in units if unit.is_missing])
    question = routing_input.build(order=order, now=now, journey=journey)
    answer = routing_input.solve(question)
    coming, terms, runners, by_location, milliseconds, arrives_on, kind = _read(order, question, answer)
    terms = terms | {"pick": str(Decimal(terms["pick"]) + pick)}
    to_store.tell_arrivals(
        steps=coming, question=question, plan=answer.plan(0), store=store, is_first=not steps
    )
    return [*steps, *coming], terms, runners, by_location, milliseconds, arrives_on, kind


def _on_its_shelves(order: Order, now: datetime) -> tuple[Location, list[routing_shelves.Unit]]:
    """The store of an order that is handed over there, and the open units: what it has, and what it has not."""
    store = order.pickup_location
    assert store is not None, "the row says so"
    goods = list(order.lines.select_related("variant").filter(kind="GOODS"))
    units = routing_shelves.divide(
        lines=goods,
        shelves=routing_shelves.read(order=order, lines=goods, now=now),
        locations=[store],
        open_units=routing_input.open_units(order=order, lines=goods),
    )
    if not units:
        raise NotRoutable(f"{order.number} has nothing left to hand over.", number=order.number)
    return store, units


def _pick_cost(store: Location, lines: int) -> Decimal:
    return (store.pick_cost_parcel if lines else Decimal(0)) + store.pick_cost_line * lines


def _step_in_store(unit: routing_shelves.Unit, store: Location) -> dict[str, Any]:
    return {
        "line": unit.line.position,
        "order_line": unit.line.pk,
        "sku": unit.line.sku,
        "title": unit.line.title,
        "quantity": unit.quantity,
        "location": None if unit.is_missing else store.code,
        "location_id": None if unit.is_missing else store.pk,
        "service": None,
        "carrier": None,
        "parcel": None if unit.is_missing else 1,
    }


def _propose(
    order: Order,
    steps: list[dict[str, Any]],
    terms: dict[str, str],
    runners: list[dict[str, Any]],
    by_location: dict[str, Any],
    compute_ms: float,
    arrives_on: date | None,
    kind: str,
    *,
    now: datetime,
    by: User | None,
) -> RoutingDecision:
    cost = sum((Decimal(term) for term in terms.values()), Decimal(0))
    is_short, is_late = kind == "SHORT", kind == "LATE"
    decision = RoutingDecision(
        order=order,
        state=DecisionState.UNROUTABLE if is_short else DecisionState.PROPOSED,
        order_version=order.version,
        plan=steps,
        terms=terms,
        cost=cost,
        runners_up=runners,
        by_location=by_location,
        is_late=is_late,
        compute_ms=compute_ms,
        created_at=now,
    )
    if is_short:
        missing = [{"sku": s["sku"], "quantity": s["quantity"]} for s in steps if s["location"] is None]
        orders.open_exception(
            kind="UNROUTABLE", order_id=order.pk, cause_key=order.number, detail={"lines": missing}, now=now
        )
    else:
        decision.proposal = proposals.propose(
            kind=KIND,
            title=f"{order.number}: {len({s['parcel'] for s in steps})} × {', '.join(sorted({s['location'] for s in steps}))}",
            subject=("order", order.number),
            change={"plan": steps},
            diff=_diff(order, steps),
            effect={
                "cost": str(cost),
                "terms": terms,
                "kind": kind,
                "arrives_on": arrives_on.isoformat() if arrives_on else None,
            },
            base={"version": order.version},
            now=now,
            by=by,
            author_label="routing",
            value=order.total,
            currency=order.currency,
            is_exception=is_late,
        )
        if is_late:
            orders.open_exception(
                kind="LATE_PLAN",
                order_id=order.pk,
                cause_key=order.number,
                detail={"promised_on": str(order.promised_on), "arrives_on": str(arrives_on)},
                now=now,
            )
    decision.save()
    return decision


def _diff(order: Order, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per line: where its units are claimed now, and where the plan takes them from."""
    before: dict[int, dict[str, int]] = {}
    for claim in warehouse.order_claims(order_id=order.pk):
        if claim.state in ("HELD", "ALLOCATED"):
            places = before.setdefault(claim.order_line_id, {})
            places[claim.location] = places.get(claim.location, 0) + claim.quantity
    return [
        {
            "field": f"{step['sku']} × {step['quantity']}",
            "before": ", ".join(
                f"{code} × {n}" for code, n in sorted(before.get(step["order_line"], {}).items())
            ),
            "after": f"{' → '.join([step['location'], *step.get('to', ())])} · {step['carrier'] or 'pickup'} · {step['parcel']}",
        }
        for step in steps
    ]
