"""Placing an order: one transaction writes it and moves the claims, the provider is called outside, another records its answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import translation

from crm import operations as crm
from crm.models import Customer
from finance import rules as finance_rules
from finance import workflows as money
from finance.models import Payment
from finance.workflows.sef_registration import AT_PLACEMENT, Registration, look_up
from oms import events
from oms import selectors as oms
from oms.models import Order, OrderLine
from oms.pricing import LineKind as PricedKind
from oms.pricing import PricedLine
from oms.states import BasketState, DeliveryKind, FulfillmentStatus, LineKind, OrderStatus, PaymentMethod
from oms.workflows import points, tenders
from oms.workflows.baskets import BasketNotFound
from oms.workflows.placing_rows import Desk, KeyKept, Line, line_keys, read, write
from oms.workflows.taking import gift_of, line_discounts, taken_of, with_gifts_that_can_be_had
from retail.kernel import failpoints, idempotency
from retail.kernel.clock import BUSINESS_ZONE, business_date
from retail.kernel.errors import InvalidInput, Refusal
from retail.kernel.identifiers import parse_email, parse_phone, parse_pib
from retail.kernel.models import Holiday, Location, User
from retail.kernel.outbox import announce, collected, events_as_rows, ring_for
from warehouse import operations as stock
from warehouse import selectors as warehouse

CARD_DEADLINE = timedelta(minutes=30)
TRANSFER_WORKING_DAYS = 3


class EmptyBasket(Refusal):
    code = "EMPTY_BASKET"


class BasketOrdered(Refusal):
    """The basket became an order already, under another key."""

    code = "BASKET_ORDERED"


class MethodNotAvailable(Refusal):
    """The delivery or payment method cannot be had for this basket now."""

    code = "METHOD_NOT_AVAILABLE"


class PriceChanged(Refusal):
    """The total is not the one the shopper saw: show it and ask again."""

    code = "PRICE_CHANGED"


class InvalidContact(InvalidInput):
    code = "INVALID_CONTACT"


class _GiftGone(Exception):
    """Somebody else took the last gift between the price and the claim: the order goes on without it."""

    def __init__(self, facts: frozenset[str]) -> None:
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    pib: str
    registration_number: str = ""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What the shopper (or an integrator) says at checkout."""

    basket_token: str
    email: str
    name: str
    phone: str
    delivery_method: str
    payment_method: str
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = "RS"
    company: Company | None = None
    pickup_location: str = ""
    language: str = "sr-latn"
    note: str = ""
    customer_id: int | None = None
    expected_total: Decimal | None = None
    # Home delivery on a day of the shopper's choice; without it on the earliest.
    wanted: warehouse.WantedDay | None = None
    locker: str = ""
    # What was shown as left to pay beside gift cards.
    expected_rest: Decimal | None = None
    idempotency_caller: str = ""
    idempotency_key: str = ""


_Written = tuple[Order, Payment, Sequence[OrderLine]]


@dataclass(frozen=True, slots=True)
class Placed:
    order: Order
    payment: Payment
    redirect_url: str | None
    lines: Sequence[OrderLine] = ()


def place_order(
    *,
    checkout: Checkout,
    by: User | None,
    now: datetime,
    claim: idempotency.Claim | None = None,
    answer: Callable[[Placed], idempotency.Answer] | None = None,
) -> Placed:
    """Write the order once; the same key gives the same order again, also after a crash in between.

    With `claim` the key is claimed and `answer` kept in the order's own transaction, for orders that nobody outside is asked about.
    Refuses EmptyBasket, HoldLost, OutOfStock, PriceChanged, MethodNotAvailable, InvalidContact, InvalidPib, BasketNotFound, BasketOrdered,
    CouponUsed, TenderChanged, MethodMissing, and with a claim KeyInFlight, KeyReused; raises AnsweredBefore.
    """
    checkout = _normalize(checkout)
    registration = None
    if checkout.company is not None:
        registration = sef_registration(checkout.company, now)
        checkout = replace(checkout, company=with_registration_number(checkout.company, registration))
    try:
        order, payment, lines = _create(checkout, registration, by, now, claim, answer)
        failpoints.hit("order.committed")
    except (crm.OfferGone, points.PointsGone) as gone:
        raise PriceChanged(
            "A discount was used up since you saw it.", total=_total_now(checkout, now), lines=[]
        ) from gone
    except IntegrityError as error:
        if "order_once_per_key" not in str(error):
            raise
        order, payment, lines = _placed_before(checkout)
    except KeyKept:
        assert claim is not None
        before = idempotency.answer_before(
            caller=claim.caller, key=claim.key, request_hash=claim.request_hash
        )
        if before is not None:
            raise idempotency.AnsweredBefore(before) from None
        return place_order(checkout=checkout, by=by, now=now, claim=claim, answer=answer)  # freed meanwhile
    redirect_url = None
    if payment.method == PaymentMethod.CARD:
        # Outside any transaction; when the provider cannot be reached the order stands and the shopper tries again.
        try:
            payment = money.open_card_session(payment_id=payment.pk, language=checkout.language, now=now)
            redirect_url = payment.redirect_url or None
        except money.CardUnavailable:
            redirect_url = None
    return Placed(order, payment, redirect_url, lines)


