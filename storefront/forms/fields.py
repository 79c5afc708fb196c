"""Fields that several forms of the shop share. Words say what to do and give an example; spaces and hyphens in numbers are taken as they come."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm import selectors as crm
from retail.kernel.identifiers import parse_pib, parse_registration_number

REQUIRED = _("Fill this in.")


class WhenAsked(forms.CharField):
    """Needed only with another choice of the form, which then says so itself; its label is not marked as optional."""

    def validate(self, value: Any) -> None:
        """What is missing is judged by the form."""


class Units(forms.IntegerField):
    """How many of a line; nothing typed is none."""

    def validate(self, value: Any) -> None:
        """What is too many or too few is judged by its validators."""


def text(
    label: Any,
    length: int,
    *,
    autocomplete: str,
    is_required: bool = True,
    kind: type[forms.CharField] = forms.CharField,
    **more: Any,
) -> forms.CharField:
    attrs = {"autocomplete": autocomplete, **more.pop("attrs", {})}
    return kind(
        label=label,
        max_length=length,
        required=is_required,
        widget=more.pop("widget", forms.TextInput)(attrs=attrs),
        error_messages={"required": more.pop("missing", REQUIRED)},
        **more,
    )


def phone_number(**more: Any) -> forms.CharField:
    return text(
        _("Phone"),
        30,
        autocomplete="tel",
        widget=lambda attrs: forms.TextInput(attrs={**attrs, "type": "tel", "inputmode": "tel"}),
        **more,
    )


class NamesACompany(forms.Form):
    """A company that papers are to name. Its PIB is enough where the public register knows it; what was typed counts before that."""

    pib = text(
        _("PIB"),
        20,
        autocomplete="off",
        kind=WhenAsked,
        attrs={"inputmode": "numeric"},
        help_text=_("Nine digits; name and registration number come from the register"),
    )
    registration_number = text(
        _("Registration number"),
        20,
        autocomplete="off",
        is_required=False,
        attrs={"inputmode": "numeric"},
        help_text=_("Eight digits"),
    )
    company_name = text(_("Name of the company"), 200, autocomplete="organization", kind=WhenAsked)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pib"].widget.attrs |= {
            "hx-get": reverse("shop:company"),
            "hx-trigger": "input changed delay:300ms",
            "hx-include": "[name=company_name], [name=registration_number]",
            "hx-target": "#company-found",
        }

    def check_company(self, data: dict[str, Any]) -> None:
        pib = parse_pib(data.get("pib", ""))
        if pib is None:
            self.add_error(
                "pib",
                _("Write the nine digits of the PIB, for example 100000024; the last one is a check digit."),
            )
        else:
            data["pib"] = pib
        typed = data.get("registration_number", "").strip()
        number = parse_registration_number(typed)
        if typed and number is None:
            self.add_error("registration_number", _("Write eight digits, for example 07017715."))
        data["registration_number"] = number or ""
        name = data.get("company_name", "").strip()
        if pib and not (typed and name) and (known := crm.company_of(pib)):
            name = name or known.name
            data["registration_number"] = data["registration_number"] or known.registration_number
        if not name:
            self.add_error(
                "company_name", _("Write the name of the company as it should stand on the invoice.")
            )
        data["company_name"] = name
