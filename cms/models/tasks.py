"""The step of Wagtail's workflow that waits for the campaign's proposal: decided there, shown here."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from wagtail.models import Task

from retail.kernel.models import User


class RatificationTask(Task):
    """While it waits nobody edits the page; who may decide is asked of the proposal, so Wagtail offers no button of its own."""

    class Meta:
        verbose_name = _("ratification of a campaign")

    def user_can_access_editor(self, obj: Any, user: User) -> bool:
        return False

    def locked_for_user(self, obj: Any, user: User) -> bool:
        return True

    def user_can_lock(self, obj: Any, user: User) -> bool:
        return False

    def user_can_unlock(self, obj: Any, user: User) -> bool:
        return False

    def get_actions(self, obj: Any, user: User) -> list[tuple[str, Any, bool]]:
        return []

    @classmethod
    def get_description(cls) -> Any:
        return _("Waits until a second person ratifies the campaign.")
