"""Questions about the catalog that every room above may ask. `from storefront import selectors as catalog`."""

from storefront.selectors.availability import availability_condition, register_coming
from storefront.selectors.availability import register as register_availability
from storefront.selectors.cards import (
    Card,
    ask,
    cards,
    cards_of,
    cards_of_texts,
    cards_sql,
    define,
    keep_statements,
)
from storefront.selectors.facets import Facet, FacetValue
from storefront.selectors.filters import Condition, ListingQuery
from storefront.selectors.kits import kit_parts
from storefront.selectors.listing import SORTS, Listing, listing, search
from storefront.selectors.offers import register as register_offers
from storefront.selectors.page import Credit, ProductPage, VariantOffer
from storefront.selectors.pictures import Picture, picture_of, pictures_of
from storefront.selectors.prices import (
    CHANNEL_VERSION,
    PRICE_CANDIDATES,
    TAX_RATES,
    PriceCandidate,
    by_variant,
    channel_by_code,
    kept_channel,
    lowest_of,
    lowest_prices,
    lowest_prices_before,
    past_prices,
    price_candidates,
    tax_rates,
    unit_prices,
)
from storefront.selectors.products import (
    category_paths,
    present_slug,
    sellable_variant,
    sellable_variants,
    variant_by_code,
    variants_by_id,
)
from storefront.selectors.search import Suggestion, suggest, words_alone
from storefront.selectors.together import register as register_together
from storefront.selectors.tree import (
    Branch,
    Node,
    category_by_path,
    category_tree,
    shown_collection,
    shown_collections,
)

__all__ = [
    "CHANNEL_VERSION",
    "PRICE_CANDIDATES",
    "SORTS",
    "TAX_RATES",
    "Branch",
    "Card",
    "Condition",
    "Credit",
    "Facet",
    "FacetValue",
    "Listing",
    "ListingQuery",
    "Node",
    "Picture",
    "PriceCandidate",
    "ProductPage",
    "Suggestion",
    "VariantOffer",
    "ask",
    "availability_condition",
    "by_variant",
    "cards",
    "cards_of",
    "cards_of_texts",
    "cards_sql",
    "category_by_path",
    "category_paths",
    "category_tree",
    "channel_by_code",
    "define",
    "keep_statements",
    "kept_channel",
    "kit_parts",
    "listing",
    "lowest_of",
    "lowest_prices",
    "lowest_prices_before",
    "past_prices",
    "picture_of",
    "pictures_of",
    "present_slug",
    "price_candidates",
    "register_availability",
    "register_coming",
    "register_offers",
    "register_together",
    "search",
    "sellable_variant",
    "sellable_variants",
    "shown_collection",
    "shown_collections",
    "suggest",
    "tax_rates",
    "unit_prices",
    "variant_by_code",
    "variants_by_id",
    "words_alone",
]
