"""Baskets: each change claims or gives back stock in the same transaction, so what lies in a basket is really there."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from oms import selectors as oms
from oms.models import Basket, BasketLine
from oms.pricing import Priced
from oms.states import BasketState
from oms.workflows.basket_supply import hold_ahead, hold_ahead_again, is_here, let_go
from oms.workflows.points import paid_with_points, wanted_by
from oms.workflows.taking import with_gifts_that_can_be_had
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import Location
from retail.kernel.rows import Question, insert
from storefront import selectors as catalog
from storefront.models import Channel, Variant
from storefront.states import ProductStatus
from warehouse import operations as stock
from warehouse import selectors as warehouse

QUANTITY_MAX = 999
_OPEN = Question(
    lambda token: (
        Basket.objects.select_for_update(of=("self",))
        .select_related("channel__entity", "channel__price_list")
        .filter(token=token, state=BasketState.OPEN)
    ),
    "?token",
)
_LINE_OF = Question(
    lambda basket_id, variant_id: BasketLine.objects.filter(basket_id=basket_id, variant_id=variant_id),
    -1,
    -2,
)


class BasketNotFound(NotFound):
    code = "UNKNOWN_BASKET"


class BasketLineNotFound(NotFound):
    code = "UNKNOWN_BASKET_LINE"


class UnknownSku(NotFound):
    code = "UNKNOWN_SKU"


class UnknownChannel(NotFound):
    code = "UNKNOWN_CHANNEL"


class InvalidQuantity(InvalidInput):
    code = "INVALID_QUANTITY"


class BoughtOnce(InvalidInput):
    """An electronic edition: one is as good as many."""

    code = "DIGITAL_BOUGHT_ONCE"


class NotForSale(Refusal):
    """In the catalog, but without a price in this channel."""

    code = "NOT_FOR_SALE"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a basket line that the shopper must know before paying; `code` names the remedy."""

    code: str
    line: str
    sku: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BasketView:
    """A basket read whole: priced, explained, with hold expiry and problems."""

    basket: Basket
    lines: list[BasketLine]
    quote: oms.Quote
    holds: dict[int, warehouse.Hold]
    problems: list[Problem]
    # By line that is ordered ahead, what it has claimed of what is under way.
    awaited: dict[int, warehouse.Awaited] = field(default_factory=dict)

    @property
    def priced(self) -> Priced:
        return self.quote.priced

    @property
    def held_until(self) -> datetime | None:
        return min(
            (h.expires_at for h in self.holds.values() if h.expires_at and not h.is_expired), default=None
        )

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)


def check_quantity(quantity: Any) -> int:
    """Whole units from 1 to the maximum; anything else is refused by name."""
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= QUANTITY_MAX:
        raise InvalidQuantity(
            f"The quantity is a whole number from 1 to {QUANTITY_MAX}.", quantity=str(quantity)[:20]
        )
    return quantity


def create_basket(
    *,
    channel_code: str,
    now: datetime,
    language: str = "",
    postal_code: str = "",
    client_hash: str = "",
    customer_id: int | None = None,
) -> Basket:
    channel = catalog.channel_by_code(channel_code)
    if channel is None:
        raise UnknownChannel("There is no such channel.", channel=channel_code)
    return _create(channel, language, postal_code, client_hash, customer_id, now)


def start_basket(
    *,
    channel: Channel,
    sku: str,
    quantity: int,
    now: datetime,
    language: str = "",
    postal_code: str = "",
    client_hash: str = "",
    customer_id: int | None = None,
    held_until: datetime | None = None,
    is_preorder: bool = False,
) -> BasketLine:
    """The first units make the basket: both or neither. Held for the channel's time, or until the moment given. Refuses as `add_line`."""
    check_quantity(quantity)
    with transaction.atomic():
        variant = _sellable(sku)
        _check_units(variant, quantity)
        amount = _unit_price(channel, variant, quantity, now)
        basket = _create(channel, language, postal_code, client_hash, customer_id, now)
        is_ahead = is_preorder and not is_here(basket, variant.pk, now)
        line = _new_line(basket, variant, quantity, amount, now, is_preorder=is_ahead)
        _hold(basket, line, now, "", held_until)
    return line


