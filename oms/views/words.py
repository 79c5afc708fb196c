"""Codes of the order room said in words: events of the timeline, papers, what an exception is about, why things come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from finance.views.words import EINVOICE_ERRORS
from oms.pricing import Outcome, Step
from oms.pricing.words import in_words
from oms.rules import ORDER_CHANGED
from retail.front.formats import money_text, short_day_text

# topic → (title, icon, tone)
EVENTS: dict[str, tuple[str | Promise, str, str]] = {
    "oms.order_placed": (_("Order placed"), "inbox", "info"),
    "oms.order_confirmed": (_("Payment secured, order confirmed"), "lock", "good"),
    "oms.order_routed": (_("Plan ratified"), "route", "info"),
    "oms.order_held": (_("Put on hold"), "pause", "warn"),
    "oms.order_released": (_("Released from hold"), "check", "info"),
    "oms.order_dispatched": (_("Goods dispatched"), "truck", "info"),
    "oms.downloads_ready": (_("Download opened"), "down", "good"),
    "oms.file_given_back": (_("Electronic edition given back"), "return", "warn"),
    "oms.order_ready_for_pickup": (_("Ready for pickup"), "bag", "good"),
    "oms.order_delivered": (_("Delivered"), "delivered", "good"),
    "oms.order_completed": (_("Completed"), "ok", "good"),
    "oms.order_canceled": (_("Canceled"), "no", "idle"),
    "oms.order_lines_canceled": (_("Some units canceled"), "no", "warn"),
    "oms.order_changed": (_("Order changed"), "edit", "info"),
    "oms.promise_changed": (_("Promise changed"), "clock", "warn"),
    "oms.supply_changed": (_("Goods under way changed"), "clock", "warn"),
    "oms.supply_settled": (_("Waits for no delivery any more"), "box", "info"),
    "oms.payment_failed": (_("Payment failed"), "alert", "bad"),
    "oms.return_requested": (_("Return requested"), "return", "warn"),
    "oms.return_received": (_("Return received"), "return", "info"),
    "oms.return_refunded": (_("Return refunded"), "back", "good"),
    "oms.return_rejected": (_("Return rejected"), "no", "bad"),
    "oms.exchange_agreed": (_("Exchange agreed"), "return", "info"),
    "oms.exchange_ended": (_("Exchange came to nothing"), "no", "warn"),
    "oms.exception_opened": (_("Exception opened"), "flag", "warn"),
    "oms.exception_resolved": (_("Exception resolved"), "ok", "good"),
    "warehouse.shipment_created": (_("Shipment planned"), "route", "info"),
    "warehouse.shipment_canceled": (_("Shipment called off"), "no", "idle"),
    "warehouse.units_picked": (_("Units picked"), "list", "busy"),
    "warehouse.units_put_back": (_("Units put back on the shelf"), "back", "idle"),
    "warehouse.shipment_packed": (_("Packed"), "box", "busy"),
    "warehouse.shipment_ready_for_pickup": (_("Waits in the store"), "bag", "good"),
    "warehouse.shipment_dispatched": (_("Shipment has left"), "truck", "info"),
    "warehouse.shipment_delivered": (_("Shipment delivered"), "delivered", "good"),
    "warehouse.delivery_failed": (_("Not delivered"), "alert", "bad"),
    "warehouse.shipment_returned": (_("Shipment came back"), "return", "warn"),
    "warehouse.order_units_sent": (_("Sent to the store"), "truck", "info"),
    "warehouse.order_units_arrived": (_("Arrived in the store"), "store", "good"),
    "warehouse.claims_displaced": (_("Claim displaced"), "box", "bad"),
    "finance.payment_authorized": (_("Card authorized"), "lock", "info"),
    "finance.payment_failed": (_("Payment failed"), "alert", "bad"),
    "finance.payment_captured": (_("Money received"), "paid", "good"),
    "finance.payment_voided": (_("Authorization given up"), "no", "idle"),
    "finance.refund_requested": (_("Refund requested"), "back", "warn"),
    "finance.refund_done": (_("Money sent back"), "back", "good"),
    "finance.invoice_issued": (_("Invoice issued"), "note", "info"),
    "finance.fiscal_receipt_signed": (_("Fiscal receipt signed"), "note", "good"),
}
PAPERS: dict[str, str | Promise] = {
    "INVOICE": _("Invoice"),
    "ADVANCE": _("Advance invoice"),
    "CREDIT_NOTE": _("Credit note"),
    "FISCAL_NORMAL_SALE": _("Fiscal receipt"),
    "FISCAL_NORMAL_REFUND": _("Refund receipt"),
    "FISCAL_ADVANCE_SALE": _("Advance receipt"),
    "FISCAL_ADVANCE_REFUND": _("Advance refund receipt"),
    "FISCAL_COPY_SALE": _("Copy of the receipt"),
    "FISCAL_COPY_REFUND": _("Copy of the refund receipt"),
}
RETURN_REASONS: dict[str, str | Promise] = {
    "CHANGED_MIND": _("changed their mind"),
    "DAMAGED": _("came damaged"),
    "WRONG_ITEM": _("not what was ordered"),
    "FAULTY": _("misprint or fault"),
    "OTHER": _("another reason"),
}
# What stands in the detail of an exception.
_LABELS: dict[str, str | Promise] = {
    "amount": pgettext_lazy("exception", "amount"),
    "arrives_on": _("arrives"),
    "authorized": pgettext_lazy("exception", "authorized"),
    "code": pgettext_lazy("exception", "cause"),
    "codes": pgettext_lazy("exception", "causes"),
    "event": _("message"),
    "expected": pgettext_lazy("exception", "expected"),
    "invoice": pgettext_lazy("exception", "invoice"),
    "line": _("statement line"),
    "lines": pgettext_lazy("exception", "missing"),
    "missing": pgettext_lazy("exception", "missing"),
    "paid": pgettext_lazy("exception", "paid"),
    "payment": pgettext_lazy("exception", "payment"),
    "promised_on": pgettext_lazy("exception", "promised"),
    "reason": pgettext_lazy("exception", "cause"),
    "receipt": pgettext_lazy("exception", "receipt"),
    "reference": pgettext_lazy("exception", "reference"),
    "refund": pgettext_lazy("exception", "refund"),
    "return": pgettext_lazy("exception", "return"),
    "shipment": pgettext_lazy("exception", "shipment"),
    "sku": "SKU",
    "told": _("the provider says"),
    "tracking_number": _("parcel number"),
    "units": pgettext_lazy("exception", "units"),
}
_CAUSES: dict[str, str | Promise] = {
    "ACCOUNT_MISSING": _("no account to send the money to"),
    "BUYER_ID_MISSING": _("the buyer's document is missing"),
    "COURIER_AMOUNT": _("the courier paid another amount"),
    "LOST": pgettext_lazy("delivery", "lost"),
    "NO_REFERENCE": _("no reference, and nothing else fits"),
    "PARTIAL": _("only a part was paid"),
    "REFUND_EXCEEDS_PAYMENT": _("less came in than should go back"),
    "REFUSED": pgettext_lazy("delivery", "refused at the door"),
    "UNDELIVERABLE": pgettext_lazy("delivery", "nobody to give it to"),
    "UNKNOWN_PARCEL": _("no parcel of ours has this number"),
    "UNKNOWN_PAYMENT": _("no payment of ours has this number"),
    "WRONG_REFERENCE": _("no order has this reference"),
    "UNKNOWN_REFERENCE": _("no order has this reference"),
    "AMBIGUOUS": _("several orders fit"),
    "TRANSFER": _("not arrived with its transfer"),
    "MOVED": _("the supplier's delivery has another date"),
    "SHORT": _("the supplier brought too few"),
    "CANCELED": _("the purchase order was canceled"),
    ORDER_CHANGED: _("the order was changed"),
}
_AMOUNTS = {"amount", "authorized", "paid", "missing", "expected", "refund"}


def exception_words(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """What an exception is about: (label, words) in the reader's language."""
    return [(str(_LABELS.get(key, key)), _value(key, value)) for key, value in detail.items()]


