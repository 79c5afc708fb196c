"""Reads that programs repeat all day: answered without REST framework's machinery when nothing is to be refused.

A `QuickRead` gives `quick(request, now)` beside its `get`. The short way checks the same things (key, scope, requests of the minute) and
answers only what is all right. Whatever it would have to refuse, explain or write takes the usual way, so a refusal has one wording.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from retail.kernel.errors import Refusal
from retail.rest.keys import KEY_HEAD, read_key
from retail.rest.throttles import client_of, count_request
from retail.rest.views import ApiView

_JSON = ("*/*", "application/json", "application/*")


class QuickRead(ApiView):
    def quick(self, request: HttpRequest, now: datetime) -> Any:
        """The body of the answer; None where only the usual way knows what to say."""
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        answer = self._at_once(request) if request.method == "GET" and not args and not kwargs else None
        return answer if answer is not None else super().dispatch(request, *args, **kwargs)

    def _at_once(self, request: HttpRequest) -> HttpResponse | None:
        now = timezone.now()
        wanted, given = self.scopes["GET"], request.META.get("HTTP_AUTHORIZATION", "")
        if not _is_plain(request) or bool(wanted) != bool(given):
            return None
        who = client_of(request)
        if wanted:
            key = read_key(given, now) if given.startswith(KEY_HEAD) else None
            if key is None or wanted not in key.scopes or key.last_used_on != now.date():
                return None
            who = f"key{key.pk}"
        try:
            body = self.quick(request, now)
        except Refusal:
            return None
        if body is None or count_request(who) > settings.API_REQUESTS_PER_MINUTE:
            return None
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        return HttpResponse(
            text, content_type="application/json", headers={"Allow": ", ".join(self.allowed_methods)}
        )


def _is_plain(request: HttpRequest) -> bool:
    """Nothing in it that needs judging: no body, no zero byte, no other form of answer asked for."""
    meta = request.META
    accepted = meta.get("HTTP_ACCEPT", "*/*")
    return (
        meta.get("CONTENT_LENGTH", "") in ("", "0")
        and "%00" not in meta.get("QUERY_STRING", "")
        and "format=" not in meta.get("QUERY_STRING", "")
        and any(kind in accepted for kind in _JSON)
    )