def add_line(
    *,
    token: str,
    sku: str,
    quantity: int,
    now: datetime,
    prefer_location: str = "",
    is_preorder: bool = False,
) -> BasketLine:
    """Put units in the basket and hold them; a line that is there already grows. Refuses OutOfStock with what can be had.

    `is_preorder`: when none is here, units that are under way are claimed.
    """
    check_quantity(quantity)
    with transaction.atomic():
        basket = claim_basket(token)
        variant = _sellable(sku)
        line = _LINE_OF.first(basket.pk, variant.pk)
        _check_units(variant, quantity)
        if line is not None and variant.is_digital:
            return line
        amount = _unit_price(basket.channel, variant, quantity + (line.quantity if line else 0), now)
        is_ahead = is_preorder and not is_here(basket, variant.pk, now)
        if line is None:
            line = _new_line(basket, variant, quantity, amount, now, is_preorder=is_ahead)
        else:
            line.basket, line.variant = basket, variant
            line.quantity = check_quantity(line.quantity + quantity)
            line.price_seen = amount
            line.is_preorder = line.is_preorder or is_ahead
            line.save(update_fields=["quantity", "price_seen", "is_preorder"])
        _hold(basket, line, now, prefer_location)
        touch_basket(basket, now)
    return line


def _create(
    channel: Channel,
    language: str,
    postal_code: str,
    client_hash: str,
    customer_id: int | None,
    now: datetime,
) -> Basket:
    basket = Basket(
        channel=channel,
        language=language or channel.language,
        postal_code=postal_code,
        client_hash=client_hash,
        customer_id=customer_id,
        created_at=now,
        touched_at=now,
    )
    insert([basket])
    return basket


def _new_line(
    basket: Basket, variant: Variant, quantity: int, amount: Decimal, now: datetime, *, is_preorder: bool
) -> BasketLine:
    line = BasketLine(
        basket=basket,
        variant=variant,
        quantity=quantity,
        price_seen=amount,
        is_preorder=is_preorder,
        created_at=now,
    )
    insert([line])
    return line


def add_lines(*, token: str, wanted: Sequence[tuple[str, int]], now: datetime) -> list[BasketLine]:
    """Fill a new basket with (SKU, quantity) and hold everything in one statement: all of it or nothing."""
    quantities: dict[str, int] = {}
    for sku, quantity in wanted:
        quantities[sku] = check_quantity(quantities.get(sku, 0) + check_quantity(quantity))
    with transaction.atomic():
        basket = claim_basket(token)
        rows = []
        for sku, quantity in quantities.items():
            variant = _sellable(sku)
            _check_units(variant, quantity)
            amount = _unit_price(basket.channel, variant, quantity, now)
            rows.append(
                BasketLine(
                    basket=basket, variant=variant, quantity=quantity, price_seen=amount, created_at=now
                )
            )
        lines = BasketLine.objects.bulk_create(rows)
        if basket.channel.is_held_in_basket:
            stock.hold_for_basket_lines(
                channel_id=basket.channel_id,
                demands=[(line.pk, line.variant_id, line.quantity) for line in lines],
                expires_at=_expiry(basket.channel, now),
                now=now,
            )
        touch_basket(basket, now)
    return lines


def take_over(*, token: str, other: str, now: datetime) -> None:
    """What another basket of the same shopper holds comes into this one: given back there and claimed here, in one transaction."""
    with transaction.atomic():
        theirs = claim_basket(other)
        lines = list(BasketLine.objects.filter(basket=theirs).select_related("variant").order_by("pk"))
        wanted = [(line.variant.sku, line.quantity, line.is_preorder) for line in lines]
        let_go(lines)
        stock.release_basket_line_claims(basket_line_ids=[line.pk for line in lines], now=now)
        BasketLine.objects.filter(basket=theirs).delete()
        for sku, quantity, is_preorder in wanted:
            add_line(token=token, sku=sku, quantity=quantity, now=now, is_preorder=is_preorder)


