"""Gift cards: money that was paid for something to come, whoever brings the code."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from audit.triggers import append_only
from crm.models.people import Customer
from crm.states import GiftCardReason
from retail.kernel.models import LegalEntity, new_public_id


class GiftCard(models.Model):
    """A card of one company in one currency. It is worth something from its first entry on; its code is kept only as a digest.

    `balance` is the sum of the entries: a trigger on them keeps it, and the database refuses one below zero.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_public_id, editable=False)
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+", db_index=False)
    currency = models.CharField(max_length=3, default="RSD")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    balance = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    # The code is made when its letter is: nobody but the recipient ever has it. A new letter makes a new one.
    code_digest = models.CharField(max_length=64, blank=True)
    last_four = models.CharField(max_length=4, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    blocked_at = models.DateTimeField(null=True, blank=True)
    block_reason = models.CharField(max_length=200, blank=True)
    # The order that sells it, and whose account bought it.
    order_number = models.CharField(max_length=24)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, null=True, blank=True, related_name="gift_cards", db_index=False
    )
    sender_name = models.CharField(max_length=120, blank=True)
    recipient_name = models.CharField(max_length=120, blank=True)
    recipient_email = models.EmailField()
    message = models.CharField(max_length=500, blank=True)
    language = models.CharField(max_length=10, default="sr-latn")
    send_on = models.DateField()
    sent_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(balance__gte=0, balance__lte=F("amount"), amount__gt=0),
                name="gift_card_never_below_zero",
            ),
            models.UniqueConstraint(
                fields=["code_digest"], condition=~Q(code_digest=""), name="gift_card_code_once"
            ),
            models.CheckConstraint(
                condition=Q(blocked_at__isnull=True) | ~Q(block_reason=""), name="gift_card_block_has_reason"
            ),
        ]
        indexes = [
            models.Index(fields=["order_number"], name="gift_card_order"),
            models.Index(fields=["last_four"], name="gift_card_last_four", condition=~Q(last_four="")),
            models.Index(fields=["recipient_email"], name="gift_card_recipient"),
            models.Index(fields=["customer"], name="gift_card_customer", condition=Q(customer__isnull=False)),
            models.Index(fields=["send_on"], name="gift_card_to_send", condition=Q(sent_at__isnull=True)),
            models.Index(fields=["expires_on"], name="gift_card_expiry", condition=Q(balance__gt=0)),
        ]

    def __str__(self) -> str:
        return f"•••• {self.last_four or self.public_id[:6]}"


class GiftCardEntry(models.Model):
    """One change of a card's balance, with the document whose journal entry says the same."""

    card = models.ForeignKey(GiftCard, on_delete=models.PROTECT, related_name="entries")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    reason = models.CharField(max_length=10, choices=GiftCardReason)
    # The journal entry's document.
    source_kind = models.CharField(max_length=30)
    source_key = models.CharField(max_length=64)
    order_number = models.CharField(max_length=24, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "gift card entries"
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="gift_card_entry_moves"),
            models.UniqueConstraint(
                fields=["card", "source_kind", "source_key"], name="gift_card_entry_once"
            ),
        ]
        indexes = [
            models.Index(fields=["order_number"], name="gift_card_entry_order", condition=~Q(order_number=""))
        ]
        triggers = [
            *append_only("giftcardentry"),
            pgtrigger.Trigger(
                name="gift_card_balance_follows",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                func="UPDATE crm_giftcard SET balance = balance + NEW.amount WHERE id = NEW.card_id; RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+} {self.reason}"
