"""Questions about accounts, segments, campaigns and offers that other rooms may ask."""

from crm.selectors.people import addresses_of, default_address

__all__ = [
    "addresses_of",
    "default_address",
]