def change_line(*, token: str, line_id: uuid.UUID | str, quantity: int, now: datetime) -> BasketLine:
    check_quantity(quantity)
    with transaction.atomic():
        basket = claim_basket(token)
        line = line_of(basket, line_id)
        _check_units(line.variant, quantity)
        line.quantity = quantity
        line.price_seen = _unit_price(basket.channel, line.variant, quantity, now)
        line.save(update_fields=["quantity", "price_seen"])
        _hold(basket, line, now, "")
        touch_basket(basket, now)
    return line


def remove_line(*, token: str, line_id: uuid.UUID | str, now: datetime) -> None:
    with transaction.atomic():
        basket = claim_basket(token)
        line = line_of(basket, line_id)
        let_go([line])
        stock.release_basket_line_claims(basket_line_ids=[line.pk], now=now)
        line.delete()
        touch_basket(basket, now)


def extend_holds(*, token: str, now: datetime) -> datetime | None:
    """The shopper is still there: hold again what can be held, up to the channel's maximum."""
    with transaction.atomic():
        basket = claim_basket(token)
        lines = hold_ahead_again(basket, oms.basket_lines(basket), now)
        if basket.channel.is_held_in_basket and lines:
            stock.hold_for_basket_lines(
                channel_id=basket.channel_id,
                demands=[(line.pk, line.variant_id, line.quantity) for line in lines],
                expires_at=_expiry(basket.channel, now),
                now=now,
            )
            stock.extend_basket_holds(basket_id=basket.pk, expires_at=_expiry(basket.channel, now), now=now)
        touch_basket(basket, now)
    return warehouse.hold_expiry(basket_id=basket.pk)


def accept_prices(*, token: str, now: datetime) -> None:
    """The shopper has seen today's prices."""
    with transaction.atomic():
        basket = claim_basket(token)
        lines = oms.basket_lines(basket)
        quoted = oms.quote_basket(basket=basket, lines=lines, now=now)
        changed = []
        for line in lines:
            if str(line.public_id) not in quoted.unpriced:
                seen = quoted.priced.line(str(line.public_id)).unit_price
                if seen != line.price_seen:
                    line.price_seen = seen
                    changed.append(line)
        BasketLine.objects.bulk_update(changed, ["price_seen"])


def set_postal_code(*, token: str, postal_code: str, now: datetime) -> None:
    with transaction.atomic():
        basket = claim_basket(token)
        basket.postal_code = postal_code[:12]
        basket.save(update_fields=["postal_code"])


def read_basket(
    *, basket: Basket, now: datetime, delivery_method: str = "", orderer_id: int | None = None
) -> BasketView:
    """Priced with the same engine as the order, with the holds as they are now. Reads only.

    `orderer_id` is the account that would order it: as in the order, only the owner's points lower the price.
    """
    lines = oms.basket_lines(basket)
    quoted = oms.quote_basket(basket=basket, lines=lines, now=now, delivery_method=delivery_method)
    quoted = with_gifts_that_can_be_had(quoted, channel_id=basket.channel_id, now=now)
    quoted = paid_with_points(
        quoted,
        wanted=wanted_by(wanted=basket.points_wanted, holder_id=basket.customer_id, orderer_id=orderer_id),
        customer_id=basket.customer_id,
        currency=basket.channel.currency,
        now=now,
    )
    holds = warehouse.basket_holds(basket_id=basket.pk, now=now) if lines else {}
    awaited = (
        warehouse.awaited_by_basket(basket_id=basket.pk, now=now)
        if any(line.is_preorder for line in lines)
        else {}
    )
    return BasketView(basket, lines, quoted, holds, _problems(basket, lines, quoted, holds, awaited), awaited)


