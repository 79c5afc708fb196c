"""The doctor is honest: silent on a valid story, and for each invariant it finds the one row that a wrong write spoiled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from retail.doctor.checks import CHECKS
from retail.doctor.examine import Finding, examine
from tests.flows.chain import make_chain
from tests.proof.corruptions import CORRUPTIONS, Corruption
from tests.proof.story import Teller

NAMES = [check.name for check in CHECKS]
# Its corruption is another connection, planted in a test of its own.
BY_ITSELF = "no_writer_open_for_long"


class _Undo(Exception):
    """Leaves a block whose writes must not stay."""


@pytest.fixture(scope="module")
def story(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, int]]:
    """One story for all tests of this module, in one transaction that is never committed."""
    with django_db_blocker.unblock():
        try:
            with transaction.atomic():
                orders = Teller(make_chain(), timezone.now()).tell()
                execute("SET CONSTRAINTS ALL IMMEDIATE")
                yield {name: order.pk for name, order in orders.items()}
                raise _Undo
        except _Undo:
            connection.close()


def execute(sql: str, parameters: dict[str, int] | None = None) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        if cursor.description is None:
            return []
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def broken(*names: str) -> dict[str, Finding]:
    return {finding.check.name: finding for finding in examine(names) if finding.violations}


def loosen(table: str) -> None:
    """Everything by which the database itself guards a table, switched off by its owner."""
    execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for row in execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %(table)s::regclass AND contype IN ('c', 'f', 'u')",
        {"table": table},  # type: ignore[dict-item]
    ):
        execute(f'ALTER TABLE {table} DROP CONSTRAINT "{row["conname"]}"')


@dataclass(frozen=True, slots=True)
class Planted:
    """What the doctor found after the write, and the row that it should have named."""

    found: dict[str, Finding]
    row: dict[str, Any]


def plant(corruption: Corruption, story: dict[str, int], *names: str, is_loosened: bool) -> Planted:
    """Write, look (with all checks, or those named), and undo."""
    try:
        with transaction.atomic():
            if is_loosened and corruption.table:
                loosen(corruption.table)
            execute(corruption.sql, story)
            if not is_loosened:
                execute("SET CONSTRAINTS ALL IMMEDIATE")
            (row,) = execute(corruption.row, story)
            planted = Planted(broken(*names), row)
            raise _Undo
    except _Undo:
        return planted


def test_valid_story_is_healthy(story: dict[str, int]) -> None:
    assert {name: finding.rows for name, finding in broken().items()} == {}


def test_every_check_has_its_corruption() -> None:
    assert sorted(NAMES) == sorted([*CORRUPTIONS, BY_ITSELF])
    assert len(NAMES) == len(set(NAMES)) >= 25


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_planted_corruption_is_found(name: str, story: dict[str, int]) -> None:
    corruption = CORRUPTIONS[name]
    planted = plant(corruption, story, is_loosened=True)
    assert set(planted.found) == {name} | corruption.also
    finding = planted.found[name]
    assert finding.violations == corruption.rows
    for shown in finding.rows:
        assert {key: shown[key] for key in planted.row} == planted.row


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_database_keeps_out_what_it_can(name: str, story: dict[str, int]) -> None:
    """The first wall: these writes are refused, or put right, before the doctor has anything to find."""
    corruption = CORRUPTIONS[name]
    try:
        is_kept_out = name not in plant(corruption, story, name, is_loosened=False).found
    except Error:
        is_kept_out = True
    assert is_kept_out is corruption.is_refused


def test_writer_that_is_open_for_long_is_found(story: dict[str, int]) -> None:
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname=settings["NAME"],
    ) as other:
        other.execute("SELECT pg_current_xact_id()")
        # What a transaction has once seen of the activity it sees until its end.
        execute("SELECT pg_stat_clear_snapshot()")
        assert broken() == {}
        try:
            with transaction.atomic():
                # The same view, seen an hour later; a temporary name goes before the catalog's.
                execute(
                    "CREATE TEMPORARY VIEW pg_stat_activity AS SELECT datname, pid, application_name, backend_xid, "
                    "xact_start - interval '1 hour' AS xact_start FROM pg_catalog.pg_stat_activity"
                )
                found = broken()
                raise _Undo
        except _Undo:
            pass
        assert set(found) == {BY_ITSELF}
        assert found[BY_ITSELF].rows[0]["pid"] == other.info.backend_pid


def run_doctor(*arguments: str) -> tuple[int, str]:
    said = StringIO()
    try:
        call_command("doctor", *arguments, stdout=said)
    except SystemExit as end:
        return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def test_command_says_what_each_check_protects_and_ends_honestly(story: dict[str, int]) -> None:
    code, said = run_doctor()
    assert code == 0
    assert all(f"ok    {name}" in said for name in NAMES)
    try:
        with transaction.atomic():
            execute("UPDATE crm_loyaltyaccount SET points = points + 1")
            code, said = run_doctor()
            raise _Undo
    except _Undo:
        pass
    assert code == 1
    assert "BROKEN  loyalty_points_match_entries: 1 rows" in said
    assert "A member's points are the sum of the entries." in said
    assert "'points': 21, 'entries': 20" in said


def test_answer_for_programs_has_the_agreed_shape(story: dict[str, int]) -> None:
    code, said = run_doctor("--json")
    answer = json.loads(said)
    assert (code, answer["ok"]) == (0, True)
    assert isinstance(answer["seconds"], float)
    assert [check["name"] for check in answer["checks"]] == NAMES
    for check in answer["checks"]:
        assert {"name", "protects", "violations", "rows"} <= set(check)
        assert (check["violations"], check["rows"]) == (0, [])
        assert check["protects"]
    code, said = run_doctor("--json", "--only", "order_has_lines")
    assert [check["name"] for check in json.loads(said)["checks"]] == ["order_has_lines"]


def test_unknown_check_is_refused_by_name(story: dict[str, int]) -> None:
    with pytest.raises(CommandError, match="no_such_check"):
        run_doctor("--only", "no_such_check")
