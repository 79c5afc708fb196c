"""What happened to the catalog: ids and text only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CatalogImported:
    import_id: int
    file_name: str
    created: int
    updated: int


@dataclass(frozen=True)
class ProductCreated:
    product_id: int
    slug: str


@dataclass(frozen=True)
class ProductChanged:
    product_id: int
    slug: str


@dataclass(frozen=True)
class ProductPublished:
    product_id: int
    slug: str


@dataclass(frozen=True)
class ProductArchived:
    product_id: int
    slug: str


@dataclass(frozen=True)
class VariantChanged:
    variant_id: int
    sku: str


@dataclass(frozen=True)
class PriceSet:
    variant_id: int
    sku: str
    price_list: str
    amount: str


@dataclass(frozen=True)
class CollectionSaved:
    collection_id: int
    slug: str
