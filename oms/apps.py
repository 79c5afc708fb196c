from django.apps import AppConfig


class OMSConfig(AppConfig):
    name = "oms"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Orders"

    def ready(self) -> None:
        from audit.operations import register_kind
        from oms import recommendations, segment_conditions
        from oms.workflows import routing
        from storefront import selectors as catalog

        register_kind(routing.KIND, apply=routing.apply, permission=routing.PERMISSION)
        catalog.register_together(recommendations.TOGETHER)
        segment_conditions.register_conditions()
