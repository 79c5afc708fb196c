"""Stand-ins for the services outside: card provider, fiscal processor, carrier, bank, SEF, mail.

A process of its own with its own state and its own clock, which knows nothing of the shop's code and rows: it
behaves as the real services are documented to, and fails on request as they fail in life. Local only.
"""
