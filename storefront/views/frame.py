"""What the shop's frame shows on every page: departments, basket count, account, the foot; and whose cover is drawn."""

from __future__ import annotations

import time
from typing import Any

from django.db.models import Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from oms.models import BasketLine
from oms.states import BasketState
from retail.front.covers import CoverText, register_cover_source
from retail.front.frame import register_frame_part
from storefront import selectors as catalog
from storefront.models import Contribution, Variant
from storefront.selectors import pictures_of
from storefront.states import ContributorRole
from storefront.views import shopper

AISLES_MAX = 9
AISLES_SECONDS = 60.0

# The menu may be a minute old: it is the same for everybody and holds no stock, no price, no person.
_aisles: dict[str, Any] = {}


def register() -> None:
    register_frame_part("aisles", aisles)
    register_frame_part("basket_count", basket_count)
    register_frame_part("account", account)
    register_frame_part("my_store", store_name)
    register_frame_part("foot", foot)
    register_cover_source(cover_text)


def aisles(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    nodes, language = departments(), shopper.language()
    known: dict[str, tuple[tuple[str, str], ...]] = _aisles["words"]
    if language not in known:
        words = (
            (node.title(language), reverse("shop:category", args=[node.path])) for node in nodes[:AISLES_MAX]
        )
        known[language] = ((_("New"), reverse("shop:search") + "?sort=newest"), *words)
    return known[language]


def departments() -> tuple[catalog.Node, ...]:
    """The first level of the tree."""
    if not _aisles.get("nodes") or time.monotonic() - _aisles["at"] > AISLES_SECONDS:
        _aisles.update(nodes=catalog.category_tree(depth=1), words={}, at=time.monotonic())
    nodes: tuple[catalog.Node, ...] = _aisles["nodes"]
    return nodes


def forget_departments() -> None:
    _aisles.clear()


def basket_count(request: HttpRequest) -> int:
    """Units in the basket; no question for a visitor without one, one question otherwise."""
    known: int | None = getattr(request, "shop_basket_count", None)
    if known is None:
        token = shopper.basket_token(request)
        known = count_units(token) if token else 0
        request.shop_basket_count = known  # type: ignore[attr-defined]
    return known


def count_units(token: str) -> int:
    lines = BasketLine.objects.filter(basket__token=token, basket__state=BasketState.OPEN)
    return lines.aggregate(units=Sum("quantity"))["units"] or 0


def account(request: HttpRequest) -> str | None:
    user = shopper.user_of(request)
    return user.get_short_name() if user else None


def store_name(request: HttpRequest) -> str | None:
    store = shopper.my_store(request)
    return store.name if store else None


def foot(request: HttpRequest) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (
            _("Help"),
            [
                (_("Delivery and pickup"), reverse("shop:help") + "#delivery"),
                (_("Ways to pay"), reverse("shop:help") + "#payment"),
                (_("Returns and withdrawal"), reverse("shop:help") + "#returns"),
            ],
        ),
        (_("Stores"), [(_("All stores and hours"), reverse("shop:stores"))]),
        (
            _("My shopping"),
            [
                (_("My orders"), reverse("shop:account")),
                (_("Basket"), reverse("shop:basket")),
                (_("Wish list"), reverse("shop:wishes")),
            ],
        ),
    ]


def cover_text(code: str) -> CoverText | None:
    """Title and first author of an SKU, for the drawn cover, and its first photograph."""
    variant = Variant.objects.select_related("product").filter(sku=code).first()
    if variant is None:
        return None
    authors = Contribution.objects.filter(product_id=variant.product_id, role=ContributorRole.AUTHOR)
    author = authors.order_by("position").values_list("contributor__name", flat=True).first()
    pictures = pictures_of([variant.product_id]).get(variant.product_id)
    photograph = pictures[0].at(240) if pictures else ""
    return CoverText(variant.product.title, author or variant.product.brand, photograph)
