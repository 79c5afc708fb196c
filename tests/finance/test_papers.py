"""Papers print what they are told, letter for letter, with the fonts that the typesetter brings."""

import json
import re
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
import segno
import typst
from barcode import Code128
from hypothesis import given, settings
from hypothesis import strategies as st

from finance.papers import (
    FiscalReceiptPaper,
    InvalidIpsPayment,
    IpsPayment,
    PackingLine,
    PackingSlip,
    Paper,
    Party,
    PickLine,
    PickList,
    RateRow,
    Reference,
    ReferenceKind,
    ShippingLabel,
    TradeKind,
    TradeLine,
    TradePaper,
    code128_svg,
    ips_payload,
    qr_svg,
    render_pages,
    render_pdf,
)
from finance.papers.render import TEMPLATES
from finance.papers.sheets import sheet
from finance.papers.wording import LANGUAGES, WORDS, Wording
from finance.tax import UblSource, ubl_view
from retail.kernel.money import tax_in_gross

D = Decimal
DAY = date(2026, 11, 20)
SELLER = Party(
    "Primer Knjižara d.o.o.",
    "Ulica primera 1",
    "11000",
    "Beograd",
    pib="111222339",
    registration_number="21112224",
    account="265123456789012340",
)
BUYER = Party("Kupac Test d.o.o.", "Test put 5", "21000", "Novi Sad", pib="109876541")
PAYMENT = IpsPayment(
    account="265-1234567890123-40",
    recipient="Primer Knjižara d.o.o.",
    recipient_address="Ulica primera 1, Beograd",
    payer="Ana Anić",
    amount=D("1259.00"),
    purpose="Porudžbina ORD-2026-000123",
    reference="38-2026-000123",
)
INVOICE = TradePaper(
    kind=TradeKind.INVOICE,
    number="FK-2026-000123",
    issued_on=DAY,
    seller=SELLER,
    buyer=BUYER,
    lines=(
        TradeLine("Na Drini ćuprija", 1, D("1144.5400"), D("1144.54"), D(10), D("1259.00"), sku="978869"),
    ),
    rates=(RateRow(D(10), D("1144.54"), D("114.45")),),
    payable=D("1259.00"),
    rounding=D("0.01"),
    supplied_on=DAY,
    due_on=date(2026, 12, 20),
    issued_in="Beograd",
    references=(Reference(ReferenceKind.ORDER, "ORD-2026-000123", DAY),),
    payment=PAYMENT,
    notes=("Hvala na kupovini.",),
)
JOURNAL = (
    "============ ФИСКАЛНИ РАЧУН ============\r\n"
    "Касир:                               Web\r\n"
    "Укупан износ:                   1.259,00\r\n"
    "======== КРАЈ ФИСКАЛНОГ РАЧУНА =========\r\n"
)
RECEIPT = FiscalReceiptPaper("A-B-1", JOURNAL, "https://sandbox.suf.purs.gov.rs/v/?vl=abc", DAY)
LABEL = ShippingLabel("RS123456789012", "Kurir", SELLER, BUYER, DAY, cash_on_delivery=D("1259.00"))
SLIP = PackingSlip("OTP-1", "ORD-1", DAY, SELLER, BUYER, (PackingLine("Knjiga", "978", 2, "9788"),))
PICKS = PickList("PL-1", "WH-1", datetime(2026, 11, 20, 8, 5), (PickLine("A-01-03", "Knjiga", "978", 2),))
PAPERS: tuple[Paper, ...] = (
    INVOICE,
    replace(INVOICE, kind=TradeKind.ADVANCE_INVOICE, payment=None),
    replace(INVOICE, kind=TradeKind.CREDIT_NOTE, payment=None),
    replace(INVOICE, kind=TradeKind.PROFORMA, prepaid=D("100.00")),
    RECEIPT,
    LABEL,
    SLIP,
    PICKS,
)


def text_of(paper: Paper) -> str:
    """The text that the template lays out, as the typesetter understood it."""
    name, data = sheet(paper)
    made = typst.compile(
        TEMPLATES / f"{name}.typ", root=TEMPLATES, format="html", sys_inputs={"data": json.dumps(data)}
    )
    return made.decode().split("<body>")[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: f"{type(paper).__name__}-{sheet(paper)[0]}")
def test_every_paper_is_set_in_every_language_without_a_warning(paper: Paper, language: str) -> None:
    """A font that is not bundled would be a warning."""
    name, data = sheet(replace(paper, language=language))
    made, warnings = typst.compile_with_warnings(
        TEMPLATES / f"{name}.typ",
        root=TEMPLATES,
        ignore_system_fonts=True,
        pdf_standards="a-2a",
        sys_inputs={"data": json.dumps(data)},
    )
    assert warnings == []
    assert made is not None and bytes(made[:5]) == b"%PDF-"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: type(paper).__name__)
def test_the_same_paper_is_the_same_bytes(paper: Paper) -> None:
    assert render_pdf(paper) == render_pdf(paper)


