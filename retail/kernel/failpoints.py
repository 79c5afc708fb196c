"""Places where a test may let this process die, to prove that dying there loses nothing and does nothing twice.

Off unless FAILPOINTS names a file, which production refuses. The file holds `<point> KILL` (die as by kill -9) or `<point> WAIT`
(tell by a file `….here` that the point is reached, and go on when a file `….go` appears). It strikes once.
"""

import os
import signal
import time
from pathlib import Path

from django.conf import settings

KILL, WAIT = "KILL", "WAIT"
PATIENCE_SECONDS = 60.0

# Every point, in the order of a sale: a test plays each of them.
CHECKOUT = (
    "key.claimed",
    "order.written",
    "order.committed",
    "card.session_made",
    "answer.ready",
)
DISPATCH = (
    "capture.taken",
    "dispatch.charged",
    "dispatch.written",
    "dispatch.committed",
)
WORKER = (
    "event.handled",
    "receipt.signed",
)
EINVOICE = ("einvoice.stored",)

_FILE: str = settings.FAILPOINTS


def hit(point: str) -> None:
    """The process is here."""
    if _FILE:
        _strike(point, Path(_FILE))


def _strike(point: str, file: Path) -> None:
    try:
        wanted, action = file.read_text().split()
    except (FileNotFoundError, ValueError):
        return
    if wanted != point:
        return
    try:
        file.unlink()  # whoever removes it is the one that is struck
    except FileNotFoundError:
        return
    file.with_suffix(".here").touch()
    if action == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not file.with_suffix(".go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
