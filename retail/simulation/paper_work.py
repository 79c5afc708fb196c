"""Electronic invoices after they were sent: buyers approve or reject them, some are withdrawn and made anew; and suppliers' invoices."""

from __future__ import annotations

from django.db.models import Q

from finance import workflows as money
from finance.models import EInvoice, PurchaseInvoice
from finance.operations import einvoices
from retail.kernel.clock import business_date
from retail.simulation.stage import Stage

WITHDRAWABLE = ("SENT", "APPROVED", "REJECTED", "MISTAKE", "REFUSED")
UNDER_WAY = ("QUEUED", "SENDING", "BLOCKED_BY_ADVANCE", "BLOCKED_BY_SOURCE")
OPEN_PURCHASES = ("New", "Seen", "ReNotified")


class Papers:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ceca = stage.world.people["ceca"]
        self._supplied = 0

    def buyers(self) -> None:
        """What buyers do with what SEF brought them."""
        stage = self.stage
        for number in stage.outside.documents_at_buyers():
            is_rejected = stage.mischief("invoice rejected by its buyer", 0.1)
            stage.outside.decide_document(number, "Rejected" if is_rejected else "Approved")

    def withdraw(self) -> None:
        """A mistake is found: canceled or reversed at SEF, mostly with a successor that puts the buyer's data right."""
        stage = self.stage
        found = list(EInvoice.objects.filter(state__in=WITHDRAWABLE, withdrawal="").order_by("pk"))
        rejected = [one for one in found if one.state == "REJECTED"]
        if not found or not (rejected or stage.chance(0.3)):
            return
        einvoice = stage.one_of(rejected or found)
        is_replaced = stage.chance(0.8)
        for _ in range(2 if stage.mischief("invoice withdrawn twice", 0.1) else 1):
            stage.attempt(
                "withdraw invoice",
                lambda: einvoices.request_withdrawal(
                    einvoice_id=einvoice.pk,
                    reason="pogrešna adresa",
                    is_to_be_replaced=is_replaced,
                    corrections={"buyer_street": "Nova 2"} if is_replaced else None,
                    by=self.ceca,
                    now=stage.now,
                ),
            )

    def supply(self) -> None:
        """A supplier's invoice comes to SEF, and with the next look to us."""
        stage = self.stage
        self._supplied += 1
        net = stage.rng.randint(1_000, 90_000)
        stage.outside.supply(
            {
                "number": f"D-{self._supplied}",
                "supplier_name": "Distribucija d.o.o.",
                "amount": net * 1.1,
                "net": net,
                "tax": net * 0.1,
                "due_date": business_date(stage.now).isoformat(),
            }
        )
        stage.tally.acts["supplier's invoice came"] += 1

    def look_at_purchases(self) -> None:
        entity, now = self.stage.world.entity, self.stage.now
        self.stage.attempt("pull suppliers' invoices", lambda: money.pull_purchases(entity=entity, now=now))

    def decide(self) -> None:
        """Accepted, or rejected with a reason; SEF hears of it from the sweep."""
        stage = self.stage
        waiting = list(PurchaseInvoice.objects.filter(status__in=OPEN_PURCHASES, decision="").order_by("pk"))
        if not waiting:
            return
        purchase = stage.one_of(waiting)
        is_accepted = stage.chance(0.8)
        for _ in range(2 if stage.mischief("supplier's invoice decided twice", 0.1) else 1):
            stage.attempt(
                "decide on a supplier's invoice",
                lambda: money.decide_purchase(
                    purchase_id=purchase.pk,
                    is_accepted=is_accepted,
                    comment="" if is_accepted else "nije naručeno",
                    by=self.ceca,
                    now=stage.now,
                ),
            )

    def is_waiting(self) -> bool:
        """Whether a document is on its way, or SEF has not heard yet what persons decided."""
        under_way = EInvoice.objects.filter(Q(state__in=UNDER_WAY) | ~Q(withdrawal=""))
        untold = PurchaseInvoice.objects.exclude(decision="").filter(told_at=None)
        return under_way.exists() or untold.exists()

    def compare(self) -> None:
        """At the end: SEF has every document once and none that we do not know of, and heard every decision."""
        broken = self.stage.tally.broken
        known = set(EInvoice.objects.exclude(sales_id=None).values_list("invoice__number", flat=True))
        seen: set[str] = set()
        for document in self.stage.outside.documents():
            number = str(document["number"])
            if number not in known or number in seen:
                broken.append(f"SEF has {number} twice, or we do not know that it is there")
            seen.add(number)
        for number in sorted(known - seen):
            broken.append(f"{number} is said to be at SEF and is not")
        for purchase in PurchaseInvoice.objects.exclude(decision="").filter(told_at=None):
            broken.append(f"SEF never heard what was decided on {purchase.number}: {purchase.failure}")
        for einvoice in EInvoice.objects.exclude(withdrawal="").select_related("invoice"):
            broken.append(f"{einvoice.invoice.number} was to be withdrawn and is not: {einvoice.state}")
