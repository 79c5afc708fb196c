"""No room left, for the orders' rows and for uploads: 503 with when to come again, no half order, and on it goes when there is room.

Needs the right to mount a small file system; skipped with the reason elsewhere.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as current
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.test import Client
from wagtail.images.models import Image

from oms.models import Order
from retail.doctor.examine import examine
from retail.kernel.models import IdempotencyKey
from retail.running import home as local
from retail.running import postgres
from tests.api.integrator import Api, refused
from tests.flows.chain import Chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

SMALL_KILOBYTES = 512
LOG_MEGABYTES = 96
ORDERS_MAX = 60


@pytest.fixture
def small_disk() -> Iterator[Path]:
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a small file system")
    folder = Path(tempfile.mkdtemp(prefix="onerow-disk-"))
    folder.chmod(0o777)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_KILOBYTES}k,mode=0777", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"this machine mounts nothing: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Not a byte is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink(missing_ok=True)


# -- The write-ahead log -------------------------------------------------------------------------------------------


@pytest.fixture
def server_with_little_log() -> Iterator[tuple[Path, Path]]:
    """A durable server of its own, its log on a small disk: its home, and the disk."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a small file system")
    home = Path(tempfile.mkdtemp(prefix="onerow-log-"))
    home.chmod(0o755)
    postgres.start(home)
    postgres.stop(home)
    log, kept = home / "postgres" / "data" / "pg_wal", home / "kept"
    log.rename(kept)
    log.mkdir(mode=0o700)
    owner = (home / "postgres" / "data").stat()
    where = f"size={LOG_MEGABYTES}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", where, "tmpfs", str(log)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        shutil.rmtree(home)
        pytest.skip(f"this machine mounts nothing: {mounted.stderr.strip()}")
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", str(log)], check=True)
        postgres.start(home)
        yield home, log
    finally:
        postgres.stop(home)
        subprocess.run(["umount", "--lazy", str(log)], check=True)
        shutil.rmtree(home)


def test_a_full_log_stops_the_server_and_loses_nothing_that_was_committed(
    server_with_little_log: tuple[Path, Path],
) -> None:
    """PostgreSQL ends itself rather than acknowledge what it can't keep; with room again it starts with every commit."""
    home, log = server_with_little_log
    written = 0
    with (
        pytest.raises(psycopg.OperationalError),
        psycopg.connect(local.database_url(home), autocommit=True) as server,
    ):
        server.execute("CREATE TABLE kept (number int, ballast text)")
        for number in range(1_000):
            server.execute(
                "INSERT INTO kept SELECT %s, string_agg(md5(random()::text), '') FROM generate_series(1, 20000)",
                [number],
            )
            written += 1
    assert written > 0
    subprocess.run(["mount", "-o", "remount,size=1g", str(log)], check=True)
    postgres.start(home)
    with psycopg.connect(local.database_url(home)) as server:
        rows = server.execute("SELECT number FROM kept ORDER BY 1").fetchall()
    # One more may be there whose answer was lost.
    assert [number for (number,) in rows][:written] == list(range(written))
    assert len(rows) in (written, written + 1)


# -- The database --------------------------------------------------------------------------------------------------


@pytest.fixture
def orders_on(chain: Chain, small_disk: Path) -> Iterator[Path]:
    """The orders' rows lie on the small disk."""
    if "DATABASE_URL" in os.environ:
        pytest.skip("a tablespace can be made only on the machine of the database")
    place = small_disk / "rows"
    place.mkdir()
    shutil.copystat(_data_folder(), place)
    owner = _data_folder().stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    name = str(connection.settings_dict["NAME"])
    with psycopg.connect(postgres.administrator_url(current.ONEROW_HOME, name), autocommit=True) as server:
        server.execute("DROP TABLESPACE IF EXISTS small_disk")
        server.execute(f"CREATE TABLESPACE small_disk LOCATION '{place}'")
        server.execute("ALTER TABLE oms_order SET TABLESPACE small_disk")
    yield small_disk
    connections.close_all()
    with psycopg.connect(postgres.administrator_url(current.ONEROW_HOME), autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        server.execute("DROP TABLESPACE small_disk")


def _data_folder() -> Path:
    return Path(current.ONEROW_HOME) / "postgres" / "data"


def order(public: Api, sku: str, key: str) -> Any:
    token = public.post("baskets", {"channel": "web-rs", "postal_code": "21000"}).json()["token"]
    assert public.post(f"baskets/{token}/lines", {"sku": sku, "quantity": 1}).status_code == 201
    return send(public, token, key)


def send(public: Api, token: str, key: str) -> Any:
    body = {
        "basket": token,
        "email": "ana@example.com",
        "name": "Ana Anić",
        "phone": "+381601112223",
        "address": {"street": "Dunavska 1", "city": "Novi Sad", "postal_code": "21000"},
        "delivery": {"method": "HOME_DELIVERY"},
        "payment": {"method": "CASH_ON_DELIVERY"},
    }
    return public.post("orders", body | {"basket": token}, key=key)


def healthy() -> bool:
    return [one.check.name for one in examine() if one.violations and one.check.name != "outbox_drains"] == []


def test_an_order_that_finds_no_room_is_refused_whole_and_placed_when_there_is(
    chain: Chain, orders_on: Path
) -> None:
    book, public = chain.variant(stock=200), Api()
    placed = 0
    with filled(orders_on):
        # Until the last page of the table is full.
        while (answer := order(public, book.sku, f"k-{placed}")).status_code == 201:
            placed += 1
            assert placed < ORDERS_MAX, "the disk was not full"
        assert (refused(answer), answer["Retry-After"]) == ((503, "TRY_AGAIN"), "1")
        token = public.post("baskets", {"channel": "web-rs", "postal_code": "21000"}).json()["token"]
        assert public.post(f"baskets/{token}/lines", {"sku": book.sku, "quantity": 1}).status_code == 201
        with nothing_changes():
            assert send(public, token, "late").status_code == 503
        assert public.get("products").status_code == 200
        assert not IdempotencyKey.objects.filter(state="STARTED").exists()
        assert (Order.objects.count(), healthy()) == (placed, True)

    assert send(public, token, "late").status_code == 201
    assert (Order.objects.count(), healthy()) == (placed + 1, True)


# -- Uploads -------------------------------------------------------------------------------------------------------


def picture() -> SimpleUploadedFile:
    """300 KB that cannot be made smaller."""
    side = 316

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + os.urandom(side * 3) for _ in range(side))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    png += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return SimpleUploadedFile("noise.png", png, content_type="image/png")


def test_an_upload_that_finds_no_room_is_refused_and_leaves_no_row(
    db: None, small_disk: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = small_disk / "media"
    settings.MEDIA_ROOT.mkdir()
    editor = make_staff("OWNER")
    editor.is_superuser = True
    editor.save()
    client: Client = client_of(editor)
    client.raise_request_exception = False
    form = {"title": "Noise", "collection": "1"}

    with filled(small_disk), no_picture_more():
        answer = client.post("/cms/images/add/", form | {"file": picture()})
        assert (answer.status_code, answer["Retry-After"]) == (503, "1"), answer.text[:500]
    assert client.post("/cms/images/add/", form | {"file": picture()}).status_code == 302
    assert Image.objects.count() == 1


@contextmanager
def no_picture_more() -> Iterator[None]:
    before = Image.objects.count()
    yield
    assert Image.objects.count() == before
