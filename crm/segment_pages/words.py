"""What is wrong with a definition, said to people: a sentence, and the place under the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from crm.segments import Leaf, Problem, condition, text
from crm.segments.tree import Duration, Text, Value, value_text
from crm.selectors import Reason


@dataclass(frozen=True)
class Shown:
    """The sentence, the line it is about cut into what stands before, at and behind the mistake, and where that begins."""

    sentence: str
    before: str
    wrong: str
    behind: str
    line: int
    column: int
    hint: str = ""

    @property
    def caret(self) -> str:
        """Stands under the mistake."""
        return " " * len(self.before) + "^" * max(len(self.wrong), 1)


def shown(problem: Problem, text: str) -> Shown:
    start, end = min(problem.start, len(text)), min(max(problem.end, problem.start + 1), len(text))
    head = text.rfind("\n", 0, start) + 1
    tail = text.find("\n", start)
    tail = len(text) if tail < 0 else tail
    end = min(end, tail)
    return Shown(
        sentence(problem),
        text[head:start],
        text[start:end],
        text[end:tail],
        text.count("\n", 0, start) + 1,
        start - head + 1,
        _near(problem),
    )


def sentence(problem: Problem) -> str:
    """In the reader's language."""
    told = problem.details
    found = told.get("found", "")
    match problem.code:
        case "EXPECTED":
            expected = pgettext("list", " or ").join(map(_expected, told["expected"]))
            if found:
                return _("“%(found)s” cannot stand here; expected: %(expected)s.") % {
                    "found": found,
                    "expected": expected,
                }
            return _("Something is missing at the end; expected: %(expected)s.") % {"expected": expected}
        case "UNKNOWN_CONDITION":
            return _("There is no condition “%(found)s”.") % {"found": found}
        case "UNKNOWN_ARGUMENT":
            return _("There is nothing called “%(found)s” here; known: %(known)s.") % {
                "found": found,
                "known": ", ".join(told["expected"]) or "–",
            }
        case "UNKNOWN_NAME":
            return _("“%(found)s” does not exist.") % {"found": found}
        case "WRONG_VALUE":
            return _("Here stands %(kind)s.") % {"kind": _kind(told["expected"])}
        case "MISSING_ARGUMENT":
            return _("Say one of these: %(names)s.") % {"names": ", ".join(told["expected"])}
        case "WRONG_OPERATOR" | "MISSING_COMPARISON":
            return _("Compare it with one of these: %(signs)s.") % {"signs": "  ".join(told["expected"])}
        case _:
            return _plain(problem.code) % {"most": told.get("most", ""), "found": found}


def _plain(code: str) -> str:
    sentences = {
        "EMPTY": _("Nothing is said yet. Add a condition."),
        "TOO_LONG": _("The definition is too long: %(most)s signs at most."),
        "TOO_DEEP": _("Too many brackets inside each other: %(most)s at most."),
        "TOO_MANY": _("Too many conditions: %(most)s at most."),
        "TOO_MANY_VALUES": _("Too many values in one list: %(most)s at most."),
        "TOO_LARGE": _("The number is too large: %(most)s at most."),
        "BAD_NUMBER": _("“%(found)s” is not a number. Write it like 1250 or 99.50."),
        "BAD_DATE": _("“%(found)s” is not a day of the calendar."),
        "BAD_DURATION": _("A length of time is a whole number from 1 to %(most)s."),
        "UNCLOSED_TEXT": _("The quotation mark that closes the text is missing."),
        "UNEXPECTED_CHARACTER": _("The sign %(found)s cannot stand here."),
        "REPEATED_ARGUMENT": _("“%(found)s” is said twice."),
        "NO_COMPARISON": _("This condition is asked as it stands and compared with nothing."),
    }
    return sentences.get(code, code)


def _expected(what: str) -> str:
    words = {
        "value": _("a value"),
        "condition": _("a condition"),
        "argument": _("the name of a detail"),
        "end": _("the end"),
    }
    return words.get(what, f"“{what}”")


def _kind(kind: str) -> str:
    words = {
        "text": _("a text in quotation marks"),
        "number": _("a number"),
        "money": _("an amount, such as 5000 or 5000 RSD"),
        "duration": _("a length of time, such as 90 days"),
        "date": _("a day, such as 2026-01-31"),
        "flag": _("true or false"),
        "moment": _("a day or a length of time"),
    }
    return words.get(kind, kind)


_SIGNS = {"!=": "≠", "<=": "≤", ">=": "≥"}


def leaf_words(leaf: Leaf) -> str:
    """A condition in people's words: names of ours, values as they were written."""
    known = condition(leaf.name)
    if known is None:
        return text(leaf)
    parts = [str(known.words)]
    if leaf.operator:
        sign = {"in": _("one of"), "not in": _("none of")}.get(
            leaf.operator, _SIGNS.get(leaf.operator, leaf.operator)
        )
        parts.append(f"{sign} {', '.join(map(_value, leaf.values))}")
    details = [
        f"{known.arguments[each.name].words if each.name in known.arguments else each.name} {_value(each.value)}"
        for each in leaf.arguments
    ]
    return " ".join(parts) + (f": {', '.join(details)}" if details else "")


def reason_words(reason: Reason) -> str:
    return f"{_('not')} {leaf_words(reason.leaf)}" if reason.is_not else leaf_words(reason.leaf)


def _value(value: Value) -> str:
    match value:
        case Duration(count, unit):
            return _duration(count, unit)
        case Text(words):
            return f"„{words}”"
        case _:
            return value_text(value)


def _duration(count: int, unit: str) -> str:
    match unit:
        case "day":
            return ngettext("%(n)s day", "%(n)s days", count) % {"n": count}
        case "week":
            return ngettext("%(n)s week", "%(n)s weeks", count) % {"n": count}
        case "month":
            return ngettext("%(n)s month", "%(n)s months", count) % {"n": count}
        case _:
            return ngettext("%(n)s year", "%(n)s years", count) % {"n": count}


def _near(problem: Problem) -> str:
    near: list[Any] = list(problem.details.get("near", ()))
    if not near:
        return ""
    return _("Did you mean %(names)s?") % {
        "names": pgettext("list", " or ").join(f"“{each}”" for each in near)
    }
