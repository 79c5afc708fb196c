from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WarehouseConfig(AppConfig):
    name = "warehouse"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from storefront import selectors as catalog
        from warehouse.selectors.stock import IN_STOCK
        from warehouse.selectors.supply import COMING

        catalog.register_availability(IN_STOCK)
        catalog.register_coming(COMING)
        catalog.keep_statements()
        post_migrate.connect(install_after_migrate, sender=self, dispatch_uid="warehouse.prepared")


def install_after_migrate(sender: AppConfig, using: str = "default", **_: Any) -> None:
    """The hot statements become functions of the database (a framework hook, the only kind of signal we use)."""
    from importlib import import_module

    from retail.kernel import prepared

    # The modules that hold the statements, wherever they have not been imported yet.
    for module in ("warehouse.api.stock", "warehouse.operations"):
        import_module(module)
    prepared.install(using=using)
