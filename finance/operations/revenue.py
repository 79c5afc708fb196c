"""The lines of an entry that say what a sale earned and owes in tax, or what a return takes back of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance import rules, tax
from finance.chart import ADVANCES_VAT, COST_OF_GOODS, GOODS, GOODS_REVENUE, SERVICES_REVENUE
from finance.operations.ledger import Posting, credit, debit
from finance.rules import Goods, PaperPlan, Part, RateAmounts
from retail.kernel.money import ZERO


@dataclass(frozen=True, slots=True)
class Revenue:
    """Net and VAT of a paper with their lines. With an invoice the net is the UBL base and `rounding` the rest."""

    lines: tuple[Posting, ...]
    net: Decimal
    tax: Decimal
    rounding: Decimal


def revenue_of(parts: Sequence[Part], *, plan: PaperPlan, is_refund: bool) -> Revenue:
    nets, rounding = _nets(parts, plan)
    sign = -1 if is_refund else 1
    lines = [
        credit(
            GOODS_REVENUE if part.kind == "GOODS" else SERVICES_REVENUE,
            sign * net,
            order_line_id=part.line_id,
        )
        for part, net in zip(parts, nets, strict=True)
    ]
    taxes: dict[Decimal, Decimal] = {}
    for part in parts:
        taxes[part.rate] = taxes.get(part.rate, ZERO) + part.tax
    lines += [
        credit(
            rules.vat_account(rate, is_fiscal=plan.is_fiscal),
            sign * amount,
            source_kind="tax_rate",
            source_key=f"{rate:.2f}",
        )
        for rate, amount in taxes.items()
        if amount
    ]
    if posting := tax.rounding_posting(rounding, is_refund=is_refund):
        lines.append(Posting(posting.account, posting.debit, posting.credit))
    return Revenue(tuple(lines), sum(nets, ZERO), sum(taxes.values(), ZERO), rounding)


def cost_lines(goods: Sequence[Goods], values: Sequence[Decimal], *, is_return: bool) -> list[Posting]:
    """Goods become cost when they leave, and goods again when they come back."""
    sign = -1 if is_return else 1
    lines = []
    for one, value in zip(goods, values, strict=True):
        lines += [
            debit(COST_OF_GOODS, sign * value, order_line_id=one.order_line_id),
            credit(
                GOODS,
                sign * value,
                source_kind="variant",
                source_key=str(one.variant_id),
                order_line_id=one.order_line_id,
            ),
        ]
    return lines


def advance_tax_lines(rates: Sequence[RateAmounts], *, is_closing: bool) -> list[Posting]:
    """The VAT inside an advance is owed when the money comes, and taken back when the goods or the money go."""
    sign = -1 if is_closing else 1
    lines = []
    for one in rates:
        if one.tax:
            lines += [
                debit(ADVANCES_VAT, sign * one.tax),
                credit(rules.advance_vat_account(one.rate), sign * one.tax),
            ]
    return lines


def advance_net(parts: Sequence[Part]) -> tuple[Decimal, Decimal]:
    """Base and rounding of an advance as its UBL states them; neither stands in the ledger, where an advance is gross."""
    nets, rounding = _ubl_nets(parts)
    return sum(nets, ZERO), rounding


def _nets(parts: Sequence[Part], plan: PaperPlan) -> tuple[list[Decimal], Decimal]:
    if not plan.has_invoice:
        return [part.net for part in parts], ZERO
    return _ubl_nets(parts)


def _ubl_nets(parts: Sequence[Part]) -> tuple[list[Decimal], Decimal]:
    view = tax.ubl_view(
        [
            tax.UblSource(str(place), part.quantity, part.rate, part.gross, part.tax)
            for place, part in enumerate(parts)
        ]
    )
    return [line.net for line in view.lines], view.payable_rounding
