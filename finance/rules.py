"""Decisions and arithmetic of money: which paper when, what a shipment charges, what a return gives back. No ORM, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from finance import tax
from finance.chart import COURIER_RECEIVABLE, CUSTOMERS
from finance.tax import DocumentLine, LineAmounts, RateShare
from oms.rules import part_of
from oms.states import SOLD_KINDS, PaperKind, PaymentMethod
from retail.kernel.errors import Refusal
from retail.kernel.money import ZERO, allocate, from_paras, in_paras, rounded


class BeyondSold(Refusal):
    """More units come back than the papers of the order have sold and not yet taken back."""

    code = "BEYOND_SOLD"


class Goods(NamedTuple):
    """Units of a variant that move for an order line; for a kit line one entry per component."""

    order_line_id: int
    variant_id: int
    quantity: int


class Sold(NamedTuple):
    """Units of an order line, as they stand on a paper."""

    order_line_id: int
    quantity: int


# Which paper, when

FISCAL_PAYMENTS = {
    PaymentMethod.CARD.value: "CARD",
    PaymentMethod.CASH_ON_DELIVERY.value: "CASH",
    PaymentMethod.BANK_TRANSFER.value: "WIRE_TRANSFER",
    PaymentMethod.GIFT_CARD.value: "VOUCHER",
    PaymentMethod.EXCHANGE.value: "OTHER",
}


@dataclass(frozen=True, slots=True)
class PaperPlan:
    """How one kind of order is papered and booked.

    `receivable`: what the dispatch debits for what was not paid before.
    `is_prepaid`: goods leave only when the money is there.
    """

    is_fiscal: bool
    has_invoice: bool
    is_prepaid: bool
    receivable: str
    fiscal_payment: str


def _plan(paper: PaperKind, method: PaymentMethod) -> PaperPlan:
    by_method = {
        PaymentMethod.CARD: (True, CUSTOMERS),
        PaymentMethod.CASH_ON_DELIVERY: (False, COURIER_RECEIVABLE),
        PaymentMethod.BANK_TRANSFER: (True, CUSTOMERS),
        PaymentMethod.GIFT_CARD: (True, CUSTOMERS),
        # Staff may let it leave before what pays for it is here.
        PaymentMethod.EXCHANGE: (False, CUSTOMERS),
    }
    is_prepaid, receivable = by_method[method]
    return PaperPlan(
        is_fiscal=paper != PaperKind.SEF,
        has_invoice=paper != PaperKind.FISCAL,
        is_prepaid=is_prepaid,
        receivable=receivable,
        fiscal_payment=FISCAL_PAYMENTS[method.value],
    )


PAPERS: dict[tuple[str, str], PaperPlan] = {
    (paper.value, method.value): _plan(paper, method) for paper in PaperKind for method in PaymentMethod
}


def paper_of(*, is_company: bool, is_sef_registered: bool) -> PaperKind:
    """Decided at placement, checked again at issue."""
    if not is_company:
        return PaperKind.FISCAL
    return PaperKind.SEF if is_sef_registered else PaperKind.FISCAL_COMPANY


def is_taxed_as_advance(method: str) -> bool:
    """Whether money that comes by this way before the goods has a paper of its own.

    A card is captured in the minutes before the goods leave: the same day, so there is no advance to tax.
    """
    return method == PaymentMethod.BANK_TRANSFER


_RETAIL_VAT = {Decimal(20): "4760", Decimal(10): "4761"}
_INVOICE_VAT = {Decimal(20): "4700", Decimal(10): "4710"}
_ADVANCE_VAT = {Decimal(20): "4720", Decimal(10): "4730"}


def vat_account(rate: Decimal, *, is_fiscal: bool) -> str:
    return (_RETAIL_VAT if is_fiscal else _INVOICE_VAT)[rate]


def advance_vat_account(rate: Decimal) -> str:
    return _ADVANCE_VAT[rate]


_ADVANCE_NAMES = {
    Decimal(20): "10: Avans (\u0402)",
    Decimal(10): "11: Avans (\u0415)",
    Decimal(0): "12: Avans (\u0413)",
}


def advance_name(rate: Decimal) -> str:
    """The fixed item names of advance receipts; the letters are the tax labels, by code point."""
    return _ADVANCE_NAMES[rate]


# What a paper charges


@dataclass(frozen=True, slots=True)
class LineDiscount:
    """What a discount took off a whole order line, without its tax, and what of it the ledger says already."""

    id: int
    net: Decimal
    posted: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """An order line as the papers see it: what earlier papers sold of it, and units that never come."""

    id: int
    kind: str
    title: str
    gtin: str
    quantity: int
    total: Decimal
    rate: Decimal
    sold: int
    sold_gross: Decimal
    canceled: int
    discounts: tuple[LineDiscount, ...] = ()

    @property
    def is_goods(self) -> bool:
        return self.kind in SOLD_KINDS

    @property
    def units_left(self) -> int:
        return self.quantity - self.canceled - self.sold

    def gross_of(self, units: int) -> Decimal:
        """What the next units cost: canceled units take their share of the line first, the last unit takes the rest."""
        kept = self.total - part_of(total=self.total, quantity=self.quantity, done=0, part=self.canceled)
        return tax.take_quantity(
            line=LineAmounts(self.quantity - self.canceled, kept, ZERO),
            documented=LineAmounts(self.sold, self.sold_gross, ZERO),
            quantity=units,
        ).gross


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an order line on one paper, at one VAT rate."""

    line_id: int
    kind: str
    title: str
    gtin: str
    quantity: int
    gross: Decimal
    tax: Decimal
    rate: Decimal

    @property
    def net(self) -> Decimal:
        return self.gross - self.tax


