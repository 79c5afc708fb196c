"""What stands in /cms/ beside Wagtail's own pages: campaigns, choosers, the report of broken references."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.chooser import ChooserViewSet

from cms import choosers
from cms.views import campaigns, previews, references, replays
from retail.kernel.access import VIEW_CAMPAIGNS, may

Address = URLPattern | URLResolver


def register_choosers() -> list[ChooserViewSet]:
    return list(choosers.ALL)


def register_campaigns() -> list[Any]:
    ours: list[Address] = [
        path("", campaigns.index, name="campaigns"),
        path("new/", campaigns.new, name="new_campaign"),
        path("<slug:public_id>/", campaigns.campaign, name="campaign"),
        path("<slug:public_id>/page/", campaigns.add_page, name="add_page"),
        path("<slug:public_id>/submit/", campaigns.submit, name="submit_campaign"),
        path("<slug:public_id>/submit-pages/", campaigns.submit_pages, name="submit_pages"),
        path("<slug:public_id>/decide/", campaigns.decide, name="decide_campaign"),
        path("<slug:public_id>/end/", campaigns.end, name="end_campaign"),
        path("<slug:public_id>/preview/", previews.preview, name="preview_campaign"),
        path("<slug:public_id>/replay/", replays.replay_campaign, name="replay_campaign"),
        path("<slug:public_id>/preview/page/", previews.frame, name="preview_frame"),
    ]
    about: list[Address] = [
        path("references/", references.broken, name="broken_references"),
        path("references/<slug:kind>/<int:pk>/", references.usage, name="usage"),
    ]
    mine: list[Address] = [path("campaigns/", include(ours)), *about]
    return [path("", include((mine, "cms")))]


class CampaignsMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return may(request.user, VIEW_CAMPAIGNS)


def register_report() -> MenuItem:
    url = reverse("cms:broken_references")
    return CampaignsMenuItem(
        _("Broken references"), url, name="broken-references", icon_name="warning", order=800
    )


def register_menu() -> MenuItem:
    return CampaignsMenuItem(
        _("Campaigns"), reverse("cms:campaigns"), name="campaigns", icon_name="date", order=90
    )


hooks.register("register_admin_viewset", register_choosers)
hooks.register("register_admin_urls", register_campaigns)
hooks.register("register_admin_menu_item", register_menu)
hooks.register("register_reports_menu_item", register_report)
