"""The settings of the test run: the same house on a throw-away server, without outside and without waiting."""

import os
from pathlib import Path

_root = Path(__file__).resolve().parent.parent
# Workers inherit the variables of the run that started them; the base is what a person gave.
_base = Path(os.environ.setdefault("ONEROW_TEST_BASE", os.environ.get("ONEROW_HOME") or ".onerow"))
_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
# A server for each worker: sealing and the pull feed wait for every older writer of the server, whatever its database.
_home = (_root / _base / ("test" if _worker == "gw0" else f"test-{_worker}")).resolve()
os.environ["ONEROW_HOME"] = str(_home)
os.environ.setdefault("ONEROW_ENV", "local")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's sync API runs a loop of its own

if not os.environ.get("DATABASE_URL"):
    from retail.running import postgres, valkey

    postgres.start(_home, durable=False)
    valkey.start(_home)

from retail.settings import *  # noqa: E402, F403
from retail.settings import DATABASES, LOGGING  # noqa: E402

IS_TEST = True
DEBUG = False
BASE_URL = "http://localhost:8000"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "private": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": _home / "private", "base_url": None},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
AXES_ENABLED = False
OUTBOX_RINGS = False  # a test that wants reactions calls `outbox.run_pending(now=…)`
LOGGING["root"]["level"] = "WARNING"

# Real threads and a re-made database per test: each connection is its own, and closed when its thread ends.
DATABASES["default"]["OPTIONS"].pop("pool", None)
# The one door through the guard against TRUNCATE, open for the test run alone.
DATABASES["default"]["OPTIONS"]["options"] += " -c retail.allow_truncate=on"
# Two hundred buyers at one row of a busy machine wait for their turn here.
DATABASES["default"]["OPTIONS"]["options"] += " -c lock_timeout=60s"
