"""What finance pages ask: filters that stand in the address, and the acts of the accountant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from finance.chart import CARD_RECEIVABLE, COURIER_IN_TRANSIT
from finance.operations import BUYER_ID_KINDS
from finance.states import FiscalKind, InvoiceKind, OperationState, PaymentState
from oms.models import Carrier
from oms.states import PaymentMethod
from retail.kernel.access import of_seen_entities
from retail.kernel.models import LegalEntity, User

type_of_choices = list[tuple[str, Any]]
ANY = _("any")


def day_field(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "input input-date"}),
    )


class FilterChoice(forms.ChoiceField):
    """One of a list, or nothing; `empty` is the word for nothing."""

    def __init__(self, label: Any, choices: type_of_choices, empty: Any = ANY) -> None:
        self.empty = empty
        super().__init__(label=label, required=False, widget=forms.Select(attrs={"class": "input"}))
        self.offer(choices)

    def offer(self, choices: type_of_choices) -> None:
        self.choices = [("", self.empty), *choices]
        self.words = dict(choices)

    def word(self, value: str) -> Any:
        return self.words.get(value, value)


def text_field(
    label: Any, placeholder: Any = "", *, is_search: bool = False, length: int = 80
) -> forms.CharField:
    attrs = {"class": "input", "autocomplete": "off", "placeholder": placeholder}
    widget = forms.TextInput(attrs={**attrs, "type": "search"} if is_search else attrs)
    return forms.CharField(label=label, required=False, max_length=length, widget=widget)


class Filters(forms.Form):
    """Filters of a list, read from the address; what is not on the lists is left out, never an error."""

    def __init__(self, request: HttpRequest, **choices: type_of_choices) -> None:
        super().__init__(request.GET, auto_id="f-%s")
        self.user = request.user
        for name, values in self.live_choices(choices).items():
            field = self.fields[name]
            assert isinstance(field, FilterChoice), "only a choice has choices"
            field.offer(values)
        self.is_valid()
        self.query = request.GET

    def live_choices(self, given: dict[str, type_of_choices]) -> dict[str, type_of_choices]:
        """Choices that come from rows or from the page, by field."""
        return given

    def value(self, name: str) -> Any:
        return self.cleaned_data.get(name) or None

    def text(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or "").strip()

    def tokens(self) -> Iterator[tuple[Any, str, str]]:
        """(label, what is chosen, the address without it) of each filter in use."""
        for name, field in self.fields.items():
            value = self.value(name)
            if value is None:
                continue
            rest = self.query.copy()
            for key in (name, "after", "page"):
                rest.pop(key, None)
            said = field.word(value) if isinstance(field, FilterChoice) else value
            yield field.label, _said(said), f"?{rest.urlencode()}"


def _said(value: Any) -> str:
    from django.utils.translation import get_language

    from retail.front.formats import date_text

    return date_text(value, get_language() or "en") if isinstance(value, date) else str(value)


def entity_choices(user: User | AnonymousUser) -> type_of_choices:
    rows = of_seen_entities(LegalEntity.objects.order_by("pk"), user, "pk")
    return [(entity.code, entity.name) for entity in rows]


class EntityFilters(Filters):
    """Books are kept per company; the choice is only shown where there is more than one."""

    entity = FilterChoice(_("Company"), [], empty=_("all companies"))

    def live_choices(self, given: dict[str, type_of_choices]) -> dict[str, type_of_choices]:
        found = entity_choices(self.user)
        if len(found) < 2:
            self.fields["entity"].widget = forms.HiddenInput()
        return {**given, "entity": found}


class EntryFilters(EntityFilters):
    q = text_field(_("Document or order"), _("Document or order"), is_search=True)
    kind = FilterChoice(_("Document kind"), [])
    order = text_field(_("Order"), length=24)
    account = text_field(pgettext_lazy("ledger", "Account"), length=12)
    since = day_field(_("From day"))
    until = day_field(_("To day"))


class InvoiceFilters(EntityFilters):
    q = text_field(_("Number, buyer, PIB, order"), _("Number, buyer, PIB, order"), is_search=True)
    kind = FilterChoice(_("Kind"), list(InvoiceKind.choices))
    since = day_field(_("From day"))
    until = day_field(_("To day"))


class EInvoiceFilters(InvoiceFilters):
    """By the paper's number, the buyer, the order or the id at SEF."""


