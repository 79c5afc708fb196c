"""What a refusal says to people, in their language, by its stable code. Programs get the code and the English message as it is.

`say(refusal)` is for every page that shows a refusal. A code that people can meet and that is missing here fails a test.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from retail.kernel.errors import Refusal

WORDS: dict[str, str | Promise] = {
    # Orders
    "UNKNOWN_ORDER": _("There is no such order."),
    "UNKNOWN_ORDER_LINE": _("The order has no such line."),
    "ORDER_IS_FINAL": _("The order is finished; nothing about it can be changed any more."),
    "QUANTITY_EXCEEDED": _("Fewer units are left on this line."),
    "INVALID_QUANTITY": _("Write a whole number from 1."),
    "TOO_LATE_TO_CANCEL": _("It is too late to cancel: some of it has left already."),
    "TOO_LATE_TO_CHANGE": _("It is too late to change: it is being picked, has left, or is finished."),
    "STALE_ORDER": _("The order has changed since it was shown. Look at it again."),
    "NOTHING_TO_CHANGE": _("Nothing would change."),
    "PAPERS_ISSUED": _("A receipt or invoice names the buyer already."),
    "NOTHING_LEFT": _("Nothing would be left of the order: cancel it instead."),
    "NOT_BOUGHT": _("Whoever bought it here and has it may review it."),
    "NOT_DUE": _("Its payment deadline has not passed yet."),
    "METHOD_NOT_AVAILABLE": _("This way of delivery cannot be had for it now."),
    "OUT_OF_STOCK": _("There are not that many free units."),
    "HOLD_LOST": _("Its units are no longer held."),
    "ILLEGAL_MOVE": _("Its state does not allow that any more. Look at the page again."),
    "STALE_VERSION": _("Somebody changed it meanwhile. Look at the page again."),
    "ALREADY_RESOLVED": _("Somebody has resolved it already."),
    "STILL_MISSING": _("Units of the order lie nowhere yet. Plan it again, or cancel what cannot be had."),
    "UNKNOWN_EXCEPTION": _("There is no such exception."),
    # Plans and proposals
    "NOT_ROUTABLE": _("The order waits for no plan."),
    "STALE_PROPOSAL": _("The order has changed since this plan was made; a fresh one is attached."),
    "OWN_PROPOSAL": _("You proposed it yourself; above the limit another person decides."),
    "PROPOSAL_DECIDED": _("Somebody has decided it already."),
    "UNKNOWN_PROPOSAL": _("There is no such proposal."),
    "TARGET_TAKEN": _("The units of this plan were taken by other orders meanwhile."),
    # Segments
    "INVALID_SEGMENT": _("The definition cannot be read."),
    "INVALID_SEGMENT_NAME": _("A segment needs a name."),
    "UNKNOWN_SEGMENT": _("There is no such segment."),
    "SEGMENT_TAKEN": _("Another segment has this name already."),
    "STALE_SEGMENT": _("Somebody has changed this segment meanwhile. Look at it again."),
    "SEGMENT_IN_USE": _("A live campaign, discount or page uses this segment; propose the change instead."),
    "SEGMENT_UNCHANGED": _("These are the words that the segment has already."),
    "SEGMENT_TOO_COSTLY": _("This question would keep the database busy for too long. Narrow it, by a shorter time for example."),
    # What a campaign sold
    "NOT_OF_CAMPAIGN": _("The campaign priced no line of this order."),
    "NOTHING_TO_CREDIT": _("Everything of it is canceled, back, or on its way back."),
    "CONTRACT_STANDS": _("What was agreed is not charged higher afterwards: keep its price, or credit it."),
    # Returns and money that goes back
    "UNKNOWN_RETURN": _("There is no such return."),
    "NOTHING_TO_RETURN": _("Fewer units of it can come back."),
    "RETURN_PERIOD_OVER": _("The time for returns is over."),
    "INVALID_BUYER_ID": _("The document number has 1 to 17 letters and digits."),
    "INVALID_BANK_ACCOUNT": _("This is not a bank account. It has 18 digits, for example 160-0000000012345-95."),
    "ACCOUNT_MISSING": _("Say to which account the money goes back."),
    "REFUND_EXCEEDS_PAYMENT": _("More would go back than came in and is not on its way back yet."),
    "ALREADY_SETTLED": _("This refund was settled already."),
    "UNKNOWN_REFUND": _("There is no such transfer back."),
    "NOTHING_SOLD": _("Nothing of it was sold, so nothing can be taken back."),
    # Accounts, offers and points
    "UNKNOWN_TASK": _("There is no such task."),
    "TASK_DONE": _("Somebody has done it already."),
    "UNKNOWN_COUPON_BATCH": _("There is no such batch of codes."),
    "COUPON_CODE_TAKEN": _("Another coupon has this code."),
    "NOT_FOR_COUPONS": _("This discount asks for no coupon."),
    "UNKNOWN_OFFER": _("There is no such offer."),
    "UNKNOWN_DISCOUNT": _("There is no such discount."),
    "NOT_FOR_ACCOUNTS": _("Accounts cannot carry this discount."),
    "OFFER_CARRIED": _("The account carries it already."),
    "NOT_ENOUGH_POINTS": _("The member has fewer points."),
    "NO_MEMBER": _("Only a member can pay with points."),
    "BAD_PROGRAM": _("These numbers make no loyalty program."),
    "UNKNOWN_MERGE": _("There is no such merge."),
    "CANNOT_MERGE": _("These two accounts cannot become one."),
    "MERGED_ALREADY": _("One of them was merged into another account already."),
    "OPEN_ORDERS": _("Orders or returns are still under way."),
    "NOT_ERASABLE": _("This account cannot be erased."),
    "CANNOT_UNDO_MERGE": _("Something has happened since that cannot be taken apart."),
    # Payments
    "UNKNOWN_PAYMENT": _("There is no such payment."),
    "UNKNOWN_PAYMENT_METHOD": _("This way of paying is not offered."),
    "ORDER_NOT_PENDING": _("The order does not wait for a payment."),
    "NOTHING_TO_PAY": _("There is nothing left to pay."),
    "CARD_UNAVAILABLE": _("The card provider does not answer now. Try again in a minute."),
    "CAPTURE_UNKNOWN": _("The card is being checked. Try again in a minute."),
    "AUTHORIZATION_EXPIRED": _("The card cannot be charged any more. The parcel stays, and an exception is open."),
    "PAYMENT_MISSING": _("It is not paid yet; the goods wait for their money."),
    "ALREADY_MATCHED": _("This line has its place already."),
    "UNKNOWN_STATEMENT_LINE": _("There is no such statement line."),
    "UNKNOWN_BANK_ACCOUNT": _("None of our companies has this account."),
    "UNKNOWN_CARRIER": _("There is no such carrier."),
    "LINE_CHANGED": _("It was read before with another date or amount."),
    # Books and papers
    "PERIOD_CLOSED": _("The month of this day is closed."),
    "ALREADY_REVERSED": _("This entry was reversed already."),
    "ALREADY_POSTED": _("This was posted already."),
    "UNKNOWN_ENTRY": _("There is no such entry."),
    "UNKNOWN_ACCOUNT": _("There is no such account in the books."),
    "UNBALANCED": _("Debit and credit are not equal."),
    "EMPTY_ENTRY": _("An entry needs lines."),
    "UNKNOWN_PAPER": _("There is no such paper."),
    "NOT_SIGNED": _("The fiscal processor has not signed it yet."),
    "BEYOND_SOLD": _("More would be taken back than was sold."),
    "BEYOND_ISSUE": _("More would come back than went out."),
    "BEYOND_THE_LINE": _("More than the line has left."),
    "FOREIGN_STOCK": _("These goods belong to another company of the house."),
    "STOCK_VALUE_SHORT": _("The books have fewer of these units than the shelf. Tell finance."),
    # Goods
    "UNKNOWN_LOCATION": _("There is no such location."),
    "UNKNOWN_SKU": _("We do not sell anything under this number."),
    "UNKNOWN_COUNT": _("There is no such count."),
    "UNKNOWN_TRANSFER": _("There is no such transfer."),
    "ALREADY_DISPATCHED": _("It has left already."),
    "HOLD_LIMIT": _("One buyer cannot hold more of it."),
}  # fmt: skip
# Said by codes of many meanings: the message itself is the msgid.
SAID = (
    gettext_noop("A month is 1 to 12."),
    gettext_noop("A refund is above zero."),
    gettext_noop("A refund is more than nothing."),
    gettext_noop("Goods come from a supplier to a store or warehouse."),
    gettext_noop("More damaged units were named than the parcel held."),
    gettext_noop("Name each SKU once."),
    gettext_noop("Say how it was resolved."),
    gettext_noop("Say what arrived."),
    gettext_noop("Say what you return."),
    gettext_noop("Say which lines to cancel."),
    gettext_noop("Say why the entry is reversed."),
    gettext_noop("Say why the line is set aside."),
    gettext_noop("Say why the money goes back."),
    gettext_noop("Say why the order is held."),
    gettext_noop("Say why the proposal is rejected."),
    gettext_noop("Say why the return is rejected."),
    gettext_noop("The disposition is RESTOCK, DAMAGED or QUARANTINE."),
    gettext_noop("The quantity is a whole number from 1."),
    gettext_noop("There is no such location of this company."),
    gettext_noop("There is no such location."),
    gettext_noop("This is not a bank account."),
    gettext_noop("Write something in the note."),
    gettext_noop("A note says something."),
    gettext_noop("Say what is to be done."),
    gettext_noop("There is no such colleague."),
    gettext_noop("There is no such consent."),
    gettext_noop("A consent needs the words that were agreed to."),
    gettext_noop("Say why the account gets it."),
    gettext_noop("The offer would be over already."),
    gettext_noop("An offer is used once at least."),
    gettext_noop("A task has a day until which it is done."),
    gettext_noop("Write a whole number."),
    gettext_noop("This is not a day."),
)


def say(refusal: Refusal) -> str:
    """Why a verb refused, in the reader's language."""
    words = WORDS.get(refusal.code)
    return str(words) if words is not None else gettext(refusal.message)
