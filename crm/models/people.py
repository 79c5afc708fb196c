"""The account that buys, whether met online or in a store."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.triggers import append_only
from crm.states import ConsentKind, CustomerKind
from retail.kernel.models import new_public_id


class Customer(models.Model):
    """One account: a person or a company. A guest's account has no login; it joins one only after the address is verified."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    kind = models.CharField(max_length=8, choices=CustomerKind, default=CustomerKind.PERSON)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=200)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)
    language = models.CharField(max_length=10, default="sr-latn")
    pib = models.CharField(_("PIB"), max_length=20, blank=True)
    registration_number = models.CharField(max_length=20, blank=True)
    jbkjs = models.CharField("JBKJS", max_length=5, blank=True)
    # What SEF said when it was last asked; None: never asked.
    is_sef_registered = models.BooleanField(null=True, blank=True)
    sef_checked_at = models.DateTimeField(null=True, blank=True)
    # The year is nobody's business.
    birth_month = models.PositiveSmallIntegerField(null=True, blank=True)
    birth_day = models.PositiveSmallIntegerField(null=True, blank=True)
    external_ref = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(birth_month__isnull=True, birth_day__isnull=True)
                | Q(birth_month__range=(1, 12), birth_day__isnull=True)
                | Q(birth_month__range=(1, 12), birth_day__range=(1, 31)),
                name="customer_birthday",
            ),
            models.CheckConstraint(condition=Q(kind="PERSON") | ~Q(pib=""), name="company_has_pib"),
            models.UniqueConstraint(
                fields=["external_ref"], condition=~Q(external_ref=""), name="customer_external_once"
            ),
        ]
        indexes = [
            models.Index(Lower("email"), name="customer_email"),
            models.Index(fields=["phone"], name="customer_phone"),
            models.Index(fields=["pib"], name="customer_pib", condition=~Q(pib="")),
            models.Index(
                fields=["registration_number"],
                name="customer_registration",
                condition=~Q(registration_number=""),
            ),
            models.Index(fields=["updated_at", "id"], name="customer_updated"),
            models.Index(fields=["-created_at", "-id"], name="customer_newest"),
            # `icontains` compares in capitals; an index on the bare columns would never be asked.
            GinIndex(
                OpClass(Upper("name"), "gin_trgm_ops"),
                OpClass(Upper("email"), "gin_trgm_ops"),
                OpClass("phone", "gin_trgm_ops"),
                name="customer_find",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Address(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="addresses")
    label = models.CharField(max_length=60, blank=True)
    name = models.CharField(max_length=200)
    street = models.CharField(max_length=200)
    city = models.CharField(max_length=100)
    postal_code = models.CharField(max_length=12)
    country = models.CharField(max_length=2, default="RS")
    phone = models.CharField(max_length=20, blank=True)
    is_default = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "addresses"
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(is_default=True), name="address_one_default"
            )
        ]

    def __str__(self) -> str:
        return f"{self.street}, {self.postal_code} {self.city}"


class Consent(models.Model):
    """Given or withdrawn, with the wording shown; the newest per kind holds."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="consents")
    kind = models.CharField(max_length=12, choices=ConsentKind)
    is_given = models.BooleanField()
    wording = models.TextField()
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["customer", "kind", "-given_at"], name="consent_newest")]
        triggers = append_only("consent")

    def __str__(self) -> str:
        return f"{self.kind} {'given' if self.is_given else 'withdrawn'}"
