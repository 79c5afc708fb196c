"""A letter as data, and how it becomes HTML and text: one content, so the two never differ."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from crm.letters.facts import Line
from retail.front.templatetags.front import lang_code
from retail.kernel.script import to_cyrillic


@dataclass(frozen=True, slots=True)
class Action:
    words: str
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """`facts` are (name, value) pairs, `sums` the totals below the lines, `code` one thing to be read aloud."""

    subject: str
    heading: str
    paragraphs: tuple[str, ...]
    action: Action | None = None
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[Line, ...] = ()
    sums: tuple[tuple[str, str], ...] = ()
    code: str = ""
    after: tuple[str, ...] = ()
    currency: str = "RSD"
    preheader: str = ""
    # Why it came and how to have no more of them, where it is not about an order.
    foot: str = ""
    leave: Action | None = None


@dataclass(frozen=True, slots=True)
class Written:
    subject: str
    text: str
    html: str


def write(letter: Letter, *, language: str) -> Written:
    """Call it with the language already active: the words of the letter were made in it."""
    context = {
        "letter": letter,
        "shop": _in_script(str(getattr(settings, "RETAILER_NAME", "Prelist")), language),
        "base_url": settings.BASE_URL,
        "lang": lang_code(language),
    }
    with translation.override(language):
        text = render_to_string("letters/letter.txt", context)
        html = render_to_string("letters/letter.html", context)
    return Written(letter.subject, _without_gaps(text), html)


def _in_script(name: str, language: str) -> str:
    return to_cyrillic(name) if language == "sr-cyrl" else name


def _without_gaps(text: str) -> str:
    """At most one empty line in a row."""
    lines: list[str] = []
    for line in (each.rstrip() for each in text.strip().splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines) + "\n"
