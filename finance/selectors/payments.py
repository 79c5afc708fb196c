"""Questions to the payments: what is held for an order, what a shipment still needs, how a transfer is to be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import F, QuerySet, Sum

from finance import rules
from finance.chart import ADVANCES
from finance.models import BankStatementLine, Capture, Payment
from finance.papers.ips import GOODS_FOR_COMPANIES, GOODS_FOR_PERSONS, IpsPayment, ips_payload
from finance.rules import Sold
from finance.selectors.ledger import order_balances
from finance.selectors.sales import lines_of_order, sales_of_order
from finance.states import OperationState, PaymentState
from oms.models import Order
from oms.states import PaymentMethod
from retail.kernel.money import ZERO
from retail.kernel.prepared import Prepared
from retail.kernel.rows import Question


@dataclass(frozen=True, slots=True)
class TransferInstructions:
    """What the shopper's bank must be told; `ips` is the text of the QR code."""

    account: str
    recipient: str
    amount: Decimal
    currency: str
    model: str
    reference: str
    purpose: str
    ips: str


def payments_of_order(*, order_id: int) -> QuerySet[Payment]:
    return Payment.objects.filter(order_id=order_id).order_by("attempt")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the books and papers know of an order: money in hand or authorized, less what goes back; entries; receipts or invoices."""

    held: Decimal
    is_booked: bool
    has_papers: bool


_STANDING = Prepared(
    "finance_standing",
    """
SELECT o.id,
       COALESCE((SELECT sum(p.captured + CASE WHEN p.method = 'CARD' AND p.state = 'AUTHORIZED' AND p.void_requested_at IS NULL
                                              THEN p.authorized - p.captured - p.voided ELSE 0 END)
                   FROM finance_payment p WHERE p.order_id = o.id), 0)
     - COALESCE((SELECT sum(r.amount) FROM finance_payment p JOIN finance_refund r ON r.payment_id = p.id
                  WHERE p.order_id = o.id AND r.state <> 'REFUSED'), 0),
       EXISTS (SELECT 1 FROM finance_journalentry e WHERE e.order_number = o.number AND e.order_number <> ''),
       EXISTS (SELECT 1 FROM finance_fiscalreceipt f WHERE f.order_id = o.id)
    OR EXISTS (SELECT 1 FROM finance_invoice i WHERE i.order_id = o.id)
  FROM oms_order o WHERE o.id = ANY(%(orders)s::bigint[])
