"""Orders that change their mind before they are picked: shown what would be, then applied, or not."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from oms.models import Order
from oms.workflows import changes
from oms.workflows.changes import Changes
from retail.simulation.shoppers import NO_ANSWER
from retail.simulation.stage import Stage
from retail.simulation.world import TOWNS


class OrderChanges:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.vesna = stage.world.people["vesna"]

    def change(self) -> None:
        """More, fewer, other titles, another address. The preview must say exactly what applying then does."""
        stage = self.stage
        orders = list(
            Order.objects.filter(
                status__in=["PENDING_PAYMENT", "PLACED", "ON_HOLD"],
                placed_at__gt=stage.now - timedelta(days=3),
            ).order_by("pk")
        )
        if not orders:
            return
        order = stage.one_of(orders)
        wanted = self._wish(order)
        shown = stage.attempt(
            "preview change",
            lambda: changes.preview_changes(order_id=order.pk, changes=wanted, now=stage.now),
        )
        if shown is None or stage.chance(0.1):
            return
        if stage.mischief("order changed by two", 0.1):
            self._somebody_else(order)
        stage.fault("card", *NO_ANSWER, operation="create", probability=0.1)
        for _ in range(2 if stage.mischief("change applied twice", 0.1) else 1):
            done = stage.attempt(
                "apply change",
                lambda: changes.apply_changes(
                    order_id=order.pk,
                    changes=wanted,
                    version=shown.version,
                    expected_total=shown.total,
                    by=self.vesna,
                    now=stage.now,
                ),
            )
            if done is not None and done.outcome != shown:
                stage.tally.broken.append(f"{order.number} was changed into something else than was shown")

    def _wish(self, order: Order) -> Changes:
        stage = self.stage
        lines: dict[str, int] = {}
        for line in order.lines.filter(kind="GOODS").order_by("pk"):
            left = line.quantity - line.quantity_canceled - line.quantity_dispatched
            if stage.chance(0.6):
                lines[line.sku] = max(0, left + stage.rng.choice(self._steps(order)))
        if self._may_grow(order) and stage.chance(0.4):
            lines[stage.one_of(stage.world.everything).sku] = stage.rng.choice([1, 1, 2, 3])
        if order.delivery_method == "HOME_DELIVERY" and stage.chance(0.2):
            postal_code, city = stage.one_of(TOWNS)
            return Changes(street="Nova 2", city=city, postal_code=postal_code, lines=sorted(lines.items()))
        return Changes(lines=sorted(lines.items()), note="pozvoniti" if stage.chance(0.2) else None)

    def _steps(self, order: Order) -> list[int]:
        return [-3, -1, -1, 1, 1, 2] if self._may_grow(order) else [-3, -1, -1]

    def _may_grow(self, order: Order) -> bool:
        """What was paid beforehand only shrinks: nobody here follows a second attempt on a confirmed order."""
        return order.status == "PENDING_PAYMENT" or order.payment_method == "CASH_ON_DELIVERY"

    def _somebody_else(self, order: Order) -> None:
        stage = self.stage
        stage.attempt(
            "apply change of somebody else",
            lambda: changes.apply_changes(
                order_id=order.pk,
                changes=Changes(phone=f"+3816099{stage.rng.randint(10_000, 99_999)}"),
                version=Order.objects.values_list("version", flat=True).get(pk=order.pk),
                expected_total=Decimal(order.total),
                by=self.vesna,
                now=stage.now,
            ),
        )
