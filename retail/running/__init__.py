"""Runs the house on one machine: embedded PostgreSQL and Valkey, and the processes of `manage.py up`."""
