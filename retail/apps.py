from django.apps import AppConfig


class RetailConfig(AppConfig):
    name = "retail"
    label = "retail"
    verbose_name = "Onerow"
    default_auto_field = "django.db.models.BigAutoField"
