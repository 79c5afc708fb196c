"""Finding products by what people type: Latin, Cyrillic, bare letters, spelling mistakes, ISBN and SKU."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction

from retail.kernel.identifiers import parse_barcode
from retail.kernel.prepared import Prepared
from storefront.rules import words_of
from storefront.selectors import search_server
from storefront.selectors.availability import coming_product
from storefront.selectors.slips import by_swapped_letters, found_alone
from storefront.selectors.tree import category_tree

MATCHES_MAX = 500
TOKENS_MAX = 8
QUERY_LENGTH_MAX = 200
# Shorter words are taken as they are: their beginnings would match half of the catalog.
PREFIX_LENGTH_MIN = 3
SIMILARITY = 0.45
WORD_SIMILARITY_MIN = 0.6

# Most of the rank is where the words stand (title, people, rest of the head, blurb), some of it how much a title is read.
_RANK = (
    "ts_rank('{0.02, 0.15, 0.6, 1.0}', p.search_vector, query) * (1 + ln(1 + p.popularity) / 8)"
    " + CASE WHEN p.search_text = %(text)s OR starts_with(p.search_text, %(text)s || ' ') THEN 1 ELSE 0 END"
)


@dataclass(frozen=True, slots=True)
class Matches:
    """Product ids, best first. `suggestion` is what was probably meant, when the words themselves were not found.

    `words` is the query of the index when it finds more than the ids, which are the most read of them.
    """

    ids: list[int]
    suggestion: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One line below the search box; `key` is a product's slug, an author's slug or a category's path."""

    kind: str
    title: str
    key: str
    note: str = ""
    coming_on: date | None = None


def match(text: str) -> Matches:
    """The published products that a search finds: by code, by all words, or else by similar words."""
    text = text[:QUERY_LENGTH_MAX].strip()
    tokens = list(dict.fromkeys(words_of(text).split()))[:TOKENS_MAX]
    if not tokens:
        return Matches([])
    if found := _by_code(text):
        return Matches(found)
    if (served := _served(tokens)) is not None:
        return served
    if found := _by_words(tokens):
        return Matches(found, words=_tsquery(tokens) if len(found) >= MATCHES_MAX else "")
    return _by_similarity(tokens)


def _served(tokens: Sequence[str]) -> Matches | None:
    """What the search server finds, as far as the rows say that it is published; None where PostgreSQL has to answer."""
    ids = search_server.with_all(tokens, MATCHES_MAX) if search_server.is_on() else None
    if ids is None:
        return None
    if found := _published(ids):
        return Matches(found, words=_tsquery(tokens) if len(ids) >= MATCHES_MAX else "")
    return _served_alike(tokens)


def _served_alike(tokens: Sequence[str]) -> Matches | None:
    telling = [token for token in tokens if len(token) >= PREFIX_LENGTH_MIN]
    if not telling or not search_server.is_on():
        return None
    ids = search_server.with_like(telling)
    if ids is None:
        return None
    near = _published(ids)
    return Matches(near, suggestion=_meant(tokens, _spellings(near[:5])) if near else "")


def _published(ids: Sequence[int]) -> list[int]:
    """Those that are, in the order given: the index says what fits, the rows say what is there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM storefront_product WHERE id = ANY(%s) AND status = 'PUBLISHED'", [list(ids)]
        )
        there = {row[0] for row in cursor.fetchall()}
    return [each for each in ids if each in there]


def _spellings(ids: Sequence[int]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_SPELLED} FROM storefront_product p WHERE p.id = ANY(%s) ORDER BY array_position(%s, p.id)",  # noqa: S608
            [list(ids), list(ids)],
        )
        return [row[0] for row in cursor.fetchall()]


def words_alone(text: str) -> list[tuple[str, int]]:
    """Of a search whose words find nothing together: what each finds by itself, and how many."""
    tokens = list(dict.fromkeys(words_of(text[:QUERY_LENGTH_MAX]).split()))[:TOKENS_MAX]
    telling = [token for token in tokens if len(token) >= PREFIX_LENGTH_MIN]
    return found_alone(telling) if len(tokens) > 1 else []


def suggest(text: str, limit: int = 8, *, now: datetime, language: str = "") -> tuple[Suggestion, ...]:
    """What the search box offers while somebody types: branches, authors and titles; with a mistake in the words, like titles."""
    tokens = words_of(text[:QUERY_LENGTH_MAX]).split()[:TOKENS_MAX]
    if not tokens or len("".join(tokens)) < 2:
        return ()
    branches = [
        Suggestion("category", node.title(language), node.path)
        for aisle in category_tree()
        for node in (aisle, *aisle.children)
        if _covers(words_of(node.name), tokens) or _covers(words_of(node.name_en), tokens)
    ]
    titles, authors = _titles_and_authors(tokens, limit, now)
    if not (branches or titles or authors):
        titles = _like_titles(tokens, limit)
    return (*branches[:2], *authors[:3], *titles)[:limit]


def _by_code(text: str) -> list[int]:
    """An ISBN, another barcode or a SKU names one product; ordinary words are not looked up as codes."""
    if not any(sign.isdigit() for sign in text) or len(text) > 40:
        return []
    codes = list({text, text.upper(), parse_barcode(text) or text})
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT v.product_id FROM storefront_variant v JOIN storefront_product p ON p.id = v.product_id
                WHERE (v.sku = ANY(%s) OR v.barcode = ANY(%s)) AND p.status = 'PUBLISHED' ORDER BY 1""",
            [codes, codes],
        )
        return [row[0] for row in cursor.fetchall()]