def total_of(parts: Iterable[Part]) -> Decimal:
    return sum((part.gross for part in parts), ZERO)


def by_rate(parts: Sequence[Part]) -> list[dict[str, str]]:
    """Sums per VAT rate, highest first, as papers store them."""
    rates = sorted({part.rate for part in parts}, reverse=True)
    rows = []
    for rate in rates:
        gross = sum((part.gross for part in parts if part.rate == rate), ZERO)
        vat = sum((part.tax for part in parts if part.rate == rate), ZERO)
        rows.append(
            {"rate": f"{rate:.2f}", "gross": f"{gross:.2f}", "net": f"{gross - vat:.2f}", "tax": f"{vat:.2f}"}
        )
    return rows


def sale_parts(lines: Sequence[Line], sold: Iterable[Sold], *, has_fees: bool = True) -> list[Part]:
    """What one shipment's paper charges: its units, and with the first of them everything that is no goods.

    Files leave before any parcel and without its fees.

    A fee is split over the VAT rates of the goods on the paper. Tax is computed once per rate and shared over the parts.
    """
    units: dict[int, int] = {}
    for entry in sold:
        units[entry.order_line_id] = units.get(entry.order_line_id, 0) + entry.quantity
    by_id = {line.id: line for line in lines}
    drafts: list[tuple[Line, int, Decimal, Decimal]] = []
    for line_id, quantity in units.items():
        line = by_id[line_id]
        if not 0 < quantity <= line.units_left:
            raise BeyondSold(f"{line.title}: fewer units are left than leave.", order_line=line_id)
        if line.is_goods:
            drafts.append((line, quantity, line.gross_of(quantity), line.rate))
    goods = [RateShare(rate, gross) for _, _, gross, rate in drafts]
    for line in lines:
        if has_fees and not line.is_goods and line.sold == 0 and line.canceled == 0 and line.total > 0:
            shares = tax.split_over_rates(line.total, goods, otherwise=line.rate)
            drafts += [(line, line.quantity, share.gross, share.rate) for share in shares]
    return _taxed(drafts)


def _taxed(drafts: Sequence[tuple[Line, int, Decimal, Decimal]]) -> list[Part]:
    document = tax.tax_document([DocumentLine(str(line.id), gross, rate) for line, _, gross, rate in drafts])
    return [
        Part(line.id, line.kind, line.title, line.gtin, quantity, gross, taxed.tax, rate)
        for (line, quantity, gross, rate), taxed in zip(drafts, document.lines, strict=True)
    ]


# What discounts cost


@dataclass(frozen=True, slots=True)
class TakenOff:
    """What a paper makes the books say more (or, when goods come back, less) about one discount of one line."""

    line_id: int
    kind: str
    discount_id: int
    net: Decimal


def taken_off(lines: Sequence[Line], units: Mapping[int, int], *, is_sold: bool) -> list[TakenOff]:
    """`units` of each line stand on papers after this one. The books are brought to exactly that share of each discount.

    Delivery that a discount made free stands on no paper: it was given with the first that sells (`is_sold`).
    """
    found = []
    for line in lines:
        is_free_fee = not line.is_goods and line.total == 0
        out = line.quantity if is_free_fee and is_sold else units.get(line.id, 0)
        for one in line.discounts:
            change = rounded(one.net * out / line.quantity) - one.posted
            if change:
                found.append(TakenOff(line.id, line.kind, one.id, change))
    return found


