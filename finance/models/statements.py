"""What the bank and the couriers say, each line once."""

from django.db import models
from django.utils import timezone

from finance.models.ledger import JournalEntry
from finance.models.payments import Capture
from finance.states import StatementState
from retail.kernel.models import LegalEntity


class BankStatementLine(models.Model):
    """A credit on our account, read once; matched to a payment by reference, amount, payer."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    account = models.CharField(max_length=34)
    line_key = models.CharField("the bank's id of the line", max_length=80)
    booked_on = models.DateField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3, default="RSD")
    reference = models.CharField(max_length=60, blank=True)
    payer = models.CharField(max_length=200, blank=True)
    payer_account = models.CharField(max_length=34, blank=True)
    purpose = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=StatementState, default=StatementState.UNMATCHED)
    capture = models.OneToOneField(Capture, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "line_key"], name="statement_line_once")]
        indexes = [models.Index(fields=["state", "-booked_on"], name="statement_queue")]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount}"


class CourierRemittanceLine(models.Model):
    """Cash that a courier collected for one parcel and paid over, read once."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    carrier_code = models.CharField(max_length=30)
    line_key = models.CharField(max_length=80)
    tracking_number = models.CharField(max_length=60)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    fee = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    paid_on = models.DateField()
    state = models.CharField(max_length=10, choices=StatementState, default=StatementState.UNMATCHED)
    capture = models.OneToOneField(Capture, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["carrier_code", "line_key"], name="remittance_line_once")
        ]
        indexes = [models.Index(fields=["state", "-paid_on"], name="remittance_queue")]

    def __str__(self) -> str:
        return f"{self.tracking_number} {self.amount}"
