"""The hash chain: sealed without blocking a writer, and its verifier names the first row that does not fit."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit.models import AuditLink, LogEntry
from audit.operations import seal, verify
from retail.kernel.models import Holiday
from storefront.models import PriceList

pytestmark = pytest.mark.django_db(transaction=True)


def write(n: int, start: int = 1) -> None:
    for day in range(start, start + n):
        Holiday.objects.create(date=f"2040-01-{day:02}", name=str(day))


def tamper(statement: str, *parameters: int) -> None:
    """The owner of the tables, who can switch the triggers off."""
    tables = ("audit_logentry", "audit_auditlink")
    with transaction.atomic(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def seal_all() -> int:
    total = 0
    while done := seal(now=timezone.now()):
        total += done
    return total


def test_sealing_covers_everything_and_verifies() -> None:
    seal_all()
    write(3)
    assert seal_all() == 3
    assert verify() is None
    assert AuditLink.objects.count() == LogEntry.objects.count()


@pytest.mark.parametrize(
    ("attack", "what"),
    [
        ("UPDATE audit_logentry SET actor_label = 'somebody else' WHERE id = %s", "the entry was changed"),
        ("UPDATE audit_logentry SET changes = '{}' WHERE id = %s", "the entry was changed"),
        ('UPDATE audit_logentry SET "timestamp" = now() WHERE id = %s', "the entry was changed"),
        ("DELETE FROM audit_logentry WHERE id = %s", "the entry was removed"),
        ("DELETE FROM audit_auditlink WHERE entry_id = %s", "a link was removed"),
    ],
)
def test_verifier_names_the_first_row_that_does_not_fit(attack: str, what: str) -> None:
    write(5)
    seal_all()
    victim = AuditLink.objects.order_by("-position")[2]
    tamper(attack, victim.entry_id)
    found = verify()
    assert found is not None
    assert (found.position, found.what) == (victim.position, what)
    if what != "a link was removed":
        assert found.entry_id == victim.entry_id


def test_an_entry_slipped_in_behind_the_seal_is_named() -> None:
    write(3)
    seal_all()
    old = LogEntry.objects.order_by("id")[0]
    tamper(
        "INSERT INTO audit_logentry (content_type_id, object_pk, object_repr, action, changes, changes_text, cid, reason, actor_label, xid, batch, row_count, timestamp)"
        " SELECT content_type_id, object_pk, object_repr, action, changes, '', cid, reason, 'forged', xid - 1, batch, row_count, timestamp FROM audit_logentry WHERE id = %s",
        old.pk,
    )
    found = verify()
    assert found is not None
    assert (found.what, found.entry_id) == (
        "an entry was slipped in",
        LogEntry.objects.get(actor_label="forged").pk,
    )


def test_an_open_transaction_keeps_later_rows_unsealed_and_is_not_blocked() -> None:
    """The older writer commits after the younger one: its row still gets its place before it."""
    seal_all()
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                PriceList.objects.create(code="slow", name="slow")
                written.set()
                assert go_on.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(10)
    PriceList.objects.create(code="fast", name="fast")
    assert seal_all() == 0, "the fast row may not be sealed while an older transaction is open"
    go_on.set()
    thread.join()
    assert seal_all() == 2
    names = [
        LogEntry.objects.get(pk=link.entry_id).changes["name"][1]
        for link in AuditLink.objects.order_by("-position")[:2]
    ]
    assert names == ["fast", "slow"]
    assert verify() is None


def test_two_sealers_do_not_step_on_each_other(run_together: Callable[..., list[object]]) -> None:
    seal_all()
    write(20)
    done = run_together(4, lambda _: seal_all())
    assert sum(int(str(n)) for n in done) == 20
    assert verify() is None
