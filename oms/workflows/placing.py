"""Placing an order: one transaction writes it and moves the claims, the provider is called outside, another records its answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from crm import operations as crm
from crm.models import Customer
from finance import workflows as money
from finance.models import Payment
from finance.workflows.sef_registration import Registration
from oms import events
from oms import selectors as oms
from oms.models import Order, OrderLine
from oms.states import BasketState, OrderStatus, PaymentMethod
from oms.workflows import points, tenders
from oms.workflows.baskets import BasketNotFound
from oms.workflows.checkout import (
    BasketOrdered,
    Checkout,
    EmptyBasket,
    PriceChanged,
    normalize,
    sef_registration,
    with_registration_number,
)
from oms.workflows.placing_claims import (
    GiftGone,
    check_ahead,
    claim_anew,
    claim_gifts,
    move_ahead,
    take_from_the_store,
)
from oms.workflows.placing_digital import check_digital, has_digital, keep_consent
from oms.workflows.placing_order import guest_row, order_lines, order_row
from oms.workflows.placing_price import quote_for, total_now
from oms.workflows.placing_promise import check_payment, chosen_option
from oms.workflows.placing_rows import Desk, KeyKept, read, write
from oms.workflows.taking import line_discounts, taken_of
from retail.kernel import failpoints, idempotency
from retail.kernel.models import User
from retail.kernel.money import ZERO
from retail.kernel.outbox import announce, collected, events_as_rows, ring_for

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
    CouponUsed, TenderChanged, MethodMissing, PaidBeforeSent, ConsentMissing, and with a claim KeyInFlight, KeyReused; raises AnsweredBefore.
    """
    checkout = normalize(checkout)
    registration = None
    if checkout.company is not None:
        registration = sef_registration(checkout.company, now)
        checkout = replace(checkout, company=with_registration_number(checkout.company, registration))
    try:
        order, payment, lines = _create(checkout, registration, by, now, claim, answer)
        failpoints.hit("order.committed")
    except (crm.OfferGone, points.PointsGone) as gone:
        raise PriceChanged(
            "A discount was used up since you saw it.", total=total_now(checkout, now), lines=[]
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


def place_inside(
    *, checkout: Checkout, registration: Registration | None, by: User | None, now: datetime
) -> Placed:
    """As `place_order`, inside the caller's transaction: a card's page is opened by the caller, after it. Refuses as `place_order`."""
    try:
        order, payment, lines = _create(normalize(checkout), registration, by, now, None, None)
    except (crm.OfferGone, points.PointsGone) as gone:
        raise PriceChanged("A discount was used up since you saw it.", total="", lines=[]) from gone
    return Placed(order, payment, None, lines)


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
        except GiftGone as gift:
            gone |= gift.facts


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
    check_digital(desk, checkout)
    check_ahead(desk)
    quote = quote_for(desk, checkout, gone, now)
    promise = chosen_option(desk, checkout, quote, now)
    check_payment(desk, checkout, promise, now)
    split = tenders.split(
        tenders=desk.tenders,
        total=quote.priced.total,
        method=checkout.payment_method,
        credit=checkout.credit.amount if checkout.credit else ZERO,
    )
    tenders.check(made=split, expected_rest=checkout.expected_rest)
    checkout = replace(checkout, payment_method=split.method)
    with collected() as announced:
        guest = guest_row(desk, checkout, now) if desk.is_new_guest else None
        order = order_row(desk, checkout, registration, quote, promise, by, now)
        sold = order_lines(order, desk, quote, now)
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
        {
            line.pk: row.pk
            for row, line in sold
            if line and not line.goods.is_digital and not line.is_preorder
        },
        {line.pk: row.pk for row, line in sold if line and line.is_preorder},
        announced,
        claim,
        answer,
        now,
    )
    tenders.book(made=split, order=order, by=by, now=now)
    if has_digital(desk):
        keep_consent(order, now)
    claim_gifts(order, placed.lines, quote, now)
    failpoints.hit("order.written")
    return order, payment, placed.lines


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


def _placed_before(checkout: Checkout) -> _Written:
    """The order that this key made; a double click, a retry, a second tab."""
    order = Order.objects.filter(basket__token=checkout.basket_token).first()
    if order is None or (order.idempotency_caller, order.idempotency_key) != (
        checkout.idempotency_caller,
        checkout.idempotency_key,
    ):
        raise BasketOrdered("This basket was ordered already.", number=order.number if order else "")
    return order, Payment.objects.filter(order=order).order_by("-attempt")[0], list(order.lines.all())


def _write(
    desk: Desk,
    placed: Placed,
    guest: Customer | None,
    quote: oms.Quote,
    split: tenders.Split,
    pairs: dict[int, int],
    ahead: dict[int, int],
    announced: Sequence[tuple[Any, tuple[str, str]]],
    claim: idempotency.Claim | None,
    answer: Callable[[Placed], idempotency.Answer] | None,
    now: datetime,
) -> None:
    """Everything in one call; every claim of the basket (`pairs`: its lines of goods) goes to its order line, for pickup to the store's own stock."""
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
        claims=pairs if is_held and pairs else None,
        claim_state=state,
        payment=placed.payment,
        events=rows,
        claim=claim,
        answer=answer(placed) if claim and answer else None,
    )
    ring_for(rows)
    if ahead:
        move_ahead(desk, ahead, state)
    if pairs and not (is_held and are_moved):
        claim_anew(desk, order, pairs, state, now)
    if order.shelf_id is not None:
        take_from_the_store(desk, order, order.shelf_id, pairs, now)