def _normalize(checkout: Checkout) -> Checkout:
    """Contacts in their one form, or a refusal that names every field that is wrong."""
    email, phone = parse_email(checkout.email), parse_phone(checkout.phone)
    wrong = {
        "email": not email,
        "phone": not phone,
        "name": not checkout.name.strip(),
        "delivery": checkout.delivery_method not in DeliveryKind.values,
        "payment": checkout.payment_method not in PaymentMethod.values,
    }
    if checkout.delivery_method == DeliveryKind.HOME_DELIVERY:
        for name in ("street", "city", "postal_code"):
            wrong[name] = not getattr(checkout, name).strip()
    if checkout.delivery_method == DeliveryKind.STORE_PICKUP:
        wrong["pickup_location"] = not checkout.pickup_location
    if checkout.delivery_method == DeliveryKind.PARCEL_LOCKER:
        wrong["locker"] = not checkout.locker
        # A locker takes no cash.
        wrong["payment"] |= checkout.payment_method == PaymentMethod.CASH_ON_DELIVERY
    if any(wrong.values()):
        raise InvalidContact(
            "Some fields are missing or not right.", fields=sorted(k for k, bad in wrong.items() if bad)
        )
    company = checkout.company
    if company is not None:
        pib = parse_pib(company.pib)
        if pib is None:
            raise crm.InvalidPib(
                "This is not a PIB: it has nine digits, the last one is a check digit.", pib=company.pib[:20]
            )
        if not company.name.strip():
            raise InvalidContact("Some fields are missing or not right.", fields=["company_name"])
        company = Company(company.name.strip()[:200], pib, company.registration_number.strip()[:20])
    assert email is not None and phone is not None
    values = {f: getattr(checkout, f) for f in checkout.__slots__}
    values |= {"email": email, "phone": phone, "name": checkout.name.strip()[:200], "company": company}
    values |= {f: values[f].strip()[:n] for f, n in (("street", 200), ("city", 100), ("postal_code", 12))}
    return Checkout(**values)


def _create(
    checkout: Checkout,
    registration: Registration | None,
    by: User | None,
    now: datetime,
    claim: idempotency.Claim | None,
    answer: Callable[[Placed], idempotency.Answer] | None,
) -> _Written:
    gone: frozenset[str] = frozenset()
    while True:
        try:
            return _create_with_claims(checkout, registration, by, now, claim, answer, gone)
        except _GiftGone as gift:
            gone |= gift.facts


def _total_now(checkout: Checkout, now: datetime) -> str:
    """What the basket costs after a refusal took everything back."""
    basket = oms.basket_by_token(checkout.basket_token)
    if basket is None:
        return ""
    wanted = points.wanted_by(
        wanted=basket.points_wanted, holder_id=basket.customer_id, orderer_id=checkout.customer_id
    )
    basket.customer_id = basket.customer_id or checkout.customer_id
    lines = oms.basket_lines(basket)
    quote = oms.quote_basket(basket=basket, lines=lines, now=now, delivery_method=checkout.delivery_method)
    quote = with_gifts_that_can_be_had(quote, channel_id=basket.channel_id, now=now)
    found = points.paid_with_points(
        quote,
        wanted=wanted,
        customer_id=basket.customer_id,
        currency=basket.channel.currency,
        now=now,
    )
    return str(found.priced.total)