def event_words(details: dict[str, Any]) -> str:
    """What the timeline says beside an event's title."""
    if said := details.get("reason") or details.get("cause"):
        return cause_words(said)
    if "source" in details:
        way = gettext("from %(source)s to %(target)s") % details
        if day := details.get("expected_on"):
            return gettext("%(way)s, arrives %(day)s") % {
                "way": way,
                "day": short_day_text(date.fromisoformat(day), get_language() or "en"),
            }
        return way
    if missing := details.get("units_missing"):
        return ngettext("%(n)s unit is missing", "%(n)s units are missing", missing) % {"n": missing}
    return str(details.get("shipment") or details.get("transfer") or "")


def cause_words(text: str) -> str:
    """A known cause in words; what a person wrote stays as it is."""
    return str(_CAUSES.get(text, text))


def promise_words(promise: dict[str, Any]) -> str:
    """The day of a promise; nothing is promised while a new one is looked for."""
    day = str(promise.get("ready_at") or promise.get("date") or "")[:10]
    return short_day_text(date.fromisoformat(day), get_language() or "en") if day else "–"


def _value(key: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_value(key, each) for each in value)
    if isinstance(value, dict):
        return " ".join(str(each) for each in value.values())
    text = str(value)
    if words := _CAUSES.get(text) or EINVOICE_ERRORS.get(text):
        return str(words)
    for read in (_as_amount, _as_day):
        if words := read(key, text):
            return words
    return text


