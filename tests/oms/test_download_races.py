"""Two downloads at the last count, and a download while the file is given back. Each race has a twin without its guard."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from oms import operations as orders
from oms.models import DownloadGrant
from oms.operations import downloads
from oms.workflows import digital
from retail.doctor.examine import examine
from retail.kernel.errors import Refusal
from tests.flows.chain import NOW, make_chain
from tests.flows.ebooks import make_ebook, paid_ebook

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
Together = Callable[..., list[Any]]
READERS = 8


def last_download() -> DownloadGrant:
    chain = make_chain()
    _, grant = paid_ebook(chain, make_ebook(chain))
    DownloadGrant.objects.update(
        downloads=grant.downloads_max - 1, first_download_at=NOW, last_download_at=NOW
    )
    grant.refresh_from_db()
    return grant


def fetch(grant: DownloadGrant) -> str:
    try:
        orders.take_download(grant=DownloadGrant.objects.get(pk=grant.pk), now=NOW)
    except Refusal as refusal:
        return refusal.code
    return "TAKEN"


def test_the_last_download_is_taken_once(run_together: Together) -> None:
    grant = last_download()
    told = Counter(run_together(READERS, lambda _: fetch(grant)))
    assert told == {"TAKEN": 1, "DOWNLOAD_ENDED": READERS - 1}
    grant.refresh_from_db()
    assert grant.downloads == grant.downloads_max


def test_without_the_guard_all_of_them_would_be(
    run_together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = last_download()
    monkeypatch.setattr(downloads, "_TAKE", downloads._TAKE.replace("AND downloads < downloads_max", ""))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE oms_downloadgrant DROP CONSTRAINT download_grant_in_bounds")
    told = Counter(run_together(READERS, lambda _: fetch(grant)))
    assert told == {"TAKEN": READERS}
    grant.refresh_from_db()
    assert grant.downloads > grant.downloads_max


def test_a_file_is_fetched_or_given_back_never_both(run_together: Together) -> None:
    chain = make_chain()
    book = make_ebook(chain)
    order, grant = paid_ebook(chain, book)

    def act(number: int) -> str:
        if number % 2:
            return fetch(grant)
        try:
            digital.give_file_back(order_id=order.pk, sku=book.sku, reason="ne treba", by=None, now=NOW)
        except Refusal as refusal:
            return refusal.code
        return "BACK"

    told = Counter(run_together(4, act))
    grant.refresh_from_db()
    if grant.revoked_at is None:
        assert told == {"TAKEN": 2, "DOWNLOAD_BEGUN": 2}
    else:
        assert told == {"BACK": 1, "DOWNLOAD_ENDED": 3} and grant.downloads == 0
    assert {f.check.name for f in examine() if f.violations} <= {"outbox_drains"}
