"""The words of the letter that asks whether a consent was given by whoever reads the mailbox."""

from __future__ import annotations

from django.utils.translation import gettext as _

from crm.letters.paper import Action, Letter


def confirm(*, wordings: tuple[str, ...], url: str) -> Letter:
    return Letter(
        subject=_("Confirm what you agreed to"),
        heading=_("Is this address yours?"),
        paragraphs=(
            _("In our shop somebody wrote this address and agreed to the following:"),
            *(_("“%(words)s”") % {"words": wording} for wording in wordings),
            _("It counts only when you confirm it."),
        ),
        action=Action(_("Yes, I agree"), url),
        after=(_("If you did not ask for it, do nothing: without your word nothing is sent."),),
        foot=_("Somebody wrote this address in our shop."),
    )
