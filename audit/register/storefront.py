"""Columns of storefront's tables."""

from audit.register.kinds import Columns

COLUMNS: Columns = {
    "storefront.TaxRate": {
        "plain": ("id", "tax_class", "country", "rate", "valid_from", "valid_to"),
    },
    "storefront.Collection": {
        "plain": (
            "id",
            "slug",
            "name",
            "name_en",
            "description",
            "filters",
            "category_id",
            "position",
            "is_shown",
            "updated_at",
        ),
    },
    "storefront.Category": {
        "plain": ("id", "parent_id", "slug", "path", "depth", "name", "name_en", "position", "external_ref"),
    },
    "storefront.Contributor": {
        "plain": ("id", "slug", "name", "sort_name"),
    },
    "storefront.Product": {
        "skipped": ("search_text", "search_vector"),
        "plain": (
            "id",
            "slug",
            "kind",
            "title",
            "subtitle",
            "description",
            "language",
            "brand",
            "attributes",
            "status",
            "published_at",
            "released_on",
            "rating",
            "rating_count",
            "is_rated_by_buyers",
            "popularity",
            "main_category_id",
            "external_ref",
            "sort_title",
            "created_at",
            "updated_at",
        ),
    },
    "storefront.ProductAddress": {
        "plain": ("id", "slug", "product_id", "left_at"),
    },
    "storefront.Contribution": {
        # The product says it; a trigger copies it.
        "skipped": ("popularity",),
        "plain": ("id", "product_id", "contributor_id", "role", "position"),
    },
    "storefront.Variant": {
        "plain": (
            "id",
            "product_id",
            "sku",
            "barcode",
            "format_name",
            "options",
            "tax_class",
            "weight_grams",
            "length_mm",
            "width_mm",
            "height_mm",
            "is_estimated_size",
            "is_sellable",
            "is_kit",
            "is_digital",
            "floor_price",
            "position",
            "updated_at",
        ),
    },
    "storefront.DigitalFile": {
        "secret": ("key",),
        "plain": ("id", "variant_id", "name", "media_type", "size", "digest", "uploaded_at"),
    },
    "storefront.KitComponent": {
        "plain": ("id", "kit_id", "component_id", "quantity"),
    },
    "storefront.PriceList": {
        "plain": ("id", "code", "name", "currency"),
    },
    "storefront.Price": {
        "plain": (
            "id",
            "variant_id",
            "price_list_id",
            "amount",
            "minimum_quantity",
            "valid_from",
            "valid_to",
            "is_sample",
        ),
    },
    "storefront.Channel": {
        "plain": (
            "id",
            "code",
            "name",
            "entity_id",
            "price_list_id",
            "currency",
            "language",
            "hold_minutes",
            "hold_minutes_max",
            "hold_units_max",
            "is_held_in_basket",
            "is_active",
        ),
    },
    "storefront.CatalogImport": {
        "plain": (
            "id",
            "file_name",
            "digest",
            "mapping",
            "lines_read",
            "created_count",
            "updated_count",
            "unchanged_count",
            "rejected_count",
            "is_finished",
            "started_at",
            "finished_at",
        ),
    },
}
