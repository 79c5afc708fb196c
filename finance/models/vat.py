"""What a company recorded of its VAT at SEF beyond its electronic invoices."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from finance.models.papers import FiscalReceipt
from finance.states import VatRecordKind, VatRecordState
from retail.kernel.models import LegalEntity

LIVE = (VatRecordState.QUEUED, VatRecordState.RECORDED, VatRecordState.REFUSED)


class VatRecord(models.Model):
    """One record at SEF. Its number and exact body stand here before the first call: by the number SEF knows it again."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=VatRecordKind)
    year = models.PositiveSmallIntegerField()
    # As SEF counts: months 1 to 12, quarters 13 to 16.
    period = models.PositiveSmallIntegerField()
    number = models.CharField("calculation number", max_length=40)
    receipt = models.ForeignKey(
        FiscalReceipt, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )
    state = models.CharField(max_length=10, choices=VatRecordState, default=VatRecordState.QUEUED)
    # {section: {rate: [base, tax]}}, exact; the body says the same as SEF wants it.
    figures = models.JSONField()
    body = models.JSONField()
    # Whether a call may have reached SEF without an answer: then SEF is asked before anything is sent again.
    is_in_doubt = models.BooleanField(default=False)
    is_to_be_canceled = models.BooleanField(default=False)
    sef_id = models.BigIntegerField("id at SEF", null=True, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    said = models.TextField("what SEF said", blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    recorded_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "number"], name="vat_record_number_once"),
            models.UniqueConstraint(
                fields=["receipt"],
                condition=Q(receipt__isnull=False, state__in=LIVE),
                name="vat_record_once_per_paper",
            ),
            models.UniqueConstraint(
                fields=["entity", "year", "period"],
                condition=Q(kind="SUMMARY", state__in=["QUEUED", "REFUSED"]),
                name="vat_record_one_summary_under_way",
            ),
            models.UniqueConstraint(
                fields=["entity", "year", "period"],
                condition=Q(kind="SUMMARY", state="RECORDED"),
                name="vat_record_one_summary_stands",
            ),
            models.CheckConstraint(
                condition=Q(kind="INDIVIDUAL", receipt__isnull=False)
                | Q(kind="SUMMARY", receipt__isnull=True),
                name="vat_record_of_a_paper_or_of_all",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["RECORDED", "REPLACED"]) | Q(sef_id__isnull=False),
                name="vat_record_at_sef_has_id",
            ),
            models.CheckConstraint(condition=Q(period__gte=1, period__lte=16), name="vat_record_period"),
        ]
        indexes = [
            models.Index(fields=["entity", "year", "period", "state"], name="vat_record_of_period"),
            models.Index(
                fields=["next_attempt_at"],
                name="vat_record_queue",
                condition=Q(state="QUEUED") | Q(is_to_be_canceled=True),
            ),
        ]

    def __str__(self) -> str:
        return self.number
