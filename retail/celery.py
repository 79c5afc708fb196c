"""Background work. The broker is a doorbell: what must happen is a row, and a wiped broker loses nothing."""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "retail.settings")

app = Celery("retail")
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
