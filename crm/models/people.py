"""The account that buys, whether met online or in a store."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Concat, Lower
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
    # Merged into another account: whoever comes by an old link is sent there.
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # What was personal is gone; what the law keeps stands on the papers.
    erased_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    # Name, e-mail and phone in one spelling (`crm_fold` does what `retail.kernel.fold` does), so that any script finds it.
    folded = models.GeneratedField(
        expression=Func(
            Concat(
                F("name"), Value(" "), F("email"), Value(" "), F("phone"), output_field=models.TextField()
            ),
            function="crm_fold",
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(birth_month__isnull=True, birth_day__isnull=True)
                | Q(birth_month__range=(1, 12), birth_day__isnull=True)
                | Q(birth_month__range=(1, 12), birth_day__range=(1, 31)),
                name="customer_birthday",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="customer_not_into_itself",
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
            GinIndex(OpClass("folded", "gin_trgm_ops"), name="customer_find"),
            models.Index(
                fields=["merged_into"], name="customer_merged", condition=Q(merged_into__isnull=False)
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
    # Where it was said, and by whom it was written down when not by the person.
    source = models.CharField(max_length=40, blank=True)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    given_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["customer", "kind", "-given_at"], name="consent_newest")]
        triggers = append_only("consent")

    def __str__(self) -> str:
        return f"{self.kind} {'given' if self.is_given else 'withdrawn'}"


class CustomerNote(models.Model):
    """What staff wrote about an account."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["customer", "-created_at"], name="customer_notes")]

    def __str__(self) -> str:
        return self.text[:60]


class CustomerTask(models.Model):
    """Something that somebody has to do for an account until a day."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=200)
    due_on = models.DateField()
    # None: whoever has time.
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by__isnull=True)
                | Q(done_at__isnull=False, done_by__isnull=False),
                name="task_done_by_somebody",
            )
        ]
        indexes = [
            models.Index(fields=["customer", "due_on"], name="customer_tasks"),
            models.Index(fields=["assignee", "due_on"], name="task_open", condition=Q(done_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.title


class CustomerMerge(models.Model):
    """Two accounts made one: `moved` names by ids what went over, so that it can go back."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    survivor = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="merges")
    merged = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    moved = models.JSONField(default=dict)
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    merged_at = models.DateTimeField(default=timezone.now)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merged"], condition=Q(undone_at__isnull=True), name="customer_merged_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.merged_id} into {self.survivor_id}"


class PersonalExport(models.Model):
    """Somebody took everything that the house keeps about a person."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="exports")
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = append_only("personalexport")

    def __str__(self) -> str:
        return f"{self.customer_id} at {self.taken_at:%Y-%m-%d %H:%M}"
