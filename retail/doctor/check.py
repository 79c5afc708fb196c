"""What a check is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    protects: str
    sql: str
    # What SQL cannot say: of the rows found those stay for which this is true.
    is_broken: Callable[[dict[str, Any]], bool] | None = None
