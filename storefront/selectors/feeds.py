"""Variants as product feeds read them: in the order of their numbers, a piece at a time, each with why it is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from retail.kernel.identifiers import parse_barcode
from storefront.models import Channel, Price, Variant
from storefront.rules import FeedFacts
from storefront.selectors.pictures import Picture, pictures_of
from storefront.selectors.prices import PriceCandidate, price_candidates
from storefront.states import ContributorRole, ProductStatus

PIECE = 500


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A variant on sale with its authors and price list entries; `facts` say whether a feed may have it."""

    variant: Variant
    authors: tuple[str, ...]
    candidates: tuple[PriceCandidate, ...]
    facts: FeedFacts
    pictures: tuple[Picture, ...]


def feed_pieces(
    channel: Channel, now: datetime, *, changed: Q | None = None, piece: int = PIECE
) -> Iterator[list[FeedRow]]:
    """Everything on sale of this channel, in pieces; four statements for each, whatever the size of the shop."""
    rows = (
        Variant.objects.filter(is_sellable=True, product__status=ProductStatus.PUBLISHED)
        .select_related("product__main_category")
        .prefetch_related("product__contributions__contributor")
        .order_by("pk")
    )
    if changed is not None:
        rows = rows.filter(changed)
    last = 0
    while found := list(rows.filter(pk__gt=last)[:piece]):
        yield _piece(found, price_candidates([one.pk for one in found], channel.price_list_id, now))
        last = found[-1].pk


def changed_since(since: datetime, now: datetime, price_list_id: int) -> Q:
    """What the catalog itself changed: words, editions, and prices that began or ended since."""
    prices = Price.objects.filter(variant=OuterRef("pk"), price_list_id=price_list_id).filter(
        Q(valid_from__gt=since, valid_from__lte=now) | Q(valid_to__gt=since, valid_to__lte=now)
    )
    return Q(Q(updated_at__gt=since) | Q(product__updated_at__gt=since) | Q(Exists(prices)))


def _piece(found: Sequence[Variant], candidates: Mapping[int, tuple[PriceCandidate, ...]]) -> list[FeedRow]:
    rows = []
    pictures = pictures_of({variant.product_id for variant in found})
    for variant in found:
        entries = candidates.get(variant.pk, ())
        authors = tuple(
            each.contributor.name
            for each in variant.product.contributions.all()
            if each.role == ContributorRole.AUTHOR
        )
        facts = FeedFacts(
            has_title=bool(variant.product.title.strip()),
            has_price=any(each.minimum_quantity == 1 and each.amount > 0 for each in entries),
            barcode=variant.barcode,
            is_barcode_right=parse_barcode(variant.barcode) is not None,
            is_digital=variant.is_digital,
            maker=variant.product.brand or (authors[0] if authors else ""),
        )
        rows.append(FeedRow(variant, authors, entries, facts, pictures.get(variant.product_id, ())))
    return rows
