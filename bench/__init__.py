"""`make bench`: what the house does in a second, against its references in the same round. See docs/performance.md."""
