"""Why something about a campaign was refused, in the reader's language. Other refusals have their words in `retail.front.refusals`."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from oms.pricing import BadDiscount
from retail.front import refusals
from retail.kernel.errors import Refusal

WORDS: dict[str, str | Promise] = {
    "STALE_PROPOSAL": _("It changed after it was submitted, so it was not ratified. Submit it again."),
    "OWN_PROPOSAL": _("You made this campaign; another person must ratify it."),
    "CAMPAIGN_LOCKED": _("Only a draft is changed: this campaign waits for a second person, or was decided."),
    "UNKNOWN_CAMPAIGN": _("There is no such campaign."),
    "STALE_VERSION": _("Somebody changed this campaign meanwhile. Look at it again."),
}
# Said by verbs whose code stands for several reasons.
SAID = (
    gettext_noop("Another campaign has this address."),
    gettext_noop("Another discount has this word."),
    gettext_noop("The campaign would be over before it began."),
    gettext_noop("Say why the campaign ends early."),
    gettext_noop("A campaign has a name."),
    gettext_noop("A campaign has an address."),
    gettext_noop("A campaign has a discount or a page."),
    gettext_noop("The end lies after the start."),
    gettext_noop("From 0 to 90 percent are held out."),
    gettext_noop("Who is held out is chosen among the members of a segment."),
    gettext_noop("A budget has a limit above zero."),
    gettext_noop("Say what the limit counts: money or orders."),
    gettext_noop("Say the word that its holders type."),
    gettext_noop("Choose the segment."),
    gettext_noop("The same goods are covered and left out."),
    gettext_noop("Your role may not decide about campaigns."),
)
# What the engine complains of, behind the name of the discount.
COMPLAINTS = (
    gettext_noop("a percent lies between 0 and 100, in hundredths"),
    gettext_noop("an amount is not negative and has two places"),
    gettext_noop("take must be above pay"),
    gettext_noop("the cheapest of fewer than one"),
    gettext_noop("tiers and TIERED go together"),
    gettext_noop("a gift and GIFT_LINE go together"),
    gettext_noop("The same goods are named twice, or are covered and left out at once."),
)


def say(refusal: Refusal) -> str:
    if isinstance(refusal, BadDiscount):
        return gettext(refusal.message.rpartition(": ")[2])
    if unknown := refusal.details.get("unknown"):
        return gettext("There is no article %(codes)s.") % {"codes": ", ".join(unknown)}
    if refusal.code == "DISCOUNT_OVER_LIMIT":
        words = gettext("It takes up to %(percent)s %% off; you may ratify up to %(limit)s %%.")
        return words % {"percent": refusal.details["percent"], "limit": refusal.details["limit"]}
    found = WORDS.get(refusal.code)
    return str(found) if found is not None else refusals.say(refusal)
