"""Verbs of whoever looks after an account: notes, tasks, and what the person agreed to."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from crm.models import Consent, CustomerNote, CustomerTask
from crm.operations.views import forget_views_of
from crm.states import ConsentKind
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User


class UnknownTask(NotFound):
    code = "UNKNOWN_TASK"


class TaskDone(Refusal):
    code = "TASK_DONE"


def add_note(*, customer_id: int, text: str, by: User, now: datetime) -> CustomerNote:
    if not text.strip():
        raise InvalidInput("A note says something.", field="text")
    return CustomerNote.objects.create(
        customer_id=customer_id, text=text.strip()[:4000], author=by, created_at=now
    )


def add_task(
    *, customer_id: int, title: str, due_on: date, assignee_id: int | None, by: User, now: datetime
) -> CustomerTask:
    """Something to be done for the account until a day, by one of the staff or by whoever has time."""
    if not title.strip():
        raise InvalidInput("Say what is to be done.", field="title")
    if assignee_id is not None and not User.objects.filter(pk=assignee_id, is_staff=True, is_active=True):
        raise InvalidInput("There is no such colleague.", field="assignee")
    return CustomerTask.objects.create(
        customer_id=customer_id,
        title=title.strip()[:200],
        due_on=due_on,
        assignee_id=assignee_id,
        created_by=by,
        created_at=now,
    )


@transaction.atomic
def finish_task(*, customer_id: int, task_id: int, by: User, now: datetime) -> CustomerTask:
    task = CustomerTask.objects.select_for_update().filter(pk=task_id, customer_id=customer_id).first()
    if task is None:
        raise UnknownTask("There is no such task.")
    if task.done_at is not None:
        raise TaskDone("The task is done already.")
    task.done_at, task.done_by = now, by
    task.save(update_fields=["done_at", "done_by"])
    return task


def record_consent(
    *,
    customer_id: int,
    kind: str,
    is_given: bool,
    wording: str,
    source: str,
    by: User | None,
    now: datetime,
) -> Consent:
    """What the person said about one use of their data, with the words they saw, where, and who wrote it down."""
    if kind not in ConsentKind.values:
        raise InvalidInput("There is no such consent.", field="kind")
    if not wording.strip():
        raise InvalidInput("A consent needs the words that were agreed to.", field="wording")
    if kind == ConsentKind.PROFILING and not is_given:
        forget_views_of(customer_id=customer_id)
    return Consent.objects.create(
        customer_id=customer_id,
        kind=kind,
        is_given=is_given,
        wording=wording.strip(),
        source=source[:40],
        recorded_by=by,
        given_at=now,
    )
