"""Segments: saved questions over live rows, never stored lists."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.triggers import append_only
from crm.states import ConsentKind, SegmentState


class Segment(models.Model):
    """A question in the segment language; `definition` is its canonical text, and the tree is parsed from it."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    definition = models.TextField()
    version = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=7, choices=SegmentState, default=SegmentState.DRAFT)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("segment")
        verbose_name_plural = _("segments")

    def __str__(self) -> str:
        return self.name


class SegmentVersion(models.Model):
    """Each definition that a segment has had; what priced a line can always be read again."""

    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    definition = models.TextField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["segment", "-version"]
        constraints = [models.UniqueConstraint(fields=["segment", "version"], name="segment_version_once")]
        triggers = append_only("segmentversion")

    def __str__(self) -> str:
        return f"{self.segment_id} v{self.version}"


class SegmentExport(models.Model):
    """Who took the members of a segment out of the house: by which words, for what, and how many they were."""

    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="exports")
    version = models.PositiveIntegerField()
    definition = models.TextField()
    # Only accounts that said yes to this kind of message; empty: all of them.
    consent = models.CharField(max_length=12, choices=ConsentKind, blank=True)
    members_count = models.PositiveIntegerField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at"]
        triggers = append_only("segmentexport")

    def __str__(self) -> str:
        return f"{self.members_count} of {self.segment_id}"
