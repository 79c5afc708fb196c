"""Proof that a refused act changed nothing: every business table has the same rows before and after."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection

ROOMS = ("audit", "storefront", "crm", "oms", "warehouse", "finance")
# What a refusal may leave behind: nothing but plumbing.
EXCEPT = {"kernel_idempotencykey"}


def snapshot() -> dict[str, str]:
    """One digest for each table; equal digests mean equal rows."""
    tables = sorted(
        {
            m._meta.db_table
            for m in apps.get_models(include_auto_created=True)
            if m._meta.app_label in (*ROOMS, "kernel")
        }
        - EXCEPT
    )
    parts = " UNION ALL ".join(
        f"SELECT '{table}', COALESCE(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM \"{table}\" t"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(parts)
        return dict(cursor.fetchall())


@contextmanager
def unchanged() -> Iterator[None]:
    """with unchanged(): … the block refuses, and no row of any room may differ afterwards."""
    before = snapshot()
    try:
        yield
    finally:
        after = snapshot()
        changed = [table for table in before if before[table] != after[table]]
        assert not changed, f"a refusal changed {changed}"
