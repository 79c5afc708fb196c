"""Legal moves are tables (`{FROM: {TO, …}}`), checked here and nowhere else."""

from collections.abc import Mapping, Set

from retail.kernel.errors import IllegalMove

type_of_moves = Mapping[str, Set[str]]


def check_move(moves: type_of_moves, before: str, after: str, *, what: str) -> None:
    """Refuse a move that the table does not have; `what` names the record for the person who reads it."""
    if after not in moves.get(before, frozenset()):
        raise IllegalMove(f"{what}: {before} cannot become {after}", before=before, after=after)
