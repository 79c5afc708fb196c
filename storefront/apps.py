from django.apps import AppConfig


class StorefrontConfig(AppConfig):
    name = "storefront"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Their statements are known before the plans are kept.
        from storefront.views import frame, product_rows, shelves  # noqa: F401

        frame.register()