@transaction.atomic
def _create_with_claims(
    checkout: Checkout,
    registration: Registration | None,
    by: User | None,
    now: datetime,
    claim: idempotency.Claim | None,
    answer: Callable[[Placed], idempotency.Answer] | None,
    gone: frozenset[str],
) -> _Written:
    desk = _claim_basket(checkout, claim, now)
    if desk.state == BasketState.ORDERED:
        written = _placed_before(checkout)
        if claim is not None and answer is not None:
            _keep(claim, answer(Placed(written[0], written[1], None, written[2])))
        return written
    if not desk.lines:
        raise EmptyBasket("The basket is empty.")
    if gone_lines := [line.key for line in desk.lines if not line.is_sold]:
        raise PriceChanged("Something in the basket is no longer sold.", total="", lines=gone_lines)
    quote = _quote(desk, checkout, gone, now)
    promise = _promise(desk, checkout, quote, now)
    split = tenders.split(tenders=desk.tenders, total=quote.priced.total, method=checkout.payment_method)
    tenders.check(made=split, expected_rest=checkout.expected_rest)
    checkout = replace(checkout, payment_method=split.method)
    with collected() as announced:
        guest = _guest(desk, checkout, now) if desk.is_new_guest else None
        order = _order(desk, checkout, registration, quote, promise, by, now)
        sold = _order_lines(order, desk, quote, now)
        payment = tenders.prepare(made=split, order=order, payment_id=desk.payment_id, now=now)
        announce(
            events.OrderPlaced(order_id=order.pk, number=order.number, status=order.status),
            subject=("order", order.number),
        )
    placed = Placed(order, payment, None, [row for row, _ in sold])
    # After the account, before any coupon.
    points.burn(order=order, quote=quote, by=by, now=now)
    _write(
        desk,
        placed,
        guest,
        quote,
        split,
        {line.pk: row.pk for row, line in sold if line},
        announced,
        claim,
        answer,
        now,
    )
    tenders.book(made=split, order=order, by=by, now=now)
    _claim_gifts(order, placed.lines, quote, now)
    failpoints.hit("order.written")
    return order, payment, placed.lines


def _claim_gifts(order: Order, rows: Sequence[OrderLine], quote: oms.Quote, now: datetime) -> None:
    sold = zip(rows, quote.priced.lines, strict=True)
    gifts = {row.pk: gift_of(quote.offers, priced) for row, priced in sold if priced.is_gift}
    if not gifts:
        return
    waits = order.status == OrderStatus.PENDING_PAYMENT
    try:
        stock.claim_for_order_lines(
            demands=[
                (pk, variant, units, order.pickup_location_id) for pk, (_, variant, units) in gifts.items()
            ],
            channel_id=order.channel_id,
            state="HELD" if waits else "ALLOCATED",
            expires_at=order.payment_deadline if waits else None,
            now=now,
        )
    except stock.OutOfStock as refusal:
        raise _GiftGone(frozenset(f"gift:{code}" for code, _, _ in gifts.values())) from refusal


def _keep(claim: idempotency.Claim, answer: idempotency.Answer) -> None:
    idempotency.store_answer(caller=claim.caller, key=claim.key, status=answer.status, body=answer.body)


def _claim_basket(checkout: Checkout, claim: idempotency.Claim | None, now: datetime) -> Desk:
    is_guest = checkout.company is None and checkout.customer_id is None
    desk = (
        read(
            token=checkout.basket_token,
            postal_code=checkout.postal_code,
            mailbox=checkout.email if is_guest else "",
            claim=claim,
            now=now,
        )
        if checkout.basket_token
        else None
    )
    if claim is not None:
        failpoints.hit("key.claimed")
    if desk is None:
        raise BasketNotFound("There is no such basket.")
    return desk


def _quote(desk: Desk, checkout: Checkout, gone: frozenset[str], now: datetime) -> oms.Quote:
    """For the account of the basket, or of who logged in since; what a guest types is nobody's account."""
    customer_id = desk.customer_id or checkout.customer_id
    wanted = [oms.Wanted(line.key, line.goods, line.quantity) for line in desk.lines]
    quote = oms.quote(
        channel=desk.channel,
        wanted=wanted,
        now=now,
        delivery_method=checkout.delivery_method,
        known=desk.tariff if customer_id == desk.customer_id else None,
        customer_id=customer_id,
        basket_id=desk.basket_id,
    )
    quote = with_gifts_that_can_be_had(
        quote.without(gone) if gone else quote, channel_id=desk.channel.pk, now=now
    )
    quote = points.paid_with_points(
        quote,
        wanted=points.wanted_by(
            wanted=desk.points_wanted, holder_id=desk.customer_id, orderer_id=checkout.customer_id
        ),
        customer_id=customer_id,
        currency=desk.channel.currency,
        now=now,
    )
    if quote.unpriced or (
        checkout.expected_total is not None and quote.priced.total != checkout.expected_total
    ):
        raise PriceChanged(
            "The total has changed since you saw it.",
            total=str(quote.priced.total),
            lines=list(quote.unpriced),
        )
    return quote


