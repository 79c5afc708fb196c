"""The way of a request to its view: programs have a shorter one than people."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import get_resolver
from django.utils import translation
from django.utils.module_loading import import_string

from retail.kernel.middleware import REQUEST_ID, request_id_of
from retail.rest.quick import QuickRead
from retail.strangers import PagesForStrangers

Answer = Callable[[HttpRequest], HttpResponseBase]


class ProgramsMiddleware:
    """Calls of the API pass `API_MIDDLEWARE` alone: they carry a key, and no session, form, message or page.

    A `QuickRead` is asked before even that. What it answers gets the headers that the chain would have given. So do the most read pages
    for strangers (`retail/strangers.py`).
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.programs = _Programs()
        self.pages = PagesForStrangers()
        self._usual: dict[bool, tuple[Any, dict[str, str]]] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(settings.API_PREFIX):
            return self.pages.at_once(request) or self.get_response(request)
        return self._at_once(request) or self.programs.answer(request)

    def _at_once(self, request: HttpRequest) -> HttpResponse | None:
        read = _quick_reads(settings.ROOT_URLCONF).get(request.path_info)
        if read is None:
            return None
        headers = self._headers(request)
        translation.activate(
            settings.LANGUAGE_CODE
        )  # as for every call; the thread may have answered a reader
        answer = read.at_once(request) if headers else None
        if answer is not None:
            for name, value in headers.items():
                answer.headers[name] = value
            answer.headers["Content-Length"] = str(len(answer.content))
            answer.headers[REQUEST_ID] = request_id_of(request)
        return answer

    def _headers(self, request: HttpRequest) -> dict[str, str]:
        """What the chain adds to a good answer; nothing where it has something to say itself (another host, a redirect)."""
        try:
            request.get_host()
        except SuspiciousOperation:
            return {}
        kind, policy = request.is_secure(), settings.CONTENT_SECURITY_POLICY
        made_of, headers = self._usual.get(kind, (None, {}))
        if made_of is not policy:
            empty = self.programs.around(lambda _: HttpResponse())(request)
            headers = dict(empty.items()) if empty.status_code == 200 else {}
            for name in ("Content-Type", "Content-Length", REQUEST_ID):
                headers.pop(name, None)
            self._usual[kind] = (policy, headers)
        return headers


class _Programs(BaseHandler):
    """Django's own way to the view, with another chain before it."""

    def __init__(self) -> None:
        super().__init__()
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self.answer = self.around(self._get_response)  # type: ignore[attr-defined]

    def around(self, view: Answer) -> Answer:
        handler: Any = convert_exception_to_response(view)
        for path in reversed(settings.API_MIDDLEWARE):
            handler = convert_exception_to_response(import_string(path)(handler))
        answer: Answer = handler
        return answer


@cache
def _quick_reads(urls: str) -> dict[str, QuickRead]:
    """By whole path: the addresses of the API without a variable part, whose view is a QuickRead."""
    prefix, rooms = get_resolver(urls).namespace_dict["api"]
    found = {}
    for pattern in rooms.url_patterns:
        view = getattr(getattr(pattern, "callback", None), "view_class", None)
        if view and issubclass(view, QuickRead) and not pattern.pattern.regex.groups:
            read = found[f"/{prefix}{pattern.pattern}"] = view()
            read.setup(HttpRequest())
    return found
