"""Clients of services that finance talks to: typed calls and typed failures, no rows. Never call one inside a transaction."""
