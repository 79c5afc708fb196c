from django.db import models
from django.utils.translation import gettext_lazy as _


class CustomerKind(models.TextChoices):
    PERSON = "PERSON", _("Person")
    COMPANY = "COMPANY", _("Company")


class ConsentKind(models.TextChoices):
    NEWSLETTER = "NEWSLETTER", _("Newsletter")
    SMS = "SMS", _("Text messages")
    PROFILING = "PROFILING", _("Personal offers")


class MessageState(models.TextChoices):
    QUEUED = "QUEUED", _("Queued")
    SENT = "SENT", _("Sent")
    FAILED = "FAILED", _("Failed")
