"""Seeded trading days through the public verbs, with faults of everything outside; `manage.py simulate` plays them and asks the doctor."""
