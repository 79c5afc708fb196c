"""From words to a tree. `or` binds weakest, then `and`, then `not`."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from crm.segments.problems import InvalidDefinition, refuse
from crm.segments.tokens import Kind, Token, tokens
from crm.segments.tree import (
    UNITS,
    All,
    Any,
    Argument,
    Day,
    Duration,
    Flag,
    Leaf,
    Money,
    Node,
    Not,
    Number,
    Text,
    Value,
)

DEPTH_MAX = 8
LEAVES_MAX = 50
VALUES_MAX = 100
DURATION_MAX = {"day": 36_500, "week": 5_200, "month": 1_200, "year": 100}
_CURRENCY = re.compile("[A-Z]{3}")
_KEYWORDS = ("and", "or", "not", "in", "true", "false")


def parse(text: str) -> Node:
    """The tree of these words, or InvalidDefinition with the place and what was expected there."""
    reader = _Reader(tokens(text))
    if reader.is_at_end():
        raise refuse("EMPTY", 0, len(text))
    node = reader.any_of(0)
    if not reader.is_at_end():
        raise reader.unexpected("and", "or", "end")
    return node


class _Reader:
    """Walks over the tokens; each method reads one rule of the grammar."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens, self._at, self._leaves = found, 0, 0

    @property
    def here(self) -> Token:
        return self._tokens[self._at]

    def is_at_end(self) -> bool:
        return self.here.kind == Kind.END

    def _take(self) -> Token:
        token = self.here
        self._at += 1
        return token

    def unexpected(self, *expected: str) -> InvalidDefinition:
        token = self.here
        end = max(token.end, token.start + 1)
        return refuse("EXPECTED", token.start, end, expected=expected, found=token.value)

    def _sign(self, *signs: str) -> Token:
        if not self.here.is_sign(*signs):
            raise self.unexpected(*signs)
        return self._take()

    def any_of(self, depth: int) -> Node:
        parts = [self._all_of(depth)]
        while self.here.is_word("or"):
            self._take()
            parts.append(self._all_of(depth))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _all_of(self, depth: int) -> Node:
        parts = [self._one(depth)]
        while self.here.is_word("and"):
            self._take()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Node:
        token = self.here
        if token.is_word("not") or token.is_sign("("):
            if depth >= DEPTH_MAX:
                raise refuse("TOO_DEEP", token.start, token.end, most=DEPTH_MAX)
            self._take()
            if token.kind == Kind.WORD:
                return Not(self._one(depth + 1))
            node = self.any_of(depth + 1)
            if not self.here.is_sign(")"):
                raise self.unexpected("and", "or", ")")
            self._take()
            return node
        return self._leaf()

    def _leaf(self) -> Leaf:
        token = self.here
        if token.kind != Kind.WORD or token.is_word(*_KEYWORDS):
            raise self.unexpected("condition", "not", "(")
        self._leaves += 1
        if self._leaves > LEAVES_MAX:
            raise refuse("TOO_MANY", token.start, token.end, most=LEAVES_MAX)
        self._take()
        arguments = self._arguments()
        operator, values = self._comparison()
        return Leaf(
            token.value.lower(), arguments, operator, values, token.start, self._tokens[self._at - 1].end
        )

    def _arguments(self) -> tuple[Argument, ...]:
        if not self.here.is_sign("("):
            return ()
        self._take()
        found: list[Argument] = []
        while not self.here.is_sign(")"):
            if found:
                self._sign(",", ")")
            found.append(self._argument({each.name for each in found}))
        self._take()
        return tuple(found)

    def _argument(self, taken: set[str]) -> Argument:
        name = self.here
        if name.kind != Kind.WORD:
            raise self.unexpected("argument", ")")
        if name.value.lower() in taken:
            raise refuse("REPEATED_ARGUMENT", name.start, name.end, found=name.value)
        self._take()
        self._sign(":")
        value = self._value()
        return Argument(name.value.lower(), value, name.start, self._tokens[self._at - 1].end)

    def _comparison(self) -> tuple[str, tuple[Value, ...]]:
        if self.here.is_sign("=", "!=", "<", "<=", ">", ">="):
            operator = self._take().value
            return operator, (self._value(),)
        if self.here.is_word("not") and self._tokens[self._at + 1].is_word("in"):
            self._take()
            self._take()
            return "not in", self._values()
        if self.here.is_word("in"):
            self._take()
            return "in", self._values()
        return "", ()

    def _values(self) -> tuple[Value, ...]:
        self._sign("(")
        found = [self._value()]
        while not self.here.is_sign(")"):
            self._sign(",", ")")
            if len(found) >= VALUES_MAX:
                raise refuse("TOO_MANY_VALUES", self.here.start, self.here.end, most=VALUES_MAX)
            found.append(self._value())
        self._take()
        return tuple(found)

    def _value(self) -> Value:
        token = self.here
        if token.kind == Kind.TEXT:
            self._take()
            return Text(token.value)
        if token.kind == Kind.DATE:
            self._take()
            return Day(date.fromisoformat(token.value))
        if token.is_word("true", "false"):
            self._take()
            return Flag(token.is_word("true"))
        if token.kind == Kind.NUMBER:
            self._take()
            return self._amount(token)
        raise self.unexpected("value")

    def _amount(self, number: Token) -> Value:
        """A number, and what stands behind it: a unit of time, a currency, or nothing."""
        unit = self.here
        if unit.kind == Kind.WORD and (name := unit.value.lower().removesuffix("s")) in UNITS:
            count = Decimal(number.value)
            if count != int(count) or not 1 <= count <= DURATION_MAX[name]:
                raise refuse("BAD_DURATION", number.start, unit.end, most=DURATION_MAX[name], unit=name)
            self._take()
            return Duration(int(count), name)
        # AND and NOT in capitals are no currencies.
        if unit.kind == Kind.WORD and _CURRENCY.fullmatch(unit.value) and not unit.is_word(*_KEYWORDS):
            self._take()
            return Money(Decimal(number.value), unit.value)
        return Number(Decimal(number.value))
