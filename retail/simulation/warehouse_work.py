"""The warehouse and the stores: ratify, pick, pack, send, hand over, count, receive, and what carriers do with parcels."""

from __future__ import annotations

from audit.models import Proposal
from oms.models import Order, OrderException
from oms.workflows import routing
from retail.kernel.models import Location
from retail.simulation.shoppers import MESSAGE_FAULTS, NO_ANSWER
from retail.simulation.stage import Stage
from retail.simulation.world import put_away_all
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Bin, Parcel, PurchaseOrder, Reservation, Shipment, StockItem
from warehouse.selectors import order_claims


class Warehouse:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.bojan = stage.world.people["bojan"]

    # -- plans -------------------------------------------------------------------------------------------------

    def decide(self, *, at_most: int = 4) -> None:
        """An ops lead looks at the queue: most plans are ratified, some rejected and made again."""
        stage = self.stage
        dragan = stage.world.people["dragan"]
        for proposal in Proposal.objects.filter(state="OPEN", kind=routing.KIND).order_by("pk")[:at_most]:
            if stage.chance(0.05):
                stage.attempt(
                    "reject plan",
                    lambda p=proposal: routing.reject_routing(  # type: ignore[misc]
                        public_id=p.public_id, reason="other carrier", by=dragan, now=stage.now
                    ),
                )
            else:
                stage.attempt(
                    "ratify plan",
                    lambda p=proposal: routing.ratify_routing(  # type: ignore[misc]
                        public_id=p.public_id, by=dragan, now=stage.now
                    ),
                )

    def plan_again(self, *, at_most: int = 5) -> None:
        """Orders that have no plan in the queue: rejected, displaced, or not routable the last time."""
        stage = self.stage
        unpicked = Reservation.objects.filter(
            state="ALLOCATED",
            shipment__isnull=True,
            transfer_line__isnull=True,
            order_line__order__status__in=["PLACED", "IN_FULFILLMENT"],
        )
        ids = sorted(set(unpicked.values_list("order_line__order_id", flat=True)))
        numbers = set(Proposal.objects.filter(state="OPEN").values_list("subject_key", flat=True))
        for order in Order.objects.filter(pk__in=ids).exclude(number__in=numbers).order_by("pk")[:at_most]:
            stage.attempt(
                "plan again",
                lambda o=order: routing.route_order(order_id=o.pk, now=stage.now),  # type: ignore[misc]
            )

    def reassign(self) -> None:
        """A plan that nobody has picked yet is made once more on what is there now; ratified, it moves the claims."""
        stage = self.stage
        ready = list(Order.objects.filter(status="PLACED", fulfillment_status="ROUTED").order_by("pk"))
        if not ready:
            return
        order = stage.one_of(ready)
        decision = stage.attempt("plan anew", lambda: routing.route_order(order_id=order.pk, now=stage.now))
        if decision is not None and decision.proposal is not None and decision.proposal.state == "OPEN":
            public_id = decision.proposal.public_id
            stage.attempt(
                "reassign",
                lambda: routing.ratify_routing(
                    public_id=public_id, by=stage.world.people["dragan"], now=stage.now
                ),
            )

    # -- picking and sending -----------------------------------------------------------------------------------

    def pick(self) -> None:
        """One open shipment: in one walk or in two; now and then the shelf holds fewer units than the rows say."""
        stage = self.stage
        ready = list(Shipment.objects.filter(status="READY", is_packed=False).order_by("pk"))
        if not ready:
            return
        shipment = stage.one_of(ready)
        claims = [
            claim
            for claim in order_claims(order_id=shipment.order_id)
            if claim.shipment_number == shipment.number and claim.state == "ALLOCATED"
        ]
        if claims and stage.chance(0.08):
            self._short(shipment)
            return
        picks = [
            stock.Pick(claim.sku, claim.bin, claim.quantity if stage.chance(0.85) else 1) for claim in claims
        ]
        if not picks:
            return
        for _ in range(2 if stage.mischief("pick scanned twice", 0.05) else 1):
            stage.attempt(
                "pick",
                lambda: stock.pick(shipment_id=shipment.pk, picks=picks, by=self.bojan, now=stage.now),
            )

    def _short(self, shipment: Shipment) -> None:
        stage = self.stage
        claim = (
            Reservation.objects.filter(shipment=shipment, state="ALLOCATED")
            .select_related("stock_item")
            .order_by("pk")
            .first()
        )
        if claim is None:
            return
        found = stage.rng.randint(0, claim.quantity - 1)
        reason = stage.one_of(("MISSING", "DAMAGED"))
        spare = max(claim.stock_item.on_hand - claim.quantity, 0)
        left = stage.rng.randint(0, spare) if reason == "MISSING" else 0
        stage.tally.faults["short pick"] += 1
        stage.attempt(
            f"short pick {reason}",
            lambda: goods.short_pick(
                shipment_id=shipment.pk,
                claim_id=claim.pk,
                quantity_found=found,
                reason=reason,
                left_on_shelf=left,
                by=self.bojan,
                now=stage.now,
            ),
        )

    def pack(self) -> None:
        stage = self.stage
        for shipment in Shipment.objects.filter(status="READY", is_packed=False).order_by("pk")[:30]:
            claims = list(Reservation.objects.filter(shipment=shipment, state__in=["ALLOCATED", "PICKED"]))
            if not claims or any(claim.state != "PICKED" for claim in claims):
                continue
            parcels = [stock.ParcelSpec(400)] * (2 if stage.chance(0.1) else 1)
            stage.attempt(
                "pack",
                lambda s=shipment, p=parcels: stock.pack(  # type: ignore[misc]
                    shipment_id=s.pk, parcels=p, by=self.bojan, now=stage.now
                ),
            )

    def send(self) -> None:
        """The courier is here, or the shopper with the code."""
        stage = self.stage
        # A card that cannot be charged is the inbox's case by now.
        held = OrderException.objects.filter(kind="AUTHORIZATION_EXPIRED", state="OPEN").values("order")
        packed = list(
            Shipment.objects.filter(status="READY", is_packed=True).exclude(order__in=held).order_by("pk")
        )
        if not packed:
            return
        shipment = stage.one_of(packed)
        stage.fault("card", *NO_ANSWER, operation="capture", probability=0.15)
        stage.fault("card", *MESSAGE_FAULTS, probability=0.15)
        if shipment.method == "STORE_PICKUP":
            code = shipment.handover_code
            if stage.mischief("wrong pickup code", 0.1) and self._hand_over(shipment, "000") is not None:
                stage.tally.broken.append(f"{shipment.number} was handed over without its code")
            if stage.chance(0.8):
                self._hand_over(shipment, code)
            return
        for _ in range(2 if stage.mischief("dispatched twice", 0.08) else 1):
            stage.attempt(
                "dispatch",
                lambda: goods.dispatch_shipment(shipment_id=shipment.pk, by=self.bojan, now=stage.now),
            )

    def _hand_over(self, shipment: Shipment, code: str) -> Shipment | None:
        return self.stage.attempt(
            "hand over",
            lambda: goods.hand_over(shipment_id=shipment.pk, code=code, by=self.bojan, now=self.stage.now),
        )

    # -- on the road -------------------------------------------------------------------------------------------

    def carry(self) -> None:
        """The courier is so far with a parcel, and tells us, or forgets to."""
        stage = self.stage
        under_way = list(
            Parcel.objects.filter(announced_at__isnull=False, shipment__status="DISPATCHED").order_by("pk")
        )
        if not under_way:
            return
        parcel = stage.one_of(under_way)
        status = stage.rng.choices(
            ["IN_TRANSIT", "DELIVERED", "REFUSED", "UNDELIVERABLE", "LOST"], weights=[10, 78, 5, 5, 2]
        )[0]
        stage.fault("carrier", *MESSAGE_FAULTS, probability=0.25)
        if stage.outside.move_parcel(parcel.number, status):
            stage.tally.acts[f"parcel {status}"] += 1
            if status not in ("IN_TRANSIT", "DELIVERED"):
                stage.tally.faults[f"parcel {status}"] += 1

    def read_tracking(self, messages: list[tuple[dict[str, str], bytes]]) -> None:
        for headers, body in messages:
            self.stage.attempt(
                "tracking message",
                lambda h=headers, b=body: goods.receive_carrier_event(  # type: ignore[misc]
                    headers=h, raw_body=b, now=self.stage.now
                ),
            )

    def take_back(self) -> None:
        """An undelivered parcel is here again, some of it broken; or the courier tries once more and succeeds."""
        stage = self.stage
        back = list(Shipment.objects.filter(status="UNDELIVERED").order_by("pk"))
        if not back:
            return
        shipment = stage.one_of(back)
        if stage.chance(0.15):
            stage.attempt(
                "deliver at second try",
                lambda: goods.deliver(shipment_id=shipment.pk, by=None, now=stage.now),
            )
            return
        claims = list(Reservation.objects.filter(shipment=shipment, state="DISPATCHED").order_by("pk"))
        damaged = {claims[0].variant_id: 1} if claims and stage.chance(0.2) else None
        place = stage.one_of(list(stage.world.places.values()))
        stage.attempt(
            "return to sender",
            lambda: goods.return_to_sender(
                shipment_id=shipment.pk, location_id=place.pk, damaged=damaged, by=self.bojan, now=stage.now
            ),
        )

    # -- shelves -----------------------------------------------------------------------------------------------

    def put_back(self, *, at_most: int = 3) -> None:
        """Canceled after the pick: back to the shelf."""
        tasks = Reservation.objects.filter(
            is_put_back=True, state__in=["HELD", "ALLOCATED", "PICKED", "PACKED"]
        ).order_by("pk")
        for claim in tasks[:at_most]:
            self.stage.attempt(
                "put back",
                lambda c=claim: stock.put_back(claim_id=c.pk, by=self.bojan, now=self.stage.now),  # type: ignore[misc]
            )

    def count(self) -> None:
        """The shelf holds something else than the rows say; claims that it cannot carry give way."""
        stage = self.stage
        items = list(StockItem.objects.filter(is_sellable=True, on_hand__gt=0).order_by("pk"))
        if not items:
            return
        item = stage.one_of(items)
        what = stage.rng.choices(["count", "write off", "damage"], weights=[70, 15, 15])[0]
        if what == "write off":
            stage.attempt(
                "write off",
                lambda: goods.write_off(
                    variant_id=item.variant_id,
                    bin_id=item.bin_id,
                    quantity=1,
                    reference=stage.key(),
                    by=self.bojan,
                    now=stage.now,
                ),
            )
            return
        if what == "damage":
            stage.attempt(
                "damage",
                lambda: goods.adjust_stock(
                    variant_id=item.variant_id,
                    location_id=item.location_id,
                    bin_id=item.bin_id,
                    delta=-1,
                    reason="DAMAGE",
                    reference=stage.key(),
                    displace=stage.chance(0.5),
                    by=self.bojan,
                    now=stage.now,
                ),
            )
            return
        counted = max(item.on_hand + stage.rng.choice([-4, -2, -1, -1, 1, 2]), 0)
        stage.attempt(
            "count",
            lambda: goods.count_bin(
                bin_id=item.bin_id,
                variant_id=item.variant_id,
                counted=counted,
                reference=stage.key(),
                by=self.bojan,
                now=stage.now,
            ),
        )

    def order_goods(self) -> None:
        """What is running out is ordered from the supplier."""
        stage = self.stage
        place = stage.one_of([p for p in stage.world.places.values() if p.kind == "WAREHOUSE"])
        scarce = list(
            StockItem.objects.filter(location=place, is_sellable=True, on_hand__lt=6)
            .order_by("pk")
            .values_list("variant_id", flat=True)
        )
        wanted = sorted(set(scarce))[:6]
        if not wanted or PurchaseOrder.objects.filter(location=place, status="OPEN").exists():
            return
        lines = [
            stock.OrderedLine(variant_id, stage.rng.randint(6, 20), stage.world.costs[variant_id])
            for variant_id in wanted
        ]
        stage.attempt(
            "order goods",
            lambda: stock.create_purchase_order(
                supplier_id=stage.world.supplier.pk,
                location_id=place.pk,
                lines=lines,
                by=self.bojan,
                now=stage.now,
            ),
        )

    def receive_goods(self) -> None:
        """At the door: over, short, damaged, in one delivery or in several."""
        stage = self.stage
        expected = list(
            PurchaseOrder.objects.filter(status__in=["OPEN", "PARTLY_RECEIVED"])
            .select_related("location")
            .order_by("pk")
        )
        if not expected:
            return
        order = stage.one_of(expected)
        counted = []
        for line in order.lines.order_by("pk"):
            due = max(line.quantity - line.quantity_received, 0)
            came = max(due + stage.rng.choice([0, 0, 0, 0, -2, 3]), 0)
            damaged = min(came, stage.rng.choice([0, 0, 0, 1, 2]))
            if came != due:
                stage.tally.faults["delivery over or short"] += 1
            counted.append(stock.ReceivedLine(line.variant_id, came - damaged, damaged))
        receipt = stage.attempt(
            "receive goods",
            lambda: goods.receive_goods(
                purchase_order_id=order.pk,
                lines=counted,
                delivery_note=stage.key(),
                is_complete=stage.chance(0.5),
                by=self.bojan,
                now=stage.now,
            ),
        )
        if receipt is not None:
            for arrived in counted:
                if arrived.quantity_good:
                    self._put_away(order.location, arrived)

    def _put_away(self, place: Location, line: stock.ReceivedLine) -> None:
        stage = self.stage
        stage.attempt(
            "put away",
            lambda: put_away_all(
                stage.world, place, line.variant_id, line.quantity_good, stage.rng, stage.now
            ),
        )

    def move_inside(self) -> None:
        stage = self.stage
        shelves = list(Bin.objects.filter(kind="STORAGE").order_by("location_id", "pk"))
        source = stage.one_of(shelves)
        target = next(b for b in shelves if b.location_id == source.location_id and b.pk != source.pk)
        item = StockItem.objects.filter(bin=source, on_hand__gt=0).order_by("pk").first()
        if item is not None:
            stage.attempt(
                "move units",
                lambda: stock.move_units(
                    variant_id=item.variant_id,
                    from_bin_id=source.pk,
                    to_bin_id=target.pk,
                    quantity=1,
                    by=self.bojan,
                    now=stage.now,
                ),
            )
