"""The papers of the house as PDF: plain data in, bytes out; no rows, no clock, no settings, only bundled fonts."""

from finance.papers.ips import (
    GOODS_FOR_COMPANIES,
    GOODS_FOR_PERSONS,
    InvalidIpsPayment,
    IpsPayment,
    ips_payload,
)
from finance.papers.papers import (
    FiscalReceiptPaper,
    PackingLine,
    PackingSlip,
    Paper,
    Party,
    PickLine,
    PickList,
    RateRow,
    Reference,
    ReferenceKind,
    ReturnSlip,
    ShippingLabel,
    TradeKind,
    TradeLine,
    TradePaper,
)
from finance.papers.render import render_pages, render_pdf
from finance.papers.symbols import code128_svg, qr_svg

__all__ = [
    "GOODS_FOR_COMPANIES",
    "GOODS_FOR_PERSONS",
    "FiscalReceiptPaper",
    "InvalidIpsPayment",
    "IpsPayment",
    "PackingLine",
    "PackingSlip",
    "Paper",
    "Party",
    "PickLine",
    "PickList",
    "RateRow",
    "Reference",
    "ReferenceKind",
    "ReturnSlip",
    "ShippingLabel",
    "TradeKind",
    "TradeLine",
    "TradePaper",
    "code128_svg",
    "ips_payload",
    "qr_svg",
    "render_pages",
    "render_pdf",
]
