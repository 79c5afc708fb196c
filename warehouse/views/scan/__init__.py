"""The handheld: one task, one field, one result."""
