"""From a paper to the plain data of its template: every text written, every number formatted, every symbol drawn.

Templates only lay out. All text reaches them as JSON strings, which the typesetter prints letter for letter.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from finance.papers.ips import ips_payload
from finance.papers.papers import (
    FiscalReceiptPaper,
    PackingSlip,
    Paper,
    Party,
    PickList,
    Reference,
    ReferenceKind,
    ReturnSlip,
    ShippingLabel,
    TradeKind,
    TradeLine,
    TradePaper,
)
from finance.papers.symbols import code128_svg, qr_svg
from finance.papers.wording import Wording
from retail.kernel.identifiers import format_account, parse_account

END_OF_RECEIPT = "КРАЈ ФИСКАЛНОГ РАЧУНА"
Facts = list[tuple[str, str]]


def sheet(paper: Paper) -> tuple[str, dict[str, Any]]:
    """The template of a paper and its data."""
    words = Wording(paper.language)
    name: str
    data: dict[str, Any]
    match paper:
        case TradePaper():
            name, data = "trade", _trade(paper, words)
        case FiscalReceiptPaper():
            name, data = "receipt", _receipt(paper, words)
        case ShippingLabel():
            name, data = "label", _label(paper, words)
        case PackingSlip():
            name, data = "packing", _packing(paper, words)
        case ReturnSlip():
            name, data = "return", _returning(paper, words)
        case PickList():
            name, data = "picking", _picking(paper, words)
    common = {
        "lang": "sr" if words.is_serbian else "en",
        "script": "cyrl" if paper.language == "sr-cyrl" else "latn",
        "page": words("page"),
        "of": words("of"),
    }
    return name, common | data


def _trade(paper: TradePaper, words: Wording) -> dict[str, Any]:
    is_credit = paper.kind == TradeKind.CREDIT_NOTE
    is_proforma = paper.kind == TradeKind.PROFORMA
    closing = [words("not_a_tax_document")] if is_proforma else []
    return {
        "title": words(paper.kind.value),
        "number": paper.number,
        "date": _date(paper.issued_on),
        "facts": _trade_facts(paper, words),
        "seller": _party(paper.seller, words("seller"), words),
        "buyer": _party(paper.buyer, words("buyer"), words),
        "columns": [
            words(key) for key in ("item", "quantity", "price", "discount", "base", "rate", "with_tax")
        ],
        "lines": [_trade_line(line, words) for line in paper.lines],
        "rates": {
            "title": words("tax_by_rate"),
            "columns": [words(key) for key in ("rate", "base", "tax")],
            "rows": [
                [words.percent(row.rate), words.decimal(row.base), words.decimal(row.tax)]
                for row in paper.rates
            ],
        },
        "totals": _trade_totals(paper, words),
        "payable": [
            words("credited" if is_credit else "payable"),
            words.money(paper.payable, paper.currency),
        ],
        "slip": _slip(paper, words),
        "notes": list(paper.notes),
        "closing": [*closing, words("electronic")],
    }


def _trade_facts(paper: TradePaper, words: Wording) -> Facts:
    is_proforma = paper.kind == TradeKind.PROFORMA
    supplied = "paid_on" if paper.kind == TradeKind.ADVANCE_INVOICE else "supplied_on"
    facts: Facts = [(words("issued_on"), words.day(paper.issued_on))]
    if paper.issued_in:
        facts.append((words("issued_at"), paper.issued_in))
    if paper.supplied_on:
        facts.append((words(supplied), words.day(paper.supplied_on)))
    if paper.due_on:
        facts.append((words("valid_until" if is_proforma else "due_on"), words.day(paper.due_on)))
    return facts + [_reference(reference, words) for reference in paper.references]


def _reference(reference: Reference, words: Wording) -> tuple[str, str]:
    day = f", {words.day(reference.issued_on)}" if reference.issued_on else ""
    return words(ReferenceKind(reference.kind).value), f"{reference.number}{day}"


def _trade_line(line: TradeLine, words: Wording) -> dict[str, str]:
    return {
        "name": line.name,
        "sku": line.sku,
        "quantity": f"{words.decimal(Decimal(line.quantity), 0)}\u00a0{line.unit or words('piece')}",
        "price": words.price(line.price),
        "discount": f"\u2212{words.decimal(line.discount)}" if line.discount else "",
        "net": words.decimal(line.net),
        "rate": words.percent(line.rate),
        "gross": words.decimal(line.gross),
    }


def _trade_totals(paper: TradePaper, words: Wording) -> Facts:
    base = sum((row.base for row in paper.rates), Decimal("0.00"))
    tax = sum((row.tax for row in paper.rates), Decimal("0.00"))
    totals = [
        (words("total_base"), words.decimal(base)),
        (words("total_tax"), words.decimal(tax)),
        (words("total"), words.decimal(base + tax)),
    ]
    if paper.rounding:
        totals.append((words("rounding"), words.decimal(paper.rounding)))
    if paper.prepaid:
        totals.append((words("prepaid"), words.decimal(-paper.prepaid)))
    return totals


def _slip(paper: TradePaper, words: Wording) -> dict[str, Any] | None:
    payment = paper.payment
    if payment is None:
        return None
    recipient = [text for text in (payment.recipient, payment.recipient_address) if text]
    facts = [
        (words("payer"), payment.payer or paper.buyer.name),
        (words("purpose"), payment.purpose),
        (words("recipient"), ", ".join(recipient)),
    ]
    boxes = [
        (words("payment_code"), payment.payment_code),
        (words("currency"), "RSD"),
        (words("amount"), words.decimal(payment.amount)),
        (words("recipient_account"), _account(payment.account)),
        (words("model_reference"), f"{payment.model}  {payment.reference}" if payment.reference else ""),
    ]
    return {
        "title": words("slip"),
        "facts": facts,
        "boxes": boxes,
        "qr": qr_svg(ips_payload(payment)),
        "hint": f"NBS IPS QR \u00b7 {words('scan_to_pay')}",
    }


def _receipt(paper: FiscalReceiptPaper, words: Wording) -> dict[str, Any]:
    """The QR stands before the closing line of the journal, as on a printed receipt."""
    lines = paper.journal.replace("\r\n", "\n").rstrip("\n").split("\n")
    ends = [place for place, line in enumerate(lines) if END_OF_RECEIPT in line]
    cut = ends[-1] if ends else len(lines)
    return {
        "title": f"{words('fiscal_title')} {paper.number}",
        "date": _date(paper.issued_on),
        "before": lines[:cut],
        "closing": lines[cut:],
        "qr": qr_svg(paper.verification_url, error="l"),
        "qr_alt": words("fiscal_qr"),
        "url": paper.verification_url,
        "after": list(paper.after),
        "signature": words("buyer_signature") if paper.needs_signature else "",
    }


def _label(label: ShippingLabel, words: Wording) -> dict[str, Any]:
    facts = [(words("parcel"), f"{label.parcel_index} / {label.parcel_count}")]
    if label.weight_grams is not None:
        facts.append((words("weight"), words.weight(label.weight_grams)))
    if label.order_number:
        facts.append((words("order"), label.order_number))
    collect = label.cash_on_delivery or Decimal(0)
    return {
        "title": f"{words('label')} {label.parcel_number}",
        "date": _date(label.made_on),
        "carrier": label.carrier,
        "service": label.service,
        "sender": _address(label.sender, words("from")),
        "recipient": _address(label.recipient, words("to")),
        "facts": facts,
        "collect": {
            "label": words("cash_on_delivery" if collect else "prepaid_parcel"),
            "amount": words.money(collect, label.currency) if collect else "",
        },
        "note": {"label": words("note"), "text": label.note},
        "barcode": code128_svg(label.parcel_number),
        "parcel_number": label.parcel_number,
    }


def _packing(slip: PackingSlip, words: Wording) -> dict[str, Any]:
    facts = [
        (words("order"), slip.order_number),
        (words("issued_on"), words.day(slip.packed_on)),
        (words("parcel"), f"{slip.parcel_index} / {slip.parcel_count}"),
    ]
    if slip.delivery:
        facts.append((words("delivery"), slip.delivery))
    return {
        "title": words("packing_slip"),
        "number": slip.number,
        "date": _date(slip.packed_on),
        "facts": facts,
        "sender": _party(slip.sender, words("from"), words),
        "recipient": _party(slip.recipient, words("to"), words),
        "columns": [words(key) for key in ("item", "sku", "barcode", "quantity")],
        "lines": [[line.name, line.sku, line.barcode, str(line.quantity)] for line in slip.lines],
        "total": [words("pieces"), str(sum(line.quantity for line in slip.lines))],
        "barcode": code128_svg(slip.number),
        "notes": list(slip.notes),
    }


def _returning(slip: ReturnSlip, words: Wording) -> dict[str, Any]:
    return {
        "title": words("return_slip"),
        "number": slip.number,
        "date": _date(slip.made_on),
        "sender": _address(slip.sender, words("from")),
        "recipient": _address(slip.recipient, words("to")),
        "facts": [(words("order"), slip.order_number), (words("issued_on"), words.day(slip.made_on))],
        "columns": [words("item"), words("sku"), words("quantity")],
        "lines": [[line.name, line.sku, str(line.quantity)] for line in slip.lines],
        "cut": words("cut_and_stick"),
        "ways": [words("return_in_store"), words("return_by_post")],
        "qr": qr_svg(slip.number),
        "barcode": code128_svg(slip.number),
    }


def _picking(paper: PickList, words: Wording) -> dict[str, Any]:
    facts = [(words("location"), paper.location), (words("made_at"), words.moment(paper.made_at))]
    if paper.picker:
        facts.append((words("picker"), paper.picker))
    return {
        "title": words("pick_list"),
        "number": paper.number,
        "date": _date(paper.made_at),
        "facts": facts,
        "columns": [words(key) for key in ("bin", "item", "quantity", "order", "tote", "done")],
        "lines": [
            {
                "bin": line.bin,
                "name": line.name,
                "code": " \u00b7 ".join(code for code in (line.sku, line.barcode) if code),
                "quantity": str(line.quantity),
                "order": line.order_number,
                "tote": line.tote,
            }
            for line in paper.lines
        ],
        "total": [words("pieces"), str(sum(line.quantity for line in paper.lines))],
        "barcode": code128_svg(paper.number),
    }


def _party(party: Party, role: str, words: Wording) -> dict[str, Any]:
    keys = ("pib", "registration_number", "jbkjs")
    facts = [(words(key), getattr(party, key)) for key in keys if getattr(party, key)]
    if party.account:
        facts.append((words("account"), _account(party.account)))
    if party.phone:
        facts.append((words("phone"), party.phone))
    if party.email:
        facts.append(("E-mail", party.email))
    return {**_address(party, role), "facts": facts}


def _address(party: Party, role: str) -> dict[str, Any]:
    town = " ".join(part for part in (party.postal_code, party.city) if part)
    lines = [line for line in (party.street, town, party.country) if line]
    return {
        "role": role,
        "name": party.name,
        "lines": lines,
        "street": party.street,
        "town": town,
        "country": party.country,
        "phone": party.phone,
    }


def _account(text: str) -> str:
    digits = parse_account(text)
    return format_account(digits) if digits else text


def _date(day: Any) -> list[int]:
    return [day.year, day.month, day.day]
