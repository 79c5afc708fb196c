"""The roof of Onerow: settings, addresses, background work. It wires the rooms and is imported by none."""

from retail.celery import app as celery_app

__all__ = ["celery_app"]
