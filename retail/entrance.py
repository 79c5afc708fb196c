"""Signing in while nobody counts the attempts: refused, so that a stopped cache opens no door to guessing."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from retail import answers
from retail.cache import REST_SECONDS, is_up

# Who is in may go on and may leave; whoever wants in, or proves who they are once more, waits.
_COUNTED = re.compile(r"/(?:[a-z]{2}(?:-[a-z]+)?/)?accounts/(?!logout/)")


class CountedEntranceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST" and _COUNTED.match(request.path_info) and not is_up():
            return answers.busy(request, after_seconds=int(REST_SECONDS))
        return self.get_response(request)