# What comes back


@dataclass(frozen=True, slots=True)
class Sale:
    """A paper that sold, and what later papers have taken back of it: keys are (order line, rate)."""

    key: int
    shipment_id: int | None
    parts: tuple[Part, ...]
    undone: Mapping[tuple[int, Decimal], LineAmounts]
    # Of its receipt, and what later receipts gave back of it: gift cards.
    vouchers: Decimal = ZERO
    vouchers_undone: Decimal = ZERO
    # The same of the money of exchanges.
    exchanged: Decimal = ZERO
    exchanged_undone: Decimal = ZERO

    def left(self, part: Part) -> LineAmounts:
        return LineAmounts(part.quantity, part.gross, part.tax) - self.undone.get(
            (part.line_id, part.rate), tax.NOTHING
        )


def vouchers_back(sale: Sale, parts: Sequence[Part]) -> Decimal:
    """Of what a refund receipt gives back for these parts, what was paid by gift card: money goes back first."""
    money = total_of(sale.parts) - sale.vouchers
    before = sum((amounts.gross for amounts in sale.undone.values()), ZERO) - sale.vouchers_undone
    return max(total_of(parts) - max(money - before, ZERO), ZERO)


def exchanged_back(sale: Sale, parts: Sequence[Part]) -> Decimal:
    """Of what a refund receipt gives back for these parts, what goods of an exchange had paid: after other money, before gift cards."""
    money = total_of(sale.parts) - sale.vouchers - sale.exchanged
    undone = sum((amounts.gross for amounts in sale.undone.values()), ZERO)
    before = undone - sale.vouchers_undone - sale.exchanged_undone
    beyond = total_of(parts) - vouchers_back(sale, parts) - max(money - before, ZERO)
    return min(max(beyond, ZERO), max(sale.exchanged - sale.exchanged_undone, ZERO))


def units_out(sales: Sequence[Sale]) -> dict[int, int]:
    """The units of each line that papers sold and did not take back; a fee that is split over rates counts once."""
    units: dict[int, int] = {}
    for sale in sales:
        of_sale: dict[int, int] = {}
        for part in sale.parts:
            left = sale.left(part)
            of_sale[part.line_id] = max(of_sale.get(part.line_id, 0), left.quantity)
        for line_id, quantity in of_sale.items():
            units[line_id] = units.get(line_id, 0) + quantity
    return units


def rest_of(sale: Sale) -> list[Part]:
    """Everything of a sale that was not taken back yet."""
    return [
        _part(part, left.quantity, left)
        for part in sale.parts
        if (left := sale.left(part)).quantity > 0 or left.gross > 0
    ]


def returned_parts(sales: Sequence[Sale], wanted: Iterable[Sold]) -> list[tuple[Sale, list[Part]]]:
    """Which papers are taken back by how much: the earliest sale of a line first, each part at what is left of it."""
    taken: dict[int, list[Part]] = {}
    for line_id, quantity in wanted:
        needed = quantity
        for sale in sales:
            parts = [part for part in sale.parts if part.line_id == line_id]
            units = min(needed, max((sale.left(part).quantity for part in parts), default=0))
            if units <= 0:
                continue
            for part in parts:
                amounts = tax.take_quantity(
                    line=LineAmounts(part.quantity, part.gross, part.tax),
                    documented=sale.undone.get((part.line_id, part.rate), tax.NOTHING),
                    quantity=units,
                )
                taken.setdefault(sale.key, []).append(_part(part, units, amounts))
            needed -= units
        if needed > 0:
            raise BeyondSold("More units come back than were sold.", order_line=line_id)
    return [(sale, taken[sale.key]) for sale in sales if sale.key in taken]


def _part(part: Part, quantity: int, amounts: LineAmounts) -> Part:
    return Part(
        part.line_id, part.kind, part.title, part.gtin, quantity, amounts.gross, amounts.tax, part.rate
    )


# Receipts

# Where a stored journal has the number of the buyer's document.
BUYER_ID_PLACE = "{buyer_id}"


