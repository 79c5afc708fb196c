"""What Wagtail does when a workflow ends well (setting WAGTAIL_FINISH_WORKFLOW_ACTION)."""

from __future__ import annotations

from typing import Any


def publish(state: Any, user: Any = None) -> None:
    """Publish the revision that waited. Nobody holds the right to publish a campaign's page: its ratification does it."""
    from cms.models import CampaignPage  # Wagtail reads the setting while our models are still being read

    page = state.content_object
    is_ratified = issubclass(getattr(page, "specific_class", type(page)), CampaignPage)
    page.get_latest_revision().publish(user=user, skip_permission_checks=is_ratified)