def _placed_before(checkout: Checkout) -> _Written:
    """The order that this key made; a double click, a retry, a second tab."""
    order = Order.objects.filter(basket__token=checkout.basket_token).first()
    if order is None or (order.idempotency_caller, order.idempotency_key) != (
        checkout.idempotency_caller,
        checkout.idempotency_key,
    ):
        raise BasketOrdered("This basket was ordered already.", number=order.number if order else "")
    return order, Payment.objects.filter(order=order).order_by("-attempt")[0], list(order.lines.all())


def _promise(desk: Desk, checkout: Checkout, quote: oms.Quote, now: datetime) -> warehouse.Option:
    """The option that the shopper chose, as it can be had now."""
    place_ids = None
    if checkout.pickup_location:
        place_ids = list(
            Location.objects.filter(code=checkout.pickup_location, has_pickup=True).values_list(
                "pk", flat=True
            )
        )
        if not place_ids:
            raise MethodNotAvailable(
                "There is no such pickup location.", location=checkout.pickup_location[:20]
            )
    options = warehouse.promise_options(
        lines=[(line.goods.pk, line.quantity) for line in desk.lines],
        channel_id=desk.channel.pk,
        now=now,
        postal_code=checkout.postal_code or desk.postal_code or None,
        pickup_location_ids=place_ids,
        basket_id=desk.basket_id,
        goods_total=quote.priced.goods_total,
        method_code=checkout.delivery_method,
        known=desk.live,
        wanted=wanted_day(checkout.delivery_method, checkout.wanted),
        locker_code=checkout.locker,
    )
    chosen = [
        o
        for o in options
        if o.method == checkout.delivery_method
        and (
            not checkout.pickup_location
            or (o.location is not None and o.location.code == checkout.pickup_location)
        )
    ]
    option = chosen[0] if chosen else None
    if (
        option is None
        or not option.is_orderable
        or option.reason
        or checkout.delivery_method not in quote.fees
    ):
        if option is not None and option.reason == "OUT_OF_STOCK":
            _hold_all(desk, now)  # refuses by line, with what can be had
        raise MethodNotAvailable(
            "This delivery method cannot be had for the basket.",
            method=checkout.delivery_method,
            reason=option.reason if option is not None and option.reason else "NOT_OFFERED",
        )
    return option


def wanted_day(method: str, wanted: warehouse.WantedDay | None) -> warehouse.WantedDay | None:
    """A courier can be told when to come; a store keeps its hours."""
    return wanted if method == DeliveryKind.HOME_DELIVERY else None


def promise_json(option: warehouse.Option) -> dict[str, Any]:
    slot = option.slot
    hours = {"slot": [f"{slot.begins:%H:%M}", f"{slot.ends:%H:%M}"]} if slot is not None else {}
    return {
        "method": option.method,
        "date": option.date.isoformat() if option.date else None,
        "ready_at": option.ready_at.isoformat() if option.ready_at else None,
        "carrier": option.carrier_code,
        "locations": list(option.locations),
        **hours,
    }


