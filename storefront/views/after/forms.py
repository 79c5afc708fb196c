"""What a buyer types about an order that is placed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from oms.models import Order
from oms.states import DeliveryKind, PaymentMethod
from oms.workflows.changes import SOONEST, Soonest
from retail.kernel.identifiers import parse_phone
from storefront.forms import ReturnForm, WithKnownPostcode, read_day
from storefront.forms.fields import NamesACompany, phone_number, text
from warehouse.selectors import WantedDay

# Goods go to an address of the buyer only this way; a store and a locker have their own.
TO_AN_ADDRESS = (DeliveryKind.HOME_DELIVERY,)


class ChangeForm(WithKnownPostcode, forms.Form):
    """Who gets it and where. Where the goods wait in a store only the person can change."""

    name = text(_("Name and surname"), 200, autocomplete="name", missing=_("Write your name and surname."))
    phone = phone_number(
        missing=_("Write nine or ten digits, for example 064 123 4567"),
    )
    street = text(
        _("Street and number"),
        200,
        autocomplete="address-line1",
        missing=_("Write the street and number, for example Balkanska 14."),
    )
    postal_code = text(
        _("Postcode"),
        12,
        autocomplete="postal-code",
        attrs={"inputmode": "numeric"},
        missing=_("Write the postcode, for example 11000."),
    )
    city = text(
        _("Place"),
        100,
        autocomplete="address-level2",
        missing=_("Write the place, for example Novi Sad."),
    )
    note = text(_("Note for the courier"), 500, autocomplete="off", is_required=False)
    when = forms.CharField(label=_("Day of delivery"), max_length=20, required=False, widget=forms.Select)

    def __init__(self, data: Any = None, *, order: Order, days: Sequence[tuple[str, str]] = ()) -> None:
        """`days` are those that may be chosen; nothing chosen keeps the day."""
        fields = ("name", "phone", "street", "postal_code", "city", "note")
        super().__init__(data, initial={name: getattr(order, name) for name in fields})
        self.order = order
        self.fields["when"].widget = forms.Select(choices=days)
        if order.delivery_method not in TO_AN_ADDRESS:
            for name in ("street", "postal_code", "city", "note", "when"):
                del self.fields[name]

    def clean_phone(self) -> str:
        phone = parse_phone(self.cleaned_data["phone"])
        if phone is None:
            raise forms.ValidationError(_("Write nine or ten digits, for example 064 123 4567"))
        return phone

    def clean_when(self) -> WantedDay | Soonest | None:
        typed = str(self.cleaned_data["when"])
        return SOONEST if typed == SOONEST.value else read_day(typed)

    def differing(self) -> dict[str, Any]:
        """Only what is not as the order has it."""
        found = {
            name: value
            for name, value in self.cleaned_data.items()
            if name != "when" and value != getattr(self.order, name)
        }
        wanted = self.cleaned_data.get("when")
        now = WantedDay(self.order.wanted_on, self.order.wanted_slot_id) if self.order.wanted_on else SOONEST
        return found if wanted is None or wanted == now else {**found, "wanted": wanted}


class ExchangeForm(ReturnForm):
    """What comes back, as for a return, and one title instead, as many of it as come back."""

    find = text(
        _("Another title: its name, author or ISBN"),
        200,
        autocomplete="off",
        is_required=False,
    )
    instead = forms.ChoiceField(label=_("What you want instead"), required=False, widget=forms.RadioSelect)
    method = forms.ChoiceField(
        label=_("If it costs more, I pay the rest"),
        choices=[
            (PaymentMethod.CARD, _("By card")),
            (PaymentMethod.BANK_TRANSFER, _("By transfer or IPS QR code")),
            (PaymentMethod.CASH_ON_DELIVERY, _("In cash when it comes")),
        ],
    )

    def __init__(self, *args: Any, offered: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["instead"]).choices = list(offered)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if not data.get("instead") and "instead" not in self.errors:
            self.add_error("instead", _("Choose what you want instead."))
        return data


class CompanyForm(NamesACompany):
    """The company that the papers are to name."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        self.check_company(data)
        return data
