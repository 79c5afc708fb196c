"""Basket lines that are ordered ahead: their units are claimed of a purchase order line, not of a shelf."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from oms.models import Basket, BasketLine
from warehouse import operations as stock
from warehouse import selectors as warehouse


def is_here(basket: Basket, variant_id: int, now: datetime) -> bool:
    """Whether a unit can be had from a shelf: then nobody has to wait for it."""
    free = warehouse.availability(
        variant_ids=[variant_id], channel_id=basket.channel_id, now=now, basket_id=basket.pk
    )
    return free[variant_id] > 0


def hold_ahead(basket: Basket, line: BasketLine, now: datetime) -> None:
    """Kept for the longest time that the channel keeps anything, and not extended by what else the shopper does.

    Refuses OutOfStock, HoldLimit.
    """
    stock.hold_supply(
        basket_line_id=line.pk,
        variant_id=line.variant_id,
        quantity=line.quantity,
        channel=basket.channel,
        expires_at=now + timedelta(minutes=basket.channel.hold_minutes_max),
        now=now,
    )


def hold_ahead_again(basket: Basket, lines: Sequence[BasketLine], now: datetime) -> list[BasketLine]:
    """Lines that wait go on waiting; answers those that are to be held from the shelf, to which their units have come."""
    here: list[BasketLine] = []
    for line in lines:
        if not line.is_preorder:
            here.append(line)
            continue
        try:
            hold_ahead(basket, line, now)
        except stock.OutOfStock:
            if not is_here(basket, line.variant_id, now):
                raise
            stock.release_basket_supply(basket_line_ids=[line.pk])
            line.is_preorder = False
            line.save(update_fields=["is_preorder"])
            here.append(line)
    return here


def let_go(lines: Sequence[BasketLine]) -> None:
    """They leave the basket."""
    ahead = [line.pk for line in lines if line.is_preorder]
    if ahead:
        stock.release_basket_supply(basket_line_ids=ahead)
