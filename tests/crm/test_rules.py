"""Who is left out of a campaign: the same in Python and in the database, and about as many as were asked for."""

import pytest
from django.db import connection

from crm.rules import HELD_OUT_SQL, is_held_out


@pytest.mark.django_db
def test_the_database_leaves_out_the_same_accounts() -> None:
    formula = HELD_OUT_SQL.format(slug="%(slug)s::text", customer_id="n", percent="%(percent)s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT n FROM generate_series(1, 5000) n WHERE {formula} ORDER BY n",
            {"slug": "jesen-2026", "percent": 10},
        )
        in_database = [n for (n,) in cursor.fetchall()]
    in_python = [n for n in range(1, 5001) if is_held_out(slug="jesen-2026", customer_id=n, percent=10)]
    assert in_database == in_python
    assert 440 <= len(in_python) <= 560


def test_nobody_is_left_out_of_none_percent() -> None:
    assert not any(is_held_out(slug="a", customer_id=n, percent=0) for n in range(200))
