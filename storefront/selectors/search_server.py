"""The search index on an OpenSearch server, where SEARCH_URL names one. It gives ids in their order and nothing else.

Words are folded by ourselves on both sides (`storefront.rules.words_of`), so the server only parts them at spaces. A server that does not
answer is left alone for a while, and PostgreSQL's own index answers meanwhile. How it is used: docs/search.md.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings
from opensearchpy import OpenSearch
from opensearchpy.exceptions import OpenSearchException

logger = logging.getLogger("onerow.search")

ALIAS = "onerow-products"
# A search waits no longer; then PostgreSQL is asked for as long as REST_SECONDS without trying again.
TIMEOUT_SECONDS, REST_SECONDS = 1.0, 15.0
# Where words stand, as PostgreSQL weighs them (A to D).
FIELDS = ("title^1.0", "people^0.6", "head^0.15", "blurb^0.02")
HEAD = FIELDS[:3]
# Beginnings of shorter words would match half of the catalog.
PREFIX_LENGTH_MIN = 3
LIKE_MAX = 200

_resting_until = 0.0


def is_on() -> bool:
    """A server is named, and it has not failed just now."""
    return bool(settings.SEARCH_URL) and time.monotonic() >= _resting_until


def answers() -> bool:
    """Whether it can be reached, for who watches the house."""
    try:
        return bool(client().ping())
    except OpenSearchException:
        return False


def client() -> OpenSearch:
    return _client(settings.SEARCH_URL)


@lru_cache(maxsize=4)
def _client(url: str) -> OpenSearch:
    return OpenSearch([url], timeout=TIMEOUT_SECONDS, max_retries=0)


def with_all(tokens: Sequence[str], most: int) -> list[int] | None:
    """Products that have all words, the last letters of each may be missing. None: the server did not answer."""
    return _ask(_by_rank([_beginning(token, FIELDS) for token in tokens], most))


def most_read_with_all(tokens: Sequence[str], most: int) -> list[int] | None:
    """The same without the blurb, the most read first: what is offered while somebody types."""
    must = [_beginning(token, HEAD) for token in tokens]
    order: list[Any] = [{"popularity": "desc"}, {"id": "asc"}]
    return _ask({"size": most, "_source": False, "query": {"bool": {"must": must}}, "sort": order})


def with_like(tokens: Sequence[str]) -> list[int] | None:
    """Products with a word like each of these; failing that, like any."""
    like = [_likeness(token) for token in tokens]
    found = _ask(_by_rank(like, LIKE_MAX))
    if found == [] and len(like) > 1:
        return _ask(_ranked({"bool": {"should": like, "minimum_should_match": 1}}, LIKE_MAX))
    return found


def _beginning(token: str, fields: Sequence[str]) -> dict[str, Any]:
    kind = "phrase_prefix" if len(token) >= PREFIX_LENGTH_MIN else "best_fields"
    return {"multi_match": {"query": token, "fields": list(fields), "type": kind}}


def _likeness(token: str) -> dict[str, Any]:
    """One letter wrong in short words, two in long ones; two neighbors exchanged count as one."""
    return {
        "multi_match": {
            "query": token,
            "fields": ["title^1.0", "people^1.0"],
            "fuzziness": "AUTO:3,6",
            "fuzzy_transpositions": True,
        }
    }


def _by_rank(must: list[dict[str, Any]], most: int) -> dict[str, Any]:
    return _ranked({"bool": {"must": must}}, most)


def _ranked(query: dict[str, Any], most: int) -> dict[str, Any]:
    """Where the words stand, times 1 + ln(1 + popularity) / 8: as PostgreSQL's rank."""
    read = {"field_value_factor": {"field": "popularity", "modifier": "ln1p"}, "weight": 0.125}
    return {
        "size": most,
        "_source": False,
        "query": {
            "function_score": {
                "query": query,
                "functions": [{"weight": 1}, read],
                "score_mode": "sum",
                "boost_mode": "multiply",
            }
        },
        "sort": ["_score", {"popularity": "desc"}, {"id": "asc"}],
    }


def _ask(body: dict[str, Any]) -> list[int] | None:
    global _resting_until
    try:
        answer = client().search(index=ALIAS, body=body)
        return [int(hit["_id"]) for hit in answer["hits"]["hits"]]
    except (OpenSearchException, KeyError, TypeError, ValueError) as error:
        _resting_until = time.monotonic() + REST_SECONDS
        logger.warning("the search server failed (%s); PostgreSQL answers", type(error).__name__)
        return None
