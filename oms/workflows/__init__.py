"""Use cases of orders that need several rooms."""