class PurchaseFilters(EntityFilters):
    q = text_field(_("Number, supplier, PIB"), _("Number, supplier, PIB"), is_search=True)
    since = day_field(_("From day"))
    until = day_field(_("To day"))


class ReceiptFilters(EntityFilters):
    q = text_field(_("Number or order"), _("Number or order"), is_search=True)
    kind = FilterChoice(_("Kind"), list(FiscalKind.choices))
    since = day_field(_("From day"))
    until = day_field(_("To day"))


class PaymentFilters(EntityFilters):
    q = text_field(
        _("Order, reference or provider's number"), _("Order, reference or provider's number"), is_search=True
    )
    state = FilterChoice(_("State"), list(PaymentState.choices))
    method = FilterChoice(_("Method"), list(PaymentMethod.choices))
    since = day_field(_("From day"))
    until = day_field(_("To day"))


class RefundFilters(EntityFilters):
    q = text_field(_("Order or account"), _("Order or account"), is_search=True)
    state = FilterChoice(_("State"), list(OperationState.choices))


class LineFilters(EntityFilters):
    q = text_field(_("Payer, reference, order, line"), _("Payer, reference, order, line"), is_search=True)
    since = day_field(_("From day"))
    until = day_field(_("To day"))


class UploadForm(forms.Form):
    """A CSV file in UTF-8; how much it may weigh is checked before it is read."""

    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("CSV in UTF-8, at most 5 MB and 20,000 lines."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        allow_empty_file=True,
    )


class StatementUpload(UploadForm):
    account = forms.ChoiceField(label=_("Bank account"))
    field_order = ("account", "file")

    def __init__(self, *args: Any, user: User | AnonymousUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = LegalEntity.objects.exclude(bank_account="").order_by("pk")
        self.fields["account"].choices = [  # type: ignore[attr-defined]
            (entity.bank_account, f"{entity.bank_account}, {entity.name}")
            for entity in of_seen_entities(rows, user, "pk")
        ]


class RemittanceUpload(UploadForm):
    carrier = forms.ChoiceField(label=_("Carrier"))
    field_order = ("carrier", "file")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["carrier"].choices = [  # type: ignore[attr-defined]
            (carrier.code, carrier.name) for carrier in Carrier.objects.order_by("name")
        ]


class MatchForm(forms.Form):
    order = forms.CharField(
        label=_("Order number"),
        max_length=24,
        help_text=_("For example ORD-2026-000123"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )

    def clean_order(self) -> str:
        return str(self.cleaned_data["order"]).strip().upper()


class SetAsideForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("For example: a supplier's refund, not an order")
    )


class PayoutForm(forms.Form):
    payer = forms.ChoiceField(
        label=_("Who paid over"),
        choices=[
            (CARD_RECEIVABLE, _("Card acquirer (2280)")),
            (COURIER_IN_TRANSIT, _("Courier (2480)")),
        ],
    )
    fee = forms.DecimalField(
        label=_("Fee that was kept"),
        required=False,
        min_value=Decimal(0),
        max_digits=12,
        decimal_places=2,
        help_text=_("For example 120.50"),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


class BuyerIdForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("Kind of document"),
        choices=[(code, f"{code} {name}") for code, name in BUYER_ID_KINDS.items()],
    )
    number = forms.CharField(
        label=pgettext_lazy("document", "Number"),
        max_length=17,
        help_text=_("It is kept encrypted and can be erased."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class ReplaceForm(forms.Form):
    """Why a document is withdrawn, and the buyer's data as the new paper shall have them."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=300,
        help_text=_("The buyer reads it at SEF, for example: wrong address"),
    )
    is_to_be_replaced = forms.BooleanField(
        label=_("Issue the same paper under a new number"), required=False, initial=True
    )
    buyer_name = forms.CharField(label=_("Buyer's name"), max_length=200, required=False)
    buyer_registration_number = forms.CharField(label=_("Company number (MB)"), max_length=20, required=False)
    buyer_street = forms.CharField(label=_("Street"), max_length=200, required=False)
    buyer_city = forms.CharField(label=_("City"), max_length=100, required=False)
    buyer_postal_code = forms.CharField(label=_("Postal code"), max_length=12, required=False)
    buyer_jbkjs = forms.CharField(
        label="JBKJS", max_length=5, required=False, help_text=_("Five digits; only for public bodies")
    )


class PurchaseDecisionForm(forms.Form):
    comment = forms.CharField(
        label=_("Comment"),
        max_length=500,
        required=False,
        help_text=_("The supplier reads it. A rejection says why."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
