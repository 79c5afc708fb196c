"""The lines of an entry that say what a sale earned and owes in tax, or what a return takes back of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from finance import rules, tax
from finance.chart import ADVANCES_VAT, COST_OF_GOODS, GOODS, GOODS_REVENUE, SERVICES_REVENUE
from finance.operations.ledger import Posting, credit, debit
from finance.rules import Goods, PaperPlan, Part, RateAmounts, TakenOff
from retail.kernel.money import ZERO, allocate


@dataclass(frozen=True, slots=True)
class Revenue:
    """Net and VAT of a paper with their lines. With an invoice the net is the UBL base and `rounding` the rest."""

    lines: tuple[Posting, ...]
    net: Decimal
    tax: Decimal
    rounding: Decimal


def revenue_of(parts: Sequence[Part], *, plan: PaperPlan, is_refund: bool) -> Revenue:
    """Every line but the tax names its order line: what an order line earned can be asked of the ledger alone."""
    roundings = _roundings(parts, plan)
    rounding = sum(roundings, ZERO)
    sign = -1 if is_refund else 1
    lines = [
        credit(_revenue_account(part.kind), sign * (part.net - rest), order_line_id=part.line_id)
        for part, rest in zip(parts, roundings, strict=True)
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
    account = tax.rounding_account(rounding)
    lines += [
        credit(account, sign * rest, order_line_id=part.line_id)
        for part, rest in zip(parts, roundings, strict=True)
        if rest
    ]
    net = sum((part.net for part in parts), ZERO) - rounding
    return Revenue(tuple(lines), net, sum(taxes.values(), ZERO), rounding)


def with_discounts(lines: Sequence[Posting], taken_off: Sequence[TakenOff]) -> list[Posting]:
    """The same revenue told as list value less each discount, on the same account: what a campaign gave away is a journal line.

    The line of the discount names it (`line_discount`); a fee that was given free has no revenue line to stand beside, so it gets one.
    """
    told = list(lines)
    for one in taken_off:
        account = _revenue_account(one.kind)
        place = next(
            (
                n
                for n, line in enumerate(told)
                if (line.account, line.order_line_id) == (account, one.line_id)
            ),
            None,
        )
        before = ZERO if place is None else told[place].credit - told[place].debit
        listed = credit(account, before + one.net, order_line_id=one.line_id)
        told[len(told) if place is None else place : len(told) if place is None else place + 1] = [listed]
        told.append(
            debit(
                account,
                one.net,
                source_kind="line_discount",
                source_key=str(one.discount_id),
                order_line_id=one.line_id,
            )
        )
    return told


def _revenue_account(kind: str) -> str:
    return GOODS_REVENUE if kind == "GOODS" else SERVICES_REVENUE


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


def _roundings(parts: Sequence[Part], plan: PaperPlan) -> list[Decimal]:
    """What each part was charged above the base that its invoice states, rate by rate; a receipt has none."""
    rests = [ZERO] * len(parts)
    if not plan.has_invoice:
        return rests
    for rate in {part.rate for part in parts}:
        places = [place for place, part in enumerate(parts) if part.rate == rate]
        gross = sum((parts[place].gross for place in places), ZERO)
        vat = sum((parts[place].tax for place in places), ZERO)
        rest = gross - vat - tax.net_base(gross=gross, tax=vat, rate=rate)
        for place, share in zip(
            places, allocate(rest, [parts[place].gross for place in places]), strict=True
        ):
            rests[place] = share
    return rests


def _ubl_nets(parts: Sequence[Part]) -> tuple[list[Decimal], Decimal]:
    view = tax.ubl_view(
        [
            tax.UblSource(str(place), part.quantity, part.rate, part.gross, part.tax)
            for place, part in enumerate(parts)
        ]
    )
    return [line.net for line in view.lines], view.payable_rounding
