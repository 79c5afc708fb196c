"""The bank, the couriers' lists and the accountant: right, wrong, double, late and from nowhere."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from finance import operations as finance
from finance import workflows as money
from finance.models import BankStatementLine, CourierRemittanceLine, Payment, Refund
from oms.models import Order
from retail.kernel.clock import business_date
from retail.simulation.shoppers import ACCOUNT
from retail.simulation.stage import Stage
from warehouse.models import Parcel

STATEMENT = "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
REMITTANCE = "line_key,tracking_number,amount,fee,paid_on\n"


class Money:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ceca = stage.world.people["ceca"]
        self._lines = 0

    def bank(self) -> None:
        """A statement of the day: transfers as they were, and as they were not agreed."""
        stage = self.stage
        rows = []
        for payment in (
            Payment.objects.filter(method="BANK_TRANSFER", captured=0)
            .exclude(state="EXPIRED", order__status__in=["PLACED", "COMPLETED", "IN_FULFILLMENT"])
            .select_related("order")
            .order_by("pk")
        ):
            order = payment.order
            likely = 0.5 if order.status == "PENDING_PAYMENT" else 0.08
            if stage.chance(likely):
                rows += self._transfers(payment)
        for payment in Payment.objects.filter(
            method="BANK_TRANSFER", captured__gt=0, state="PENDING", order__status="PENDING_PAYMENT"
        ).order_by("pk"):
            if stage.chance(0.6):
                rows.append(self._row(payment.amount - payment.captured, payment.reference))
        if stage.mischief("money from nowhere", 0.2):
            rows.append(self._row(Decimal("777.00"), ""))
        self._import("bank statement", rows, "statement read twice", self._bank_import)

    def _transfers(self, payment: Payment) -> list[str]:
        stage = self.stage
        amount, reference = payment.amount, payment.reference
        if stage.mischief("transfer over", 0.08):
            return [self._row(amount + Decimal("100.00"), reference)]
        if stage.mischief("transfer partial", 0.1):
            return [self._row((amount / 3).quantize(Decimal("0.01")), reference)]
        if stage.mischief("transfer without reference", 0.06):
            return [self._row(amount, "", payer=payment.order.name)]
        if stage.mischief("transfer with a wrong reference", 0.04):
            return [self._row(amount, "97 99-0000000000")]
        if stage.mischief("paid twice", 0.05):
            return [self._row(amount, reference), self._row(amount, reference)]
        return [self._row(amount, reference)]

    def _row(self, amount: Decimal, reference: str, *, payer: str = "Neko") -> str:
        self._lines += 1
        day = business_date(self.stage.now)
        return f"b{self._lines},{day},{amount},RSD,{reference},{payer},{ACCOUNT},uplata"

    def _bank_import(self, text: str) -> money.ImportReport:
        return money.import_bank_statement(
            account=self.stage.world.entity.bank_account, text=text, by=self.ceca, now=self.stage.now
        )

    def _import(
        self, name: str, rows: list[str], doubled: str, read: Callable[[str], money.ImportReport]
    ) -> None:
        if not rows:
            return
        header = STATEMENT if name == "bank statement" else REMITTANCE
        text = header + "\n".join(rows) + "\n"
        self.stage.attempt(name, lambda: read(text))
        if self.stage.mischief(doubled, 0.15):
            again = self.stage.attempt(name, lambda: read(text))
            if again is None or again.known + len(again.errors) != len(rows):
                self.stage.tally.broken.append(f"{name}: a line was booked twice")

    def couriers(self) -> None:
        """Lists of what was collected at the doors, some of it wrong."""
        stage = self.stage
        collected = (
            Parcel.objects.filter(cod_amount__gt=0, shipment__status="DELIVERED")
            .exclude(tracking_number="")
            .exclude(tracking_number__in=CourierRemittanceLine.objects.values("tracking_number"))
            .select_related("shipment__service__carrier")
            .order_by("pk")
        )
        by_carrier = self._rests()
        for parcel in collected:
            assert parcel.shipment.service is not None
            if not stage.chance(0.6):
                continue
            amount = parcel.cod_amount
            if stage.mischief("courier paid less", 0.05):
                amount -= Decimal("50.00")
            elif stage.mischief("courier paid more", 0.03):
                amount += Decimal("50.00")
            rows = by_carrier.setdefault(parcel.shipment.service.carrier.code, [])
            rows.append(self._collected(parcel.tracking_number, amount))
        for carrier, rows in sorted(by_carrier.items()):
            if stage.mischief("unknown parcel on a courier's list", 0.1):
                rows.append(self._collected("XX000", Decimal("500.00")))
            self._import(
                "courier remittance",
                rows,
                "courier's list read twice",
                lambda text, c=carrier: money.import_courier_remittance(  # type: ignore[misc]
                    carrier_code=c, text=text, by=self.ceca, now=self.stage.now
                ),
            )

    def _rests(self) -> dict[str, list[str]]:
        """What a courier paid too little of a parcel, by carrier: it comes some days later."""
        paid: dict[str, Decimal] = {}
        for tracking, amount in CourierRemittanceLine.objects.values_list("tracking_number", "amount"):
            paid[tracking] = paid.get(tracking, Decimal(0)) + amount
        rows: dict[str, list[str]] = {}
        short = (
            Parcel.objects.filter(cod_amount__gt=0, tracking_number__in=paid)
            .select_related("shipment__service__carrier")
            .order_by("pk")
        )
        for parcel in short:
            assert parcel.shipment.service is not None
            rest = parcel.cod_amount - paid[parcel.tracking_number]
            if rest > 0 and self.stage.chance(0.4):
                carrier = parcel.shipment.service.carrier.code
                rows.setdefault(carrier, []).append(self._collected(parcel.tracking_number, rest))
        return rows

    def _collected(self, tracking_number: str, amount: Decimal) -> str:
        self._lines += 1
        fee = "0.00" if self.stage.chance(0.5) else "30.00"
        return f"r{self._lines},{tracking_number},{amount},{fee},{business_date(self.stage.now)}"

    def accountant(self) -> None:
        """Unmatched lines find their order, or are set aside; transfers back are carried out."""
        stage = self.stage
        for line in BankStatementLine.objects.filter(state="UNMATCHED").order_by("pk")[:3]:
            orders = list(
                Order.objects.filter(payment_method="BANK_TRANSFER", status="PENDING_PAYMENT").order_by("pk")
            )
            if orders and stage.chance(0.4):
                order = stage.one_of(orders)
                stage.attempt(
                    "match statement line",
                    lambda a=line, o=order: money.match_statement_line(  # type: ignore[misc]
                        line_id=a.pk, order_number=o.number, by=self.ceca, now=stage.now
                    ),
                )
            elif stage.chance(0.3):
                stage.attempt(
                    "set aside",
                    lambda a=line: money.set_aside_statement_line(  # type: ignore[misc]
                        line_id=a.pk, reason="not ours", by=self.ceca, now=stage.now
                    ),
                )
        for refund in (
            Refund.objects.filter(state="PENDING").exclude(payment__method="CARD").order_by("pk")[:5]
        ):
            if stage.chance(0.7):
                stage.attempt(
                    "settle refund",
                    lambda r=refund: finance.settle_refund(  # type: ignore[misc]
                        refund_id=r.pk, by=self.ceca, now=stage.now, bank_account=ACCOUNT
                    ),
                )