""",
    {"orders": "bigint[]"},
    ("bigint", "numeric", "boolean", "boolean"),
)


def standing_of_orders(*, order_ids: Sequence[int]) -> dict[int, Standing]:
    """One statement for any number of orders."""
    return {pk: Standing(*rest) for pk, *rest in _STANDING.rows({"orders": list(order_ids)})}


def shipment_charge(*, order_id: int, sold: Sequence[Sold]) -> Decimal:
    """The gross of these units, with everything that is charged along with the first shipment."""
    order = Order.objects.get(pk=order_id)
    return rules.total_of(rules.sale_parts(lines_of_order(order=order), sold))


def collectable(*, order_id: int, sold: Sequence[Sold]) -> Decimal:
    """What the courier (or the store's till) must collect with these units: nothing unless it is cash on delivery."""
    order = Order.objects.get(pk=order_id)
    if order.payment_method != PaymentMethod.CASH_ON_DELIVERY:
        return ZERO
    held = -order_balances(order_number=order.number).get(ADVANCES, ZERO)
    return max(shipment_charge(order_id=order_id, sold=sold) - held, ZERO)


def live_authorization(*, order_id: int) -> Decimal:
    """What cards of the order can still be captured for."""
    sums = Payment.objects.filter(
        order_id=order_id, method=PaymentMethod.CARD, state=PaymentState.AUTHORIZED
    ).aggregate(live=Sum(F("authorized") - F("captured") - F("voided")))
    return sums["live"] or ZERO


def paid_by_exchange(*, order_id: int) -> Decimal:
    """What goods that came back paid of this order."""
    paid = Payment.objects.filter(order_id=order_id, method=PaymentMethod.EXCHANGE)
    return paid.aggregate(paid=Sum(F("captured") - F("refunded")))["paid"] or ZERO


def awaited_exchange(*, order_id: int) -> Decimal:
    """What goods that are still to come back will pay of this order."""
    sums = Payment.objects.filter(
        order_id=order_id, method=PaymentMethod.EXCHANGE, state=PaymentState.PENDING
    ).aggregate(awaited=Sum(F("amount") - F("captured")))
    return sums["awaited"] or ZERO


def shipment_needs(*, order: Order, shipment_id: int, sold: Sequence[Sold]) -> Decimal:
    """What is still to be captured before these units may leave. Money captured for other parcels is theirs."""
    sales = sales_of_order(order=order)
    charge = rules.total_of(rules.sale_parts(lines_of_order(order=order, sales=sales), sold))
    held = -order_balances(order_number=order.number).get(ADVANCES, ZERO)
    papered = [sale.shipment_id for sale in sales if sale.shipment_id is not None]
    of_others = (
        Capture.objects.filter(payment__order=order, state=OperationState.DONE, shipment__isnull=False)
        .exclude(shipment_id=shipment_id)
        .exclude(shipment_id__in=papered)
        .aggregate(total=Sum("amount"))["total"]
    )
    return max(charge - max(held - (of_others or ZERO), ZERO), ZERO)


def payer_account(*, payment_id: int) -> str:
    """Where the money of a transfer came from, as its newest statement line says."""
    line = (
        BankStatementLine.objects.filter(capture__payment_id=payment_id)
        .exclude(payer_account="")
        .order_by("-booked_on", "-pk")
        .first()
    )
    return line.payer_account if line else ""


def needs_account(*, order_id: int) -> bool:
    """Whether money of the order would go back by transfer and nobody knows yet where to: it came in cash, or from an unnamed account."""
    paid = Payment.objects.filter(order_id=order_id).exclude(
        method__in=(PaymentMethod.CARD, PaymentMethod.GIFT_CARD, PaymentMethod.EXCHANGE)
    )
    live = paid.filter(state__in=(PaymentState.PENDING, PaymentState.CAPTURED))
    return any(not payer_account(payment_id=pk) for pk in live.values_list("pk", flat=True))


_TRANSFER = Question(
    lambda token: (
        Payment.objects.select_related("order__entity", "order__channel")
        .filter(order__token=token, method=PaymentMethod.BANK_TRANSFER)
        .order_by("-attempt")[:1]
    ),
    "?token",
)


def transfer_of_order(*, token: str) -> Payment | None:
    """The newest transfer of the order that this secret opens, with the order and who is paid."""
    return _TRANSFER.first(token) if token else None


def transfer_instructions(*, payment_id: int) -> TransferInstructions:
    """As `how_to_transfer`, for a payment by its id."""
    return how_to_transfer(payment=Payment.objects.select_related("order__entity").get(pk=payment_id))


def how_to_transfer(*, payment: Payment) -> TransferInstructions:
    """How to pay what is still missing of a transfer."""
    order, entity = payment.order, payment.order.entity
    amount = payment.amount - payment.captured
    purpose = f"Porudžbina {order.number}"
    slip = IpsPayment(
        account=entity.bank_account,
        recipient=entity.name[:70],
        recipient_address=f"{entity.street}, {entity.postal_code} {entity.city}",
        amount=max(amount, Decimal("0.01")),
        purpose=purpose,
        payment_code=GOODS_FOR_COMPANIES if order.company_pib else GOODS_FOR_PERSONS,
        reference=payment.reference,
    )
    return TransferInstructions(
        account=entity.bank_account,
        recipient=entity.name,
        amount=max(amount, ZERO),
        currency=payment.currency,
        model=slip.model,
        reference=payment.reference,
        purpose=purpose,
        ips=ips_payload(slip),
    )
