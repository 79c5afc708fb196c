"""Verbs of the catalog, the only writers of its rows (files come in by storefront.imports)."""

from storefront.operations.feeds import check_feed
from storefront.operations.past import add_past_articles
from storefront.operations.prices import set_price
from storefront.operations.products import (
    ProductDraft,
    archive_product,
    create_product,
    move_product,
    place_in_categories,
    publish_product,
    update_product,
)
from storefront.operations.refusals import (
    InvalidBarcode,
    InvalidPeriod,
    InvalidPrice,
    InvalidSku,
    InvalidSlug,
    KitInKit,
    MissingTitle,
    NothingToSell,
    SkuTaken,
    SlugTaken,
    UnknownCategory,
    UnknownPriceList,
    UnknownProduct,
    UnknownSku,
    UnknownVariant,
)
from storefront.operations.variants import VariantData, put_variant, set_kit, update_variant

__all__ = [
    "InvalidBarcode",
    "InvalidPeriod",
    "InvalidPrice",
    "InvalidSku",
    "InvalidSlug",
    "KitInKit",
    "MissingTitle",
    "NothingToSell",
    "ProductDraft",
    "SkuTaken",
    "SlugTaken",
    "UnknownCategory",
    "UnknownPriceList",
    "UnknownProduct",
    "UnknownSku",
    "UnknownVariant",
    "VariantData",
    "add_past_articles",
    "archive_product",
    "check_feed",
    "create_product",
    "move_product",
    "place_in_categories",
    "publish_product",
    "put_variant",
    "set_kit",
    "set_price",
    "update_product",
    "update_variant",
]
