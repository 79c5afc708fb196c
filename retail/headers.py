"""The content security policy by address: strict everywhere, looser only where a third-party admin needs it."""

from __future__ import annotations

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class ContentPolicyMiddleware(CSPMiddleware):
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
