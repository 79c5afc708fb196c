"""The form of a page as Django's own: built of the block's words, judged like every other form of the shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from cms.form_blocks import CONSENT, EMAIL
from retail.kernel.identifiers import parse_email, parse_phone
from storefront.forms.fields import REQUIRED
from storefront.views import shopper

Say = Callable[[str | None], str]
# Thanks are shown to whoever comes back with the form's id in this parameter.
SENT = "sent"
# A field that people neither see nor reach: whoever fills it is a program.
TRAP = "website"
KEY_LENGTH = 40


class AnswerForm(forms.Form):
    """`fields_asked` are the stored fields of the block; a field's name is its own id, so that an editor may move it meanwhile."""

    def __init__(
        self,
        block_id: str,
        fields_asked: Sequence[Mapping[str, Any]],
        say: Say,
        *,
        data: Any = None,
        initial: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        self.block_id, self.key, self.trap = block_id, key or get_random_string(KEY_LENGTH), TRAP
        self._asked = [(_name(each, place), each) for place, each in enumerate(fields_asked)]
        for name, each in self._asked:
            self.fields[name] = _FIELDS[each["type"]](each["value"], say)

    @classmethod
    def fresh(
        cls, block_id: str, asked: Sequence[Mapping[str, Any]], say: Say, request: HttpRequest
    ) -> AnswerForm:
        """As it is drawn first: whoever is signed in need not type their address again."""
        user = shopper.user_of(request)
        known = {EMAIL: user.email} if user else {}
        initial = {
            _name(each, place): known[each["type"]]
            for place, each in enumerate(asked)
            if each["type"] in known
        }
        return cls(block_id, asked, say, initial=initial)

    @classmethod
    def sent(
        cls, block_id: str, asked: Sequence[Mapping[str, Any]], say: Say, request: HttpRequest
    ) -> AnswerForm:
        key = shopper.plain(request.POST.get("key", ""), KEY_LENGTH)
        return cls(block_id, asked, say, data=request.POST, key=key)

    @property
    def is_trapped(self) -> bool:
        return bool(self.data.get(TRAP))

    @property
    def email(self) -> str:
        return next((str(self.cleaned_data[name]) for name, each in self._asked if each["type"] == EMAIL), "")

    @property
    def agreed(self) -> list[tuple[str, str]]:
        """(kind, wording as it was read) of each consent that was ticked."""
        return [
            (each["value"]["purpose"], str(self.fields[name].label))
            for name, each in self._asked
            if each["type"] == CONSENT and self.cleaned_data[name]
        ]

    @property
    def answers(self) -> list[tuple[str, str | bool]]:
        return [
            (str(self.fields[name].label), _plain(self.cleaned_data[name])) for name, _each in self._asked
        ]

    def clean(self) -> dict[str, Any]:
        """Who agrees to something says which address it is for."""
        found = super().clean() or {}
        email = next((name for name, each in self._asked if each["type"] == EMAIL), "")
        agrees = any(found.get(name) for name, each in self._asked if each["type"] == CONSENT)
        if agrees and email and email not in self.errors and not found.get(email):
            self.add_error(email, _("Write the address for which you agree."))
        return found


def _name(field: Mapping[str, Any], place: int) -> str:
    return f"f-{field.get('id') or place}"


def _plain(value: Any) -> str | bool:
    if isinstance(value, list):
        return "; ".join(value)
    return value if isinstance(value, bool) else str(value)


# ------------------------------------------------------------------ each kind of field
class _Email(forms.CharField):
    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        if not typed:
            return ""
        if (address := parse_email(typed)) is None:
            raise forms.ValidationError(_("Write an e-mail address, for example ana@example.com."))
        return address


class _Phone(forms.CharField):
    def clean(self, value: Any) -> str:
        typed = super().clean(value)
        if not typed:
            return ""
        if (number := parse_phone(typed)) is None:
            raise forms.ValidationError(_("Write a phone number, for example 060 123 4567."))
        return number


def _shared(value: Mapping[str, Any], say: Say) -> dict[str, Any]:
    return {
        "label": say(value["label"]),
        "help_text": say(value.get("hint")),
        "required": bool(value.get("required")),
        "error_messages": {"required": REQUIRED},
    }


def _text(value: Mapping[str, Any], say: Say) -> forms.Field:
    if value.get("is_long"):
        return forms.CharField(
            max_length=4000, widget=forms.Textarea(attrs={"rows": 5}), **_shared(value, say)
        )
    return forms.CharField(max_length=300, **_shared(value, say))


def _email(value: Mapping[str, Any], say: Say) -> forms.Field:
    widget = forms.EmailInput(attrs={"autocomplete": "email"})
    return _Email(max_length=254, widget=widget, **_shared(value, say))


def _phone(value: Mapping[str, Any], say: Say) -> forms.Field:
    widget = forms.TextInput(attrs={"autocomplete": "tel", "type": "tel", "inputmode": "tel"})
    return _Phone(max_length=30, widget=widget, **_shared(value, say))


def _choice(value: Mapping[str, Any], say: Say) -> forms.Field:
    """The answer that is kept is the editor's own spelling, whatever script it was read in."""
    choices = [(each, say(each)) for each in _items(value["choices"])]
    missing = {"required": _("Choose an answer."), "invalid_choice": _("Choose one of the answers.")}
    shared = {**_shared(value, say), "choices": choices, "error_messages": missing}
    if value.get("is_many"):
        return forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, **shared)
    return forms.ChoiceField(widget=forms.RadioSelect, **shared)


def _items(stored: Sequence[Any]) -> Iterator[str]:
    for each in stored:
        yield str(each["value"] if isinstance(each, dict) else each)


def _checkbox(value: Mapping[str, Any], say: Say) -> forms.Field:
    missing = {"required": _("Tick this to go on.")}
    return forms.BooleanField(**{**_shared(value, say), "error_messages": missing})


def _consent(value: Mapping[str, Any], say: Say) -> forms.Field:
    return forms.BooleanField(label=say(value["wording"]), required=False)


_FIELDS: dict[str, Callable[[Mapping[str, Any], Say], forms.Field]] = {
    "text": _text,
    EMAIL: _email,
    "phone": _phone,
    "choice": _choice,
    "checkbox": _checkbox,
    CONSENT: _consent,
}
