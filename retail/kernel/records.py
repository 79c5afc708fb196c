"""Plain data that is made by the hundred for one answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Record = TypeVar("Record")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[Record]) -> type[Record]:
    """A frozen dataclass to the type checker; at run time nothing guards its fields, so that making one costs a third."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
