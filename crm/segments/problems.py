"""What can be wrong with a segment's words, and where: never a sentence for people, those are made where people read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. It stands at text[start:end]; `details` say what was found and what was expected."""

    code: str
    start: int
    end: int
    details: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.details.items())
        return f"{self.code} at {self.start}{': ' if told else ''}{told}"


class InvalidDefinition(Exception):
    """The words do not make a segment."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def refuse(code: str, start: int, end: int, **details: Any) -> InvalidDefinition:
    return InvalidDefinition(Problem(code, start, end, MappingProxyType(details)))
