"""Primitives that every department points to: who logs in, the organization, and the plumbing of events and retries."""

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def new_public_id() -> str:
    """An opaque id that says nothing about how many there are."""
    return uuid.uuid4().hex


class UserManager(BaseUserManager["User"]):
    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """Login and actor of the trace. The account that buys is crm.Customer, another row."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(max_length=10, default="sr-latn")
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    # Staff bound to places see and do only what happens there; empty means every place.
    locations = models.ManyToManyField("kernel.Location", blank=True, related_name="+")
    # Staff (and keys of users) bound to companies see only the orders, papers and books of these; empty means every company.
    entities = models.ManyToManyField("kernel.LegalEntity", blank=True, related_name="+")

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lower")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return (self.name or self.email).split(" ")[0].split("@")[0]


class ApiKey(models.Model):
    """An integrator's key: the clear text is shown once, only its SHA-256 is kept."""

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=120)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class LegalEntity(models.Model):
    """A company of the group: it owns stock, issues papers, keeps its own ledger."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=200)
    pib = models.CharField(_("PIB"), max_length=20)
    registration_number = models.CharField(_("registration number"), max_length=20)
    street = models.CharField(max_length=200)
    city = models.CharField(max_length=100)
    postal_code = models.CharField(max_length=12)
    country = models.CharField(max_length=2, default="RS")
    bank_account = models.CharField(max_length=34)
    email = models.EmailField(blank=True)
    currency = models.CharField(max_length=3, default="RSD")
    is_vat_registered = models.BooleanField(default=True)
    fiscal_software_number = models.CharField(max_length=40, blank=True)

    class Meta:
        verbose_name_plural = "legal entities"

    def __str__(self) -> str:
        return self.name


class LocationKind(models.TextChoices):
    STORE = "STORE", _("Store")
    WAREHOUSE = "WAREHOUSE", _("Warehouse")
    SUPPLIER = "SUPPLIER", _("Supplier")
    TRANSIT = "TRANSIT", _("In transit")


class Location(models.Model):
    """A place with goods. Calendar, cut-off, capacity and labor costs feed the promise and the routing.

    `hours` maps weekday ("0" Monday) to [open, close]; `work_days` are the weekdays on which it picks and ships.
    """

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=LocationKind)
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="locations")
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100)
    postal_code = models.CharField(max_length=12, blank=True)
    country = models.CharField(max_length=2, default="RS")
    phone = models.CharField(max_length=30, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    time_zone = models.CharField(max_length=40, default="Europe/Belgrade")
    work_days = ArrayField(models.PositiveSmallIntegerField(), default=list)
    hours = models.JSONField(default=dict, blank=True)
    is_open_on_holidays = models.BooleanField(default=False)
    cutoff_time = models.TimeField(default="14:00")
    capacity_units_per_day = models.PositiveIntegerField(default=1000)
    capacity_lines_soft = models.PositiveIntegerField(default=500)
    putaway_days = models.PositiveSmallIntegerField(default=1)
    express_minutes = models.PositiveSmallIntegerField(default=120)
    receive_minutes = models.PositiveSmallIntegerField(default=60)
    has_pickup = models.BooleanField(default=False)
    pick_cost_parcel = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    pick_cost_line = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    tariff_factor = models.DecimalField(max_digits=5, decimal_places=4, default=1)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class LocationClosure(models.Model):
    """A day on which one location does not work (inventory, renovation)."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="closures")
    date = models.DateField()
    reason = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["location", "date"], name="closure_once")]

    def __str__(self) -> str:
        return f"{self.location_id} {self.date}"


class Holiday(models.Model):
    country = models.CharField(max_length=2, default="RS")
    date = models.DateField()
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["country", "date"], name="holiday_once")]

    def __str__(self) -> str:
        return f"{self.date} {self.name}"


class OutboxEvent(models.Model):
    """A business event, written in the transaction that it tells of.

    `xid` is the writing transaction: readers take only events older than every open transaction, ordered by (xid, id), so a slow
    commit can never slip behind a cursor. `pending` names the handlers that still have to run. `sequence` counts per subject.
    """

    xid = models.BigIntegerField(editable=False)
    topic = models.CharField(max_length=80)
    subject_kind = models.CharField(max_length=40)
    subject_key = models.CharField(max_length=64)
    sequence = models.PositiveIntegerField(editable=False)
    payload = models.JSONField(default=dict)
    actor_id = models.BigIntegerField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    pending = ArrayField(models.CharField(max_length=120), default=list)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    dead_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_key", "sequence"], name="outbox_subject_sequence"
            )
        ]
        indexes = [
            models.Index(fields=["xid", "id"], name="outbox_feed"),
            models.Index(fields=["id"], name="outbox_pending", condition=~Q(pending=[]) & Q(dead_reason="")),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="outbox_number",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    NEW.xid := pg_current_xact_id()::text::bigint;
                    SELECT COALESCE(max(sequence), 0) + 1 INTO NEW.sequence FROM kernel_outboxevent
                     WHERE subject_kind = NEW.subject_kind AND subject_key = NEW.subject_key;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.subject_kind}:{self.subject_key}#{self.sequence}"


class IdempotencyState(models.TextChoices):
    STARTED = "STARTED", "Started"
    DONE = "DONE", "Done"


class IdempotencyKey(models.Model):
    """One answer per caller and key. Claimed in its own short transaction with a lease; an expired lease is taken over and resumed."""

    caller = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=IdempotencyState, default=IdempotencyState.STARTED)
    leased_until = models.DateTimeField()
    subject = models.CharField(max_length=80, blank=True)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.JSONField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="idempotency_caller_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]

    def __str__(self) -> str:
        return f"{self.caller}/{self.key}"
