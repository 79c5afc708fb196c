from django.apps import AppConfig


class FrontConfig(AppConfig):
    """The shared visual language: style sheets, icons, page frames, template tags. Knows no department."""

    name = "retail.front"
    label = "front"
