"""Every address of the house. Each room brings its own lists; the roof decides where they stand.

A room's `urls.py` may have `urlpatterns` with its `app_name` (shop, finance), `ops_urlpatterns` (pages of the back
office, names in `ops:`) and `scan_urlpatterns` (pages of the handheld, names in `scan:`) and
`root_urlpatterns` (what programs ask in no language, names in `machines:`). A room's `api/urls.py` has
`urlpatterns`, all of them below /api/v1/ with names in `api:`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.static import serve
from wagtail.admin import urls as wagtail_admin_urls
from wagtail.documents import urls as wagtail_documents_urls
from wagtail.utils.urlpatterns import decorate_urlpatterns

from cms.views.entrance import sign_in, with_second_factor
from retail import answers
from retail.rest.schema import urlpatterns as schema_urlpatterns

Address = URLPattern | URLResolver
ROOMS = ("oms", "warehouse", "crm", "finance", "storefront", "cms", "audit")


def _lists(name: str, *, of: str = "urls") -> list[Address]:
    """The lists of this name of every room that has one."""
    found: list[Address] = []
    for room in ROOMS:
        if find_spec(room + "." + of.split(".")[0]) and find_spec(f"{room}.{of}"):
            found += getattr(import_module(f"{room}.{of}"), name, [])
    return found


def _room(module: str, *, at: str) -> list[Address]:
    return [path(at, include(module))] if find_spec(module) else []


def _uploads() -> list[Address]:
    """Uploads are served by ourselves on this machine only; in production by the proxy or the object store."""
    if not settings.IS_LOCAL:
        return []
    return [re_path(r"^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT})]


handler400, handler403, handler404 = (
    "retail.answers.bad_request",
    "retail.answers.not_allowed",
    "retail.answers.not_found",
)
handler429, handler500 = "retail.answers.too_many", "retail.answers.broken"

urlpatterns: list[Address] = [
    path("api/v1/", include(([*_lists("urlpatterns", of="api.urls"), *schema_urlpatterns], "api"))),
    re_path(r"^api/", answers.nothing_here),
    path("admin/", admin.site.urls),
    path("", include("retail.front.urls")),
    path("", include((_lists("root_urlpatterns"), "machines"))),
    path("cms/login/", sign_in),
    path("cms/", include(decorate_urlpatterns(wagtail_admin_urls.urlpatterns, with_second_factor))),
    path("documents/", include(wagtail_documents_urls)),
    *_uploads(),
]
urlpatterns += i18n_patterns(
    path("accounts/", include("allauth.urls")),
    *_room("finance.urls", at="ops/finance/"),
    path("ops/", include((_lists("ops_urlpatterns"), "ops"))),
    path("scan/", include((_lists("scan_urlpatterns"), "scan"))),
    *_room("storefront.urls", at=""),
    path("", include("cms.urls")),
    prefix_default_language=False,
)
