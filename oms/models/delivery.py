"""How goods reach people: ways, zones, carriers, slots, lockers, lanes."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from oms.states import DeliveryKind
from retail.kernel.models import Location
from storefront.models import Channel


class DeliveryMethod(models.Model):
    """A way in which goods reach the shopper; what is shown but not orderable yet says so."""

    code = models.CharField(max_length=20, choices=DeliveryKind, unique=True)
    name = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    is_orderable = models.BooleanField(default=False)
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class DeliveryRate(models.Model):
    """What the shopper pays for delivery (gross), apart from the carrier's tariff; the best matching entry wins."""

    method = models.ForeignKey(DeliveryMethod, on_delete=models.CASCADE, related_name="rates")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="+")
    weight_grams_max = models.PositiveIntegerField(null=True, blank=True)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    free_from = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(amount__gte=0), name="delivery_rate_not_negative")]

    def __str__(self) -> str:
        return f"{self.method_id} {self.amount}"


class DeliveryZone(models.Model):
    """Postcodes with the same lanes."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class DeliveryPostcode(models.Model):
    postal_code = models.CharField(max_length=12, unique=True)
    place = models.CharField(max_length=100)
    zone = models.ForeignKey(DeliveryZone, on_delete=models.PROTECT, related_name="postcodes")
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    population = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.postal_code} {self.place}"


class Carrier(models.Model):
    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=80)
    phone = models.CharField(max_length=30, blank=True)

    def __str__(self) -> str:
        return self.name


class CarrierService(models.Model):
    """One product of a carrier. `position` is the service number of the routing engine: ties go to the lower one."""

    carrier = models.ForeignKey(Carrier, on_delete=models.PROTECT, related_name="services")
    code = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(unique=True)
    collect_days = ArrayField(models.PositiveSmallIntegerField(), default=list)
    deliver_days = ArrayField(models.PositiveSmallIntegerField(), default=list)
    weight_grams_max = models.PositiveIntegerField(default=20000)
    cod_percent = models.DecimalField(max_digits=6, decimal_places=4, default=0)
    cod_minimum = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.carrier} {self.name}"


class DeliverySlot(models.Model):
    """Hours in which a service brings a parcel on some of its days, when the shopper asks for them."""

    service = models.ForeignKey(CarrierService, on_delete=models.CASCADE, related_name="slots")
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list)
    begins = models.TimeField()
    ends = models.TimeField()
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["service", "begins"]
        constraints = [
            models.CheckConstraint(condition=Q(begins__lt=F("ends")), name="delivery_slot_begins_first"),
            models.UniqueConstraint(fields=["service", "begins", "ends"], name="delivery_slot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


class ParcelLocker(models.Model):
    """A locker of a carrier; `service` brings parcels to it."""

    service = models.ForeignKey(CarrierService, on_delete=models.CASCADE, related_name="lockers")
    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    street = models.CharField(max_length=200)
    city = models.CharField(max_length=100)
    postal_code = models.CharField(max_length=12)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class CarrierTariff(models.Model):
    """Net price of a parcel up to a weight, as published; `source` says where."""

    service = models.ForeignKey(CarrierService, on_delete=models.CASCADE, related_name="tariffs")
    weight_grams_to = models.PositiveIntegerField()
    price_net = models.DecimalField(max_digits=10, decimal_places=2)
    source = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["service", "weight_grams_to"]
        constraints = [
            models.UniqueConstraint(fields=["service", "weight_grams_to"], name="tariff_band_once")
        ]

    def __str__(self) -> str:
        return f"≤ {self.weight_grams_to} g: {self.price_net}"


class Lane(models.Model):
    """A service that runs from a location to a zone, with its lead in delivery days."""

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="+")
    zone = models.ForeignKey(DeliveryZone, on_delete=models.CASCADE, related_name="lanes")
    service = models.ForeignKey(CarrierService, on_delete=models.CASCADE, related_name="lanes")
    lead_days = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "location", "service"], name="lane_once")]

    def __str__(self) -> str:
        return f"{self.location_id} → {self.zone_id} in {self.lead_days}"