def test_a_label_is_a_hundred_by_a_hundred_and_fifty_millimetres() -> None:
    (page,) = render_pages(LABEL, dots_per_inch=254)
    assert page[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(page[16:20], "big"), int.from_bytes(page[20:24], "big")) == (1000, 1500)


def test_a_long_pick_list_takes_more_pages() -> None:
    line = PICKS.lines[0]
    assert len(render_pages(replace(PICKS, lines=(line,) * 60), dots_per_inch=36)) == 3


@pytest.mark.parametrize(
    "title",
    [
        "#let x = 1",
        "*bold* _it_ `raw` $a^2$",
        "#{panic()}",
        "// gone",
        "= Heading",
        "\\ @ref",
        "Љубав и ђаци č ć ž š đ",
    ],
)
def test_a_title_that_looks_like_markup_prints_as_it_is(title: str) -> None:
    line = replace(INVOICE.lines[0], name=title)
    assert title in text_of(replace(INVOICE, lines=(line,), notes=(title,)))
    assert title in text_of(replace(SLIP, lines=(replace(SLIP.lines[0], name=title),)))
    assert title in text_of(replace(PICKS, lines=(replace(PICKS.lines[0], name=title),)))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
@settings(max_examples=20, deadline=None)
def test_no_text_breaks_a_paper(text: str) -> None:
    party = replace(BUYER, name=text, street=text, city=text)
    line = replace(INVOICE.lines[0], name=text, sku=text)
    papers: tuple[Paper, ...] = (
        replace(INVOICE, buyer=party, lines=(line,), notes=(text,), payment=None),
        replace(LABEL, recipient=party, note=text),
        replace(RECEIPT, journal=f"{text}\n{JOURNAL}", after=(text,)),
        replace(SLIP, recipient=party, lines=(PackingLine(text, text, 1, text),)),
        replace(PICKS, lines=(PickLine(text, text, text, 1, text, text, text),), picker=text),
    )
    for paper in papers:
        assert render_pdf(paper).startswith(b"%PDF-")


def test_letters_without_a_bundled_font_still_get_their_paper() -> None:
    archivable = render_pdf(INVOICE)
    assert b"pdfaid:part" in archivable
    foreign = render_pdf(replace(INVOICE, notes=("三体 ڈ",)))
    assert foreign.startswith(b"%PDF-") and b"pdfaid:part" not in foreign


def test_templates_never_evaluate_text() -> None:
    for template in TEMPLATES.glob("*.typ"):
        assert not re.search(r"\beval\(|\bplugin\(|#include", template.read_text())


def test_an_invoice_says_its_numbers_in_both_languages() -> None:
    name, serbian = sheet(INVOICE)
    assert name == "trade"
    assert serbian["totals"] == [
        ("Ukupno bez PDV", "1.144,54"),
        ("Ukupno PDV", "114,45"),
        ("Ukupno sa PDV", "1.258,99"),
        ("Zaokruženje", "0,01"),
    ]
    assert serbian["payable"] == ["Za uplatu", "1.259,00\u00a0RSD"]
    assert serbian["facts"][-1] == ("Porudžbina", "ORD-2026-000123, 20.11.2026.")
    assert serbian["seller"]["facts"] == [
        ("PIB", "111222339"),
        ("Matični broj", "21112224"),
        ("Račun", "265-1234567890123-40"),
    ]
    _, english = sheet(replace(INVOICE, language="en"))
    assert english["payable"] == ["To pay", "1,259.00\u00a0RSD"]
    assert english["lines"][0]["quantity"] == "1\u00a0pcs"
    _, cyrillic = sheet(replace(INVOICE, language="sr-cyrl"))
    assert (cyrillic["title"], cyrillic["payable"][0]) == ("Рачун", "За уплату")


def test_the_paper_of_1259_at_ten_percent_adds_up_with_its_ubl_view() -> None:
    gross = D("1259.00")
    view = ubl_view([UblSource("a", 1, D(10), gross, tax_in_gross(gross, D(10)))])
    assert view.lines[0].price == INVOICE.lines[0].price
    assert (view.net, view.tax) == (INVOICE.rates[0].base, INVOICE.rates[0].tax)
    assert (view.payable_rounding, view.payable) == (INVOICE.rounding, INVOICE.payable)


def test_an_advance_says_when_it_was_paid_and_a_proforma_until_when_it_holds() -> None:
    advance = dict(sheet(replace(INVOICE, kind=TradeKind.ADVANCE_INVOICE))[1]["facts"])
    assert advance["Datum uplate"] == "20.11.2026." and "Datum prometa" not in advance
    proforma = sheet(replace(INVOICE, kind=TradeKind.PROFORMA))[1]
    assert dict(proforma["facts"])["Važi do"] == "20.12.2026."
    assert "Predračun nije poreski dokument." in proforma["closing"]


