"""Legal moves are tables (`{FROM: {TO, …}}`), checked here and nowhere else."""

from collections.abc import Mapping, Set
from typing import Any

from retail.kernel.errors import IllegalMove

Moves = Mapping[Any, Set[Any]]


def check_move(moves: Moves, before: str, after: str, *, what: str) -> None:
    """Refuse a move that the table does not have; `what` names the record for the person who reads it."""
    if after not in moves.get(before, frozenset()):
        raise IllegalMove(f"{what}: {before} cannot become {after}", before=before, after=after)
