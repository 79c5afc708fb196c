"""Electronic editions of an order: consent and right to fetch."""

from django.db import models
from django.db.models import F, Q

from oms.models.orders import Order, OrderLine
from retail.kernel.models import new_public_id


class WithdrawalConsent(models.Model):
    """The buyer of something digital agreed that the right of withdrawal ends when the download begins: when, and to which words."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="withdrawal_consent")
    words = models.CharField(max_length=400)
    language = models.CharField(max_length=10)
    given_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"consent of {self.order_id}"


class DownloadGrant(models.Model):
    """Leave to fetch one paid file, so many times and until a day. Its link is signed, nothing secret is kept; a new `version` ends older links."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    line = models.OneToOneField(OrderLine, on_delete=models.CASCADE, related_name="download")
    version = models.PositiveSmallIntegerField(default=1)
    downloads = models.PositiveIntegerField(default=0)
    downloads_max = models.PositiveIntegerField()
    expires_at = models.DateTimeField()
    first_download_at = models.DateTimeField(null=True, blank=True)
    last_download_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(downloads__lte=F("downloads_max")), name="download_grant_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(downloads=0, first_download_at__isnull=True)
                | Q(downloads__gt=0, first_download_at__isnull=False),
                name="download_grant_knows_its_first",
            ),
        ]

    def __str__(self) -> str:
        return f"download of line {self.line_id}"
