"""The superuser's window: every business row, read-only, with its audited history. Writing is for verbs."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from auditlog.mixins import AuditlogHistoryAdminMixin
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from audit.attach import traced_models
from audit.register import COLUMNS


class ReadOnlyAdmin(AuditlogHistoryAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Shows a row and its history; a change made here would have no verb, no event and no journal entry."""

    show_auditlog_history_link = True
    show_full_result_count = False
    list_per_page = 50

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.opts.local_fields if field.column not in self._secret()]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_readonly_fields(request, obj)

    def _secret(self) -> tuple[str, ...]:
        return COLUMNS.get(self.opts.label, {}).get("secret", ())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_superuser", False))


def may_enter(request: HttpRequest) -> bool:
    """Superusers with a second factor; the admin's own login form knows no factor, so it is not used."""
    user = request.user
    return bool(user.is_active and getattr(user, "is_superuser", False) and is_mfa_enabled(user))


admin.site.has_permission = may_enter  # type: ignore[method-assign]
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def _register(model: type[models.Model]) -> None:
    searchable = [
        name
        for name in ("number", "code", "sku", "public_id", "slug", "email")
        if any(field.name == name for field in model._meta.local_fields)
    ]
    admin.site.register(
        model, type(f"{model.__name__}Admin", (ReadOnlyAdmin,), {"search_fields": searchable})
    )


for each in traced_models():
    if not each._meta.auto_created and not admin.site.is_registered(each):
        _register(each)
