"""Electronic editions in simulated days: ordered alone or beside goods, fetched, given back, too late as well."""

from __future__ import annotations

from dataclasses import replace

from oms import operations as orders
from oms.models import DownloadGrant
from oms.workflows import baskets, digital, placing
from oms.workflows.checkout import Checkout
from retail.simulation.shoppers import NO_ANSWER
from retail.simulation.stage import Stage


class Readers:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def order(self) -> None:
        """A file, some with a printed book; some forget their consent, some want to pay at the door."""
        stage = self.stage
        channel = stage.one_of(stage.world.channels)
        wanted = [stage.one_of(stage.world.ebooks).sku]
        is_mixed = stage.chance(0.4)
        if is_mixed:
            wanted.append(stage.one_of(stage.world.variants).sku)
        basket = baskets.create_basket(channel_code=channel.code, now=stage.now, postal_code="21000")
        for sku in wanted:
            line = stage.attempt(
                "add line",
                lambda s=sku: baskets.add_line(token=basket.token, sku=s, quantity=1, now=stage.now),  # type: ignore[misc]
            )
            is_mixed = is_mixed and line is not None
        checkout = Checkout(
            basket_token=basket.token,
            email="citalac@example.com",
            name="Čitalac Elektronski",
            phone="+381601112200",
            delivery_method="HOME_DELIVERY" if is_mixed else "DIGITAL",
            payment_method=stage.rng.choices(["CARD", "BANK_TRANSFER", "CASH_ON_DELIVERY"], [60, 35, 5])[0],
            street="Glavna 1",
            city="Novi Sad",
            postal_code="21000",
            has_withdrawal_consent=stage.chance(0.95),
            idempotency_caller=f"simulation:{channel.code}",
            idempotency_key=stage.key(),
        )
        if checkout.payment_method == "CARD":
            stage.fault("card", *NO_ANSWER, operation="create", probability=0.08)
        if self._place(checkout) is None and not checkout.has_withdrawal_consent:
            self._place(replace(checkout, has_withdrawal_consent=True))

    def _place(self, checkout: Checkout) -> placing.Placed | None:
        stage = self.stage
        return stage.attempt(
            "place order", lambda: placing.place_order(checkout=checkout, by=None, now=stage.now)
        )

    def fetch(self) -> None:
        grants = list(DownloadGrant.objects.order_by("pk"))
        if not grants:
            return
        grant, stage = self.stage.one_of(grants), self.stage
        stage.attempt("download", lambda: orders.take_download(grant=grant, now=stage.now))

    def give_back(self) -> None:
        grants = list(DownloadGrant.objects.select_related("line").order_by("pk"))
        if not grants:
            return
        stage, line = self.stage, self.stage.one_of(grants).line
        stage.attempt(
            "give a file back",
            lambda: digital.give_file_back(
                order_id=line.order_id, sku=line.sku, reason="changed mind", by=None, now=stage.now
            ),
        )
