"""Quick widgets say what Django's own templates say, sign for sign."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.safestring import mark_safe

from retail.front.widgets import QuickWidgets

HARD = "a \"b\" <c> & 'd'"
CHOICES = [("", "–"), (1, HARD), ("Skupina", [(2, "dva"), (None, 3)]), (1000, mark_safe("<b>&amp;</b>"))]


@pytest.mark.parametrize(
    ("widget", "value"),
    [
        (
            forms.TextInput(attrs={"autocomplete": "name", "required": True, "disabled": False, "data-n": 3}),
            HARD,
        ),
        (forms.TextInput(), None),
        (forms.TextInput(), mark_safe("a&amp;b")),
        (forms.EmailInput(attrs={"class": HARD}), "ana@example.com"),
        (forms.NumberInput(attrs={"min": 1}), 1234),
        (forms.HiddenInput(), 0),
        (forms.PasswordInput(), "geheim"),
        (forms.DateInput(attrs={"type": "date"}), "2026-11-22"),
        (forms.CheckboxInput(), True),
        (forms.CheckboxInput(), False),
        (forms.CheckboxInput(), "yes"),
        (forms.Select(choices=CHOICES, attrs={"id": "id_x"}), 1),
        (forms.Select(choices=[]), None),
        (forms.SelectMultiple(choices=CHOICES), ["1", "2"]),
        (forms.NullBooleanSelect(), True),
        (forms.Textarea(), HARD),
        (forms.RadioSelect(choices=CHOICES), 1),
    ],
)
def test_the_text_is_djangos_own(widget: forms.Widget, value: Any) -> None:
    for attrs in (None, {"aria-describedby": "x-h", "class": "input"}):
        quick = widget.render("name", value, attrs, renderer=QuickWidgets())
        assert quick == widget.render("name", value, attrs, renderer=DjangoTemplates())


def test_forms_use_them(settings: Any) -> None:
    assert settings.FORM_RENDERER == "retail.front.widgets.QuickWidgets"
    assert isinstance(forms.Form().renderer, QuickWidgets)
