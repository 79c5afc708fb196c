"""Two letters that changed places, and what is left of a search that found nothing."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.backends.utils import CursorWrapper

# Of shorter words a swap is another word; longer ones are found by likeness as well.
SWAPPED_MIN, SWAPPED_MAX = 4, 14
MATCHES_MAX = 50


def swapped(token: str) -> list[str]:
    """The word with each two neighbors exchanged: `adnric` → `andric` among others."""
    if not SWAPPED_MIN <= len(token) <= SWAPPED_MAX or not token.isalpha():
        return []
    pairs = range(len(token) - 1)
    made = (token[:at] + token[at + 1] + token[at] + token[at + 2 :] for at in pairs)
    return [each for each in dict.fromkeys(made) if each != token]


def by_swapped_letters(
    cursor: CursorWrapper, tokens: Sequence[str], *, likeness: float
) -> list[tuple[int, str]]:
    """Products that have each of the words, as it stands or with two letters exchanged: (id, its title and people), most read first.

    The same statement sets the likeness of words that the questions after it in this transaction ask for.
    """
    query = " & ".join("(" + " | ".join([token, *swapped(token)]) + ")" for token in tokens)
    cursor.execute(_SWAPPED, {"query": query, "most": MATCHES_MAX, "likeness": str(likeness)})
    _, found = cursor.fetchone()
    return [(product_id, spelled) for product_id, spelled in found or ()]


_SWAPPED = """
    SELECT set_config('pg_trgm.word_similarity_threshold', %(likeness)s, true),
           (SELECT json_agg(json_build_array(s.id, s.spelled) ORDER BY s.popularity DESC, s.id) FROM (
               SELECT p.id, p.popularity,
                      p.title || ' ' || COALESCE((SELECT string_agg(k.name, ' ' ORDER BY c.position) FROM storefront_contribution c
                         JOIN storefront_contributor k ON k.id = c.contributor_id WHERE c.product_id = p.id), '') AS spelled
                 FROM storefront_product p
                WHERE p.status = 'PUBLISHED' AND p.search_vector @@ to_tsquery('simple', %(query)s)
                ORDER BY p.popularity DESC, p.id LIMIT %(most)s) s)
"""


def found_alone(tokens: Sequence[str]) -> list[tuple[str, int]]:
    """For words that find nothing together: each with how many products have it, where some do; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT w.word, n.count FROM unnest(%s::text[]) WITH ORDINALITY w(word, place)
                CROSS JOIN LATERAL (SELECT count(*) FROM (
                     SELECT 1 FROM storefront_product p WHERE p.status = 'PUBLISHED'
                        AND p.search_vector @@ to_tsquery('simple', w.word) LIMIT 1000) few) n
                WHERE n.count > 0 ORDER BY w.place""",
            [list(tokens)],
        )
        return list(cursor.fetchall())
