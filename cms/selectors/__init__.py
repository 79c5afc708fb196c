"""Questions about pages: what stands on their shelves now, and what it costs this shopper."""

from cms.selectors.prices import Reduced, reductions
from cms.selectors.shelves import Shelf, goods
from storefront.selectors import Card

__all__ = ["Card", "Reduced", "Shelf", "goods", "reductions"]
