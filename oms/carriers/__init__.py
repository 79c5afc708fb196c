"""Clients of parcel carriers: typed calls and typed failures, no rows. Never call one inside a transaction."""
