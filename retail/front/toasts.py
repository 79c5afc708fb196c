"""Short messages after an act. Success may go by itself and offers undo; a refusal stays, as a notice."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse


def toast(request: HttpRequest, text: str, *, undo_url: str = "") -> None:
    """Shown on the next full page; `undo_url` is posted to when the person takes the act back."""
    messages.success(request, text, extra_tags=undo_url)


def toast_with(response: HttpResponse, text: str, *, undo_url: str = "") -> HttpResponse:
    """The same for an htmx answer, which draws no frame: it travels in a header."""
    response["HX-Trigger"] = json.dumps({"toast": {"text": text, "undo": undo_url}})
    return response