def _as_amount(key: str, text: str) -> str:
    if key not in _AMOUNTS:
        return ""
    try:
        return money_text(Decimal(text), get_language() or "en")
    except InvalidOperation:
        return ""


def _as_day(key: str, text: str) -> str:
    if not key.endswith("_on"):
        return ""
    try:
        return short_day_text(date.fromisoformat(text), get_language() or "en")
    except ValueError:
        return ""


# What has to hold for a discount (`oms.offers`), after “only with”.
FACTS = {
    "segment": _("membership in the segment %(name)s"),
    "coupon": _("a code of %(name)s"),
    "offer": _("an offer on the account"),
    "treated": _("an account outside the holdout of %(name)s"),
    "budget": _("enough left of the budget of %(name)s"),
    "gift": _("the gift in stock"),
}


def price_words(explanation: list[dict[str, Any]], currency: str) -> list[str]:
    """Why a line costs what it costs, one sentence for each step."""
    language = get_language() or "en"

    def write(amount: Decimal) -> str:
        return money_text(amount, language, currency)

    return [
        in_words(with_fact_words(Step.from_json(step)), language=language, money=write)
        for step in explanation
    ]


def with_fact_words(step: Step) -> Step:
    """The facts that did not hold, as people say them."""
    missing = step.details.get("missing", "")
    if step.outcome != Outcome.FACT_MISSING or not missing:
        return step
    told = ", ".join(_fact_words(fact) for fact in missing.split(", "))
    return replace(step, details={**step.details, "missing": told})


def _fact_words(fact: str) -> str:
    kind, _, name = fact.partition(":")
    sentence = FACTS.get(kind)
    return str(sentence) % {"name": name} if sentence else fact


def papers(documents: list[dict[str, Any]], *, may_open: bool) -> list[dict[str, Any]]:
    """Documents with a title of words, and an address for whoever may see the books."""
    address: Callable[[dict[str, Any]], str] = _address if may_open else (lambda _paper: "")
    return [
        {
            **each,
            "title": str(PAPERS.get(each["kind"], each["kind"])),
            "amount": Decimal(each["total"]["amount"]),
            "url": address(each),
        }
        for each in documents
    ]


def _address(paper: dict[str, Any]) -> str:
    if "id" in paper:
        return reverse("finance:receipt", args=[paper["id"]])
    return reverse("finance:invoice", args=[paper["number"]])


def reason_words(code: str) -> str:
    return str(RETURN_REASONS.get(code, gettext(code)))
