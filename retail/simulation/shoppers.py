"""Shoppers: baskets, checkout on every channel, paying, changing their mind, sending back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx

from crm.models import Customer
from finance import workflows as money
from finance.models import Payment
from oms.models import Basket, Order, OrderLine, Return
from oms.workflows import basket_coupons, baskets, cancellation, placing, returns
from oms.workflows.checkout import Checkout, Company
from retail.simulation.marketing import known_codes
from retail.simulation.stage import Stage
from retail.simulation.world import COMPANIES, COMPANY_NUMBER, TOWNS
from storefront.models import Channel

# How many minutes after placing somebody still thinks of paying or canceling.
THINKING = timedelta(hours=3)
REASONS = ("DAMAGED", "CHANGED_MIND", "WRONG_ITEM")
ACCOUNT = "160-1240-42"
MESSAGE_FAULTS = ("LOST", "DUPLICATE", "LATE", "REORDERED", "TAMPERED", "FORGED", "STALE")
LIES = ("WRONG_AMOUNT", "WRONG_CURRENCY")
NO_ANSWER = ("TIMEOUT", "RESET", "TRUNCATED", "HTML_ANSWER", "HTTP_500", "HTTP_503", "HTTP_429")


class Shoppers:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    # -- ordering ----------------------------------------------------------------------------------------------

    def order(self) -> None:
        """Fill a basket and check it out; some change it, some leave it, some click twice."""
        stage = self.stage
        channel = stage.one_of(stage.world.channels)
        company = stage.one_of(COMPANIES) if stage.chance(0.15) else None
        member = stage.one_of(stage.world.members) if company is None and stage.chance(0.4) else None
        # Who logs in only at the till has a basket of nobody.
        owner = member if stage.chance(0.8) else None
        token = self._fill(channel, owner)
        if token is None:
            return
        self._type_codes(token, member)
        if stage.chance(0.08):
            stage.tally.acts["basket abandoned"] += 1
            return
        stage.pass_time(stage.rng.choice([1, 2, 5, 15, 25, 45]))
        checkout = self._checkout(token, channel, company, member)
        if stage.chance(0.3):
            stage.attempt("extend holds", lambda: baskets.extend_holds(token=token, now=stage.now))
        if stage.mischief("tampered total", 0.05):
            tampered = replace(checkout, expected_total=Decimal("1.00"))
            if self._place(tampered) is not None:
                stage.tally.broken.append("an order was placed for a total that is not its own")
        if checkout.payment_method == "CARD":
            stage.fault("card", *NO_ANSWER, operation="create", probability=0.08)
        placed = (
            self._place_seen(checkout) if owner == member and stage.chance(0.6) else self._place(checkout)
        )
        if placed is None and checkout.delivery_method == "STORE_PICKUP" and stage.chance(0.7):
            placed = self._place(replace(checkout, delivery_method="SHIP_TO_STORE"))
        if placed is None and checkout.pickup_location:
            placed = self._place(self._delivered(checkout))
        if placed is not None:
            self._click_again(checkout, placed.order)

    def _type_codes(self, token: str, member: Customer | None) -> None:
        """Some got a code, some guess, some type one that is over or somebody else's."""
        stage = self.stage
        if not stage.chance(0.35):
            return
        codes = known_codes(is_fresh=stage.chance(0.8))
        for _ in range(stage.rng.choice([1, 1, 2])):
            code = stage.one_of(codes) if codes and stage.chance(0.9) else "NEMATAKVOG"
            stage.attempt(
                "type code",
                lambda c=code: basket_coupons.apply_coupon(  # type: ignore[misc]
                    token=token, code=c, now=stage.now, customer_id=member.pk if member else None
                ),
            )

    def _place_seen(self, checkout: Checkout) -> placing.Placed | None:
        """Order for the total that the basket shows. Nothing lies between looking and ordering, so it must be the same."""
        stage = self.stage
        basket = Basket.objects.filter(token=checkout.basket_token).first()
        if basket is None:
            return None
        method = checkout.delivery_method
        seen = stage.attempt(
            "read basket",
            lambda: baskets.read_basket(
                basket=basket, now=stage.now, delivery_method=method, orderer_id=checkout.customer_id
            ),
        )
        if seen is None:
            return None
        changed = stage.tally.refusals["place order PRICE_CHANGED"]
        placed = self._place(replace(checkout, expected_total=seen.priced.total))
        if stage.tally.refusals["place order PRICE_CHANGED"] > changed:
            stage.tally.broken.append(f"the basket of {checkout.idempotency_key} was shown another total")
        if placed is not None and placed.order.total != seen.priced.total:
            stage.tally.broken.append(f"{placed.order.number} has another total than was shown")
        return placed

    def _fill(self, channel: Channel, owner: Customer | None) -> str | None:
        stage = self.stage
        basket = stage.attempt(
            "create basket",
            lambda: baskets.create_basket(
                channel_code=channel.code,
                now=stage.now,
                postal_code="21000",
                customer_id=owner.pk if owner else None,
            ),
        )
        if basket is None:
            return None
        lines = []
        for _ in range(stage.rng.choice([1, 1, 1, 2, 2, 3, 4])):
            # The first titles are the popular ones.
            titles = stage.world.everything
            sku = titles[min(int(stage.rng.expovariate(0.18)), len(titles) - 1)].sku
            quantity = stage.rng.choice([1, 1, 1, 2, 2, 3, 5])
            line = stage.attempt(
                "add line",
                lambda s=sku, q=quantity: baskets.add_line(  # type: ignore[misc]
                    token=basket.token, sku=s, quantity=q, now=stage.now
                ),
            )
            if line is not None:
                lines.append(line)
        if lines and stage.chance(0.15):
            line = stage.one_of(lines)
            stage.attempt(
                "change line",
                lambda: baskets.change_line(
                    token=basket.token,
                    line_id=line.public_id,
                    quantity=stage.rng.randint(1, 4),
                    now=stage.now,
                ),
            )
        if len(lines) > 1 and stage.chance(0.1):
            gone = lines.pop()
            stage.attempt(
                "remove line",
                lambda: baskets.remove_line(token=basket.token, line_id=gone.public_id, now=stage.now),
            )
        return basket.token if lines else None

    def _checkout(
        self, token: str, channel: Channel, company: tuple[str, str, bool] | None, member: Customer | None
    ) -> Checkout:
        stage = self.stage
        number = stage.rng.randint(1, 40)
        postal_code, city = stage.one_of(TOWNS)
        checkout = Checkout(
            basket_token=token,
            customer_id=member.pk if member else None,
            email=member.email if member else f"kupac{number}@example.com",
            name=member.name if member else f"Kupac {number}",
            phone=f"+3816011122{number:02d}",
            delivery_method="HOME_DELIVERY",
            payment_method=stage.rng.choices(
                ["CARD", "CASH_ON_DELIVERY", "BANK_TRANSFER"], weights=[50, 30, 20]
            )[0],
            street="Glavna 1",
            city=city,
            postal_code=postal_code,
            company=Company(company[0], company[1], COMPANY_NUMBER) if company else None,
            idempotency_caller=f"simulation:{channel.code}",
            idempotency_key=stage.key(),
        )
        if stage.chance(0.35):
            store = stage.one_of(stage.world.stores)
            way = "STORE_PICKUP" if stage.chance(0.6) else "SHIP_TO_STORE"
            return replace(checkout, delivery_method=way, pickup_location=store.code)
        return checkout

    def _delivered(self, checkout: Checkout) -> Checkout:
        """The store has not everything: have it brought. A refused request does not burn its key."""
        return replace(checkout, delivery_method="HOME_DELIVERY", pickup_location="")

    def _place(self, checkout: Checkout) -> placing.Placed | None:
        stage = self.stage
        return stage.attempt(
            "place order", lambda: placing.place_order(checkout=checkout, by=None, now=stage.now)
        )

    def _click_again(self, checkout: Checkout, order: Order) -> None:
        """The same key must give the same order, also later; another key for the same basket none."""
        stage = self.stage
        if stage.mischief("double click", 0.1):
            again = self._place(checkout)
            if again is None or again.order.pk != order.pk:
                stage.tally.broken.append(f"the key of {order.number} gave another answer")
        if (
            stage.mischief("second tab", 0.05)
            and self._place(replace(checkout, idempotency_key=stage.key())) is not None
        ):
            stage.tally.broken.append(f"the basket of {order.number} was ordered twice")

    # -- paying ------------------------------------------------------------------------------------------------

    def pay_by_card(self) -> None:
        """On the provider's page: mostly approved, sometimes declined, sometimes nothing at all."""
        stage = self.stage
        waiting = list(
            Payment.objects.filter(
                method="CARD",
                state="PENDING",
                order__status="PENDING_PAYMENT",
                created_at__gt=stage.now - THINKING,
            ).order_by("pk")
        )
        if not waiting:
            return
        payment = stage.one_of(waiting)
        if not payment.redirect_url:
            opened = stage.attempt(
                "open card page", lambda: money.open_card_session(payment_id=payment.pk, now=stage.now)
            )
            if opened is None:
                return
        choice = stage.rng.choices(
            ["approve", "decline", "fail_3ds", "cancel", ""], weights=[78, 10, 4, 3, 5]
        )[0]
        if not choice:
            return
        stage.fault("card", *MESSAGE_FAULTS, probability=0.35)
        stage.fault("card", *LIES, probability=0.04)
        if stage.outside.choose(payment.public_id, choice):
            stage.tally.acts[f"card page {choice}"] += 1
        if stage.chance(0.3):
            stage.attempt("come back", lambda: money.refresh_payment(payment_id=payment.pk, now=stage.now))

    def try_again(self) -> None:
        """After a declined card, or just so: a new attempt or another way to pay."""
        stage = self.stage
        orders = list(
            Order.objects.filter(status="PENDING_PAYMENT", placed_at__gt=stage.now - THINKING).order_by("pk")
        )
        if not orders:
            return
        order = stage.one_of(orders)
        method = stage.rng.choices(["CARD", "CASH_ON_DELIVERY", "BANK_TRANSFER"], weights=[70, 15, 15])[0]
        if method == "CARD":
            stage.fault("card", *NO_ANSWER, operation="create", probability=0.1)
        stage.attempt(
            f"pay again {method}",
            lambda: money.start_payment(order_id=order.pk, method=method, by=None, now=stage.now),
        )

    def read_messages(self, messages: list[httpx.Request]) -> None:
        """The provider's messages come through the door: proved, kept once, acted upon, in whatever order."""
        stage = self.stage
        if len(messages) > 1 and stage.mischief("card messages shuffled", 0.2):
            stage.rng.shuffle(messages)
        for message in messages:
            event = stage.attempt(
                "card message",
                lambda m=message: money.receive_card_event(  # type: ignore[misc]
                    headers=dict(m.headers), raw_body=m.content, now=stage.now
                ),
            )
            # Half of them wait for the sweep, as when the worker is busy.
            if event is not None and stage.chance(0.5):
                stage.attempt(
                    "process card message",
                    lambda e=event: money.process_payment_event(event_id=e.pk, now=stage.now),  # type: ignore[misc]
                )

    # -- changing their mind -----------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Before picking a shopper may; later only staff, and after dispatch nobody."""
        stage = self.stage
        orders = list(
            Order.objects.exclude(status__in=["CANCELED", "COMPLETED"])
            .filter(placed_at__gt=stage.now - timedelta(days=3))
            .order_by("pk")
        )
        if not orders:
            return
        order = stage.one_of(orders)
        is_shopper = stage.chance(0.6)
        common: dict[str, Any] = {
            "order_id": order.pk,
            "reason": "changed mind",
            "by": None if is_shopper else stage.world.people["vesna"],
            "now": stage.now,
            "is_shopper": is_shopper,
        }
        goods = list(order.lines.filter(kind="GOODS").order_by("pk"))
        if goods and stage.chance(0.35):
            line = stage.one_of(goods)
            units = stage.rng.randint(1, line.quantity)
            stage.attempt(
                "cancel lines", lambda: cancellation.cancel_lines(lines=[(line.sku, units)], **common)
            )
        else:
            stage.attempt("cancel order", lambda: cancellation.cancel_order(**common))

    # -- sending back ------------------------------------------------------------------------------------------

    def ask_to_return(self) -> None:
        stage = self.stage
        lines = list(
            OrderLine.objects.filter(
                kind="GOODS", quantity_dispatched__gt=0, order__placed_at__gt=stage.now - timedelta(days=15)
            )
            .select_related("order")
            .order_by("pk")
        )
        if not lines:
            return
        line = stage.one_of(lines)
        units = line.quantity_dispatched if stage.chance(0.4) else 1
        has_document = stage.chance(0.85)
        stage.attempt(
            "ask to return",
            lambda: returns.request_return(
                order_id=line.order_id,
                lines=[returns.Asked(line.sku, units, stage.one_of(REASONS))],
                by=None,
                now=stage.now,
                buyer_id_kind="20" if has_document else "",
                buyer_id=f"{stage.rng.randint(1, 999_999_999):09d}" if has_document else "",
                is_shopper=True,
            ),
        )

    def bring_return(self) -> None:
        """At any counter, whole or in part, in whatever condition."""
        stage = self.stage
        open_ones = list(
            Return.objects.filter(status="REQUESTED")
            .exclude(number__in=stage.world.never_sent)
            .select_related("order")
            .order_by("pk")
        )
        if not open_ones:
            return
        returned = stage.one_of(open_ones)
        # Its parcel was lost or refused meanwhile: there is nothing left to bring.
        is_void = any(
            line.quantity > line.order_line.quantity_dispatched - line.order_line.quantity_returned
            for line in returned.lines.select_related("order_line")
        )
        if stage.chance(0.5 if is_void else 0.05):
            stage.attempt(
                "reject return",
                lambda: returns.reject_return(
                    number=returned.number, reason="not ours", by=stage.world.people["vesna"], now=stage.now
                ),
            )
            return
        arrived = [
            returns.Arrived(
                line.order_line.sku,
                line.quantity if stage.chance(0.8) else 1,
                stage.one_of(("RESTOCK", "RESTOCK", "DAMAGED", "QUARANTINE")),
            )
            for line in returned.lines.select_related("order_line").order_by("pk")
        ]
        place = stage.one_of(list(stage.world.places.values()))
        # Two counters, one parcel: the second one finds it received.
        for _ in range(2 if stage.mischief("return scanned twice", 0.1) else 1):
            stage.attempt(
                "receive return",
                lambda: returns.receive_return(
                    number=returned.number,
                    location_code=place.code,
                    lines=arrived,
                    by=stage.world.people["bojan"],
                    now=stage.now,
                    bank_account=ACCOUNT if stage.chance(0.8) else "",
                ),
            )
