from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from retail.kernel.postgres.base import columns_changed


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit.attach import renew_triggers

        post_migrate.connect(attach_after_migrate, dispatch_uid="audit.attach")
        columns_changed.append(renew_triggers)


def attach_after_migrate(sender: AppConfig, using: str = "default", plan: Any = (), **_: Any) -> None:
    """Once per migrate, after the last room's tables stand (a framework hook, the only kind of signal we use)."""
    from django.apps import apps

    from audit.attach import ROOMS, attach_triggers

    last = [config for config in apps.get_app_configs() if config.label in ROOMS][-1]
    if sender.label == last.label:
        attach_triggers(using=using)