def _problems(
    basket: Basket,
    lines: list[BasketLine],
    quoted: oms.Quote,
    holds: dict[int, warehouse.Hold],
    awaited: dict[int, warehouse.Awaited],
) -> list[Problem]:
    found = []
    for line in lines:
        key, sku = str(line.public_id), line.variant.sku
        if key in quoted.unpriced or not _is_sold(line.variant):
            found.append(Problem("NOT_FOR_SALE", key, sku))
            continue
        unit = quoted.priced.line(key).unit_price
        if unit != line.price_seen:
            found.append(
                Problem("PRICE_CHANGED", key, sku, {"before": str(line.price_seen), "after": str(unit)})
            )
        if line.variant.is_digital:
            continue
        if line.is_preorder:
            claim = awaited.get(line.pk)
            if claim is None or claim.is_expired or claim.quantity < line.quantity:
                found.append(Problem("HOLD_LOST", key, sku, {"quantity": line.quantity}))
            continue
        hold = holds.get(line.pk)
        if basket.channel.is_held_in_basket and (
            hold is None or hold.is_expired or hold.quantity < _units(line)
        ):
            found.append(Problem("HOLD_LOST", key, sku, {"quantity": line.quantity}))
    return found


def _is_sold(variant: Variant) -> bool:
    """Still in the catalog."""
    return variant.is_sellable and variant.product.status == ProductStatus.PUBLISHED


def _units(line: BasketLine) -> int:
    """Held units are counted per component for kits; a kit with any live hold is judged at placement."""
    return 1 if line.variant.is_kit else line.quantity


def claim_basket(token: str) -> Basket:
    """The open basket, locked."""
    basket = _OPEN.first(token) if token else None
    if basket is None:
        raise BasketNotFound("There is no such basket, or it was ordered already.")
    return basket


def line_of(basket: Basket, line_id: uuid.UUID | str) -> BasketLine:
    """A line of this very basket, with its title."""
    try:
        public_id = line_id if isinstance(line_id, uuid.UUID) else uuid.UUID(str(line_id))
    except ValueError:
        raise BasketLineNotFound("There is no such line in this basket.") from None
    line = (
        BasketLine.objects.select_related("variant__product")
        .filter(basket=basket, public_id=public_id)
        .first()
    )
    if line is None:
        raise BasketLineNotFound("There is no such line in this basket.")
    return line


def _sellable(sku: str) -> Variant:
    variant = catalog.sellable_variant(sku)
    if variant is None:
        raise UnknownSku("We do not sell anything under this SKU.", sku=sku[:40])
    return variant


def _check_units(variant: Variant, quantity: int) -> None:
    if variant.is_digital and quantity != 1:
        raise BoughtOnce("An electronic edition is bought once.", sku=variant.sku)


def _unit_price(channel: Channel, variant: Variant, quantity: int, now: datetime) -> Decimal:
    prices = catalog.unit_prices([variant.pk], channel.price_list_id, now, quantity=quantity)
    if variant.pk not in prices:
        raise NotForSale("This has no price here, so it cannot be sold.", sku=variant.sku)
    return prices[variant.pk]


def _expiry(channel: Channel, now: datetime) -> datetime:
    return now + timedelta(minutes=channel.hold_minutes)


def _hold(
    basket: Basket, line: BasketLine, now: datetime, prefer_location: str, until: datetime | None = None
) -> None:
    if line.is_preorder:
        hold_ahead(basket, line, now)
        return
    if not basket.channel.is_held_in_basket or line.variant.is_digital:
        return
    place = (
        Location.objects.filter(code=prefer_location).values_list("pk", flat=True).first()
        if prefer_location
        else None
    )
    stock.hold_for_basket_line(
        basket_line_id=line.pk,
        channel_id=basket.channel_id,
        demands=[(line.variant_id, line.quantity)],
        expires_at=until or _expiry(basket.channel, now),
        now=now,
        prefer_location_id=place,
    )


def touch_basket(basket: Basket, now: datetime) -> None:
    """The shopper is still there: what is held stays held."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE oms_basket SET touched_at = %s, version = version + 1 WHERE id = %s", [now, basket.pk]
        )
    if basket.channel.is_held_in_basket:
        stock.extend_basket_holds(basket_id=basket.pk, expires_at=_expiry(basket.channel, now), now=now)
