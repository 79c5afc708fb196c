"""A refused act is proved to have changed nothing: a digest of every business table before and after."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection

from audit.attach import ROOMS

# A mark makes processes look again whether anything changed; a statement that finds no row leaves one too.
_SAYS_NOTHING = {"crm_offermark"}


def digests() -> dict[str, tuple[int, str]]:
    """Per table its number of rows and a digest of their content, whatever their order. The trace and the outbox count too."""
    tables = sorted(
        {
            model._meta.db_table
            for model in apps.get_models(include_auto_created=True)
            if model._meta.app_label in ROOMS and model._meta.managed and not model._meta.proxy
        }
        - _SAYS_NOTHING
    )
    select = " UNION ALL ".join(
        f"SELECT '{table}', count(*), COALESCE(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') FROM \"{table}\" t"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(select)
        return {table: (rows, digest) for table, rows, digest in cursor.fetchall()}


@contextmanager
def nothing_changes() -> Iterator[None]:
    before = digests()
    world = ("warehouse_stockitem", "kernel_location", "storefront_pricelist", "storefront_product")
    assert any(before[table][0] for table in world), "a digest of nothing proves nothing"
    yield
    after = digests()
    assert {table for table in before if before[table] != after[table]} == set()
