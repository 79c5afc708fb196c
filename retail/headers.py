"""The content security policy by address: strict everywhere, looser only where a third-party admin needs it."""

from __future__ import annotations

from csp.constants import HEADER
from csp.middleware import CheckableLazyObject, CSPMiddleware, PolicyParts
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class ContentPolicyMiddleware(CSPMiddleware):
    """Nearly every answer carries the policy of the settings as it is: that text is put together once for these settings."""

    _usual, _made_of = "", None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not self._is_usual(request, response):
            return super().process_response(request, response)
        if self._made_of is not settings.CONTENT_SECURITY_POLICY:
            self._made_of, self._usual = settings.CONTENT_SECURITY_POLICY, build_policy()
        response.setdefault(HEADER, self._usual)
        request.csp_nonce = CheckableLazyObject(self._csp_nonce_post_response)  # type: ignore[attr-defined]
        return response

    def _is_usual(self, request: HttpRequest, response: HttpResponseBase) -> bool:
        return not (
            settings.DEBUG
            or getattr(request, "_csp_nonce", None) is not None
            or any(name.startswith("_csp") for name in vars(response))
            or request.path_info.startswith(tuple(settings.CONTENT_POLICY_BY_PREFIX))
            or getattr(settings, "CONTENT_SECURITY_POLICY_REPORT_ONLY", None)
        )

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if report_only or parts.config is not None:
            return parts
        matching = [
            prefix for prefix in settings.CONTENT_POLICY_BY_PREFIX if request.path_info.startswith(prefix)
        ]
        if matching:
            parts.config = settings.CONTENT_POLICY_BY_PREFIX[max(matching, key=len)]
        return parts
