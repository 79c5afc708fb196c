from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import autodiscover_modules


class RetailConfig(AppConfig):
    name = "retail"
    label = "retail"
    verbose_name = "Onerow"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """The roof knows every room: it loads their reactions to events and lets new events ring the worker."""
        from retail.kernel import outbox

        autodiscover_modules("handlers")
        if settings.OUTBOX_RINGS:
            outbox.on_doorbell(_ring_worker)


def _ring_worker() -> None:
    """One ring at a time: whoever commits while it waits will be seen by the same run, which ends it before it reads."""
    from retail.kernel.ringing import is_first
    from retail.tasks import BELL, BELL_SECONDS, run_outbox

    if is_first(BELL, BELL_SECONDS):
        run_outbox.delay()
