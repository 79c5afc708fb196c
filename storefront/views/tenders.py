"""What gift cards of the basket pay, in the shopper's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.http import HttpRequest
from django.utils.translation import gettext as _

from oms.workflows import points, tenders
from oms.workflows.baskets import BasketView
from oms.workflows.tenders import Taken, Tender
from retail.front.formats import money_text, number_text
from storefront.views import shopper


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card, what it pays here, and why when nothing; `key` takes it out."""

    key: str
    last_four: str
    amount: Decimal
    words: str

    @property
    def is_spent(self) -> bool:
        return self.amount > 0


@dataclass(frozen=True, slots=True)
class TendersShown:
    """`is_changed`: a card was taken out just now, so the ways to pay are shown anew."""

    cards: tuple[CardRow, ...]
    rest: Decimal
    is_covered: bool
    is_changed: bool
    points: PointsShown | None


@dataclass(frozen=True, slots=True)
class PointsShown:
    """What a member may do with points here: how many there are, how many may pay, how many do."""

    balance: int
    usable: int
    used: int
    words: str


def shown(
    request: HttpRequest, held: Sequence[Tender], total: Decimal, view: BasketView, now: datetime
) -> TendersShown:
    currency = view.priced.currency
    made = tenders.split(tenders=held, total=total)
    return TendersShown(
        cards=tuple(
            CardRow(one.tender.public_id, one.tender.last_four, one.amount, _words(one, currency))
            for one in made.taken
        ),
        rest=made.rest,
        is_covered=bool(held) and made.rest == 0,
        is_changed=getattr(request, "shop_tenders_changed", False),
        points=_points(view, now) if shopper.owns(request, view.basket) else None,
    )


def _points(view: BasketView, now: datetime) -> PointsShown | None:
    """Nothing for who is no member, or has no points."""
    currency, language = view.priced.currency, shopper.language()
    standing = points.standing_of(
        quote=view.quote, customer_id=view.basket.customer_id, currency=currency, now=now
    )
    if standing is None or not standing.balance:
        return None
    if standing.used:
        words = _("They take %(amount)s off.") % {
            "amount": money_text(standing.used * standing.value, language, currency)
        }
    elif standing.usable:
        words = _("Up to %(n)s may pay here, that is %(amount)s less.") % {
            "n": number_text(standing.usable, language),
            "amount": money_text(standing.usable * standing.value, language, currency),
        }
    else:
        words = _("They can pay from %(n)s on, and only a part of the goods.") % {
            "n": number_text(standing.least, language)
        }
    return PointsShown(standing.balance, standing.usable, standing.used, words)


def _words(taken: Taken, currency: str) -> str:
    tender, language = taken.tender, shopper.language()
    if not tender.is_usable:
        return _("Nothing can be paid with it now.")
    if not taken.amount:
        return _("It is not needed here.")
    left = tender.balance - taken.amount
    said = {
        "amount": money_text(taken.amount, language, currency),
        "left": money_text(left, language, currency),
    }
    return _("Pays %(amount)s, %(left)s stay on it.") % said if left else _("Pays %(amount)s.") % said
