"""The bare floor of ../shared/examples/bench, unchanged, led to the bench's own database.

Its address is written into the file; only this is replaced on the way, when the file configures Django.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import LazySettings

_configure = LazySettings.configure


def _with_our_database(self: LazySettings, *args: Any, **options: Any) -> None:
    usual = options["DATABASES"]["default"]
    usual |= {"PORT": os.environ["FLOOR_PORT"], "PASSWORD": os.environ["FLOOR_PASSWORD"]}
    _configure(self, *args, **options)


LazySettings.configure = _with_our_database  # type: ignore[method-assign]
sys.path.insert(0, os.environ["FLOOR_FOLDER"])

import app  # noqa: E402

wsgi = app.wsgi
