"""Requests per client and minute; when the server that counts is down, requests go through."""

from __future__ import annotations

import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from retail.kernel.models import ApiKey

WINDOW_SECONDS = 60


class PerClient(BaseThrottle):
    """One count for each client and minute of the clock: a request costs one short question, however many came before."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        who = f"key{request.auth.pk}" if isinstance(request.auth, ApiKey) else self.get_ident(request)
        return count_request(who) <= settings.API_REQUESTS_PER_MINUTE

    def wait(self) -> float:
        """Until the next minute begins."""
        return WINDOW_SECONDS - time.time() % WINDOW_SECONDS


def client_of(request: HttpRequest) -> str:
    """Whose requests are counted when no key is sent."""
    return str(PerClient().get_ident(request))  # type: ignore[arg-type]


def count_request(who: str) -> int:
    """How many this client has sent in this minute, with this one."""
    return _count(f"throttle:{who}:{int(time.time()) // WINDOW_SECONDS}")


def _count(key: str) -> int:
    counter = getattr(cache, "count", None)
    if counter is not None:
        return int(counter(key, WINDOW_SECONDS))
    cache.add(key, 0, WINDOW_SECONDS)
    return cache.incr(key)
