from django.apps import AppConfig


class CRMConfig(AppConfig):
    name = "crm"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm import segment_conditions

        segment_conditions.register_conditions()
