"""The letter that a gift card is. The reader's language is active when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.letters.paper import Action, Letter
from retail.front.formats import date_text, money_text


@dataclass(frozen=True, slots=True)
class GiftCardFacts:
    code: str
    amount: Decimal
    currency: str
    sender: str
    recipient: str
    message: str
    expires_on: date | None
    url: str


def gift(facts: GiftCardFacts) -> Letter:
    """Code, worth and last day; what the giver wrote."""
    worth = money_text(facts.amount, get_language() or "", facts.currency)
    said = {"sender": facts.sender, "worth": worth, "name": facts.recipient}
    words = (
        _("%(sender)s sends you a gift card worth %(worth)s.") % said
        if facts.sender
        else _("Here is your gift card worth %(worth)s.") % said
    )
    greeting = (_("Dear %(name)s,") % said,) if facts.recipient else ()
    wish = (f"„{facts.message}“",) if facts.message else ()
    until = (
        ((_("Good until"), date_text(facts.expires_on, get_language() or "")),) if facts.expires_on else ()
    )
    return Letter(
        subject=_("A gift card worth %(worth)s") % said,
        heading=_("A gift for you"),
        paragraphs=(*greeting, words, *wish),
        facts=((_("Worth"), worth), *until),
        code=facts.code,
        action=Action(_("See what is on it"), facts.url),
        after=(
            _(
                "Type the code in the basket or at checkout. You may spend it in parts; what is left stays on the card."
            ),
            _("Whoever has the code can spend the card. If this letter came twice, the later code holds."),
        ),
        currency=facts.currency,
        foot=_("Somebody bought this card in our shop and gave your address."),
    )
