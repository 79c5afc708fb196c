"""Every letter with facts of an order that nobody made: what people of the shop look at before customers do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.letters import alerts, consents, orders
from crm.letters.alerts import AlertFacts
from crm.letters.facts import (
    ExchangeFacts,
    FileFacts,
    Line,
    OrderFacts,
    ParcelFacts,
    ReturnFacts,
    TransferFacts,
)
from crm.letters.paper import Letter

LINES = (
    Line("Na Drini ćuprija", 1, Decimal("1299.00")),
    Line("Hazarski rečnik", 2, Decimal("2198.00")),
)
Sample = Callable[[str, datetime], Letter]


def _order(base: str, now: datetime, *, is_pickup: bool = False) -> OrderFacts:
    soon = now + timedelta(days=1)
    return OrderFacts(
        number="ORD-2026-000123",
        url=f"{base}/",
        pay_url=f"{base}/",
        name="Ana Anić",
        currency="RSD",
        goods_total=Decimal("3497.00"),
        delivery_total=Decimal("0.00") if is_pickup else Decimal("290.00"),
        total=Decimal("3497.00") if is_pickup else Decimal("3787.00"),
        due=Decimal("3497.00") if is_pickup else Decimal("3787.00"),
        lines=LINES,
        payment_method="CASH_ON_DELIVERY",
        promised_on=soon.date(),
        promised_at=soon if is_pickup else None,
        deadline=now + timedelta(minutes=30),
        place="Novi Sad, Dunavska" if is_pickup else "",
        place_address="Dunavska 1, Novi Sad" if is_pickup else "",
        refund=Decimal("1299.00"),
        has_money=True,
    )


def _transfer(base: str) -> TransferFacts:
    return TransferFacts(
        recipient="Prelist d.o.o.",
        account="265-1660310005042-68",
        model="97",
        reference="11-2026-000123",
        amount=Decimal("3787.00"),
        currency="RSD",
        purpose="Uplata po porudžbini ORD-2026-000123",
        url=f"{base}/",
    )


def _parcel(*, code: str = "") -> ParcelFacts:
    return ParcelFacts(
        carrier="" if code else "Post Express",
        tracking=() if code else ("KU000000123RS",),
        lines=LINES,
        is_last=True,
        code=code,
        hours="09:00–21:00" if code else "",
        cash_on_delivery=Decimal("0.00") if code else Decimal("3787.00"),
    )


def _back() -> ReturnFacts:
    return ReturnFacts("RET-2026-000123-1", LINES[:1], Decimal("1299.00"), reason="Nedostaje omot")


def _swap(base: str, now: datetime) -> ExchangeFacts:
    return ExchangeFacts(
        number="RET-2026-000123-1",
        back=LINES[:1],
        new_number="ORD-2026-000456",
        pay_url=f"{base}/",
        deadline=now + timedelta(days=14),
        to_pay=Decimal("200.00"),
        to_refund=Decimal("0.00"),
    )


def _alert(base: str, now: datetime) -> AlertFacts:
    return AlertFacts(
        title="Na Drini ćuprija",
        url=f"{base}/",
        leave_url=f"{base}/",
        currency="RSD",
        price=Decimal("1039.20"),
        price_seen=Decimal("1299.00"),
        held_until=now + timedelta(hours=24),
    )


# By the name in its address: what it is called, and how it is written.
SAMPLES: dict[str, tuple[str | Promise, Sample]] = {
    "placed": (_("Order placed"), lambda base, now: orders.placed(_order(base, now))),
    "placed-pickup": (
        _("Order placed, pickup"),
        lambda base, now: orders.placed(_order(base, now, is_pickup=True)),
    ),
    "transfer": (
        _("How to pay by transfer"),
        lambda base, now: orders.transfer(_order(base, now), _transfer(base)),
    ),
    "paid": (_("Transfer received"), lambda base, now: orders.paid(_order(base, now))),
    "downloads": (
        _("Ready to be downloaded"),
        lambda base, now: orders.downloads(
            _order(base, now),
            [FileFacts("Na Drini ćuprija", f"{base}/", 5, now + timedelta(days=90))],
            is_renewed=False,
        ),
    ),
    "payment-failed": (
        _("Card payment failed"),
        lambda base, now: orders.payment_failed(_order(base, now)),
    ),
    "dispatched": (_("On its way"), lambda base, now: orders.dispatched(_order(base, now), _parcel())),
    "ready": (
        _("Ready in the store"),
        lambda base, now: orders.ready(_order(base, now, is_pickup=True), _parcel(code="482913")),
    ),
    "delivered": (_("Delivered"), lambda base, now: orders.delivered(_order(base, now), _parcel())),
    "changed": (
        _("Order changed"),
        lambda base, now: orders.changed(
            _order(base, now), what=frozenset({"street", "lines"}), left=LINES[:1], missing=Decimal("0.00")
        ),
    ),
    "supply-changed": (
        _("Pre-order: another date"),
        lambda base, now: orders.supply_changed(_order(base, now), is_known=True),
    ),
    "supply-missing": (
        _("Pre-order: no date"),
        lambda base, now: orders.supply_changed(_order(base, now), is_known=False),
    ),
    "canceled": (_("Order canceled"), lambda base, now: orders.canceled(_order(base, now), is_whole=True)),
    "return-asked": (
        _("Return announced"),
        lambda base, now: orders.return_asked(_order(base, now), _back()),
    ),
    "return-received": (
        _("Return received"),
        lambda base, now: orders.return_received(_order(base, now), _back()),
    ),
    "return-rejected": (
        _("Return rejected"),
        lambda base, now: orders.return_rejected(_order(base, now), _back()),
    ),
    "exchange-agreed": (
        _("Exchange agreed"),
        lambda base, now: orders.exchange_agreed(_order(base, now), _swap(base, now)),
    ),
    "exchange-ended": (
        _("Exchange came to nothing"),
        lambda base, now: orders.exchange_ended(_order(base, now), _swap(base, now)),
    ),
    "refunded": (
        _("Money sent back"),
        lambda base, now: orders.refunded(_order(base, now), Decimal("1299.00")),
    ),
    "confirm-back": (
        _("Confirm: tell me when it is back"),
        lambda base, now: alerts.confirm_back(_alert(base, now)),
    ),
    "confirm-price": (
        _("Confirm: tell me when it costs less"),
        lambda base, now: alerts.confirm_price(_alert(base, now)),
    ),
    "confirm-consent": (
        _("Confirm what was agreed to"),
        lambda base, now: consents.confirm(
            wordings=("Pišite mi e-poštom o novim naslovima i ponudama.",), url=f"{base}/"
        ),
    ),
    "back-in-stock": (_("Back in stock"), lambda base, now: alerts.back_in_stock(_alert(base, now))),
    "costs-less": (_("Costs less"), lambda base, now: alerts.costs_less(_alert(base, now))),
}
