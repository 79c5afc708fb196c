"""Marks of what discounts are put into words of (`crm.selectors.offers.NAME_OF_OFFERS`), kept few."""

from __future__ import annotations

from django.db import connection, connections

# Each price adds them up; each fold lets every process read the discounts once more.
FOLD_ABOVE = 50
# A mark that another fold has taken already is left to it.
_FOLD = """
WITH few AS (SELECT mark FROM crm_offermark FOR UPDATE SKIP LOCKED),
     gone AS (DELETE FROM crm_offermark WHERE mark IN (SELECT mark FROM few) AND (SELECT count(*) FROM few) > %s RETURNING mark),
     made AS (INSERT INTO crm_offermark SELECT crm_new_mark() WHERE EXISTS (SELECT 1 FROM gone))
SELECT count(*) FROM gone"""


def fold_offer_marks() -> int:
    """One mark instead of many that are there for all to see; how many went."""
    with connection.cursor() as cursor:
        cursor.execute(_FOLD, [FOLD_ABOVE])
        (gone,) = cursor.fetchone()
    return int(gone)


def mark_offers(*, using: str) -> None:
    """What a migration did to the columns leaves no mark of its own."""
    with connections[using].cursor() as cursor:
        cursor.execute("INSERT INTO crm_offermark SELECT crm_new_mark()")