def _order(
    desk: Desk,
    checkout: Checkout,
    registration: Registration | None,
    quote: oms.Quote,
    promise: warehouse.Option,
    by: User | None,
    now: datetime,
) -> Order:
    customer_id = _customer_id(desk, checkout, now)
    if registration is not None and registration.is_new:
        crm.record_sef_registration(
            customer_id=customer_id, is_registered=bool(registration.is_registered), now=now
        )
    company = checkout.company
    wanted = wanted_day(checkout.delivery_method, checkout.wanted)
    waits = checkout.payment_method in (PaymentMethod.CARD, PaymentMethod.BANK_TRANSFER)
    pickup = (
        Location.objects.only("pk").get(code=checkout.pickup_location)
        if checkout.delivery_method == DeliveryKind.STORE_PICKUP
        else None
    )
    # Goods for a locker go to its address; the lanes of its zone bring them there.
    locker = promise.location if checkout.delivery_method == DeliveryKind.PARCEL_LOCKER else None
    return Order(
        pk=desk.order_id,
        number=desk.number,
        channel=desk.channel,
        entity_id=desk.channel.entity_id,
        customer_id=customer_id,
        placed_by=by,
        basket_id=desk.basket_id,
        status=OrderStatus.PENDING_PAYMENT if waits else OrderStatus.PLACED,
        fulfillment_status=FulfillmentStatus.UNROUTED,
        currency=desk.channel.currency,
        language=checkout.language or desk.language,
        email=checkout.email,
        phone=checkout.phone,
        name=checkout.name,
        street=f"{locker.name}, {locker.street}"[:200] if locker else checkout.street,
        city=locker.city if locker else checkout.city,
        postal_code=locker.postal_code if locker else checkout.postal_code,
        country=checkout.country,
        company_name=company.name if company else "",
        company_pib=company.pib if company else "",
        company_registration_number=company.registration_number if company else "",
        note=checkout.note[:1000],
        delivery_method=checkout.delivery_method,
        pickup_location=pickup,
        wanted_on=wanted.on if wanted else None,
        wanted_slot_id=wanted.slot_id if wanted else None,
        locker_id=locker.location_id if locker else None,
        payment_method=checkout.payment_method,
        paper=finance_rules.paper_of(
            is_company=company is not None,
            is_sef_registered=bool(registration and registration.is_registered),
        ),
        goods_total=quote.priced.goods_total,
        delivery_total=quote.priced.delivery_total,
        total=quote.priced.total,
        due_total=quote.priced.total,
        promised_on=promise.date or (business_date(promise.ready_at) if promise.ready_at else None),
        promised_at=promise.ready_at,
        promise=promise_json(promise),
        payment_deadline=payment_deadline(checkout.payment_method, now),
        placed_at=now,
        updated_at=desk.moment or now,
        idempotency_caller=checkout.idempotency_caller,
        idempotency_key=checkout.idempotency_key,
    )


def sef_registration(company: Company, now: datetime) -> Registration:
    """Outside any transaction: whether the company takes electronic invoices."""
    return look_up(
        pib=parse_pib(company.pib) or company.pib,
        registration_number=company.registration_number.strip()[:20],
        now=now,
        max_age=AT_PLACEMENT,
    )


def with_registration_number(company: Company, known: Registration) -> Company:
    """SEF refuses an invoice without the buyer's number: ask now, while somebody is there who knows it."""
    if known.is_registered and not known.registration_number:
        raise InvalidContact(
            "The company takes electronic invoices: its registration number is needed, eight digits.",
            fields=["registration_number"],
        )
    return replace(company, registration_number=known.registration_number)


def _customer_id(desk: Desk, checkout: Checkout, now: datetime) -> int:
    company = checkout.company
    if company is not None:
        return crm.find_or_create_company(
            name=company.name,
            pib=company.pib,
            registration_number=company.registration_number,
            email=checkout.email,
            phone=checkout.phone,
            language=checkout.language,
            now=now,
        ).pk
    found = checkout.customer_id or desk.guest_id
    assert found is not None, "whoever is no company and has no account is a guest"
    return found


def _guest(desk: Desk, checkout: Checkout, now: datetime) -> Customer:
    assert desk.guest_id is not None, "the key of the new account was taken"
    return crm.new_guest(
        customer_id=desk.guest_id,
        name=checkout.name,
        email=checkout.email,
        phone=checkout.phone,
        language=checkout.language,
        now=now,
    )


def payment_deadline(method: str, now: datetime) -> datetime | None:
    """Card: 30 minutes. Transfer: the end of the third working day. Cash on delivery: none."""
    if method == PaymentMethod.CARD:
        return now + CARD_DEADLINE
    if method != PaymentMethod.BANK_TRANSFER:
        return None
    today = business_date(now)
    holidays = set(
        Holiday.objects.filter(date__gt=today, date__lte=today + timedelta(days=30)).values_list(
            "date", flat=True
        )
    )
    return datetime.combine(
        nth_working_day(today, TRANSFER_WORKING_DAYS, holidays), time(23, 59, 59), BUSINESS_ZONE
    )


def nth_working_day(start: date, n: int, holidays: set[date]) -> date:
    day = start
    while n:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in holidays:
            n -= 1
    return day


def _order_lines(
    order: Order, desk: Desk, quote: oms.Quote, now: datetime
) -> list[tuple[OrderLine, Line | None]]:
    """What they are sold at and why, frozen, each with the basket line that it was."""
    by_key = {line.key: line for line in desk.lines}
    keys = line_keys(desk, len(quote.priced.lines))
    sold = []
    for position, (key, priced) in enumerate(zip(keys, quote.priced.lines, strict=False), start=1):
        source = by_key.get(priced.key)
        line = _order_line(order, position, priced, source, quote, now)
        line.pk = key
        sold.append((line, source))
    return sold


