"""Lines put aside for later: out of the basket with their hold given back, and in again at the price and stock of that day."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from oms.models import Basket, BasketLine, SavedLine
from oms.states import BasketState
from oms.workflows import baskets
from oms.workflows.basket_supply import let_go
from oms.workflows.baskets import QUANTITY_MAX, claim_basket, touch_basket
from retail.kernel.errors import NotFound, Refusal
from warehouse import operations as stock

SAVED_MAX = 100


class SavedLineNotFound(NotFound):
    code = "UNKNOWN_SAVED_LINE"


class TooManySaved(Refusal):
    code = "TOO_MANY_SAVED"


def saved_lines(*, token: str = "", customer_id: int | None = None) -> list[SavedLine]:
    """The newest first: of the account, else of the basket that the browser knows, whatever became of it."""
    rows = SavedLine.objects.select_related("variant__product")
    if customer_id is not None:
        return list(rows.filter(customer_id=customer_id))
    return list(rows.filter(basket__token=token)) if token else []


def save_for_later(
    *, token: str, line_id: uuid.UUID | str, now: datetime, customer_id: int | None = None, keeper: str = ""
) -> SavedLine:
    """Out of the basket, its units free for others. `keeper` is the basket that holds what a stranger put aside before.

    Refuses BasketNotFound, BasketLineNotFound, TooManySaved.
    """
    with transaction.atomic():
        basket = claim_basket(token)
        line = baskets.line_of(basket, line_id)
        owner = _owner(basket, customer_id)
        if customer_id is None and keeper and keeper != token:
            _move(keeper, basket)
        known = SavedLine.objects.filter(**owner, variant_id=line.variant_id).first()
        if known is None and SavedLine.objects.filter(**owner).count() >= SAVED_MAX:
            raise TooManySaved("There are enough titles put aside.", maximum=SAVED_MAX)
        if known is None:
            known = SavedLine.objects.create(
                **owner, variant_id=line.variant_id, quantity=line.quantity, created_at=now
            )
        else:
            known.quantity = min(known.quantity + line.quantity, QUANTITY_MAX)
            known.save(update_fields=["quantity"])
        let_go([line])
        stock.release_basket_line_claims(basket_line_ids=[line.pk], now=now)
        line.delete()
        touch_basket(basket, now)
    return known


def take_back(
    *,
    saved_id: int,
    basket: Callable[[], str],
    now: datetime,
    keeper: str = "",
    customer_id: int | None = None,
) -> BasketLine:
    """Into the basket again, held and at today's price; what cannot be had stays put aside. `basket` names or begins the open one.

    Refuses SavedLineNotFound and as `add_line`.
    """
    with transaction.atomic():
        saved = _of(saved_id, keeper, customer_id)
        units = 1 if saved.variant.is_digital else saved.quantity
        line = baskets.add_line(token=basket(), sku=saved.variant.sku, quantity=units, now=now)
        saved.delete()
    return line


def forget_saved(*, saved_id: int, keeper: str = "", customer_id: int | None = None) -> None:
    with transaction.atomic():
        _of(saved_id, keeper, customer_id).delete()


def join_saved(*, keeper: str, customer_id: int) -> int:
    """What a stranger put aside goes with the account; of a title that lies there already the larger number stays."""
    with transaction.atomic():
        mine = {
            one.variant_id: one
            for one in SavedLine.objects.select_for_update(of=("self",)).filter(customer_id=customer_id)
        }
        theirs = list(
            SavedLine.objects.select_for_update(of=("self",)).filter(basket__token=keeper).order_by("pk")
        )
        for one in theirs:
            known = mine.get(one.variant_id)
            if known is not None:
                known.quantity = max(known.quantity, one.quantity)
                known.save(update_fields=["quantity"])
                one.delete()
            elif len(mine) < SAVED_MAX:
                one.basket_id, one.customer_id = None, customer_id
                one.save(update_fields=["basket", "customer"])
                mine[one.variant_id] = one
    return len(theirs)


def _owner(basket: Basket, customer_id: int | None) -> dict[str, int]:
    return {"basket_id": basket.pk} if customer_id is None else {"customer_id": customer_id}


def _move(keeper: str, basket: Basket) -> None:
    """The basket that held them became an order: they lie with the one that is open now."""
    old = Basket.objects.filter(token=keeper).exclude(state=BasketState.OPEN).first()
    if old is not None:
        here = SavedLine.objects.filter(basket=basket).values("variant_id")
        SavedLine.objects.filter(basket=old).exclude(variant_id__in=here).update(basket=basket)


def _of(saved_id: int, keeper: str, customer_id: int | None) -> SavedLine:
    """Only with the secret or the account that it belongs to."""
    rows = SavedLine.objects.select_for_update(of=("self",)).select_related("variant").filter(pk=saved_id)
    if customer_id is not None:
        found = rows.filter(customer_id=customer_id).first()
    else:
        found = rows.filter(basket__token=keeper).first() if keeper else None
    if found is None:
        raise SavedLineNotFound("There is no such title put aside.")
    return found