_BY_WORDS = Prepared(
    "catalog_words",
    f"""SELECT ARRAY(SELECT p.id FROM (
            SELECT id, popularity, search_text, search_vector FROM storefront_product
             WHERE status = 'PUBLISHED' AND search_vector @@ to_tsquery('simple', %(query)s)
             ORDER BY popularity DESC, id LIMIT %(most)s) p, to_tsquery('simple', %(query)s) query
         ORDER BY {_RANK} DESC, p.popularity DESC, p.id)""",  # noqa: S608 - constants of this module
    {"query": "text", "text": "text", "most": "integer"},
    ("bigint[]",),
)


def _by_words(tokens: Sequence[str]) -> list[int]:
    """Products that have all words, the last letters of each may be missing."""
    values = {"query": _tsquery(tokens), "text": " ".join(tokens), "most": MATCHES_MAX}
    ((found,),) = _BY_WORDS.rows(values)
    ids: list[int] = found
    return ids


def _by_similarity(tokens: Sequence[str]) -> Matches:
    """Products with these words but for two letters that changed places; else with a word like each of them; failing that, like any."""
    telling = [token for token in tokens if len(token) >= PREFIX_LENGTH_MIN]
    if not telling:
        return Matches([])
    values: dict[str, str | float] = {f"t{place}": token for place, token in enumerate(telling)}
    score = " + ".join(f"word_similarity(%({name})s, p.search_text)" for name in values)
    with transaction.atomic(), connection.cursor() as cursor:
        if slipped := by_swapped_letters(cursor, tokens, likeness=SIMILARITY):
            meant = _meant(tokens, [spelled for _, spelled in slipped[:5]])
            return Matches([product_id for product_id, _ in slipped], suggestion=meant)
        for glue in (" AND ", " OR ") if len(telling) > 1 else (" AND ",):
            condition = glue.join(f"%({name})s <%% p.search_text" for name in values)
            cursor.execute(_SIMILAR.format(score=score, condition=condition), values)
            if rows := cursor.fetchall():
                # Far weaker than the best is another book.
                best = max(score for _, score, _ in rows)
                near = [(product_id, spelled) for product_id, score, spelled in rows if score >= 0.75 * best]
                return Matches(
                    [product_id for product_id, _ in near],
                    suggestion=_meant(tokens, [spelled for _, spelled in near[:5]]),
                )
    return Matches([])


_SPELLED = """p.title || ' ' || COALESCE((SELECT string_agg(k.name, ' ' ORDER BY c.position) FROM storefront_contribution c
              JOIN storefront_contributor k ON k.id = c.contributor_id WHERE c.product_id = p.id), '')"""
_SIMILAR = f"""
    SELECT p.id, {{score}} score, {_SPELLED}
      FROM storefront_product p WHERE p.status = 'PUBLISHED' AND ({{condition}})
     ORDER BY round(({{score}})::numeric, 1) DESC, p.popularity DESC, p.id LIMIT 200
"""  # noqa: S608 - constants of this module


def _meant(tokens: Sequence[str], spellings: Sequence[str]) -> str:
    """Each word as the best hits spell it; empty when that is what was typed."""
    spelled = {words_of(word): word for text in reversed(spellings) for word in text.split()}
    spelled.pop("", None)
    meant = []
    for token in tokens:
        near = difflib.get_close_matches(token, spelled, n=1, cutoff=WORD_SIMILARITY_MIN)
        meant.append(spelled[near[0]].strip(".,:;!?()\"'„“”") if near else token)
    return " ".join(meant) if words_of(" ".join(meant)) != " ".join(tokens) else ""


def _like_titles(tokens: Sequence[str], limit: int) -> list[Suggestion]:
    """Titles with words like these, best first; asked only where the words themselves lead nowhere."""
    ids = (_served_alike(tokens) or _by_similarity(tokens)).ids[:limit]
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, title, slug FROM storefront_product WHERE id = ANY(%s)", [ids])
        found = {product_id: (title, slug) for product_id, title, slug in cursor.fetchall()}
    return [Suggestion("product", *found[product_id]) for product_id in ids if product_id in found]


def _titles_and_authors(
    tokens: Sequence[str], limit: int, now: datetime
) -> tuple[list[Suggestion], list[Suggestion]]:
    served = search_server.most_read_with_all(tokens, limit * 2) if search_server.is_on() else None
    fits, asked = "p.search_vector @@ to_tsquery('simple', %(asked)s)", _tsquery(tokens, weights="ABC")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT p.title, p.slug, ARRAY(SELECT ARRAY[k.name, k.slug] FROM storefront_contribution c
                        JOIN storefront_contributor k ON k.id = c.contributor_id WHERE c.product_id = p.id ORDER BY c.position LIMIT 3),
                      {coming_product()}
                 FROM storefront_product p
                WHERE p.status = 'PUBLISHED' AND {fits if served is None else "p.id = ANY(%(asked)s)"}
                ORDER BY p.popularity DESC, p.id LIMIT %(limit)s""",  # noqa: S608 - constants of this module
            {"asked": asked if served is None else served, "limit": limit * 2, "now": now},
        )
        rows = cursor.fetchall()
    titles = [
        Suggestion("product", title, slug, credits[0][0] if credits else "", coming_on)
        for title, slug, credits, coming_on in rows
    ]
    people = {
        slug: name for _, _, credits, _ in rows for name, slug in credits if _covers(words_of(name), tokens)
    }
    return titles, [Suggestion("author", name, slug) for slug, name in people.items()]


def _tsquery(tokens: Sequence[str], weights: str = "") -> str:
    """All words, each as the beginning of one; tokens are folded to a-z and 0-9, so nothing needs quoting."""
    return " & ".join(
        f"{token}:*{weights}" if len(token) >= PREFIX_LENGTH_MIN or weights else token for token in tokens
    )


def _covers(words: str, tokens: Sequence[str]) -> bool:
    return all(any(word.startswith(token) for word in words.split()) for token in tokens)
