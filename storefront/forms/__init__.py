"""What people type in the shop. Words say what to do and give an example; spaces and hyphens in numbers are taken as they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.models import Address
from oms import selectors as oms
from oms.states import CHOSEN_METHODS, DeliveryKind, PaymentMethod
from oms.workflows.checkout import Checkout, Company
from oms.workflows.gift_card_orders import AMOUNT_MAX, AMOUNT_MIN
from oms.workflows.placing_digital import withdrawal_words
from retail.kernel.identifiers import (
    parse_account,
    parse_email,
    parse_phone,
)
from storefront.forms.fields import REQUIRED, NamesACompany, Units, WhenAsked, phone_number, text
from warehouse.selectors import WantedDay

# The kinds of a person's document that a fiscal refund names (specification of the fiscal processor).
BUYER_ID_KINDS = [
    ("20", _("Identity card")),
    ("23", _("Passport (Serbian)")),
    ("30", _("Passport (foreign)")),
    ("21", _("Refugee card")),
]
RETURN_REASONS = [
    ("CHANGED_MIND", _("I changed my mind")),
    ("DAMAGED", pgettext_lazy("return", "It came damaged")),
    ("WRONG_ITEM", _("It is not what I ordered")),
    ("FAULTY", _("Misprint or fault")),
    ("OTHER", _("Another reason")),
]


class WithKnownPostcode:
    """A form whose postcode must be one that a courier goes to; an unknown one is told which it probably is."""

    cleaned_data: dict[str, Any]
    data: Any

    def clean_postal_code(self) -> str:
        code = str(self.cleaned_data["postal_code"]).replace(" ", "")
        if not oms.is_known_postcode(code):
            raise forms.ValidationError(unknown_postcode(code, self.data.get("city", "")))
        return code


class CheckoutForm(NamesACompany):
    """One page: who, how it comes, how it is paid. `methods` are the ways that can be ordered, `stores` the pickup places.

    Without `methods` only what was typed is judged: whether the way and the postcode can be served, placing says.
    """

    name = text(_("Name and surname"), 200, autocomplete="name", missing=_("Write your name and surname."))
    email = text(
        _("E-mail"),
        254,
        autocomplete="email",
        widget=forms.EmailInput,
        missing=_("Write your e-mail, for example ana@example.com"),
    )
    phone = phone_number(
        kind=WhenAsked,
        help_text=_("Only so that the courier can call you on the day of delivery"),
        missing=_("Write nine or ten digits, for example 064 123 4567"),
    )
    is_company = forms.BooleanField(
        label=_("I am buying for a company or an institution (invoice with PIB)"), required=False
    )
    delivery = forms.ChoiceField(label=_("How it arrives"), choices=DeliveryKind.choices)
    street = text(_("Street and number"), 200, autocomplete="address-line1", kind=WhenAsked)
    postal_code = text(
        _("Postcode"),
        12,
        autocomplete="postal-code",
        kind=WhenAsked,
        attrs={"inputmode": "numeric", "list": "places-list"},
    )
    city = text(_("Place"), 100, autocomplete="address-level2", kind=WhenAsked)
    pickup_location = WhenAsked(label=pgettext_lazy("delivery", "Store"), max_length=20, widget=forms.Select)
    ship_store = WhenAsked(label=pgettext_lazy("delivery", "Store"), max_length=20, widget=forms.Select)
    locker = WhenAsked(label=_("Parcel locker"), max_length=20, widget=forms.Select)
    when = WhenAsked(label=_("Day of delivery"), max_length=20, widget=forms.Select)
    payment = forms.ChoiceField(
        label=_("How you pay"), choices=[(method, method.label) for method in CHOSEN_METHODS]
    )
    note = text(_("Note for the courier"), 500, autocomplete="off", is_required=False)
    withdrawal_consent = forms.BooleanField(label=lazy(withdrawal_words, str)(), required=False)

    def __init__(
        self,
        *args: Any,
        methods: set[str] | None,
        stores: list[tuple[str, str]],
        days: Sequence[tuple[str, str]] = (),
        lockers: Sequence[tuple[str, str]] = (),
        ship_stores: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.methods = methods
        self.fields["ship_store"].widget = forms.Select(choices=list(ship_stores))
        self.fields["locker"].widget = forms.Select(choices=list(lockers))
        self.fields["when"].widget = forms.Select(choices=list(days))
        self.fields["pickup_location"].widget = forms.Select(choices=stores)
        self.fields["postal_code"].widget.attrs |= {
            "hx-get": reverse("shop:places"),
            "hx-trigger": "input changed delay:250ms",
            "hx-target": "#places-list",
        }

    def checkout(self, *, basket_token: str, language: str, **more: Any) -> Checkout:
        """What was typed as an order of this basket; fields of other ways than the chosen one are left out.

        The totals are those that the page had said for the chosen way: a changed one is refused and shown, never charged silently.
        """
        data = self.cleaned_data
        method = data["delivery"]
        is_for_company = bool(data["is_company"])
        # The invoice of a company names its address, also where nothing is brought.
        is_brought = method == DeliveryKind.HOME_DELIVERY or (
            method == DeliveryKind.DIGITAL and is_for_company
        )
        company = None
        if data["is_company"]:
            company = Company(data["company_name"], data["pib"], data["registration_number"])
        total = self._seen("seen", method)
        return Checkout(
            basket_token=basket_token,
            email=data["email"],
            name=data["name"],
            phone=data["phone"],
            delivery_method=method,
            payment_method=data["payment"],
            street=data["street"] if is_brought else "",
            city=data["city"] if is_brought else "",
            postal_code=data["postal_code"] if is_brought else "",
            company=company,
            pickup_location=self._store(method),
            locker=data["locker"] if method == DeliveryKind.PARCEL_LOCKER else "",
            wanted=data["when"],
            language=language,
            note=data["note"],
            expected_total=Decimal(-1) if total is None else total,
            expected_rest=self._seen("rest", method),
            has_withdrawal_consent=data["withdrawal_consent"],
            **more,
        )

    def _store(self, method: str) -> str:
        names: dict[str, str] = {
            DeliveryKind.STORE_PICKUP: "pickup_location",
            DeliveryKind.SHIP_TO_STORE: "ship_store",
        }
        name = names.get(method)
        return str(self.cleaned_data[name]) if name else ""

    def _seen(self, what: str, method: str) -> Decimal | None:
        """An amount that the page had said for a way; None when it said none."""
        try:
            seen = Decimal(self.data.get(f"{what}_{method}", ""))
        except InvalidOperation:
            return None
        return seen if seen.is_finite() else None

    def clean_name(self) -> str:
        name = " ".join(self.cleaned_data["name"].split())
        if len(name) < 2:
            raise forms.ValidationError(_("Write your name and surname."))
        return name

    def clean_email(self) -> str:
        email = parse_email(self.cleaned_data["email"])
        if email is None:
            raise forms.ValidationError(_("Write your e-mail, for example ana@example.com"))
        return email

    def clean_phone(self) -> str:
        typed = self.cleaned_data["phone"].strip()
        if not typed and self.data.get("delivery") == DeliveryKind.DIGITAL:
            return ""
        phone = parse_phone(typed)
        if phone is None:
            raise forms.ValidationError(_("Write nine or ten digits, for example 064 123 4567"))
        return phone

    def clean_when(self) -> WantedDay | None:
        """`2026-12-04`, with hours `2026-12-04/7`; nothing is the earliest day."""
        return read_day(str(self.cleaned_data["when"] or ""))

    def clean_delivery(self) -> str:
        method = str(self.cleaned_data["delivery"])
        if self.methods is not None and method not in self.methods:
            raise forms.ValidationError(_("This way cannot be had for your basket now. Choose another one."))
        return method

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("is_company"):
            self.check_company(data)
        is_billed = data.get("delivery") == DeliveryKind.DIGITAL and data.get("is_company")
        if data.get("delivery") == DeliveryKind.HOME_DELIVERY or is_billed:
            self._check_address(data)
        elif data.get("delivery") == DeliveryKind.STORE_PICKUP and not data.get("pickup_location"):
            self.add_error("pickup_location", _("Choose the store where you will pick it up."))
        elif data.get("delivery") == DeliveryKind.SHIP_TO_STORE and not data.get("ship_store"):
            self.add_error("ship_store", _("Choose the store where you will pick it up."))
        elif data.get("delivery") == DeliveryKind.PARCEL_LOCKER:
            self._check_locker(data)
        return data

    def _check_locker(self, data: dict[str, Any]) -> None:
        if not data.get("locker"):
            self.add_error("locker", _("Choose the parcel locker."))
        if data.get("payment") == PaymentMethod.CASH_ON_DELIVERY:
            self.add_error("payment", _("A parcel locker takes no cash. Choose another way to pay."))

    def _check_address(self, data: dict[str, Any]) -> None:
        if not data.get("street", "").strip():
            self.add_error("street", _("Write the street and number, for example Balkanska 14."))
        code = data.get("postal_code", "").replace(" ", "")
        if not code:
            self.add_error("postal_code", _("Write the postcode, for example 11000."))
        elif self.methods is not None and not oms.is_known_postcode(code):
            self.add_error("postal_code", unknown_postcode(code, data.get("city", "")))
        data["postal_code"] = code
        if not data.get("city", "").strip():
            places = oms.places_of_postcode(code, limit=1) if code else []
            if places and places[0].postal_code == code:
                data["city"] = places[0].place
            else:
                self.add_error("city", _("Write the place, for example Novi Sad."))


def read_day(typed: str) -> WantedDay | None:
    """A day as the choice of days writes it."""
    day, _slash, slot = typed.partition("/")
    if not typed:
        return None
    try:
        return WantedDay(date.fromisoformat(day), int(slot) if slot else None)
    except ValueError:
        raise forms.ValidationError(day_is_gone()) from None


def day_is_gone() -> str:
    return str(_("It cannot be brought on that day any more. Choose another one."))


def unknown_postcode(code: str, city: str) -> str:
    """Says which one it probably is: by the place that was typed, else by the first digits."""
    near = oms.places_of_postcode(city.strip(), limit=1) if len(city.strip()) > 2 else []
    near = near or (oms.places_of_postcode(code[:3], limit=1) if len(code) > 2 else [])
    if not near:
        return str(_("We do not know the postcode %(code)s. Write five digits, for example 11000.")) % {
            "code": code
        }
    return str(_("There is no postcode %(code)s; %(place)s is %(near)s.")) % {
        "code": code,
        "place": near[0].place,
        "near": near[0].postal_code,
    }


GIFT_AMOUNTS = ("1000", "2000", "3000", "5000", "10000")


class GiftCardForm(forms.Form):
    """A gift card: how much, for whom, when; who buys it and how it is paid."""

    amount = forms.IntegerField(
        label=_("Amount in dinars"),
        min_value=int(AMOUNT_MIN),
        max_value=int(AMOUNT_MAX),
        widget=forms.NumberInput(attrs={"autocomplete": "off", "list": "amounts", "step": "100"}),
        help_text=_("Whole dinars, from 500 to 50,000"),
        error_messages={
            "required": REQUIRED,
            "invalid": _("Write a whole number of dinars, for example 3000."),
            "min_value": _("A card is worth 500 dinars at least."),
            "max_value": _("A card is worth 50,000 dinars at most."),
        },
    )
    recipient_name = text(_("Name of the recipient"), 120, autocomplete="off", is_required=False)
    recipient_email = text(
        _("E-mail of the recipient"),
        254,
        autocomplete="off",
        widget=forms.EmailInput,
        help_text=_("The card comes in a letter to this address"),
        missing=_("Write the e-mail, for example mila@example.com"),
    )
    message = text(
        _("Message"),
        500,
        autocomplete="off",
        is_required=False,
        widget=lambda attrs: forms.Textarea({**attrs, "rows": 3}),
    )
    send_on = forms.DateField(
        label=_("When it is sent"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "off"}),
        help_text=_("Leave it empty to send it as soon as it is paid"),
        error_messages={"invalid": _("Choose a day within a year from today.")},
    )
    name = text(
        _("Your name and surname"), 200, autocomplete="name", missing=_("Write your name and surname.")
    )
    email = text(
        _("Your e-mail"),
        254,
        autocomplete="email",
        widget=forms.EmailInput,
        missing=_("Write your e-mail, for example ana@example.com"),
    )
    payment = forms.ChoiceField(
        label=_("How you pay"),
        choices=[
            (PaymentMethod.CARD, _("By card")),
            (PaymentMethod.BANK_TRANSFER, _("IPS QR code or payment slip")),
        ],
        widget=forms.RadioSelect,
        initial=PaymentMethod.CARD,
    )

    def clean_recipient_email(self) -> str:
        return self._email("recipient_email")

    def clean_email(self) -> str:
        return self._email("email")

    def _email(self, field: str) -> str:
        email = parse_email(self.cleaned_data[field])
        if email is None:
            raise forms.ValidationError(_("Write the e-mail, for example mila@example.com"))
        return email


class AddressForm(WithKnownPostcode, forms.ModelForm):  # type: ignore[type-arg]
    """An address of the account."""

    name = text(_("Name and surname"), 200, autocomplete="name", missing=_("Write your name and surname."))
    street = text(_("Street and number"), 200, autocomplete="address-line1")
    postal_code = text(_("Postcode"), 12, autocomplete="postal-code", attrs={"inputmode": "numeric"})
    city = text(_("Place"), 100, autocomplete="address-level2")
    phone = phone_number(is_required=False)
    label = text(
        _("Name of the address"),
        60,
        autocomplete="off",
        is_required=False,
        help_text=_("For example: home, work"),
    )

    class Meta:
        model = Address
        fields = ("label", "name", "street", "postal_code", "city", "phone")

    def clean_phone(self) -> str:
        typed = self.cleaned_data["phone"].strip()
        phone = parse_phone(typed) if typed else ""
        if phone is None:
            raise forms.ValidationError(_("Write nine or ten digits, for example 064 123 4567"))
        return phone


class ReturnForm(forms.Form):
    """What comes back and why. Quantities are fields `q-<order line>` made for the lines that can come back."""

    reason = forms.ChoiceField(label=_("Why"), choices=RETURN_REASONS)
    buyer_id_kind = forms.ChoiceField(
        label=_("Your document"),
        choices=BUYER_ID_KINDS,
        help_text=_("The tax law asks for it on every refund receipt. We keep it encrypted."),
    )
    buyer_id = text(
        _("Number of the document"),
        20,
        autocomplete="off",
        missing=_("Write the number of the document, for example 001234567."),
    )

    bank_account = text(
        _("Your bank account"),
        34,
        autocomplete="off",
        attrs={"inputmode": "numeric"},
        help_text=_(
            "The money goes back by transfer, because it did not come by card. We keep the number encrypted."
        ),
        missing=_("Write the account to which the money should go, for example 160-0000000012345-95."),
    )

    def __init__(
        self, *args: Any, lines: list[Any], needs_buyer_id: bool, needs_account: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lines = lines
        if not needs_account:
            del self.fields["bank_account"]
        if not needs_buyer_id:
            del self.fields["buyer_id_kind"], self.fields["buyer_id"]
        for line in lines:
            self.fields[f"q-{line.key}"] = Units(
                label=line.title,
                min_value=0,
                max_value=line.left,
                initial=0,
                error_messages={
                    "invalid": _("Write a whole number."),
                    "min_value": _("Write a whole number."),
                    "max_value": _("At most %(limit_value)s can come back."),
                },
                widget=forms.NumberInput(attrs={"autocomplete": "off"}),
            )

    def clean_buyer_id(self) -> str:
        number = self.cleaned_data["buyer_id"].replace(" ", "").upper()
        if not (number.isascii() and number.isalnum() and 5 <= len(number) <= 17):
            raise forms.ValidationError(_("Write the number of the document, for example 001234567."))
        return str(number)

    def clean_bank_account(self) -> str:
        account = parse_account(self.cleaned_data["bank_account"])
        if account is None:
            raise forms.ValidationError(
                _("Check the digits: an account has 18 of them, for example 160-0000000012345-95.")
            )
        return account

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and not self.chosen():
            raise forms.ValidationError(_("Say how many of which title you are returning."))
        return data

    def chosen(self) -> list[tuple[str, int]]:
        """(SKU, units) of what was chosen."""
        picked = [(line.sku, self.cleaned_data.get(f"q-{line.key}") or 0) for line in self.lines]
        return [(sku, units) for sku, units in picked if units]
