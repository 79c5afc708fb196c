"""Errors as application/problem+json with a stable code; never a trace."""

import errno
import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from retail.kernel.errors import Refusal

logger = logging.getLogger("onerow.api")
# A deadlock, a lock that was waited for too long, a full pool, a full disk: the same call may go through in a moment.
_TRY_AGAIN = 503
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

_CODES: dict[type[Exception], tuple[str, str]] = {
    exceptions.NotAuthenticated: ("NOT_AUTHENTICATED", "A key is needed"),
    exceptions.AuthenticationFailed: ("NOT_AUTHENTICATED", "The key is not valid"),
    exceptions.PermissionDenied: ("NOT_ALLOWED", "Not allowed"),
    exceptions.MethodNotAllowed: ("METHOD_NOT_ALLOWED", "Method not allowed"),
    exceptions.NotAcceptable: ("NOT_ACCEPTABLE", "Not acceptable"),
    exceptions.UnsupportedMediaType: (
        "UNSUPPORTED_MEDIA_TYPE",
        "This call does not take a body of this kind",
    ),
    exceptions.Throttled: ("TOO_MANY_REQUESTS", "Too many requests"),
    exceptions.ParseError: ("MALFORMED_REQUEST", "The body is not valid JSON"),
    exceptions.NotFound: ("NOT_FOUND", "Not found"),
}


class ProblemRenderer(JSONRenderer):
    media_type = "application/problem+json"


def problem(
    *, status: int, code: str, title: str, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    body = {
        "type": f"/api/v1/docs/#{code.lower()}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    response = Response(body, status=status, headers=headers, content_type="application/problem+json")
    response.exception = True
    return response


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: everything becomes a problem; what we did not foresee is logged and becomes a 500."""
    set_rollback()
    if isinstance(error, Refusal):
        return of_refusal(error)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        return problem(
            status=400,
            code=_code_of(error),
            title="Some fields are missing or not right",
            detail="See errors for each field.",
            errors=_by_field(error.detail),
        )
    if isinstance(error, exceptions.APIException):
        code, title = next((v for k, v in _CODES.items() if isinstance(error, k)), ("REFUSED", "Refused"))
        return problem(
            status=error.status_code,
            code=code,
            title=title,
            detail=str(error.detail),
            headers=_headers(error),
        )
    if isinstance(error, OperationalError) or getattr(error, "errno", None) in NO_ROOM:
        logger.warning("no room or no turn: %s", type(error).__name__)
        return problem(
            status=_TRY_AGAIN,
            code="TRY_AGAIN",
            title="Try again",
            detail="The house is busy. Repeat the call with the same key; what was done already is not done twice.",
            headers={"Retry-After": "1"},
        )
    logger.error("not foreseen: %s", type(error).__name__, exc_info=error)
    return problem(
        status=500,
        code="INTERNAL_ERROR",
        title="Something broke on our side",
        detail="Repeat the call with the same key, or tell us the request id.",
        request_id=getattr(context["request"], "request_id", ""),
    )


def of_refusal(error: Refusal) -> Response:
    details = dict(error.details)
    headers = (
        {"Retry-After": "1"} if error.status in (409, 503) and error.code == "IDEMPOTENCY_IN_FLIGHT" else None
    )
    more = {
        key: value
        for key, value in details.items()
        if key not in ("type", "title", "status", "detail", "code")
    }
    title = error.code.replace("_", " ").capitalize()
    return problem(
        status=error.status, code=error.code, title=title, detail=error.message, headers=headers, **more
    )


def _code_of(error: exceptions.ValidationError) -> str:
    """A field may name a code of its own (INVALID_QUANTITY), at any depth; else the general one."""
    own = [code for code in _codes(error.get_codes()) if code.isupper()]
    return own[0] if own else "INVALID_INPUT"


def _codes(codes: Any) -> list[str]:
    if isinstance(codes, str):
        return [codes]
    inner = codes.values() if isinstance(codes, dict) else codes
    return [code for each in inner for code in _codes(each)]


def _by_field(detail: Any) -> dict[str, list[str]]:
    if isinstance(detail, list):
        return {"": [str(each) for each in detail]}
    flat: dict[str, list[str]] = {}
    for field, value in detail.items():
        if isinstance(value, dict):
            flat |= {
                f"{field}.{inner}" if inner else field: texts for inner, texts in _by_field(value).items()
            }
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for index, each in enumerate(value):
                flat |= {f"{field}.{index}.{inner}": texts for inner, texts in _by_field(each).items()}
        else:
            flat[str(field)] = [str(each) for each in (value if isinstance(value, list) else [value])]
    return flat


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers
