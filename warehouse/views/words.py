"""The refusals of the warehouse in the words of the person who scanned: a title to see from afar, and what to do now."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from retail.front import refusals
from retail.kernel.errors import Refusal

Words = tuple[str | Promise, str | Promise]

# By code: what happened, what to do. Details of the refusal may be named in the second.
WORDS: dict[str, Words] = {
    "WRONG_BIN": (gettext_lazy("Wrong shelf"), gettext_lazy("Go to %(bins)s.")),
    "WRONG_UNIT": (gettext_lazy("Wrong item"), gettext_lazy("%(code)s is not wanted here. Put it back.")),
    "UNKNOWN_BIN": (gettext_lazy("Unknown shelf"), gettext_lazy("There is no such shelf here.")),
    "UNKNOWN_CLAIM": (gettext_lazy("Not to be done any more"), gettext_lazy("Somebody was faster, or the order has changed.")),
    "UNKNOWN_SHIPMENT": (gettext_lazy("Unknown shipment"), gettext_lazy("There is no such shipment.")),
    "UNKNOWN_PURCHASE_ORDER": (gettext_lazy("Unknown purchase order"), gettext_lazy("There is no such purchase order.")),
    "UNKNOWN_REASON": (gettext_lazy("Unknown reason"), gettext_lazy("Choose one of the reasons.")),
    "NOT_ON_PURCHASE_ORDER": (gettext_lazy("Not on this order"), gettext_lazy("%(sku)s was not ordered. Put it aside.")),
    "NOT_ENOUGH_UNITS": (gettext_lazy("Not that many here"), gettext_lazy("Fewer units lie there than were scanned.")),
    "NOT_PICKED": (gettext_lazy("Not whole yet"), gettext_lazy("Everything must be picked first.")),
    "NOT_PACKED": (gettext_lazy("Not packed yet"), gettext_lazy("Pack it first.")),
    "TOO_EARLY": (gettext_lazy("Not yet"), gettext_lazy("The buyer chose the day. It leaves on %(day)s.")),
    "NOT_PAID": (gettext_lazy("Not paid"), gettext_lazy("The goods wait for their money.")),
    "PAYMENT_MISSING": (gettext_lazy("Not paid"), gettext_lazy("The goods wait for their money.")),
    "AUTHORIZATION_EXPIRED": (gettext_lazy("The card cannot be charged"), gettext_lazy("The parcel stays here. An exception is open.")),
    "CAPTURE_UNKNOWN": (gettext_lazy("The card is being checked"), gettext_lazy("Wait a minute and scan again.")),
    "ORDER_NOT_READY": (gettext_lazy("Stop"), gettext_lazy("%(number)s is on hold or canceled. Put it aside.")),
    "ILLEGAL_MOVE": (gettext_lazy("Not possible now"), gettext_lazy("Its state does not allow that any more.")),
    "WRONG_CODE": (gettext_lazy("Wrong code"), gettext_lazy("Ask the customer to show the message again.")),
    "INVALID_QUANTITY": (gettext_lazy("Wrong quantity"), gettext_lazy("Check the number and scan again.")),
    "INVALID_PARCEL": (gettext_lazy("Wrong weight"), gettext_lazy("Check the weight in grams.")),
    "BELOW_CLAIMS": (gettext_lazy("Promised to orders"), gettext_lazy("These units are claimed.")),
    "STOCK_BUSY": (gettext_lazy("Try again"), gettext_lazy("Too much happens to these units at once.")),
    "TAKEN_BY_OTHER": (gettext_lazy("Taken"), gettext_lazy("Somebody else picks this shipment.")),
    "CARRIER_UNAVAILABLE": (gettext_lazy("The carrier does not answer"), gettext_lazy("The goods wait. Try again in a while.")),
    "CARRIER_REFUSED": (gettext_lazy("The carrier refuses it"), gettext_lazy("Put it aside and tell the lead: %(reason)s.")),
    "CASH_NOT_FINAL": (gettext_lazy("Another parcel first"), gettext_lazy("Send the other parcel of this order, then print this label.")),
    "OTHER_ENTITY": (gettext_lazy("Not a transfer"), gettext_lazy("The two places belong to different companies.")),
    "NOTHING_TO_SHIP": (gettext_lazy("Nothing to send"), gettext_lazy("No unit is claimed for it any more.")),
    "UNITS_ARE_ORDERED": (gettext_lazy("Units of an order"), gettext_lazy("All of them go, or say that they are not on the shelf.")),
    "REST_IS_COMING": (gettext_lazy("Not whole yet"), gettext_lazy("%(left)s units of this order are still on their way.")),
    "NOT_ON_TRANSFER": (gettext_lazy("Not on this transfer"), gettext_lazy("%(sku)s was not sent. Put it aside.")),
    "BIN_IS_COUNTED": (gettext_lazy("Being counted"), gettext_lazy("A count of %(bin)s waits for approval.")),
    "OWN_COUNT": (gettext_lazy("Not your own"), gettext_lazy("Somebody else must approve what you counted.")),
    "LABEL_CHANGED": (gettext_lazy("New label"), gettext_lazy("What the courier collects has changed. Print the new label and scan it.")),
}  # fmt: skip


def say(refusal: Refusal) -> tuple[str, str]:
    title, text = WORDS.get(refusal.code, (_("Not possible"), refusals.say(refusal)))
    details = {
        key: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for key, value in refusal.details.items()
    }
    try:
        return str(title), str(text) % details if "%(" in str(text) else str(text)
    except KeyError:
        return str(title), refusals.say(refusal)
