from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CRMConfig(AppConfig):
    name = "crm"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit.operations import register_kind
        from crm import segment_conditions
        from crm.operations import segments
        from crm.selectors.offers import ANY_FOR_GUESTS
        from storefront import selectors as catalog

        catalog.register_offers(ANY_FOR_GUESTS)
        segment_conditions.register_conditions()
        register_kind(segments.KIND, apply=segments.apply, permission=segments.PERMISSION)
        post_migrate.connect(mark_offers_after_migrate, sender=self, dispatch_uid="crm.offers")
        post_migrate.connect(make_reader_after_migrate, sender=self, dispatch_uid="crm.reader")


def make_reader_after_migrate(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """Every room's tables stand by now (a framework hook, the only kind of signal we use)."""
    from retail.kernel.reading import make_reader

    make_reader(using=using)


def mark_offers_after_migrate(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """A migration may have changed what discounts are put into words of without a statement on their rows."""
    from crm.operations import mark_offers

    mark_offers(using=using)
