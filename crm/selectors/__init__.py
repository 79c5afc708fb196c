"""Questions about accounts, segments, campaigns and offers that other rooms may ask."""

from crm.selectors.people import addresses_of, default_address
from crm.selectors.segments import SegmentFact, conditions_of, definitions_held, segments_of

__all__ = [
    "SegmentFact",
    "addresses_of",
    "conditions_of",
    "default_address",
    "definitions_held",
    "segments_of",
]
