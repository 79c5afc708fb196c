"""HTML that cannot be forgotten to escape: elements are made from parts, and text is always text."""

from __future__ import annotations

from html import escape
from typing import Final

VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta"})


class Markup(str):
    """A finished piece of HTML."""

    __slots__ = ()


def element(
    tag: str, /, *children: Markup | str | int | list[Markup] | None, **attributes: str | int | bool | None
) -> Markup:
    """`element("a", "Pay", href="/x", class_="button")`. A trailing _ is dropped, other _ become dashes; False and None leave out."""
    marks = "".join(_attribute(key, value) for key, value in attributes.items())
    if tag in VOID:
        return Markup(f"<{tag}{marks}>")
    return Markup(f"<{tag}{marks}>{joined(*children)}</{tag}>")


def joined(*children: Markup | str | int | list[Markup] | None) -> Markup:
    """Several pieces in a row."""
    return Markup("".join(_child(child) for child in children))


def icon(name: str) -> Markup:
    """A drawing of the shared sprite; it repeats a word, so readers skip it."""
    use = element("use", href=f"/static/icons.svg#i-{name}")
    return element("svg", use, class_="icon", aria_hidden="true", focusable="false")


def chip(tone: str, drawing: str, text: str) -> Markup:
    return element("span", icon(drawing), text, class_=f"chip tone-{tone}")


def field(label: str, control: Markup, name: str, hint: str = "") -> Markup:
    return element(
        "div",
        element("label", label, class_="label", for_=name),
        element("p", hint, class_="hint", id=f"{name}-hint") if hint else None,
        control,
        class_="field",
    )


def text_input(name: str, value: str = "", **attributes: str | int | bool | None) -> Markup:
    return element("input", class_="input", id=name, name=name, value=value, **attributes)


def select(
    name: str, options: list[tuple[str, str]], chosen: str = "", **attributes: str | bool | None
) -> Markup:
    return element(
        "select",
        [element("option", text, value=value, selected=value == chosen) for value, text in options],
        class_="input",
        id=name,
        name=name,
        **attributes,
    )


def table(
    caption: str,
    heads: list[str],
    rows: list[list[Markup | str | int]],
    *,
    ends: frozenset[int] = frozenset(),
) -> Markup:
    """A table in a scroll box that the keyboard reaches; rows become cards on a phone. `ends` are columns of amounts."""
    head = element(
        "tr",
        [
            element("th", text, scope="col", class_="end" if i in ends else None)
            for i, text in enumerate(heads)
        ],
    )
    body = [element("tr", [_cell(heads[i], cell, i in ends) for i, cell in enumerate(row)]) for row in rows]
    whole = element(
        "table",
        element("caption", caption, class_="sr"),
        element("thead", head),
        element("tbody", body),
        class_="table table-cards table-pairs",
    )
    return element("div", whole, class_="scroll", tabindex=0, role="group", aria_label=caption)


def _cell(label: str, content: Markup | str | int, is_amount: bool) -> Markup:
    is_wide = isinstance(content, Markup) and content.startswith(("<details", "<form"))
    return element(
        "td",
        content,
        class_="end num" if is_amount else "wide" if is_wide else None,
        data_label=None if is_wide else label,
    )


def _attribute(key: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _child(child: Markup | str | int | list[Markup] | None) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, list):
        return "".join(_child(one) for one in child)
    return escape(str(child))
