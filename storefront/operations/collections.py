"""Collections: saved listings with a name and an address."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from retail.kernel.context import acting
from retail.kernel.models import User
from retail.kernel.outbox import announce
from storefront.events import CollectionSaved
from storefront.models import Collection
from storefront.operations.products import check_slug
from storefront.operations.refusals import MissingTitle, SlugTaken, UnknownFilter

FILTERS = frozenset(
    [
        "author",
        "brand",
        "language",
        "format",
        "price_from",
        "price_to",
        "rating",
        "available",
        "sort",
        "words",
    ]
)


@dataclass(frozen=True, slots=True)
class CollectionData:
    """`filters` as the address of a listing says them; all of it must be understood."""

    slug: str
    name: str
    name_en: str = ""
    description: str = ""
    filters: str = ""
    category_id: int | None = None
    position: int = 100
    is_shown: bool = True


@transaction.atomic
def save_collection(
    *, data: CollectionData, by: User | None, now: datetime, collection_id: int = 0
) -> Collection:
    """A new one, or a changed one. Refuses InvalidSlug, SlugTaken, MissingTitle, UnknownFilter."""
    check_slug(data.slug)
    if not data.name.strip():
        raise MissingTitle(_("A collection has a name."))
    filters = data.filters.strip().removeprefix("?")
    if unknown := sorted(set(QueryDict(filters)) - FILTERS):
        raise UnknownFilter(
            _("A listing knows no filter “%(name)s”.") % {"name": unknown[0]}, filters=unknown
        )
    if Collection.objects.filter(slug=data.slug).exclude(pk=collection_id).exists():
        raise SlugTaken(_("Another collection has this address."), slug=data.slug)
    with acting(by=by):
        row = Collection.objects.filter(pk=collection_id).first() or Collection()
        for name, value in (asdict(data) | {"filters": filters}).items():
            setattr(row, name, value)
        row.save()
        announce(CollectionSaved(row.pk, row.slug), subject=("collection", row.slug))
    return row


@transaction.atomic
def remove_collection(*, collection_id: int, by: User | None) -> None:
    """Its address is free again."""
    with acting(by=by):
        Collection.objects.filter(pk=collection_id).delete()
