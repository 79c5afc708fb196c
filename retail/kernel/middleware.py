"""Each request gets an id and an actor, before anything else can write."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from retail.kernel.context import acting, new_request_id

REQUEST_ID = "X-Request-ID"
_ACCEPTABLE = re.compile(r"\A[A-Za-z0-9._-]{8,64}\Z")


class ContextMiddleware:
    """Takes X-Request-ID when it is well formed, else makes one; answers with it; the audit carries it.

    Place it after the authentication middleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request)
        request.request_id = request_id  # type: ignore[attr-defined]
        # Without its cookie there is no session to be read, so nobody is signed in.
        user = getattr(request, "user", None) if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        by = user if user is not None and user.is_authenticated else None
        with acting(by=by, label="" if by else "public", request_id=request_id):
            response = self.get_response(request)
        response[REQUEST_ID] = request_id
        return response


def request_id_of(request: HttpRequest) -> str:
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if _ACCEPTABLE.match(given) else new_request_id()