def _order_line(
    order: Order,
    position: int,
    priced: PricedLine,
    source: Line | None,
    quote: oms.Quote,
    now: datetime,
) -> OrderLine:
    is_delivery = priced.kind == PricedKind.DELIVERY
    gift = quote.offers.by_code[priced.discounts[0].code].row.gift if priced.is_gift else None
    goods = source.goods if source else gift
    return OrderLine(
        order=order,
        customer_id=order.customer_id,
        position=position,
        kind=LineKind.DELIVERY if is_delivery else LineKind.GOODS,
        variant_id=source.goods.pk if source else gift.variant_id if gift else None,
        sku="" if is_delivery else priced.sku,
        title=_delivery_title(order) if is_delivery else priced.name,
        quantity=priced.quantity,
        unit_price=priced.unit_price,
        total=priced.total,
        tax_class=goods.tax_class if goods else "",
        tax_rate=priced.tax_rate,
        weight_grams=goods.weight_grams if goods else 0,
        explanation=[step.as_json() for step in quote.priced.steps_of(priced.key)],
        ordered_at=now,
    )


def _delivery_title(order: Order) -> str:
    """The delivery line in the words of the shopper's language: it is printed on the papers."""
    with translation.override(order.language):
        return str(DeliveryKind(order.delivery_method).label)


def _write(
    desk: Desk,
    placed: Placed,
    guest: Customer | None,
    quote: oms.Quote,
    split: tenders.Split,
    pairs: dict[int, int],
    announced: Sequence[tuple[Any, tuple[str, str]]],
    claim: idempotency.Claim | None,
    answer: Callable[[Placed], idempotency.Answer] | None,
    now: datetime,
) -> None:
    """Everything in one call; every claim of the basket goes to its order line, for pickup to the store's own stock."""
    order, is_held = placed.order, desk.channel.is_held_in_basket
    state = "HELD" if order.status == OrderStatus.PENDING_PAYMENT else "ALLOCATED"
    rows = events_as_rows(announced)
    taken = taken_of(quote.priced, quote.offers)
    # Gift cards come after coupons and budgets, and all of it after the account and before any claim.
    is_apart = crm.is_spent_apart(taken) or bool(split.paid)
    if is_apart:
        crm.spend_offers(taken=taken, order_number=order.number, customer_id=order.customer_id, now=now)
        tenders.spend(made=split, order=order, now=now)
    sold = list(zip(placed.lines, quote.priced.lines, strict=True))
    are_moved = write(
        basket_id=desk.basket_id,
        customer=guest,
        order=order,
        lines=placed.lines,
        discounts=[
            *line_discounts([(row, priced.discounts) for row, priced in sold], quote.offers, now),
            *points.reasons(sold, now),
        ],
        taken=crm.Taken() if is_apart else taken,
        claims=pairs if is_held else None,
        claim_state=state,
        payment=placed.payment,
        events=rows,
        claim=claim,
        answer=answer(placed) if claim and answer else None,
    )
    ring_for(rows)
    if not (is_held and are_moved):
        # The hold ran out and was given away; what can still be had is claimed again, else OutOfStock tells which line.
        _hold_all(desk, now)
        stock.allocate_basket_claims(
            basket_id=desk.basket_id,
            lines=[*pairs.items()],
            state=state,
            expires_at=order.payment_deadline,
            now=now,
        )
    if order.pickup_location_id is not None:
        _take_from_the_store(desk, order, order.pickup_location_id, pairs, now)


def _take_from_the_store(
    desk: Desk, order: Order, store_id: int, pairs: dict[int, int], now: datetime
) -> None:
    try:
        stock.repoint_claims(
            order_id=order.pk,
            targets=[(pairs[line.pk], store_id, line.quantity) for line in desk.lines],
            now=now,
            channel_id=order.channel_id,
        )
    except stock.TargetTaken as refusal:
        raise MethodNotAvailable(
            "The store no longer has everything on its shelves.",
            method=order.delivery_method,
            **refusal.details,
        ) from refusal


def _hold_all(desk: Desk, now: datetime) -> None:
    stock.hold_for_basket_lines(
        channel_id=desk.channel.pk,
        demands=[(line.pk, line.goods.pk, line.quantity) for line in desk.lines],
        expires_at=now + timedelta(minutes=desk.channel.hold_minutes),
        now=now,
    )
