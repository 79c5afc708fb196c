"""What readers answered in the forms of pages, and who took these answers away as a file."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.models import Page

from audit.triggers import append_only
from crm.models import Customer


def new_secret() -> str:
    return secrets.token_urlsafe(24)


class FormAnswer(models.Model):
    """One form as it was sent: words of the questions as they stood then, beside what was answered."""

    page = models.ForeignKey(Page, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    page_title = models.CharField(_("page"), max_length=255)
    # The block's own id: it stays the same through the revisions of its page.
    form = models.CharField(max_length=40)
    form_name = models.CharField(_("form"), max_length=80)
    # Of one drawn form: a double click and the back button make one row.
    key = models.CharField(max_length=40, unique=True)
    language = models.CharField(max_length=10)
    customer = models.ForeignKey(Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    email = models.EmailField(blank=True)
    # [{"label": …, "value": text or true or false}, …] in the order of the form.
    answers = models.JSONField(default=list)
    # [{"kind": …, "wording": …}, …]: what was agreed to; they count from `confirmed_at` on.
    consents = models.JSONField(default=list)
    # Whoever has it may confirm the address of this one answer.
    token = models.CharField(max_length=40, unique=True, default=new_secret, editable=False)
    answered_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("answer to a form")
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True) | Q(customer__isnull=False),
                name="form_answer_confirmed_by_somebody",
            )
        ]
        indexes = [
            models.Index(fields=["-answered_at", "-id"], name="form_answer_newest"),
            models.Index(fields=["form", "-answered_at", "-id"], name="form_answer_of_form"),
            models.Index(Lower("email"), name="form_answer_email", condition=~Q(email="")),
        ]

    def __str__(self) -> str:
        return f"{self.form_name}, {self.answered_at:%Y-%m-%d %H:%M}"


class FormExport(models.Model):
    """Somebody took the answers of a form as a file."""

    form = models.CharField(max_length=40)
    form_name = models.CharField(max_length=80)
    count = models.PositiveIntegerField()
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = append_only("formexport")

    def __str__(self) -> str:
        return f"{self.count} of {self.form_name}"
