"""What else somebody may want: bought together, bought before, bought by many. Only titles that can be had now."""

from oms.recommendations.shelf import LIMIT_MAX, for_customer, related_to
from oms.recommendations.statements import TOGETHER

__all__ = ["LIMIT_MAX", "TOGETHER", "for_customer", "related_to"]
