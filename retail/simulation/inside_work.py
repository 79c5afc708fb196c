"""Between the places and on the shelves: transfers that are asked for, sent and received, counts that somebody else approves."""

from __future__ import annotations

from retail.simulation.stage import Stage
from retail.simulation.world import put_away_all
from warehouse import workflows as goods
from warehouse.models import Bin, StockCount, StockItem, Transfer
from warehouse.operations import transfers
from warehouse.operations.transfer_arrivals import ArrivedUnits


class Inside:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.bojan, self.dragan = stage.world.people["bojan"], stage.world.people["dragan"]

    # -- transfers ---------------------------------------------------------------------------------------------

    def ask_for_transfer(self) -> None:
        """A few titles from one place to another; sometimes more than is free."""
        stage = self.stage
        places = list(stage.world.places.values())
        source = stage.one_of(places)
        target = stage.one_of([place for place in places if place.pk != source.pk])
        items = list(
            StockItem.objects.filter(location=source, is_sellable=True, on_hand__gt=0)
            .order_by("variant_id", "pk")
            .distinct("variant_id")
        )
        if not items:
            return
        chosen = stage.rng.sample(items, min(len(items), stage.rng.randint(1, 3)))
        lines = [
            transfers.WantedUnits(item.variant_id, stage.rng.randint(1, min(4, item.on_hand)))
            for item in chosen
        ]
        stage.attempt(
            "ask for transfer",
            lambda: transfers.request_transfer(
                source_id=source.pk, target_id=target.pk, lines=lines, by=self.bojan, now=stage.now
            ),
        )

    def send_transfer(self) -> None:
        """Whole or in part, or called off."""
        stage = self.stage
        asked = list(Transfer.objects.filter(status="REQUESTED").order_by("pk"))
        if not asked:
            return
        transfer = stage.one_of(asked)
        if stage.chance(0.1):
            stage.attempt(
                "cancel transfer",
                lambda: transfers.cancel_transfer(transfer_id=transfer.pk, by=self.bojan, now=stage.now),
            )
            return
        lines = None
        if stage.mischief("missing for a transfer", 0.12):
            self._report_missing(transfer)
        elif stage.chance(0.2):
            lines = [
                transfers.WantedUnits(line.variant_id, stage.rng.randint(0, line.quantity))
                for line in transfer.lines.order_by("pk")
            ]
        for _ in range(2 if stage.mischief("transfer sent twice", 0.1) else 1):
            stage.attempt(
                "send transfer",
                lambda: transfers.ship_transfer(
                    transfer_id=transfer.pk, lines=lines, by=self.bojan, now=stage.now
                ),
            )

    def _report_missing(self, transfer: Transfer) -> None:
        """Fewer lie there than are claimed; whoever ordered them gets others, or hears of it."""
        stage = self.stage
        line = stage.one_of(list(transfer.lines.order_by("pk")))
        stage.attempt(
            "report missing",
            lambda: goods.report_missing(
                transfer_id=transfer.pk,
                variant_id=line.variant_id,
                quantity_found=stage.rng.randint(0, line.quantity - 1),
                by=self.bojan,
                now=stage.now,
            ),
        )

    def receive_transfer(self) -> None:
        """At the other door: over, short, damaged, in one delivery or in several."""
        stage = self.stage
        coming = list(
            Transfer.objects.filter(status__in=["SHIPPED", "PARTLY_RECEIVED"])
            .select_related("target")
            .order_by("pk")
        )
        if not coming:
            return
        transfer = stage.one_of(coming)
        arrived = []
        for line in transfer.lines.filter(quantity_shipped__gt=0).order_by("pk"):
            came = max(0, line.under_way + stage.rng.choice([0, 0, 0, 0, -1, 1]))
            if came != line.under_way:
                stage.tally.faults["transfer over or short"] += 1
            damaged = min(came, stage.rng.choice([0, 0, 0, 1]))
            arrived.append(ArrivedUnits(line.variant_id, came - damaged, damaged))
        received = stage.attempt(
            "receive transfer",
            lambda: goods.receive_transfer(
                transfer_id=transfer.pk,
                lines=arrived,
                is_complete=stage.chance(0.6),
                by=self.bojan,
                now=stage.now,
            ),
        )
        if received is not None:
            self._put_away(transfer)

    def _put_away(self, transfer: Transfer) -> None:
        """What nobody waits for; ordered units lie on the packing table by now."""
        stage = self.stage
        free = StockItem.objects.filter(
            location=transfer.target,
            bin__kind="RECEIVING",
            on_hand__gt=0,
            variant__in=transfer.lines.values("variant"),
        )
        for item in free.order_by("variant_id", "pk"):
            stage.attempt(
                "put away",
                lambda one=item: put_away_all(  # type: ignore[misc]
                    stage.world, transfer.target, one.variant_id, one.on_hand, stage.rng, stage.now
                ),
            )

    # -- counts ------------------------------------------------------------------------------------------------

    def start_count(self) -> None:
        stage = self.stage
        shelf = stage.one_of(list(Bin.objects.filter(kind="STORAGE").order_by("pk")))
        stage.attempt(
            "start count",
            lambda: goods.start_count(bin_id=shelf.pk, by=self.bojan, now=stage.now),
        )

    def record_count(self) -> None:
        """Somebody counted; while he walked, others picked from the shelf."""
        stage = self.stage
        open_ones = list(StockCount.objects.filter(status="OPEN").order_by("pk"))
        if not open_ones:
            return
        count = stage.one_of(open_ones)
        if stage.chance(0.1):
            stage.attempt(
                "cancel count",
                lambda: goods.cancel_count(count_id=count.pk, by=self.bojan, now=stage.now),
            )
            return
        counted = []
        for item in StockItem.objects.filter(bin=count.bin_id, on_hand__gt=0).order_by("variant_id"):
            difference = stage.rng.choice([0] * 8 + [-2, -1, 1, 3])
            counted.append(goods.CountedUnits(item.variant_id, max(0, item.on_hand + difference)))
        stage.attempt(
            "record count",
            lambda: goods.record_count(
                count_id=count.pk,
                counted=counted,
                is_whole=stage.chance(0.5),
                by=self.bojan,
                now=stage.now,
            ),
        )

    def approve_count(self) -> None:
        """Differences that are worth much wait for another person; whoever counted may not."""
        stage = self.stage
        waiting = list(StockCount.objects.filter(status="WAITING").order_by("pk"))
        if not waiting:
            return
        count = stage.one_of(waiting)
        if stage.mischief("own count approved", 0.1) and self._approve(count, is_own=True) is not None:
            stage.tally.broken.append(f"{count.number} was approved by whoever counted")
        if stage.chance(0.1):
            stage.attempt(
                "cancel count",
                lambda: goods.cancel_count(count_id=count.pk, by=self.dragan, now=stage.now),
            )
            return
        self._approve(count)

    def _approve(self, count: StockCount, *, is_own: bool = False) -> StockCount | None:
        by = self.bojan if is_own else self.dragan
        return self.stage.attempt(
            "approve count",
            lambda: goods.approve_count(count_id=count.pk, by=by, now=self.stage.now),
        )