def test_the_receipt_keeps_the_journal_and_puts_the_qr_before_its_end() -> None:
    _, data = sheet(replace(RECEIPT, after=("Plaćeno avansom: 100,00",), needs_signature=True))
    assert "\r\n".join([*data["before"], *data["closing"]]) + "\r\n" == JOURNAL
    assert data["closing"] == ["======== КРАЈ ФИСКАЛНОГ РАЧУНА ========="]
    assert (data["after"], data["signature"]) == (["Plaćeno avansom: 100,00"], "Потпис купца")
    assert data["qr"] == qr_svg(RECEIPT.verification_url, error="l")


def test_a_journal_without_its_end_still_prints_whole() -> None:
    _, data = sheet(replace(RECEIPT, journal="ОВО НИЈЕ ФИСКАЛНИ РАЧУН\r\nКопија"))
    assert (data["before"], data["closing"]) == (["ОВО НИЈЕ ФИСКАЛНИ РАЧУН", "Копија"], [])


def test_a_label_says_what_the_courier_collects() -> None:
    assert sheet(LABEL)[1]["collect"] == {"label": "Otkupnina", "amount": "1.259,00\u00a0RSD"}
    prepaid = replace(LABEL, cash_on_delivery=None)
    assert sheet(prepaid)[1]["collect"] == {"label": "Bez otkupnine", "amount": ""}


def test_every_word_has_both_languages_and_every_language_its_numbers() -> None:
    assert all(english and serbian for english, serbian in WORDS.values())
    assert [Wording(language).percent(D("12.5")) for language in LANGUAGES] == [
        "12,50\u00a0%",
        "12,50\u00a0%",
        "12.50\u00a0%",
    ]
    assert Wording("sr-latn").price(D("1.1905")) == "1,1905"
    assert Wording("en").day(DAY) == "20 Nov 2026"
    with pytest.raises(ValueError, match="language of papers"):
        Wording("de")


# IPS QR


def test_the_ips_payload_is_exact() -> None:
    assert ips_payload(PAYMENT) == (
        "K:PR|V:01|C:1|R:265123456789012340|N:Primer Knjižara d.o.o.\r\nUlica primera 1, Beograd"
        "|I:RSD1259,00|P:Ana Anić|SF:221|S:Porudžbina ORD-2026-000123|RO:97382026000123"
    )


def test_empty_fields_are_left_out_of_the_payload() -> None:
    bare = replace(PAYMENT, payer="", recipient_address="", reference="", purpose="")
    assert (
        ips_payload(bare) == "K:PR|V:01|C:1|R:265123456789012340|N:Primer Knjižara d.o.o.|I:RSD1259,00|SF:221"
    )


def test_a_bar_cannot_smuggle_a_field_in() -> None:
    payload = ips_payload(replace(PAYMENT, payer="Ana|I:RSD1,00", purpose="a\r\nb"))
    assert [field.split(":")[0] for field in payload.split("|")] == [
        "K",
        "V",
        "C",
        "R",
        "N",
        "I",
        "P",
        "SF",
        "S",
        "RO",
    ]
    assert "|P:Ana I:RSD1,00|" in payload and "|S:a b|" in payload


def test_a_long_address_leaves_the_recipient_alone() -> None:
    assert "|N:Primer Knjižara d.o.o.|" in ips_payload(replace(PAYMENT, recipient_address="x" * 60))


@pytest.mark.parametrize(
    "wrong",
    [
        {"account": "265-1234567890123-41"},
        {"amount": D("0.00")},
        {"amount": D("-1.00")},
        {"amount": D("1.005")},
        {"amount": D("1000000000000.00")},
        {"recipient": "x" * 71},
        {"recipient": " "},
        {"payer": "x" * 71},
        {"purpose": "x" * 36},
        {"payment_code": "321"},
        {"model": "9"},
        {"reference": "1" * 24},
        {"reference": "12/34"},
    ],
)
def test_what_the_scheme_refuses_is_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidIpsPayment):
        ips_payload(replace(PAYMENT, **wrong))  # type: ignore[arg-type]


def test_the_qr_draws_every_dark_module() -> None:
    payload = ips_payload(PAYMENT)
    code = segno.make(payload, error="m", micro=False, boost_error=False, encoding="utf-8")
    side = code.symbol_size(border=4)[0]
    svg = qr_svg(payload)
    assert f'viewBox="0 0 {side} {side}"' in svg
    strokes = re.search(r'<path class="qrline" stroke="#000" d="([^"]+)"', svg)
    assert strokes is not None
    drawn = sum(int(width) for width in re.findall(r"h(\d+)", strokes.group(1)))
    assert drawn == sum(sum(row) for row in code.matrix)


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1, max_size=20))
@settings(max_examples=50)
def test_the_barcode_draws_every_bar(text: str) -> None:
    (bars,) = Code128(text).build()
    svg = code128_svg(text)
    drawn = ["0"] * (len(bars) + 20)
    for place, width in re.findall(r"M(\d+) 0h(\d+)v40h-\2z", svg):
        for module in range(int(place), int(place) + int(width)):
            drawn[module] = "1"
    assert "".join(drawn) == "0" * 10 + bars + "0" * 10
