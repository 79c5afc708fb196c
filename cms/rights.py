"""What Wagtail has to know about roles: made of the one table of roles after every migrate, so nobody edits it by hand."""

from __future__ import annotations

from typing import Any

from retail.kernel.access import EDIT_CAMPAIGNS, ROLES, VIEW_CAMPAIGNS

WORKFLOW = "Kampanja"
PAGE_RIGHTS = ("add_page", "change_page", "publish_page", "lock_page", "unlock_page")
FILE_RIGHTS = (
    *("add_image", "change_image", "choose_image"),
    *("add_document", "change_document", "choose_document"),
)


def furnish(**_kwargs: Any) -> None:
    """Groups of Django with the rights of our roles, and the workflow in which a campaign's pages wait."""
    from django.contrib.auth.models import Group, Permission
    from wagtail.models import Collection, GroupCollectionPermission, GroupPagePermission, Page

    enter = Permission.objects.filter(content_type__app_label="wagtailadmin", codename="access_admin").first()
    root, files = Page.objects.filter(depth=1).first(), Collection.objects.filter(depth=1).first()
    if enter is None or root is None or files is None:
        return
    on_pages = Permission.objects.filter(content_type__app_label="wagtailcore", codename__in=PAGE_RIGHTS)
    on_files = Permission.objects.filter(
        content_type__app_label__in=("wagtailimages", "wagtaildocs"), codename__in=FILE_RIGHTS
    )
    for role, rights in ROLES.items():
        if VIEW_CAMPAIGNS not in rights:
            continue
        group, _made = Group.objects.get_or_create(name=role)
        group.permissions.add(enter)
        if EDIT_CAMPAIGNS in rights:
            for permission in on_pages:
                GroupPagePermission.objects.get_or_create(group=group, page=root, permission=permission)
            for permission in on_files:
                GroupCollectionPermission.objects.get_or_create(
                    group=group, collection=files, permission=permission
                )
    _furnish_workflow()


def _furnish_workflow() -> None:
    from wagtail.models import Workflow, WorkflowTask

    from cms.models import RatificationTask

    if Workflow.objects.filter(name=WORKFLOW).exists():
        return
    workflow = Workflow.objects.create(name=WORKFLOW)
    task = RatificationTask.objects.create(name=WORKFLOW)
    WorkflowTask.objects.create(workflow=workflow, task=task.task_ptr, sort_order=0)
