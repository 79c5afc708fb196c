"""Background work. The broker is a doorbell: what must happen is a row, and a wiped broker loses nothing."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from celery import Celery, Task
from celery.signals import (
    beat_init,
    before_task_publish,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_ready,
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retail.settings")


class Ring(Task):  # type: ignore[type-arg]
    """A publisher that would wait for the broker lets it be: the row is there, and the next sweep finds it."""

    def apply_async(self, *args: Any, **options: Any) -> Any:
        # The scheduler brings its own producer: it has the time, and a sweep that it leaves out may be one of a day.
        if "producer" in options or self.app.conf.task_always_eager or _broker_is_up():
            return super().apply_async(*args, **options)
        return None


def _broker_is_up() -> bool:
    from retail.cache import is_up

    return is_up()


app = Celery("retail", task_cls=Ring)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect(weak=False)
def _keep_our_logs(**_: Any) -> None:
    """Connected, it stops Celery from replacing the redacting handlers of the settings."""
    from logging.config import dictConfig

    from django.conf import settings

    dictConfig(settings.LOGGING)


@worker_ready.connect(weak=False)
@beat_init.connect(weak=False)
def _tell_that_we_answer(**_: Any) -> None:
    """Whoever started this process may name a file to be touched when it is ready."""
    if name := os.environ.get("ONEROW_READY_FILE"):
        Path(name).touch()


# What a task writes is recorded as done by the task, for the request that asked for it. The imports wait: whatever
# imports a part of `retail`, the stand-ins among it, imports this module, and must not get the kernel with it.
REQUEST_ID_HEADER = "onerow_request_id"
_open_contexts: dict[str, ExitStack] = {}


@before_task_publish.connect(weak=False)
def _send_request_id(headers: dict[str, Any], **_: Any) -> None:
    from retail.kernel.context import current

    headers[REQUEST_ID_HEADER] = current().request_id


@task_prerun.connect(weak=False)
def _begin_context(task_id: str, task: Any, **_: Any) -> None:
    from retail.kernel.context import acting, current, new_request_id

    asked_in = getattr(task.request, REQUEST_ID_HEADER, "") or current().request_id or new_request_id()
    _open_contexts[task_id] = ExitStack()
    _open_contexts[task_id].enter_context(acting(label=f"task:{task.name}", request_id=asked_in))


@task_postrun.connect(weak=False)
def _end_context(task_id: str, **_: Any) -> None:
    if context := _open_contexts.pop(task_id, None):
        context.close()
