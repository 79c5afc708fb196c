"""The way of a request to its view: programs have a shorter one than people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponseBase
from django.utils.module_loading import import_string

Answer = Callable[[HttpRequest], HttpResponseBase]


class ProgramsMiddleware:
    """Calls of the API pass `API_MIDDLEWARE` alone: they carry a key, and no session, form, message or page."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.programs = _Programs()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(settings.API_PREFIX):
            return self.programs.answer(request)
        return self.get_response(request)


class _Programs(BaseHandler):
    """Django's own way to the view, with another chain before it."""

    def __init__(self) -> None:
        super().__init__()
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler: Any = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]
        for path in reversed(settings.API_MIDDLEWARE):
            handler = convert_exception_to_response(import_string(path)(handler))
        self.answer: Answer = handler
