"""The words of each letter about an order. The buyer's language is active when these are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from crm.letters.facts import (
    ExchangeFacts,
    FileFacts,
    Line,
    OrderFacts,
    ParcelFacts,
    ReturnFacts,
    TransferFacts,
)
from crm.letters.paper import Action, Letter
from retail.front.formats import clock_text, day_text, money_text
from retail.kernel.script import to_cyrillic


def placed(order: OrderFacts) -> Letter:
    """Agreed: cash on delivery at once, a card when it is authorized."""
    said = {"number": order.number, "when": _promised(order), "place": _script(order.place)}
    if order.is_pickup:
        first = (
            _("It will be ready in %(place)s, %(when)s. We write to you with the pickup code when it is.")
            % said
        )
    elif order.is_digital:
        first = _by_letter(order)
    else:
        first = _("It arrives %(when)s. We write to you when the courier takes it.") % said
    return Letter(
        subject=_("Order %(number)s is in") % said,
        heading=_("Thank you, the order is in"),
        preheader=first,
        # What is charged at once needs no word about when.
        paragraphs=(_hello(order), first) if order.is_digital else (_hello(order), first, _paid_how(order)),
        action=Action(_("Follow the order"), order.url),
        lines=order.lines,
        sums=_sums(order),
        after=()
        if order.is_digital
        else (_("Until we begin to collect it, you can cancel it on its page."),),
        currency=order.currency,
    )


def downloads(order: OrderFacts, files: Sequence[FileFacts], *, is_renewed: bool) -> Letter:
    """The links of paid files; the first download ends the right of withdrawal."""
    first = files[0]
    said = {"number": order.number, "n": first.left, "day": _day(first.until)}
    terms = ngettext(
        "It can be downloaded %(n)s time, until %(day)s.",
        "It can be downloaded %(n)s times, until %(day)s.",
        first.left,
    )
    more = tuple((file.title, file.url) for file in files) if len(files) > 1 else ()
    return Letter(
        subject=_("Your electronic edition, order %(number)s") % said,
        heading=_("A new link for your download") if is_renewed else _("Ready to be downloaded"),
        preheader=first.title,
        paragraphs=(_hello(order), terms % said),
        action=Action(_("Download %(title)s") % {"title": first.title}, first.url),
        facts=more,
        after=(
            _(
                "When the download begins, the right of withdrawal ends. Until then you may give it back on the page of the order."
            ),
            _("Keep the link for yourself: whoever has it can download."),
        ),
        currency=order.currency,
    )


def transfer(order: OrderFacts, told: TransferFacts) -> Letter:
    """How to pay by transfer."""
    until = _day(order.deadline)
    return Letter(
        subject=_("How to pay order %(number)s") % {"number": order.number},
        heading=_("Pay by transfer and we send it on its way"),
        paragraphs=(
            _hello(order),
            _(
                "We keep everything for you until %(day)s. The QR code that your bank's app reads is on the page below."
            )
            % {"day": until},
        ),
        action=Action(_("Show the IPS QR code"), told.url),
        facts=(
            (_("Recipient"), told.recipient),
            (_("Account"), told.account),
            (_("Amount"), _money(told.amount, told.currency)),
            (_("Model and reference"), f"{told.model} {told.reference}"),
            (_("Purpose"), _script(told.purpose)),
        ),
        lines=order.lines,
        sums=_sums(order),
        currency=order.currency,
    )


def paid(order: OrderFacts) -> Letter:
    """The transfer arrived."""
    when = _promised(order)
    return Letter(
        subject=_("We have received your payment for %(number)s") % {"number": order.number},
        heading=_("Your payment has arrived"),
        paragraphs=(
            _hello(order),
            _by_letter(order)
            if order.is_digital
            else _("The order is on its way to being packed; expect it %(when)s.") % {"when": when},
        ),
        action=Action(_("Follow the order"), order.url),
        lines=order.lines,
        sums=_sums(order),
        currency=order.currency,
    )


def payment_failed(order: OrderFacts) -> Letter:
    """A new attempt, or another way; until when the goods are kept."""
    said = {"number": order.number, "time": clock_text(order.deadline), "day": _day(order.deadline)}
    paragraphs = [
        _hello(order),
        _("The card payment for order %(number)s did not succeed and nothing was charged.") % said,
    ]
    if order.deadline:
        paragraphs.append(
            _("We keep your items until %(time)s, %(day)s. Try again or choose another way to pay.") % said
        )
    return Letter(
        subject=_("The payment of %(number)s did not succeed") % said,
        heading=_("The payment did not succeed"),
        paragraphs=tuple(paragraphs),
        action=Action(_("Pay now"), order.pay_url),
        lines=order.lines,
        sums=_sums(order),
        currency=order.currency,
    )


def dispatched(order: OrderFacts, parcel: ParcelFacts) -> Letter:
    said = {"number": order.number, "carrier": parcel.carrier, "when": _promised(order)}
    facts: list[tuple[str, str]] = [(_("Courier"), parcel.carrier)] if parcel.carrier else []
    if parcel.tracking:
        facts.append((_("Number of the parcel"), ", ".join(parcel.tracking)))
    if parcel.cash_on_delivery:
        facts.append((_("To pay to the courier"), _money(parcel.cash_on_delivery, order.currency)))
    first = _("The courier has your parcel. Expect it %(when)s.") % said
    rest = () if parcel.is_last else (_("The rest of the order follows in another parcel."),)
    return Letter(
        subject=_("Order %(number)s is with the courier") % said,
        heading=_("It is on its way"),
        preheader=first,
        paragraphs=(_hello(order), first, *rest),
        action=Action(_("Follow the parcel"), order.url),
        facts=tuple(facts),
        lines=parcel.lines,
        currency=order.currency,
    )


def ready(order: OrderFacts, parcel: ParcelFacts) -> Letter:
    """Waiting in the store, with the code that is told at the counter."""
    said = {"number": order.number, "place": _script(order.place)}
    facts = [(pgettext("delivery", "Store"), f"{_script(order.place)}, {_script(order.place_address)}")]
    if parcel.hours:
        facts.append((_("Opening hours today"), parcel.hours))
    if parcel.cash_on_delivery:
        facts.append((_("To pay in the store"), _money(parcel.cash_on_delivery, order.currency)))
    return Letter(
        subject=_("Order %(number)s is ready for pickup") % said,
        heading=_("It is waiting for you in %(place)s") % said,
        paragraphs=(_hello(order), _("Tell this code in the store:")),
        code=parcel.code,
        action=Action(_("Look at the order"), order.url),
        facts=tuple(facts),
        lines=parcel.lines,
        currency=order.currency,
    )


def delivered(order: OrderFacts, parcel: ParcelFacts) -> Letter:
    said = {"number": order.number}
    first = (
        _("You have picked up order %(number)s.")
        if order.is_pickup
        else _("The courier has delivered your parcel of order %(number)s.")
    )
    return Letter(
        subject=_("Order %(number)s is with you") % said,
        heading=_("Enjoy your reading"),
        paragraphs=(
            _hello(order),
            first % said,
            _("The receipt is on the page of the order. If something is not right, begin a return there."),
        ),
        action=Action(_("Receipt and returns"), order.url),
        lines=parcel.lines,
        currency=order.currency,
    )


def changed(order: OrderFacts, *, what: frozenset[str], left: tuple[Line, ...], missing: Decimal) -> Letter:
    """The order as it is now; `missing` is what the buyer still has to pay."""
    said = {
        "number": order.number,
        "what": ", ".join(_changed_words(what)),
        "when": _promised(order),
        "place": _script(order.place),
        "amount": _money(missing, order.currency),
    }
    when = _("It will be ready in %(place)s, %(when)s.") if order.is_pickup else _("It arrives %(when)s.")
    paragraphs = [
        _hello(order),
        _("Changed in order %(number)s: %(what)s. Below is what it is now.") % said,
        when % said,
    ]
    if missing > 0:
        paragraphs.append(_("%(amount)s is still to be paid.") % said)
    action = Action(_("Pay now"), order.pay_url) if missing > 0 else Action(_("Look at the order"), order.url)
    fee = _money(order.delivery_total, order.currency) if order.delivery_total else _("free")
    return Letter(
        subject=_("Order %(number)s was changed") % said,
        heading=_("Your order was changed"),
        paragraphs=tuple(paragraphs),
        action=action,
        lines=left,
        sums=(
            (pgettext("delivery", "Pickup") if order.is_pickup else _("Delivery"), fee),
            (_("Total"), _money(order.due, order.currency)),
        ),
        after=(_("If you did not ask for this, call or write to us."),),
        currency=order.currency,
    )


def supply_changed(order: OrderFacts, *, is_known: bool) -> Letter:
    """What was ordered ahead comes on another day, or nobody knows when: wait, or cancel and have all of it back."""
    said = {"number": order.number, "when": _promised(order)}
    first = (
        _("The supplier has changed the delivery that order %(number)s waits for. It now arrives %(when)s.")
        if is_known
        else _(
            "The supplier did not bring all that order %(number)s waits for, and we do not know a new date yet. We are looking for it elsewhere."
        )
    )
    choice = _(
        "You may wait: then there is nothing to do. Or cancel on the page of the order, and all that was paid is returned."
    )
    return Letter(
        subject=_("Another date for order %(number)s") % said
        if is_known
        else _("We do not have a date for order %(number)s") % said,
        heading=_("We are sorry: the date has changed") if is_known else _("We are sorry: it did not come"),
        preheader=first % said,
        paragraphs=(_hello(order), first % said, choice),
        action=Action(_("Wait or cancel"), order.url),
        lines=order.lines,
        sums=_sums(order),
        currency=order.currency,
    )


def _changed_words(what: frozenset[str]) -> list[str]:
    """The parts of an order in the words that its buyer knows, each once."""
    parts = [
        ({"lines"}, _("what is ordered")),
        ({"street", "city", "postal_code"}, _("where it goes")),
        ({"name", "phone", "email"}, _("how we reach you")),
        ({"company_name", "company_pib", "company_registration_number"}, _("who the papers name")),
    ]
    return [words for names, words in parts if names & what]


def canceled(order: OrderFacts, *, is_whole: bool) -> Letter:
    said = {"number": order.number}
    if is_whole:
        first = _("Order %(number)s is canceled and everything is back on the shelf.") % said
    else:
        first = _("A part of order %(number)s is canceled; its page shows what stays.") % said
    money = (
        _("What was reserved or paid goes back the way it came; banks take up to five working days.")
        if order.has_money
        else _("Nothing was charged.")
    )
    return Letter(
        subject=(_("Order %(number)s is canceled") if is_whole else _("A part of %(number)s is canceled"))
        % said,
        heading=_("The order is canceled") if is_whole else _("A part of the order is canceled"),
        paragraphs=(_hello(order), first, money),
        action=Action(_("Look at the order"), order.url),
        currency=order.currency,
    )


def return_asked(order: OrderFacts, back: ReturnFacts) -> Letter:
    said = {"number": back.number}
    return Letter(
        subject=_("Return %(number)s: what to do now") % said,
        heading=_("Your return is announced"),
        paragraphs=(
            _hello(order),
            _(
                "Bring it to any store, or pack it and write %(number)s on the parcel. The money goes back the way it came as soon as we have received it."
            )
            % said,
        ),
        action=Action(_("Look at the order"), order.url),
        lines=back.lines,
        currency=order.currency,
    )


def return_received(order: OrderFacts, back: ReturnFacts) -> Letter:
    said = {"number": back.number, "amount": _money(back.refund, order.currency)}
    return Letter(
        subject=_("We have received your return %(number)s") % said,
        heading=_("Your return has arrived"),
        paragraphs=(
            _hello(order),
            _("%(amount)s goes back to you the way it came.") % said
            if back.refund
            else _("It pays for what you chose instead."),
        ),
        action=Action(_("Look at the order"), order.url),
        lines=back.lines,
        currency=order.currency,
    )


def return_rejected(order: OrderFacts, back: ReturnFacts) -> Letter:
    said = {"number": back.number, "reason": back.reason}
    return Letter(
        subject=_("About your return %(number)s") % said,
        heading=_("We could not accept the return"),
        paragraphs=(_hello(order), _("The reason: %(reason)s") % said),
        action=Action(_("Look at the order"), order.url),
        lines=back.lines,
        currency=order.currency,
    )


def exchange_agreed(order: OrderFacts, swap: ExchangeFacts) -> Letter:
    """`order` is the new one: it is kept until the first goods are here."""
    said = {
        "number": swap.number,
        "new": swap.new_number,
        "day": _day(swap.deadline),
        "pay": _money(swap.to_pay, order.currency),
        "refund": _money(swap.to_refund, order.currency),
    }
    paragraphs = [
        _hello(order),
        _(
            "Bring what you exchange to any store, or pack it and write %(number)s on the parcel. We keep the new one for you until %(day)s and send it as soon as the first is here."
        )
        % said,
    ]
    if swap.to_pay:
        paragraphs.append(_("What you chose costs %(pay)s more.") % said)
    if swap.to_refund:
        paragraphs.append(_("%(refund)s goes back to you the way it came when the first is here.") % said)
    return Letter(
        subject=_("Exchange %(new)s: what to do now") % said,
        heading=_("Your exchange is agreed"),
        paragraphs=tuple(paragraphs),
        action=Action(_("Label and code for what comes back"), f"{order.url}#returns"),
        facts=((_("Comes back"), ", ".join(f"{line.quantity} × {line.title}" for line in swap.back)),),
        lines=order.lines,
        currency=order.currency,
    )


def exchange_ended(order: OrderFacts, swap: ExchangeFacts) -> Letter:
    """It did not come in time, or was not accepted."""
    said = {"number": swap.number, "new": swap.new_number, "pay": _money(swap.to_pay, order.currency)}
    if swap.is_owed:
        rest = _("What you have got instead is to be paid: %(pay)s.") % said
        action = Action(_("Pay now"), swap.pay_url)
    else:
        rest = _(
            "We keep the new one no longer. If you have sent the first already, its money goes back to you the way it came when it is here."
        )
        action = Action(_("Look at the order"), order.url)
    return Letter(
        subject=_("Exchange %(new)s came to nothing") % said,
        heading=_("The exchange came to nothing"),
        paragraphs=(
            _hello(order),
            _("What you wanted to exchange (%(number)s) is not with us.") % said,
            rest,
        ),
        action=action,
        lines=swap.back,
        currency=order.currency,
    )


def refunded(order: OrderFacts, amount: Decimal) -> Letter:
    said = {"number": order.number, "amount": _money(amount, order.currency)}
    return Letter(
        subject=_("%(amount)s is returned for %(number)s") % said,
        heading=_("The money is on its way to you"),
        paragraphs=(
            _hello(order),
            _("We have returned %(amount)s the way it came. Banks take up to five working days to show it.")
            % said,
        ),
        action=Action(_("Look at the order"), order.url),
        currency=order.currency,
    )


# ------------------------------------------------------------------ shared words
def _hello(order: OrderFacts) -> str:
    return _("Hello %(name)s,") % {"name": order.name}


def _paid_how(order: OrderFacts) -> str:
    said = {"amount": _money(order.due - order.exchanged, order.currency)}
    words: dict[str, Callable[[], str]] = {
        "CARD": lambda: _("%(amount)s is reserved on your card and charged when the goods leave.") % said,
        "EXCHANGE": lambda: _("What you sent back has paid for it."),
        "BANK_TRANSFER": lambda: _("Your transfer of %(amount)s has arrived.") % said,
    }
    cash = (
        _("You pay %(amount)s in the store.") if order.is_pickup else _("You pay %(amount)s to the courier.")
    )
    return words.get(order.payment_method, lambda: cash % said)()


def _sums(order: OrderFacts) -> tuple[tuple[str, str], ...]:
    delivery = pgettext("delivery", "Pickup") if order.is_pickup else _("Delivery")
    fee = _money(order.delivery_total, order.currency) if order.delivery_total else _("free")
    return (
        (_("Goods"), _money(order.goods_total, order.currency)),
        (delivery, fee),
        (_("Total"), _money(order.total, order.currency)),
    )


def _by_letter(order: OrderFacts) -> str:
    if order.has_gift_cards:
        return _("Each gift card arrives by e-mail, on the day that you chose.")
    return _("The link for the download comes by e-mail in a moment; it is on the page of the order too.")


def _promised(order: OrderFacts) -> str:
    if order.promised_at:
        said = {"day": _day(order.promised_at), "time": clock_text(order.promised_at)}
        return _("%(day)s by %(time)s") % said
    return _day(order.promised_on)


def _day(value: date | datetime | None) -> str:
    """Inside a sentence Serbian days are written small, English ones are not."""
    language = get_language() or "en"
    text = day_text(value, language)
    return text if language.startswith("en") else f"{text[:1].lower()}{text[1:]}"


def _money(amount: Decimal, currency: str) -> str:
    return money_text(amount, get_language() or "en", currency)


def _script(text: str) -> str:
    return to_cyrillic(text) if get_language() == "sr-cyrl" else text
