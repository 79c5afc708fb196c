"""The most read pages, for who has not signed in: asked before the chain of middlewares, which would only find nothing to do.

A page says that it may be by `for_strangers`. Whoever carries a session or a message, sends anything, or asks by script takes the usual way,
and so does whatever the page does not answer with 200: a refusal, a redirect and a mistake have one wording. What the chain adds to a good
answer is learned from the chain itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import LocalePrefixPattern, URLPattern, URLResolver, get_resolver
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string

from retail.front.quick import is_for_strangers
from retail.kernel.context import acting
from retail.kernel.middleware import REQUEST_ID, request_id_of

Answer = Callable[[HttpRequest], HttpResponseBase]
MESSAGES_COOKIE = "messages"
# Files are served by it alone; it would read all of them again.
_SERVES_FILES = "whitenoise.middleware.WhiteNoiseMiddleware"


class PagesForStrangers:
    def __init__(self) -> None:
        self._forms = CsrfViewMiddleware(lambda _: HttpResponse())
        self._learned: dict[tuple[bool, str], tuple[Any, dict[str, str], list[str]]] = {}

    def at_once(self, request: HttpRequest) -> HttpResponse | None:
        """The page by the short way, or None where the usual way has to be taken."""
        if request.method != "GET" or not _is_stranger(request):
            return None
        found = _page_at(request.path_info)
        if found is None:
            return None
        language, view, values = found
        translation.activate(language)
        request.LANGUAGE_CODE = language
        headers, vary = self._headers(request, language)
        if not headers:
            return None
        request_id = request_id_of(request)
        request.request_id = request_id  # type: ignore[attr-defined]
        self._forms.process_request(request)
        try:
            with acting(label="public", request_id=request_id):
                answer: HttpResponse = view(request, **values)
        except Exception:  # whatever it is, the usual way meets it again and knows what to say
            return None
        if answer.status_code != 200 or answer.streaming:
            return None
        for name, value in headers.items():
            answer.headers.setdefault(name, value)
        self._forms.process_response(request, answer)
        patch_vary_headers(answer, vary)
        answer.headers["Content-Length"] = str(len(answer.content))
        answer.headers[REQUEST_ID] = request_id
        return answer

    def _headers(self, request: HttpRequest, language: str) -> tuple[dict[str, str], list[str]]:
        """What the chain adds to a good answer; nothing where it has something to say itself (another host, a redirect)."""
        try:
            request.get_host()
        except SuspiciousOperation:
            return {}, []
        kind, policy = (request.is_secure(), language), settings.CONTENT_SECURITY_POLICY
        known = self._learned.get(kind)
        if known is None or known[0] is not policy:
            empty = _around(lambda _: HttpResponse())(request)
            headers = dict(empty.items()) if empty.status_code == 200 else {}
            vary = headers.pop("Vary", "")
            for name in ("Content-Type", "Content-Length", REQUEST_ID):
                headers.pop(name, None)
            known = self._learned[kind] = (policy, headers, vary.split(", ") if vary else [])
        return known[1], known[2]


def _is_stranger(request: HttpRequest) -> bool:
    cookies = request.COOKIES
    return not (
        settings.SESSION_COOKIE_NAME in cookies
        or MESSAGES_COOKIE in cookies
        or "HTTP_HX_REQUEST" in request.META
    )


def _around(view: Answer) -> Answer:
    """The chain of a page from here on, with another view at its end."""
    from retail.chain import ProgramsMiddleware

    own = f"{ProgramsMiddleware.__module__}.{ProgramsMiddleware.__qualname__}"
    rest = settings.MIDDLEWARE[settings.MIDDLEWARE.index(own) + 1 :]
    handler: Any = convert_exception_to_response(view)
    for path in reversed([path for path in rest if path != _SERVES_FILES]):
        handler = convert_exception_to_response(import_string(path)(handler))
    answer: Answer = handler
    return answer


def _page_at(path: str) -> tuple[str, Any, dict[str, Any]] | None:
    """Language, view and what the address says."""
    language, rest = settings.LANGUAGE_CODE, path[1:]
    first, _, below = rest.partition("/")
    if first in _other_languages():
        language, rest = first, below
    for pattern, view in _pages(settings.ROOT_URLCONF):
        found = pattern.match(rest)
        if found is not None:
            return language, view, found[2]
    return None


@cache
def _other_languages() -> frozenset[str]:
    return frozenset(code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE)


@cache
def _pages(urls: str) -> list[tuple[Any, Any]]:
    """Patterns below the language, with their views. An address of two levels (a room's list in the list of the languages) is meant."""
    found = []
    for roof in get_resolver(urls).url_patterns:
        if not isinstance(roof, URLResolver) or not isinstance(roof.pattern, LocalePrefixPattern):
            continue
        for room in roof.url_patterns:
            if isinstance(room, URLResolver) and not str(room.pattern):
                found += [
                    (each.pattern, each.callback)
                    for each in room.url_patterns
                    if isinstance(each, URLPattern) and is_for_strangers(each.callback)
                ]
    return found
