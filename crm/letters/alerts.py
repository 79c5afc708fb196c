"""The words of letters about alerts. The reader's language is active when these are called."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.letters.paper import Action, Letter
from retail.front.formats import clock_text, money_text


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What is said of the thing; `url` leads on, `leave_url` ends the alert."""

    title: str
    url: str
    leave_url: str
    currency: str
    price: Decimal | None = None
    price_seen: Decimal | None = None
    held_until: datetime | None = None


def confirm_back(facts: AlertFacts) -> Letter:
    return _confirm(
        facts,
        _(
            "We will write when “%(title)s” is there again, as soon as you confirm that this address is yours."
        ),
    )


def confirm_price(facts: AlertFacts) -> Letter:
    return _confirm(
        facts,
        _("We will write when “%(title)s” costs less, as soon as you confirm that this address is yours."),
    )


def _confirm(facts: AlertFacts, words: str) -> Letter:
    said = {"title": facts.title}
    return Letter(
        subject=_("Confirm your address: %(title)s") % said,
        heading=_("Is this address yours?"),
        paragraphs=(words % said,),
        action=Action(_("Yes, write to me"), facts.url),
        after=(_("If you did not ask for it, do nothing: without your word nothing is sent."),),
        foot=_("Somebody wrote this address in our shop."),
        leave=Action(_("Do not write to me about it"), facts.leave_url),
    )


def back_in_stock(facts: AlertFacts) -> Letter:
    """One copy is kept for this reader alone, until the hour that is said."""
    assert facts.held_until is not None, "a copy is held before anybody is told"
    said = {"title": facts.title, "hour": clock_text(facts.held_until)}
    return Letter(
        subject=_("There again: %(title)s") % said,
        heading=_("It is there again, and one is yours for now"),
        paragraphs=(
            _("“%(title)s” came back. We keep one for you until %(hour)s; then the next in line may have it.")
            % said,
        ),
        action=Action(_("Take it"), facts.url),
        foot=_("You asked us to tell you; we do it once."),
        leave=Action(_("Do not write to me about it"), facts.leave_url),
    )


def costs_less(facts: AlertFacts) -> Letter:
    language = get_language() or ""
    said = {
        "title": facts.title,
        "now": money_text(facts.price, language, facts.currency),
        "then": money_text(facts.price_seen, language, facts.currency),
    }
    return Letter(
        subject=_("Costs less: %(title)s") % said,
        heading=_("The price has fallen"),
        paragraphs=(_("“%(title)s” costs %(now)s now. When you asked, it was %(then)s.") % said,),
        action=Action(_("Look at it"), facts.url),
        foot=_("You asked us to tell you; we do it once."),
        leave=Action(_("Do not write to me about it"), facts.leave_url),
    )
