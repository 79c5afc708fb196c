"""Verbs of the catalog, the only writers of its rows (files come in by storefront.imports)."""

from storefront.operations.collections import (
    CollectionData,
    remove_collection,
    save_collection,
)
from storefront.operations.feeds import check_feed
from storefront.operations.files import InvalidFile, has_bytes, keep_file, open_file
from storefront.operations.past import add_past_articles
from storefront.operations.prices import set_price
from storefront.operations.products import (
    ProductDraft,
    archive_product,
    create_product,
    lock_product,
    move_product,
    place_in_categories,
    publish_product,
    rate_product,
    update_product,
)
from storefront.operations.refusals import (
    FileMissing,
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
    UnknownFilter,
    UnknownPriceList,
    UnknownProduct,
    UnknownSku,
    UnknownVariant,
)
from storefront.operations.search_index import index_changed, index_products, rebuild_index
from storefront.operations.variants import VariantData, put_variant, set_kit, update_variant
from storefront.operations.visits import count_visit, forget_visits

__all__ = [
    "CollectionData",
    "FileMissing",
    "InvalidBarcode",
    "InvalidFile",
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
    "UnknownFilter",
    "UnknownPriceList",
    "UnknownProduct",
    "UnknownSku",
    "UnknownVariant",
    "VariantData",
    "add_past_articles",
    "archive_product",
    "check_feed",
    "count_visit",
    "create_product",
    "forget_visits",
    "has_bytes",
    "index_changed",
    "index_products",
    "keep_file",
    "lock_product",
    "move_product",
    "open_file",
    "place_in_categories",
    "publish_product",
    "put_variant",
    "rate_product",
    "rebuild_index",
    "remove_collection",
    "save_collection",
    "set_kit",
    "set_price",
    "update_product",
    "update_variant",
]
