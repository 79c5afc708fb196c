"""Use cases of accounts over several rooms: two that are one, and the right to see and to be forgotten."""
