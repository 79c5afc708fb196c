"""Who asked to be told is told: first come, first told, and a copy is held for each before the letter is written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation

from crm import operations as crm
from crm.letters import Letter, write
from crm.letters import alerts as words
from crm.letters.alerts import AlertFacts
from crm.models import Alert
from crm.states import AlertKind, AlertState
from oms import selectors as oms
from oms.workflows import baskets
from storefront.states import ProductStatus
from warehouse import selectors as warehouse
from warehouse.operations import HoldLimit, OutOfStock

# Long enough to read a letter, short enough for the next in line.
HELD_FOR = timedelta(hours=2)
PIECE = 200
Words = Callable[[AlertFacts], Letter]


def ask_to_confirm(*, alert_id: int, now: datetime) -> None:
    """The letter that asks whether the mailbox is theirs; none for an address that is proved."""
    alert = Alert.objects.select_related("variant__product", "channel").get(pk=alert_id)
    if alert.state != AlertState.UNCONFIRMED:
        return
    make = words.confirm_back if alert.kind == AlertKind.BACK_IN_STOCK else words.confirm_price
    _send(alert, "alert_confirm", make, now, url=_address(alert, "shop:alert", alert.token))


def tell_back_in_stock(*, now: datetime) -> int:
    """Of every variant that can be had again; says how many were told."""
    return sum(_tell_in_turn(variant_id, now) for variant_id in _there_again(now))


def _there_again(now: datetime) -> list[int]:
    """Variants that somebody waits for and that can be had now: one statement, and one for each channel of theirs."""
    waiting = Alert.objects.filter(kind=AlertKind.BACK_IN_STOCK, state=AlertState.WAITING).order_by()
    wanted: dict[int, list[int]] = {}
    for channel_id, variant_id in waiting.values_list("channel_id", "variant_id").distinct():
        wanted.setdefault(channel_id, []).append(variant_id)
    found: set[int] = set()
    for channel_id, ids in wanted.items():
        units = warehouse.availability(variant_ids=ids, channel_id=channel_id, now=now)
        found |= {variant_id for variant_id, free in units.items() if free > 0}
    return sorted(found)


def _tell_in_turn(variant_id: int, now: datetime) -> int:
    told = 0
    while _tell_next(variant_id, now):
        told += 1
    return told


@transaction.atomic
def _tell_next(variant_id: int, now: datetime) -> bool:
    """The first in line gets a copy and a letter, in one transaction; False when nobody waits or no copy is left."""
    alert = (
        Alert.objects.select_for_update(of=("self",))
        .select_related("variant__product", "channel__entity")
        .filter(kind=AlertKind.BACK_IN_STOCK, variant_id=variant_id, state=AlertState.WAITING)
        .order_by("confirmed_at", "pk")
        .first()
    )
    if alert is None:
        return False
    until = now + HELD_FOR
    try:
        line = baskets.start_basket(
            channel=alert.channel,
            sku=alert.variant.sku,
            quantity=1,
            now=now,
            language=alert.language,
            customer_id=alert.customer_id,
            held_until=until,
        )
    except (OutOfStock, HoldLimit, baskets.UnknownSku, baskets.NotForSale):
        return False
    crm.mark_told(alert=alert, now=now, basket_token=line.basket.token)
    _send(
        alert,
        "alert_back",
        words.back_in_stock,
        now,
        url=_address(alert, "shop:alert_take", alert.token),
        held_until=until,
    )
    return True


def tell_price_drops(*, now: datetime) -> int:
    """Whoever waits for less than they saw; one statement for the prices of each piece of waiting alerts."""
    told, last = 0, 0
    while rows := _waiting_for_less(last):
        told += sum(_tell_price(pk, price, now) for pk, price in _fallen(rows, now))
        last = rows[-1].pk
    return told


def _waiting_for_less(last: int) -> list[Alert]:
    rows = Alert.objects.filter(
        kind=AlertKind.PRICE_DROP,
        state=AlertState.WAITING,
        pk__gt=last,
        variant__is_sellable=True,
        variant__product__status=ProductStatus.PUBLISHED,
    )
    return list(rows.select_related("variant__product", "channel__entity").order_by("pk")[:PIECE])


def _fallen(rows: list[Alert], now: datetime) -> list[tuple[int, Decimal]]:
    """(alert, price) of those whose price for everybody is below what they saw, by the one engine."""
    found: list[tuple[int, Decimal]] = []
    for channel in {row.channel_id: row.channel for row in rows}.values():
        mine = [row for row in rows if row.channel_id == channel.pk]
        variants = {row.variant_id: row.variant for row in mine}
        known = oms.tariff(channel=channel, variant_ids=list(variants), now=now)
        prices: dict[int, Decimal] = {}
        for variant in variants.values():
            wanted = [oms.Wanted(variant.sku, variant, 1)]
            quote = oms.quote(channel=channel, wanted=wanted, now=now, known=known)
            if quote.priced.lines:
                prices[variant.pk] = quote.priced.lines[0].total
        found += [
            (row.pk, prices[row.variant_id])
            for row in mine
            if row.variant_id in prices
            and row.price_seen is not None
            and prices[row.variant_id] < row.price_seen
        ]
    return found


@transaction.atomic
def _tell_price(alert_id: int, price: Decimal, now: datetime) -> bool:
    """False when another worker was quicker, or the reader wants no more of it."""
    alert = (
        Alert.objects.select_for_update(of=("self",))
        .select_related("variant__product", "channel")
        .filter(pk=alert_id, state=AlertState.WAITING)
        .first()
    )
    if alert is None:
        return False
    crm.mark_told(alert=alert, now=now)
    page = _address(alert, "shop:variant", alert.variant.product.slug, alert.variant.sku)
    _send(alert, "alert_price", words.costs_less, now, url=page, price=price, price_seen=alert.price_seen)
    return True


def _send(alert: Alert, kind: str, make: Words, now: datetime, *, url: str, **facts: object) -> None:
    """One letter per alert and kind, in the reader's language."""
    language = alert.language or settings.LANGUAGE_CODE
    said = AlertFacts(
        title=alert.variant.product.title,
        url=url,
        leave_url=_address(alert, "shop:alert_end", alert.token),
        currency=alert.channel.currency,
        **facts,  # type: ignore[arg-type]
    )
    with translation.override(language):
        written = write(make(said), language=language)
    crm.queue_message(
        kind=kind,
        subject=("alert", str(alert.pk)),
        once_key=f"{kind}:{alert.pk}",
        language=language,
        recipient=alert.email,
        subject_line=written.subject,
        text_body=written.text,
        html_body=written.html,
        customer_id=alert.customer_id,
        now=now,
    )


def _address(alert: Alert, name: str, *args: str) -> str:
    with translation.override(alert.language or settings.LANGUAGE_CODE):
        return f"{settings.BASE_URL}{reverse(name, args=args)}"
