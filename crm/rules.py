"""Decisions about accounts and offers: no ORM, no clock, no settings."""

import hashlib


def is_held_out(*, slug: str, customer_id: int, percent: int) -> bool:
    """Whether a campaign leaves this account out, to learn what would have been bought without it.

    The same answer each time and everywhere; `HELD_OUT_SQL` says the same in the database.
    """
    digest = hashlib.md5(f"holdout:{slug}:{customer_id}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % 100 < percent


# Over the columns that `str.format` puts in: slug, customer_id, percent.
HELD_OUT_SQL = "(('x' || left(md5('holdout:' || {slug} || ':' || {customer_id}), 8))::bit(32)::bigint %% 100 < {percent})"
