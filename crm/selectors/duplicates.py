"""Accounts that may be the same person or company: all pairs in one statement, with a score and why."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

# How sure one sign alone makes; two signs add up as independent ones do.
WEIGHTS = {"pib": 0.99, "email": 0.9, "street": 0.8, "phone": 0.7, "city": 0.4}
# A phone of a call center or "info@" is no sign of one person.
GROUP_MAX = 20
PAIRS_SHOWN = 100

_KEYS = """
    SELECT c.id, 'email' AS why, lower(c.email) AS key FROM crm_customer c WHERE c.email <> '' AND {live}
    UNION ALL SELECT c.id, 'phone', c.phone FROM crm_customer c WHERE c.phone <> '' AND {live}
    UNION ALL SELECT c.id, 'pib', c.pib FROM crm_customer c WHERE c.pib <> '' AND {live}
    UNION ALL SELECT c.id, 'street', crm_fold(c.name || '|' || a.street || '|' || a.city)
      FROM crm_customer c JOIN crm_address a ON a.customer_id = c.id WHERE {live}
    UNION ALL SELECT c.id, 'city', crm_fold(c.name || '|' || a.city)
      FROM crm_customer c JOIN crm_address a ON a.customer_id = c.id WHERE {live}
"""
_LIVE = "c.merged_into_id IS NULL AND c.erased_at IS NULL"
_PAIRS = """
WITH keyed AS ({keys}), same AS (
    SELECT why, array_agg(DISTINCT id ORDER BY id) AS ids FROM keyed GROUP BY why, key
    HAVING count(DISTINCT id) BETWEEN 2 AND %(group_max)s
), pairs AS (
    SELECT DISTINCT s.why, one.id AS one, other.id AS other
      FROM same s, unnest(s.ids) AS one(id), unnest(s.ids) AS other(id) WHERE one.id < other.id
)
SELECT p.one, p.other, array_agg(p.why ORDER BY p.why), 1 - exp(sum(ln(1 - w.weight)))
  FROM pairs p JOIN unnest(%(signs)s::text[], %(weights)s::float8[]) AS w(why, weight) ON w.why = p.why
  JOIN crm_customer a ON a.id = p.one JOIN crm_customer b ON b.id = p.other AND b.kind = a.kind AND b.pib = a.pib
 {where}
 GROUP BY p.one, p.other ORDER BY 4 DESC, p.one, p.other LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two accounts by id, the older first, what they share, and how sure that makes (0 to 1)."""

    one: int
    other: int
    signs: tuple[str, ...]
    score: float


def duplicates(*, limit: int = PAIRS_SHOWN) -> list[Pair]:
    """The surest pairs of the whole house."""
    return _pairs(_KEYS.format(live=_LIVE), "", {}, limit)


def duplicates_of(*, customer_id: int, limit: int = 10) -> list[Pair]:
    """Who else this account may be: asked by index, so that its page may ask."""
    keys = f"""
        SELECT id, why, key FROM ({_KEYS.format(live=_LIVE + " AND c.id = %(customer)s")}) own
        UNION ALL SELECT c.id, 'email', lower(c.email) FROM crm_customer c, crm_customer x
         WHERE x.id = %(customer)s AND x.email <> '' AND lower(c.email) = lower(x.email) AND {_LIVE}
        UNION ALL SELECT c.id, 'phone', c.phone FROM crm_customer c, crm_customer x
         WHERE x.id = %(customer)s AND x.phone <> '' AND c.phone = x.phone AND {_LIVE}
        UNION ALL SELECT c.id, 'pib', c.pib FROM crm_customer c, crm_customer x
         WHERE x.id = %(customer)s AND x.pib <> '' AND c.pib = x.pib AND c.pib <> '' AND {_LIVE}
    """  # noqa: S608 - texts of our own
    where = "WHERE p.one = %(customer)s OR p.other = %(customer)s"
    return _pairs(keys, where, {"customer": customer_id}, limit)


def _pairs(keys: str, where: str, values: dict[str, int], limit: int) -> list[Pair]:
    with connection.cursor() as cursor:
        cursor.execute(
            _PAIRS.format(keys=keys, where=where),
            {
                "group_max": GROUP_MAX,
                "signs": list(WEIGHTS),
                "weights": list(WEIGHTS.values()),
                "limit": limit,
                **values,
            },
        )
        return [
            Pair(one, other, tuple(signs), float(score)) for one, other, signs, score in cursor.fetchall()
        ]
