"""Pages of goods: the handheld (scan) and the back office."""
