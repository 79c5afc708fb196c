"""The rows of an order as they will be written: whose it is, what was agreed, its lines frozen."""

from datetime import datetime

from django.utils import translation

from crm import operations as crm
from crm.models import Customer
from finance import rules as finance_rules
from finance.workflows.sef_registration import Registration
from oms import selectors as oms
from oms.models import Order, OrderLine
from oms.pricing import LineKind as PricedKind
from oms.pricing import PricedLine
from oms.states import IN_STORE, DeliveryKind, FulfillmentStatus, LineKind, OrderStatus, PaymentMethod
from oms.workflows.checkout import Checkout
from oms.workflows.payment_deadlines import payment_deadline
from oms.workflows.placing_promise import promise_json, wanted_day
from oms.workflows.placing_rows import Desk, Line, line_keys
from retail.kernel.clock import business_date
from retail.kernel.models import Location, User
from warehouse import selectors as warehouse


def order_row(
    desk: Desk,
    checkout: Checkout,
    registration: Registration | None,
    quote: oms.Quote,
    promise: warehouse.Option,
    by: User | None,
    now: datetime,
) -> Order:
    customer_id = customer_id_of(desk, checkout, now)
    if registration is not None and registration.is_new:
        crm.record_sef_registration(
            customer_id=customer_id, is_registered=bool(registration.is_registered), now=now
        )
    company = checkout.company
    wanted = wanted_day(checkout.delivery_method, checkout.wanted)
    swap = checkout.credit
    waits = swap is not None or checkout.payment_method in (PaymentMethod.CARD, PaymentMethod.BANK_TRANSFER)
    pickup = (
        Location.objects.only("pk").get(code=checkout.pickup_location)
        if checkout.delivery_method in IN_STORE
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
        is_awaiting_supply=any(line.is_preorder for line in desk.lines),
        payment_deadline=swap.deadline if swap else payment_deadline(checkout.payment_method, now),
        placed_at=now,
        updated_at=desk.moment or now,
        idempotency_caller=checkout.idempotency_caller,
        idempotency_key=checkout.idempotency_key,
    )


def customer_id_of(desk: Desk, checkout: Checkout, now: datetime) -> int:
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


def guest_row(desk: Desk, checkout: Checkout, now: datetime) -> Customer:
    assert desk.guest_id is not None, "the key of the new account was taken"
    return crm.new_guest(
        customer_id=desk.guest_id,
        name=checkout.name,
        email=checkout.email,
        phone=checkout.phone,
        language=checkout.language,
        now=now,
    )


def order_lines(
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
        kind=_kind_of(is_delivery=is_delivery, source=source),
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


def _kind_of(*, is_delivery: bool, source: Line | None) -> LineKind:
    if is_delivery:
        return LineKind.DELIVERY
    return LineKind.DIGITAL if source and source.goods.is_digital else LineKind.GOODS


def _delivery_title(order: Order) -> str:
    """The delivery line in the words of the shopper's language: it is printed on the papers."""
    with translation.override(order.language):
        return str(DeliveryKind(order.delivery_method).label)
