from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class CMSConfig(AppConfig):
    name = "cms"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit.operations import register_kind
        from cms.models import draw_with
        from cms.rights import furnish
        from cms.selectors import uses
        from cms.views.pages import draw
        from cms.workflows import campaigns
        from crm.selectors.segment_uses import register_segment_uses

        draw_with(draw)
        register_segment_uses(uses.of_segment)
        register_kind(
            campaigns.KIND,
            apply=campaigns.apply,
            permission=campaigns.PERMISSION,
            turned_down=campaigns.turned_down,
        )
        # After the last app of Wagtail: its permissions have to be there.
        post_migrate.connect(furnish, sender=apps.get_app_config("taggit"), dispatch_uid="cms.rights")
