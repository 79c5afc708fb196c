"""What is answered when no view answers: a page of the house in the reader's language, for the API a problem; never a trace.

Named in `retail.urls` (the handlers) and in the settings (a refused form token, a locked sign-in).
"""

from __future__ import annotations

import json
import sys
from typing import Any

from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import loader

from retail.rest.problems import NO_ROOM

API = "/api/"
MINUTE = 60
_PROBLEMS = {
    400: ("MALFORMED_REQUEST", "The request could not be read", "Nothing was changed."),
    403: ("NOT_ALLOWED", "Not allowed", "Nothing was changed."),
    404: ("NOT_FOUND", "Not found", "There is nothing at this address."),
    429: ("TOO_MANY_REQUESTS", "Too many requests", "Wait as long as Retry-After says."),
    500: (
        "INTERNAL_ERROR",
        "Something broke on our side",
        "Repeat the call with the same key, or tell us the request id.",
    ),
    503: (
        "TRY_AGAIN",
        "Try again",
        "The house is busy. Repeat the call with the same key; what was done already is not done twice.",
    ),
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, SessionInterrupted) and not request.path_info.startswith(API):
        # A second click while the first one signed the reader in or out: the page as it is by now.
        return redirect(request.get_full_path())
    return _answer(request, 400)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403)


def nothing_here(request: HttpRequest) -> HttpResponse:
    """An address of the API that no room has; pages of the CMS are not looked for there."""
    return _answer(request, 404)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404)


def broken(request: HttpRequest) -> HttpResponse:
    """A lock that outlived its wait, a deadlock, a full pool, a full disk: the same request may go through in a moment."""
    error = sys.exc_info()[1]
    if not isinstance(error, OperationalError) and getattr(error, "errno", None) not in NO_ROOM:
        return _answer(request, 500)
    return busy(request)


def busy(request: HttpRequest, *, after_seconds: int = 1) -> HttpResponse:
    answer = _answer(request, 503)
    answer["Retry-After"] = str(after_seconds)
    return answer


def too_many(request: HttpRequest) -> HttpResponse:
    answer = _answer(request, 429)
    answer["Retry-After"] = str(MINUTE)
    return answer


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page stood open longer than its form was good for, or the browser keeps no cookies."""
    return _answer(request, 403, is_stale_form=True)


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: Any = None) -> HttpResponse:
    """Too many wrong passwords for this name from this address."""
    return too_many(request)


def _answer(request: HttpRequest, status: int, **context: Any) -> HttpResponse:
    request_id = getattr(request, "request_id", "")
    if request.path_info.startswith(API):
        return HttpResponse(
            json.dumps(_problem(status, request_id)), status=status, content_type="application/problem+json"
        )
    # What broke may be what the page's frame would ask for: a 500 is drawn without the request.
    drawn_for = request if status < 500 else None
    html = loader.render_to_string(f"{status}.html", {"request_id": request_id, **context}, drawn_for)
    return HttpResponse(html, status=status)


def _problem(status: int, request_id: str) -> dict[str, Any]:
    code, title, detail = _PROBLEMS[status]
    return {
        "type": f"/api/v1/docs/#{code.lower()}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
