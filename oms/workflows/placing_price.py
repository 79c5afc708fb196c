"""What an order costs while it is placed: the one price, or a refusal that tells the new one."""

from datetime import datetime

from oms import selectors as oms
from oms.workflows import points
from oms.workflows.checkout import Checkout, PriceChanged
from oms.workflows.placing_rows import Desk
from oms.workflows.taking import with_gifts_that_can_be_had


def quote_for(desk: Desk, checkout: Checkout, gone: frozenset[str], now: datetime) -> oms.Quote:
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
    if checkout.credit is not None:
        quote = quote.brought_free(checkout.delivery_method)
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


def total_now(checkout: Checkout, now: datetime) -> str:
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
