"""The machine is gone: a house is set up again from its copies as it was at a moment, and is whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from django.core.management import CommandError, call_command
from pytest_django.plugin import DjangoDbBlocker

from retail.running import backups, postgres
from retail.running import home as local
from retail.running.command_line import servers
from tests.proof.house import House, opened, wait_for

ROOT = Path(__file__).resolve().parents[2]
IS_PROOF = bool(os.environ.get("ONEROW_PROOF"))

NOW = datetime(2026, 11, 22, 16, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    with django_db_blocker.unblock(), opened() as ready:
        yield ready


@pytest.fixture
def empty_home() -> Iterator[Callable[[], Path]]:
    """Homes that nobody has lived in yet."""
    made = []

    def make() -> Path:
        home = Path(tempfile.mkdtemp(prefix="onerow-restored-"))
        home.chmod(0o755)
        made.append(home)
        return home

    yield make
    for home in made:
        postgres.delete(home)
        shutil.rmtree(home, ignore_errors=True)


def manage(house: House, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=house.environment() | {"ONEROW_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def ordered(home: Path) -> set[str]:
    """The keys of the orders that a restored home knows."""
    with servers(home):
        postgres.start(home)
        with psycopg.connect(local.database_url(home)) as connection:
            rows = connection.execute("SELECT idempotency_key FROM oms_order WHERE idempotency_key <> ''")
            return {key for (key,) in rows.fetchall()}


@pytest.mark.skipif(not IS_PROOF, reason="played by `make proof`")
def test_a_house_is_restored_to_a_moment_and_to_its_last_commit(
    house: House, tmp_path: Path, empty_home: Callable[[], Path]
) -> None:
    def order(key: str) -> None:
        house.order(key, house.basket(), method="CASH_ON_DELIVERY")

    upload = house.home / "media" / "cover.svg"
    upload.parent.mkdir(exist_ok=True)
    upload.write_text("<svg/>")
    with backups.following(house.home, tmp_path):
        order("before the copy")
        house.settle()
        copy = backups.back_up(house.home, tmp_path, now=datetime.now().astimezone())
        order("after the copy")
        house.settle()
        (moment,) = house.sql("SELECT clock_timestamp()")[0]
        order("after the moment")
        house.settle()
        (written,) = house.sql("SELECT pg_current_wal_flush_lsn()::text")[0]

        def is_kept() -> bool:
            with psycopg.connect(postgres.administrator_url(house.home)) as connection:
                asked = "SELECT 1 FROM pg_stat_replication WHERE flush_lsn >= %s::pg_lsn"
                return connection.execute(asked, [written]).fetchone() is not None

        wait_for(is_kept, about="the last change in the copy")

    earlier, latest = empty_home(), empty_home()
    said = manage(house, earlier, "restore", str(tmp_path), "--until", moment.isoformat())
    assert said.returncode == 0, said.stdout + said.stderr
    assert str(copy) in said.stdout
    assert ordered(earlier) == {"before the copy", "after the copy"}
    assert (earlier / "media" / "cover.svg").read_text() == "<svg/>"
    assert json.loads((earlier / "secrets.json").read_text()) == json.loads(
        (house.home / "secrets.json").read_text()
    )

    said = manage(house, latest, "restore", str(tmp_path))
    assert said.returncode == 0, said.stdout + said.stderr
    assert ordered(latest) == {"before the copy", "after the copy", "after the moment"}

    # A home that is lived in is not overwritten.
    said = manage(house, latest, "restore", str(tmp_path))
    assert (said.returncode, "has a database" in said.stderr) == (1, True)
    assert ordered(latest) == {"before the copy", "after the copy", "after the moment"}


@pytest.fixture
def lived_in(empty_home: Callable[[], Path]) -> Iterator[Path]:
    """A home with a server and a row, without a shop around."""
    home = empty_home()
    with servers(home):
        write(home, "CREATE TABLE note (words text); INSERT INTO note VALUES ('first')")
        yield home


def write(home: Path, statement: LiteralString) -> None:
    with psycopg.connect(local.database_url(home), autocommit=True) as connection:
        connection.execute(statement)


def notes(home: Path) -> list[str]:
    with psycopg.connect(local.database_url(home)) as connection:
        return [words for (words,) in connection.execute("SELECT words FROM note").fetchall()]


def test_a_copy_alone_restores_its_own_moment_and_refuses_another(
    lived_in: Path, tmp_path: Path, empty_home: Callable[[], Path]
) -> None:
    copy = backups.back_up(lived_in, tmp_path, now=NOW)
    write(lived_in, "INSERT INTO note VALUES ('second')")

    home = empty_home()
    with pytest.raises(backups.BackupFailed, match="nothing followed them"):
        backups.restore(home, tmp_path, until=NOW + timedelta(minutes=1))
    assert not postgres.has_data(home)
    assert backups.restore(home, tmp_path) == copy
    assert (notes(home), notes(lived_in)) == (["first"], ["first", "second"])
    with pytest.raises(backups.BackupFailed, match="has a database"):
        backups.restore(home, tmp_path)
    assert notes(home) == ["first"]


def test_a_restore_that_fails_leaves_an_empty_home(
    lived_in: Path, tmp_path: Path, empty_home: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment that no kept change reaches: another one can be tried at once."""
    monkeypatch.setattr(postgres, "START_ATTEMPTS", 2)
    with backups.following(lived_in, tmp_path):
        backups.back_up(lived_in, tmp_path, now=NOW)
    home = empty_home()
    with pytest.raises(backups.BackupFailed, match="later than the last change"):
        backups.restore(home, tmp_path, until=datetime.now(UTC) + timedelta(days=365))
    assert not postgres.has_data(home) and not postgres.is_running(home)
    backups.restore(home, tmp_path)
    assert notes(home) == ["first"]


def test_refusals_say_what_to_do_and_leave_nothing(
    lived_in: Path, tmp_path: Path, empty_home: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(backups.BackupFailed, match="has no copy"):
        backups.restore(empty_home(), tmp_path)
    with pytest.raises(backups.BackupFailed, match="inside the home"):
        backups.back_up(lived_in, lived_in / "copies", now=NOW)
    with pytest.raises(backups.BackupFailed, match="does not run"):
        backups.back_up(empty_home(), tmp_path, now=NOW)
    with pytest.raises(CommandError, match="--until is a day and a time"):
        call_command("restore", str(tmp_path), "--until", "soon")
    found = postgres.program

    def broken(home: Path, name: str) -> Path:
        return Path("/bin/false") if name == "pg_verifybackup" else found(home, name)

    with monkeypatch.context() as patch:
        patch.setattr(postgres, "program", broken)
        with pytest.raises(backups.BackupFailed, match="pg_verifybackup"):
            backups.back_up(lived_in, tmp_path, now=NOW)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "20300101T000000Z").mkdir()
    (tmp_path / "changes").mkdir()
    with pytest.raises(backups.BackupFailed, match="oldest copy is of 2030-01-01"):
        backups.restore(empty_home(), tmp_path, until=NOW)
