"""Goods as the segment language names them: a branch, a title, an article, an author. One way to say it for lines, wishes and looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm.segments import Fragment, Kind, Name
from crm.segments.tree import Value
from crm.segments.writing import one_of, plain
from storefront.models import Category, Contributor, Product, Variant


def _of_category(value: Value) -> Fragment:
    """The whole branch: a product is placed in its category and in all those above it."""
    name = plain(value)
    return one_of(
        "l.variant_id",
        "SELECT v.id FROM storefront_category g JOIN storefront_product_categories m ON m.category_id = g.id "
        "JOIN storefront_variant v ON v.product_id = m.product_id WHERE g.path = %s OR g.slug = %s",
        name,
        name,
    )


def _of_product(value: Value) -> Fragment:
    return one_of(
        "l.variant_id",
        "SELECT v.id FROM storefront_product p JOIN storefront_variant v ON v.product_id = p.id WHERE p.slug = %s",
        plain(value),
    )


def _of_sku(value: Value) -> Fragment:
    return one_of("l.variant_id", "SELECT v.id FROM storefront_variant v WHERE v.sku = %s", plain(value))


def _of_author(value: Value) -> Fragment:
    return one_of(
        "l.variant_id",
        "SELECT v.id FROM storefront_contributor a JOIN storefront_contribution b ON b.contributor_id = a.id "
        "JOIN storefront_variant v ON v.product_id = b.product_id WHERE a.slug = %s",
        plain(value),
    )


# What each argument says of a row whose alias is `l` and which has a variant.
of_goods: Mapping[str, Callable[[Value], Fragment]] = {
    "category": _of_category,
    "product": _of_product,
    "sku": _of_sku,
    "author": _of_author,
}


# --- names


def exists_in(model: Any, field: str) -> Callable[[str], bool]:
    return lambda value: model._default_manager.filter(**{field: value}).exists()


def _is_category(value: str) -> bool:
    return Category.objects.filter(path=value).exists() or Category.objects.filter(slug=value).exists()


def _categories(typed: str, limit: int) -> list[Name]:
    found = Category.objects.filter(name__icontains=typed) | Category.objects.filter(path__icontains=typed)
    return [Name(each.path, each.name) for each in found.order_by("depth", "path")[:limit]]


def _products(typed: str, limit: int) -> list[Name]:
    found = Product.objects.filter(title__istartswith=typed) | Product.objects.filter(slug__startswith=typed)
    return [Name(each.slug, each.title) for each in found.order_by("-popularity", "id")[:limit]]


def _articles(typed: str, limit: int) -> list[Name]:
    found = Variant.objects.filter(sku__istartswith=typed).select_related("product")
    return [Name(each.sku, each.product.title) for each in found.order_by("sku")[:limit]]


def _authors(typed: str, limit: int) -> list[Name]:
    found = Contributor.objects.filter(name__icontains=typed) | Contributor.objects.filter(
        slug__startswith=typed
    )
    return [Name(each.slug, each.name) for each in found.order_by("sort_name")[:limit]]


GOODS: Mapping[str, Kind] = {
    "category": Kind("text", _("of the category"), suggest=_categories, exists=_is_category),
    "product": Kind("text", _("the title"), suggest=_products, exists=exists_in(Product, "slug")),
    "sku": Kind("text", _("the article"), suggest=_articles, exists=exists_in(Variant, "sku")),
    "author": Kind("text", _("of the author"), suggest=_authors, exists=exists_in(Contributor, "slug")),
}
