"""Which order a credit on the bank statement pays: the one that its reference names, else the one that amount and payer name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from finance.models import BankStatementLine, Payment
from finance.operations import reference_of
from finance.states import PaymentState
from oms import operations as orders
from oms.models import Order
from oms.states import PaymentMethod
from retail.kernel.fold import fold
from retail.kernel.identifiers import parse_reference97
from retail.kernel.rows import Question


@dataclass(frozen=True, slots=True)
class Match:
    """The order, its row locked, with its newest transfer if it has one; or why there is none."""

    order: Order | None = None
    payment: Payment | None = None
    reason: str = ""


# A number that is the order's pays it also when another method was chosen, so that no payment has the reference.
_NAMED = Question(
    lambda entity_id, references, numbers: (
        Order.objects.select_for_update(of=("self",))
        .select_related("channel")
        .extra(
            where=[
                "oms_order.entity_id = %s",
                "oms_order.id IN (SELECT p.order_id FROM finance_payment p WHERE p.reference = ANY(%s) "
                "UNION SELECT o.id FROM oms_order o WHERE o.number = ANY(%s))",
            ],
            params=[entity_id, references, numbers],
        )
        .order_by("pk")
    ),
    -1,
    ("?reference",),
    ("?number",),
)
_TRANSFERS = Question(
    lambda order_ids, method: (
        Payment.objects.filter(method=method)
        .extra(where=["finance_payment.order_id = ANY(%s)"], params=[order_ids])
        .order_by("pk")
    ),
    (-1,),
    "?method",
)


def reference_base(line: BankStatementLine) -> str | None:
    """The reference without control number and separators; None when there is none that fits its control number."""
    return parse_reference97(line.reference) if line.reference else None


def match_lines(lines: Sequence[BankStatementLine]) -> list[Match]:
    """Lines of one company with references of their own, or one line without any. The orders are locked, in the order of their ids."""
    bases = {id(line): base for line in lines if (base := reference_base(line)) is not None}
    if not bases:
        assert len(lines) == 1, "a line without a reference is taken alone"
        return [_by_payer(lines[0])]
    found = _by_reference(lines[0].entity_id, list(bases.values()))
    return [found.get(bases[id(line)], Match(reason="UNKNOWN_REFERENCE")) for line in lines]


def newest_transfers(order_ids: Sequence[int]) -> dict[int, Payment]:
    """By order."""
    return {
        payment.order_id: payment
        for payment in _TRANSFERS.rows(list(order_ids), str(PaymentMethod.BANK_TRANSFER))
    }


def _by_reference(entity_id: int, bases: Sequence[str]) -> dict[str, Match]:
    written = {form: base for base in bases for form in (f"{base[:4]}-{base[4:]}", base)}
    references = {reference_of(form): base for form, base in written.items()}
    numbers = {f"ORD-{form}": base for form, base in written.items()}
    named = {order.pk: order for order in _NAMED.rows(entity_id, list(references), list(numbers))}
    payments = newest_transfers(list(named)) if named else {}
    found = {numbers[order.number]: order for order in named.values() if order.number in numbers}
    for payment in sorted(payments.values(), key=lambda each: each.pk):
        if payment.reference in references:
            found[references[payment.reference]] = named[payment.order_id]
    return {base: Match(order, payments.get(order.pk)) for base, order in found.items()}


def _by_payer(line: BankStatementLine) -> Match:
    """By amount and payer, when that names exactly one that waits."""
    alike = [
        payment.order
        for payment in Payment.objects.filter(
            method=PaymentMethod.BANK_TRANSFER,
            state=PaymentState.PENDING,
            amount=line.amount,
            captured=0,
            order__entity_id=line.entity_id,
        ).select_related("order")
        if line.payer and _same_name(line.payer, payment.order)
    ]
    if len(alike) == 1:
        order = orders.lock_order(order_id=alike[0].pk)
        return Match(order, newest_transfers([order.pk]).get(order.pk))
    return Match(reason="AMBIGUOUS" if alike else "NO_REFERENCE" if not line.reference else "WRONG_REFERENCE")


def _same_name(payer: str, order: Order) -> bool:
    said = sorted(fold(payer).split())
    return any(said == sorted(fold(name).split()) for name in (order.name, order.company_name) if name)
