"""Exchanges in simulated days: agreed by buyers and staff, even or not, looked at and not taken; some goods never come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from oms.models import Exchange, OrderLine
from oms.states import ExchangeState
from oms.workflows import exchanges
from oms.workflows.returns import Asked
from retail.simulation.shoppers import ACCOUNT, NO_ANSWER, REASONS
from retail.simulation.stage import Stage

BESIDE = ("CARD", "BANK_TRANSFER", "CASH_ON_DELIVERY")


class Exchangers:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def agree(self) -> None:
        """Something with its buyer goes back for another title. What was shown must be what is made, once for a key."""
        stage = self.stage
        line = self._line()
        if line is None:
            return
        wanted = self._wish(line)
        is_shopper = stage.chance(0.7)
        shown = stage.attempt(
            "preview exchange",
            lambda: exchanges.preview_exchange(
                order_id=line.order_id, wanted=wanted, now=stage.now, is_shopper=is_shopper
            ),
        )
        if shown is None or stage.chance(0.1):
            return
        if shown.to_pay:
            wanted = replace(wanted, payment_method=stage.rng.choices(BESIDE, [50, 30, 20])[0])
        kind = "dearer" if shown.to_pay else "cheaper" if shown.to_refund else "even"
        if wanted.payment_method == "CARD":
            stage.fault("card", *NO_ANSWER, operation="create", probability=0.15)
        made = self._make(f"exchange {kind}", line.order_id, wanted, shown, is_shopper)
        if made is None:
            return
        if (made.worth, made.total, made.to_pay, made.to_refund) != (
            shown.worth,
            shown.total,
            shown.to_pay,
            shown.to_refund,
        ):
            stage.tally.broken.append(f"{made.number} was exchanged for other sums than were shown")
        if stage.mischief("exchange asked for twice", 0.15):
            again = self._make(f"exchange {kind}", line.order_id, wanted, shown, is_shopper)
            if again is not None and again.number != made.number:
                stage.tally.broken.append(f"{made.number} was exchanged twice with one key")

    def _line(self) -> OrderLine | None:
        stage = self.stage
        lines = list(
            OrderLine.objects.filter(
                kind="GOODS", quantity_dispatched__gt=0, order__placed_at__gt=stage.now - timedelta(days=15)
            )
            .select_related("order")
            .order_by("pk")
        )
        return stage.one_of(lines) if lines else None

    def _wish(self, line: OrderLine) -> exchanges.Wanted:
        stage = self.stage
        units = line.quantity_dispatched if stage.chance(0.4) else 1
        instead = stage.one_of(stage.world.everything).sku
        has_document = stage.chance(0.85)
        return exchanges.Wanted(
            back=[Asked(line.sku, units, stage.one_of(REASONS))],
            instead=[(instead, units if stage.chance(0.8) else stage.rng.randint(1, 3))],
            buyer_id_kind="20" if has_document else "",
            buyer_id=f"{stage.rng.randint(1, 999_999_999):09d}" if has_document else "",
            bank_account=ACCOUNT if stage.chance(0.5) else "",
            idempotency_caller="simulation:exchange",
            idempotency_key=stage.key(),
        )

    def _make(
        self,
        act: str,
        order_id: int,
        wanted: exchanges.Wanted,
        shown: exchanges.Outcome,
        is_shopper: bool,
    ) -> exchanges.Outcome | None:
        stage = self.stage
        agreed = stage.attempt(
            act,
            lambda: exchanges.exchange(
                order_id=order_id,
                wanted=wanted,
                by=None if is_shopper else stage.world.people["vesna"],
                now=stage.now,
                is_shopper=is_shopper,
                expected_pay=shown.to_pay,
                expected_refund=shown.to_refund,
            ),
        )
        if agreed is None:
            return None
        if stage.mischief("exchanged goods never come", 0.12):
            stage.world.never_sent.add(agreed.returned.number)
        return agreed.outcome

    def send_ahead(self) -> None:
        """Staff trust a buyer: the new goods leave before the old ones are here."""
        stage = self.stage
        waiting = list(
            Exchange.objects.filter(state=ExchangeState.WAITING, sent_ahead_at=None)
            .select_related("order")
            .order_by("pk")
        )
        if not waiting:
            return
        number = stage.one_of(waiting).order.number
        for _ in range(2 if stage.mischief("sent ahead by two", 0.1) else 1):
            stage.attempt(
                "send ahead",
                lambda: exchanges.send_ahead(number=number, by=stage.world.people["dragan"], now=stage.now),
            )
