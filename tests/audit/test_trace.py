"""Each write of a business row, by whichever path, leaves exactly one audit row in the same transaction."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, models, transaction

from audit.attach import ROOMS, traced_models
from audit.models import AuditLink, LogEntry, PersonalChange
from audit.register import COLUMNS, UNTRACED
from crm.models import Customer
from retail.kernel.context import acting
from retail.kernel.models import Holiday, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ceca() -> User:
    return User.objects.create_user("ceca@example.com", name="Ceca")


def entries(model: str, after: int = 0) -> list[LogEntry]:
    return list(LogEntry.objects.filter(content_type__model=model, id__gt=after).order_by("id"))


def last_id() -> int:
    return LogEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0


def holiday(day: str = "2030-01-01", name: str = "A day") -> Holiday:
    return Holiday.objects.create(date=day, name=name)


def test_create_update_delete_each_leave_one_row_with_before_and_after(ceca: User) -> None:
    mark = last_id()
    with acting(by=ceca, request_id="req-1", reason="calendar of 2030"):
        row = holiday()
        row.name = "New Year"
        row.save(update_fields=["name"])
        pk = row.pk
        row.delete()
    created, updated, deleted = entries("holiday", mark)
    assert [e.action for e in (created, updated, deleted)] == [0, 1, 2]
    assert created.changes["name"] == [None, "A day"]
    assert updated.changes == {"name": ["A day", "New Year"]}
    assert deleted.changes["name"] == ["New Year", None]
    assert {(e.actor_id, e.cid, e.reason, e.object_id) for e in (created, updated, deleted)} == {
        (ceca.pk, "req-1", "calendar of 2030", pk)
    }


def test_bulk_create_queryset_update_and_raw_sql_are_traced_row_by_row(ceca: User) -> None:
    with acting(by=ceca):
        mark = last_id()
        Holiday.objects.bulk_create([Holiday(date=f"2031-01-0{n}", name=str(n)) for n in range(1, 4)])
        assert [e.changes["name"] for e in entries("holiday", mark)] == [
            [None, "1"],
            [None, "2"],
            [None, "3"],
        ]
        mark = last_id()
        assert Holiday.objects.filter(date__year=2031).update(country="ME") == 3
        assert [e.changes for e in entries("holiday", mark)] == [{"country": ["RS", "ME"]}] * 3
        mark = last_id()
        with connection.cursor() as cursor:
            cursor.execute("/* sneaky */ DELETE FROM kernel_holiday WHERE date = '2031-01-02'")
        (entry,) = entries("holiday", mark)
        assert (entry.action, entry.actor_id, entry.changes["name"]) == (2, ceca.pk, ["2", None])


def test_a_migration_that_changes_columns_may_write_to_the_table_at_once() -> None:
    row = holiday()
    note = models.CharField(max_length=20, default="")
    note.set_attributes_from_name("note")
    note.model = Holiday
    with connection.schema_editor() as editor:
        editor.add_field(Holiday, note)
    mark = last_id()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kernel_holiday SET note = 'x' WHERE id = %s", [row.pk])
    assert [e.changes for e in entries("holiday", mark)] == [{"note": ["(secret)", "(secret)"]}]
    with connection.schema_editor() as editor:
        editor.remove_field(Holiday, note)
    mark = last_id()
    assert Holiday.objects.filter(pk=row.pk).update(name="B") == 1
    assert [e.changes for e in entries("holiday", mark)] == [{"name": ["A day", "B"]}]


def test_update_that_changes_nothing_leaves_no_row() -> None:
    row = holiday()
    mark = last_id()
    row.save()
    assert entries("holiday", mark) == []


def test_a_changed_key_is_told_with_both_rows_whole() -> None:
    row = holiday()
    mark = last_id()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kernel_holiday SET id = id + 1000 WHERE id = %s", [row.pk])
    found = entries("holiday", mark)
    assert sorted(e.object_id or 0 for e in found) == [row.pk, row.pk + 1000]
    assert {(e.action, tuple(e.changes["name"])) for e in found} == {
        (1, ("A day", None)),
        (1, (None, "A day")),
    }


def test_personal_columns_are_told_apart_in_changes_and_deletions_too() -> None:
    customer = Customer.objects.create(name="Ana Anić", email="ana@example.com")
    mark = last_id()
    Customer.objects.filter(pk=customer.pk).update(email="ana@example.org", language="en")
    Customer.objects.filter(pk=customer.pk).update(language="sr-cyrl")
    customer.delete()
    changed, plain, gone = entries("customer", mark)
    assert set(changed.changes) == {"email", "language"}
    assert changed.changes["language"] == ["sr-latn", "en"]
    assert all(value.startswith("sha256:") for value in changed.changes["email"])
    assert changed.personal.changes["fields"] == {"email": ["ana@example.com", "ana@example.org"]}
    assert plain.changes == {"language": ["en", "sr-cyrl"]}
    assert not PersonalChange.objects.filter(entry=plain).exists()
    assert "ana" not in str(gone.changes).lower()
    assert gone.personal.changes["fields"]["email"] == ["ana@example.org", None]
    assert gone.changes["phone"] == ["", None], "nothing is hidden where nothing is said"


def test_write_without_a_context_names_the_database_role() -> None:
    mark = last_id()
    holiday()
    (entry,) = entries("holiday", mark)
    assert entry.actor_id is None
    assert entry.actor_label.startswith("system:")


def test_the_next_transaction_does_not_inherit_the_actor(ceca: User) -> None:
    mark = last_id()
    with acting(by=ceca):
        holiday("2032-01-01")
    with acting(label="public"):
        holiday("2032-01-02")
    first, second = entries("holiday", mark)
    assert (first.actor_id, second.actor_id, second.actor_label) == (ceca.pk, None, "public")


def test_rolled_back_write_leaves_nothing(ceca: User) -> None:
    mark = last_id()
    with pytest.raises(RuntimeError), transaction.atomic():
        holiday()
        raise RuntimeError
    with acting(by=ceca):
        holiday("2033-01-01")
    (entry,) = entries("holiday", mark)
    assert (entry.actor_id, entry.changes["date"]) == (ceca.pk, [None, "2033-01-01"])


def test_personal_columns_enter_as_digests_and_their_text_stays_erasable() -> None:
    mark = last_id()
    customer = Customer.objects.create(name="Ana Anić", email="ana@example.com", phone="+38160111222")
    (entry,) = entries("customer", mark)
    assert entry.changes["kind"] == [None, "PERSON"]
    before, after = entry.changes["email"]
    assert before is None
    assert after.startswith("sha256:")
    assert "ana" not in str(entry.changes).lower()
    side = PersonalChange.objects.get(entry=entry)
    assert side.changes is not None
    assert side.changes["fields"]["email"] == [None, "ana@example.com"]
    other = Customer.objects.create(name="Ana Anić", email="ana@example.com")
    twin = entries("customer", entry.pk)[0]
    assert other.pk != customer.pk
    assert twin.changes["email"][1] != after, (
        "a salt of its own keeps a guess from being checked against another row"
    )


def test_secrets_are_recorded_as_changed_never_shown(ceca: User) -> None:
    mark = last_id()
    ceca.set_password("correct horse battery")
    ceca.save(update_fields=["password"])
    (entry,) = entries("user", mark)
    assert entry.changes == {"password": ["(secret)", "(secret)"]}


def test_batch_import_leaves_one_row_with_count_and_digest() -> None:
    mark = last_id()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('retail.audit_batch', 'history of 2030', true)")
        Holiday.objects.bulk_create([Holiday(date=f"2034-02-{n:02}", name="x") for n in range(1, 11)])
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('retail.audit_batch', '', true)")
    (entry,) = entries("holiday", mark)
    assert (entry.row_count, entry.batch) == (10, "history of 2030")
    assert len(entry.changes["digest"][1]) == 64


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit_logentry SET actor_label = 'nobody'",
        "DELETE FROM audit_logentry",
        "UPDATE audit_auditlink SET digest = repeat('0', 64)",
        "DELETE FROM audit_auditlink",
    ],
)
def test_the_trace_is_append_only(attack: str) -> None:
    holiday()
    AuditLink.objects.create(position=10**9, entry_id=10**9, xid=1, digest="0" * 64)
    before = LogEntry.objects.count()
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(attack)
    assert LogEntry.objects.count() == before


def test_truncate_would_leave_no_trace_and_is_refused() -> None:
    holiday()
    with (
        pytest.raises(DatabaseError, match="would leave no trace"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('retail.allow_truncate', '', true)")
        cursor.execute("TRUNCATE kernel_holiday")
    assert Holiday.objects.count() == 1


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM django_content_type WHERE id = %s",
        "UPDATE django_content_type SET id = id + 9000 WHERE id = %s",
    ],
)
def test_a_kind_of_rows_with_entries_stays(attack: str) -> None:
    holiday()
    (kind,) = LogEntry.objects.values_list("content_type", flat=True).distinct()
    with (
        pytest.raises(DatabaseError, match="The trace has entries of kernel holiday"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(attack, [kind])
    assert ContentType.objects.filter(pk=kind, app_label="kernel", model="holiday").exists()


def test_a_kind_of_rows_without_entries_may_go() -> None:
    kind = ContentType.objects.create(app_label="nowhere", model="nothing")
    kind.delete()
    assert not ContentType.objects.filter(app_label="nowhere").exists()


def test_every_entry_names_the_kind_of_its_table() -> None:
    """The functions of the trace carry the key of the kind, which nothing else compares with the kinds that there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'audit\\_insert\\_%'")
        written = dict(cursor.fetchall())
    for model in traced_models():
        owner: Any = model._meta.auto_created or model
        kind = ContentType.objects.get_for_model(owner, for_concrete_model=False)
        source = written[f"audit_insert_{model._meta.db_table}"]
        assert f"SELECT {kind.pk}, " in source or f"SELECT entry_id, {kind.pk}, " in source, model


def test_every_business_table_has_its_four_triggers() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, count(*) FROM pg_trigger WHERE tgname LIKE 'audit\\_%' GROUP BY 1"
        )
        attached = dict(cursor.fetchall())
    assert attached == {model._meta.db_table: 4 for model in traced_models()}


def test_every_column_is_classified_once() -> None:
    for model in apps.get_models():
        if model._meta.app_label not in ROOMS or not model._meta.managed or model._meta.label in UNTRACED:
            continue
        listed = [column for columns in COLUMNS.get(model._meta.label, {}).values() for column in columns]
        actual = [str(field.column) for field in model._meta.local_concrete_fields]
        assert sorted(listed) == sorted(actual), (
            f"{model._meta.label}: classify its columns in audit/register/"
        )


def test_nothing_is_registered_that_does_not_exist() -> None:
    assert set(COLUMNS) | UNTRACED <= {model._meta.label for model in apps.get_models()}
