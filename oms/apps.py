from django.apps import AppConfig


class OMSConfig(AppConfig):
    name = "oms"
    default_auto_field = "django.db.models.BigAutoField"
