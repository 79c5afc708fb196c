"""The invariants of the house: one SQL each, zero rows expected. `manage.py doctor` runs them, tests plant a corruption for each."""
