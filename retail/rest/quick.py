"""Reads that programs repeat all day: answered without REST framework's machinery when nothing is to be refused.

A `QuickRead` gives `quick(request, now)` beside its `get`. The short way checks the same things (key, scope, requests of the minute) and
answers only what is all right. Whatever it would have to refuse, explain or write takes the usual way, so a refusal has one wording.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from retail.kernel.errors import Refusal
from retail.rest.throttles import count_request
from retail.rest.views import ApiView

_JSON = ("*/*", "application/json", "application/*")


class QuickRead(ApiView):
    def quick(self, request: HttpRequest, now: datetime) -> tuple[str, str] | None:
        """Whose requests of the minute are counted, and the answer as JSON; None where only the usual way knows what to say."""
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = None if args or kwargs else self.at_once(request)
        return answer if answer is not None else super().dispatch(request, *args, **kwargs)

    def at_once(self, request: HttpRequest) -> HttpResponse | None:
        """The answer by the short way, which is tried once for a request."""
        if getattr(request, "is_not_quick", False) or request.method != "GET" or not _is_plain(request):
            return None
        request.is_not_quick = True  # type: ignore[attr-defined]
        if bool(self.scopes["GET"]) != ("HTTP_AUTHORIZATION" in request.META):
            return None
        try:
            found = self.quick(request, timezone.now())
        except (Refusal, DatabaseError):
            return None
        if found is None or count_request(found[0]) > settings.API_REQUESTS_PER_MINUTE:
            return None
        return HttpResponse(found[1], content_type="application/json", headers=self._allowed)

    @cached_property
    def _allowed(self) -> dict[str, str]:
        return {"Allow": ", ".join(self.allowed_methods)}


def as_json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _is_plain(request: HttpRequest) -> bool:
    """Nothing in it that needs judging: no body, no zero byte, no other form of answer asked for."""
    meta = request.META
    accepted, query = meta.get("HTTP_ACCEPT", "*/*"), meta.get("QUERY_STRING", "")
    return (
        meta.get("CONTENT_LENGTH", "") in ("", "0")
        and "%00" not in query
        and "format=" not in query
        and any(kind in accepted for kind in _JSON)
    )
