"""What else somebody may want: bought together, bought before, bought by many. Only titles that can be had now."""

from oms.recommendations.shelf import for_customer, related_to
from oms.recommendations.statements import TOGETHER

__all__ = ["TOGETHER", "for_customer", "related_to"]
