"""Controls of forms, drawn without the template engine: a list of sixty stores was as dear as the rest of its page.

The text is that of Django's own widget templates, sign for sign; widgets that are not here are drawn by those.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.utils.formats import localize
from django.utils.functional import Promise
from django.utils.safestring import SafeString

_FOLDER = "django/forms/widgets"
_OPTION = f"{_FOLDER}/select_option.html"
_INPUTS = (
    "input",
    "text",
    "email",
    "number",
    "hidden",
    "password",
    "tel",
    "url",
    "search",
    "checkbox",
    "date",
)


class QuickWidgets(DjangoTemplates):
    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> SafeString:
        draw = _DRAWN.get(template_name)
        text = draw(context["widget"]) if draw else None
        if text is None:
            return SafeString(super().render(template_name, context, request))
        return SafeString(text)  # escaped below


def _text(value: Any) -> str:
    """As `conditional_escape`, without its wrapper for lazy results: what is drawn here is drawn now."""
    if isinstance(value, Promise):
        value = str(value)
    return value.__html__() if hasattr(value, "__html__") else html.escape(str(value))


def _attributes(attrs: Mapping[str, Any]) -> str:
    return "".join(
        f" {_text(name)}" if value is True else f' {_text(name)}="{_text(value)}"'
        for name, value in attrs.items()
        if value is not False
    )


def _input(widget: Mapping[str, Any]) -> str:
    value = "" if widget["value"] is None else f' value="{_text(widget["value"])}"'
    name, kind = _text(widget["name"]), _text(widget["type"])
    return f'<input type="{kind}" name="{name}"{value}{_attributes(widget["attrs"])}>'


def _select(widget: Mapping[str, Any]) -> str | None:
    """None for options that have a template of their own."""
    pieces = [f'<select name="{_text(widget["name"])}"{_attributes(widget["attrs"])}>']
    for label, options, _ in widget["optgroups"]:
        if label:
            pieces.append(f'\n  <optgroup label="{_text(label)}">')
        for option in options:
            if option["template_name"] != _OPTION:
                return None
            pieces.append(f"\n  {_option(option)}\n")
        if label:
            pieces.append("\n  </optgroup>")
    return "".join([*pieces, "\n</select>"])


def _option(option: Mapping[str, Any]) -> str:
    label = _text(localize(option["label"]))
    return f'<option value="{_text(option["value"])}"{_attributes(option["attrs"])}>{label}</option>'


_DRAWN: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    **{f"{_FOLDER}/{name}.html": _input for name in _INPUTS},
    f"{_FOLDER}/select.html": _select,
}
