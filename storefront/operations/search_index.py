"""The index of the search server, written from the rows: product by product as they change, or whole into a new one that takes its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from opensearchpy.helpers import bulk

from storefront.models import Contribution, Product, Variant
from storefront.rules import search_texts
from storefront.selectors.search_server import ALIAS, client
from storefront.states import ProductStatus

CHUNK = 500
WRITE_SECONDS = 30
# A newer state stands there already, or there was nothing to take out.
_SETTLED = {("index", 409), ("delete", 409), ("delete", 404)}
_TEXT = {"type": "text", "analyzer": "whitespace"}
MAPPING: dict[str, Any] = {
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "id": {"type": "long"},
            "popularity": {"type": "integer"},
            **dict.fromkeys(("title", "people", "head", "blurb"), _TEXT),
        },
    }
}


class IndexRefused(Exception):
    """The search server did not take what was written; the outbox tries again."""


def index_products(*, product_ids: Sequence[int], index: str = ALIAS) -> int:
    """What is published stands in the index as its row is now, the rest is taken out. Twice or out of order changes nothing:
    the moment of the row is the version. Returns how many products were written.
    """
    done = 0
    for start in range(0, len(product_ids), CHUNK):
        done += _write(_acts(product_ids[start : start + CHUNK]), index)
    return done


def index_changed(*, since: datetime) -> int:
    """Every product that was changed from then on."""
    changed = Product.objects.filter(updated_at__gte=since).order_by("pk")
    return index_products(product_ids=list(changed.values_list("pk", flat=True)))


def rebuild_index(*, now: datetime) -> int:
    """A new index of all published products takes the place of the old ones in one step; searches never see half of one.

    Returns how many stand in it.
    """
    server, name = client(), f"{ALIAS}-{now:%Y%m%d%H%M%S}"
    server.indices.create(index=name, body=MAPPING)
    published = Product.objects.filter(status=ProductStatus.PUBLISHED).order_by("pk")
    count = index_products(product_ids=list(published.values_list("pk", flat=True)), index=name)
    server.indices.refresh(index=name)
    old = [each for each in server.indices.get(index=f"{ALIAS}-*") if each != name]
    swap = [{"add": {"index": name, "alias": ALIAS}}, *({"remove_index": {"index": each}} for each in old)]
    server.indices.update_aliases(body={"actions": swap})
    # What was changed meanwhile went to the index that was in use then.
    index_changed(since=now)
    return count


def _acts(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Three statements, however many products."""
    people: dict[int, list[str]] = defaultdict(list)
    codes: dict[int, list[str]] = defaultdict(list)
    credits = Contribution.objects.filter(product__in=ids).order_by("product", "position")
    for product_id, name in credits.values_list("product_id", "contributor__name"):
        people[product_id].append(name)
    variants = Variant.objects.filter(product__in=ids).order_by("pk")
    for product_id, *pair in variants.values_list("product_id", "sku", "barcode"):
        codes[product_id] += pair
    rows = Product.objects.filter(pk__in=ids).order_by("pk")
    for row in rows:
        act = {"_id": str(row.pk), "version": _version(row.updated_at), "version_type": "external_gte"}
        if row.status != ProductStatus.PUBLISHED:
            yield {"_op_type": "delete", **act}
        else:
            yield {"_op_type": "index", **act, "_source": _document(row, people[row.pk], codes[row.pk])}


def _document(row: Product, people: list[str], codes: list[str]) -> dict[str, Any]:
    texts = search_texts(
        title=row.title,
        people=people,
        subtitle=row.subtitle,
        brand=row.brand,
        codes=codes,
        subjects=row.attributes.get("subjects", ()),
        description=row.description,
    )
    return {
        "id": row.pk,
        "popularity": row.popularity,
        "title": texts.title,
        "people": texts.people,
        "head": texts.head,
        "blurb": texts.blurb,
    }


def _version(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _write(acts: Iterator[dict[str, Any]], index: str) -> int:
    count, errors = bulk(
        client(), acts, index=index, raise_on_error=False, chunk_size=CHUNK, request_timeout=WRITE_SECONDS
    )
    refused = [
        (kind, said.get("status"), said.get("error"))
        for each in errors
        for kind, said in each.items()
        if (kind, said.get("status")) not in _SETTLED
    ]
    if refused:
        raise IndexRefused(f"{len(refused)} of them, the first: {refused[0]}")
    return int(count)
