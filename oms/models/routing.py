"""Where an order is to leave from, and who may say so."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from audit.models import Proposal
from oms.models.delivery import CarrierService
from oms.models.orders import Order
from oms.states import DecisionState
from retail.kernel.models import Location
from storefront.models import Channel


class RoutingRule(models.Model):
    """Filters and weights of routing, and the limit below which a proposal ratifies itself."""

    name = models.CharField(max_length=120)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    weights = models.JSONField(default=dict, blank=True)
    excluded_locations = models.ManyToManyField(Location, blank=True, related_name="+")
    excluded_services = models.ManyToManyField(CarrierService, blank=True, related_name="+")
    ratify_value_below = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class RoutingDecision(models.Model):
    """The chosen plan with all its terms, the best plan of each other kind, and per location its best cost or why not."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="decisions")
    proposal = models.OneToOneField(
        Proposal, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=DecisionState, default=DecisionState.PROPOSED)
    order_version = models.PositiveIntegerField()
    # [{"line": position, "quantity": n, "location": code, "service": code or null, "parcel": n}]
    plan = models.JSONField(default=list)
    terms = models.JSONField(default=dict)
    cost = models.DecimalField(max_digits=12, decimal_places=2)
    runners_up = models.JSONField(default=list)
    by_location = models.JSONField(default=dict)
    is_late = models.BooleanField(default=False)
    compute_ms = models.FloatField(default=0)
    ratified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ratified_by_rule = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ratified_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["order", "-created_at"], name="decision_order")]

    def __str__(self) -> str:
        return f"plan of {self.order_id}: {self.cost}"
