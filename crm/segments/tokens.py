"""Words, numbers, texts and signs of a definition, each with its place."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from crm.segments.problems import refuse

LENGTH_MAX = 4_000
_SPACE = re.compile(r"\s+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?![\w-])", re.ASCII)
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,4})?(?![\w.])", re.ASCII)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_SIGN = re.compile(r"<=|>=|!=|<>|[=<>(),:]")
# What word processors make of quotation marks: a text opened by one of them ends with one of them.
_QUOTES = {'"': '"', "„": "“”", "“": "”“", "”": "”“"}


class Kind(StrEnum):
    WORD = "word"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`value` is what it says: words and signs as written, a text without its quotes and escapes."""

    kind: Kind
    value: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        return self.kind == Kind.WORD and self.value.lower() in words

    def is_sign(self, *signs: str) -> bool:
        return self.kind == Kind.SIGN and self.value in signs


def tokens(text: str) -> list[Token]:
    """All of them, the end included."""
    if len(text) > LENGTH_MAX:
        raise refuse("TOO_LONG", LENGTH_MAX, len(text), most=LENGTH_MAX)
    found: list[Token] = []
    at = 0
    while at < len(text):
        if space := _SPACE.match(text, at):
            at = space.end()
            continue
        token = _next(text, at)
        found.append(token)
        at = token.end
    return [*found, Token(Kind.END, "", len(text), len(text))]


def _next(text: str, at: int) -> Token:
    if text[at] in _QUOTES:
        return _quoted(text, at)
    if found := _DATE.match(text, at):
        try:
            date.fromisoformat(found[0])
        except ValueError:
            raise refuse("BAD_DATE", at, found.end(), found=found[0]) from None
        return Token(Kind.DATE, found[0], at, found.end())
    for kind, pattern in ((Kind.NUMBER, _NUMBER), (Kind.WORD, _WORD), (Kind.SIGN, _SIGN)):
        if found := pattern.match(text, at):
            return Token(kind, "!=" if found[0] == "<>" else found[0], at, found.end())
    if text[at].isdigit():
        end = at + len(re.match(r"[\w.,-]+", text[at:])[0])  # type: ignore[index]
        raise refuse("BAD_NUMBER", at, end, found=text[at:end][:20])
    raise refuse("UNEXPECTED_CHARACTER", at, at + 1, found=text[at])


def _quoted(text: str, start: int) -> Token:
    closing, at = _QUOTES[text[start]], start + 1
    value: list[str] = []
    while at < len(text):
        sign = text[at]
        if sign in closing:
            return Token(Kind.TEXT, "".join(value), start, at + 1)
        if sign == "\\" and at + 1 < len(text) and text[at + 1] in '\\"':
            at += 1
            sign = text[at]
        elif ord(sign) < 32 or sign == "\x7f":
            raise refuse("UNEXPECTED_CHARACTER", at, at + 1, found=repr(sign))
        value.append(sign)
        at += 1
    raise refuse("UNCLOSED_TEXT", start, len(text))
