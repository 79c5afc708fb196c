from django.db import models
from django.utils.translation import gettext_lazy as _


class ProposalState(models.TextChoices):
    OPEN = "OPEN", _("Waiting")
    RATIFIED = "RATIFIED", _("Ratified")
    REJECTED = "REJECTED", _("Rejected")
    STALE = "STALE", _("Out of date")


PROPOSAL_MOVES = {ProposalState.OPEN: {ProposalState.RATIFIED, ProposalState.REJECTED, ProposalState.STALE}}


class DeliveryState(models.TextChoices):
    PENDING = "PENDING", _("Waiting")
    DELIVERED = "DELIVERED", _("Delivered")
    FAILED = "FAILED", _("Given up")


DELIVERY_MOVES = {
    DeliveryState.PENDING: {DeliveryState.DELIVERED, DeliveryState.FAILED},
    DeliveryState.FAILED: {DeliveryState.PENDING},
    DeliveryState.DELIVERED: {DeliveryState.PENDING},
}