def receipt_items(parts: Iterable[Part]) -> list[dict[str, Any]]:
    """Items whose unit price times quantity is their total: a sum that does not divide becomes two items, one para apart."""
    items: list[dict[str, Any]] = []
    for part in parts:
        price, dearer = divmod(in_paras(part.gross), part.quantity)
        groups = [(part.quantity - dearer, price), (dearer, price + 1)]
        groups = [(quantity, unit) for quantity, unit in groups if quantity]
        taxes = allocate(part.tax, [quantity * unit for quantity, unit in groups])
        for (quantity, unit), vat in zip(groups, taxes, strict=True):
            items.append(
                {
                    "name": part.title,
                    "gtin": part.gtin,
                    "quantity": quantity,
                    "unit_price": f"{from_paras(unit):.2f}",
                    "total": f"{from_paras(quantity * unit):.2f}",
                    "tax": f"{vat:.2f}",
                    "tax_rate": f"{part.rate:.2f}",
                    "order_line": part.line_id,
                    "line_kind": part.kind,
                }
            )
    return items


VOUCHER = FISCAL_PAYMENTS[PaymentMethod.GIFT_CARD.value]


EXCHANGED = FISCAL_PAYMENTS[PaymentMethod.EXCHANGE.value]


def receipt_payments(
    *, total: Decimal, vouchers: Decimal, method: str, exchanged: Decimal = ZERO
) -> list[dict[str, str]]:
    """How a receipt of this sum was paid: vouchers first, then the money of an exchange, the rest by the method.

    A gift that costs nothing was paid with nothing by the method: the processor takes no receipt without a payment.
    """
    sums = {VOUCHER: vouchers, EXCHANGED: exchanged}
    sums[method] = sums.get(method, ZERO) + total - vouchers - exchanged
    paid = {name: amount for name, amount in sums.items() if amount > 0} or {method: ZERO}
    return [{"method": name, "amount": f"{amount:.2f}"} for name, amount in paid.items()]


def vouchers_of(payments: Iterable[Mapping[str, str]]) -> Decimal:
    """What of a receipt was paid by voucher."""
    return _paid_by(VOUCHER, payments)


def exchanged_of(payments: Iterable[Mapping[str, str]]) -> Decimal:
    """What of a receipt the goods of an exchange paid."""
    return _paid_by(EXCHANGED, payments)


def _paid_by(method: str, payments: Iterable[Mapping[str, str]]) -> Decimal:
    return sum((Decimal(one["amount"]) for one in payments if one["method"] == method), ZERO)


def parts_of_items(items: Iterable[Mapping[str, Any]]) -> list[Part]:
    """The parts that `receipt_items` wrote down."""
    parts: dict[tuple[int, Decimal], Part] = {}
    for item in items:
        rate, line_id = Decimal(item["tax_rate"]), int(item["order_line"])
        before = parts.get((line_id, rate))
        parts[line_id, rate] = Part(
            line_id,
            str(item["line_kind"]),
            str(item["name"]),
            str(item["gtin"]),
            int(item["quantity"]) + (before.quantity if before else 0),
            Decimal(item["total"]) + (before.gross if before else ZERO),
            Decimal(item["tax"]) + (before.tax if before else ZERO),
            rate,
        )
    return list(parts.values())


# Advances


@dataclass(frozen=True, slots=True)
class RateAmounts:
    """Money of one VAT rate, gross, with the VAT that it contains."""

    rate: Decimal
    gross: Decimal
    tax: Decimal


def closing_of(
    *,
    received: Sequence[RateAmounts],
    closed: Sequence[RateAmounts],
    gross_by_rate: Mapping[Decimal, Decimal],
    amount: Decimal,
) -> list[RateAmounts]:
    """How a paper of `gross_by_rate` closes `amount` of the advances: at its own rates first, then wherever some is left."""
    total = {one.rate: LineAmounts(0, one.gross, one.tax) for one in received}
    done = {one.rate: LineAmounts(0, one.gross, one.tax) for one in closed}
    left = {rate: (amounts - done.get(rate, tax.NOTHING)).gross for rate, amounts in total.items()}
    take: dict[Decimal, Decimal] = {}
    rest = min(amount, sum(left.values(), ZERO))
    for rate in sorted(left, reverse=True):
        take[rate] = min(left[rate], gross_by_rate.get(rate, ZERO), rest)
        rest -= take[rate]
    for rate in sorted(left, reverse=True):
        more = min(left[rate] - take[rate], rest)
        take[rate] += more
        rest -= more
    return [
        RateAmounts(
            rate,
            gross,
            tax.take_amount(line=total[rate], documented=done.get(rate, tax.NOTHING), gross=gross).tax,
        )
        for rate, gross in take.items()
        if gross > 0
    ]


# Value of stock


def share_of_value(value: Decimal, quantity: int, units: int) -> Decimal:
    """What `units` of `quantity` cost: the last unit takes the rest."""
    return value if units == quantity else rounded(value * units / quantity)
