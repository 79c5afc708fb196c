"""The printed text of a receipt: Cyrillic, 40 columns, the right heading, and never to be taken for a real one."""

from __future__ import annotations

from typing import Any

import pytest

from finance.providers.fiscal import FiscalResult, InvoiceType
from tests.sandbox.receipts import BOOK, JID, REFUND, receipt, sign
from tests.sandbox.stand import Stand

FISCAL, NOT_FISCAL = " ФИСКАЛНИ РАЧУН ", " ОВО НИЈЕ ФИСКАЛНИ РАЧУН "


def lines(result: FiscalResult) -> list[str]:
    assert result.journal.endswith("\r\n")
    return result.journal.removesuffix("\r\n").split("\r\n")


def test_whole_journal_of_a_sale(outside: Stand) -> None:
    result = sign(outside)
    text = lines(result)

    assert all(len(line) <= 40 for line in text)
    assert [line for line in text if not line.startswith("ПФР време")] == [
        "============ ФИСКАЛНИ РАЧУН ============",
        "       ПРОБНО ОКРУЖЕЊЕ (SANDBOX)",
        "              RS111911206",
        "          PROBA DOO (SANDBOX)",
        "              Prodavnica 1",
        "            Knez Mihailova 1",
        "                Beograd",
        "Касир:                               Web",
        "ЕСИР број:                       999/1.0",
        "-------------ПРОМЕТ ПРОДАЈА-------------",
        "Артикли",
        "========================================",
        "Назив         Цена    Кол.        Укупно",
        "Slušalice Primer X /kom (Ђ)",
        "          3.599,88       1      3.599,88",
        "Knjiga Primer /kom (Е)",
        "            550,00       2      1.100,00",
        "----------------------------------------",
        "Укупан износ:                   4.699,88",
        "Платна картица:                 4.699,88",
        "========================================",
        "Ознака           Име    Стопа      Порез",
        "Ђ              О-ПДВ   20,00%     599,98",
        "Е              П-ПДВ   10,00%     100,00",
        "----------------------------------------",
        "Укупан износ пореза:              699,98",
        "========================================",
        f"ПФР број рачуна:     {JID}-5A9DB0C5-1",
        "Бројач рачуна:                     1/1ПП",
        "========================================",
        "======== КРАЈ ФИСКАЛНОГ РАЧУНА =========",
    ]
    assert next(line for line in text if line.startswith("ПФР време")).endswith(
        result.signed_at.strftime("%d.%m.%Y. %H:%M:%S")
    )


@pytest.mark.parametrize(
    ("kind", "heading", "title"),
    [
        (InvoiceType.NORMAL, "ПРОМЕТ ПРОДАЈА", FISCAL),
        (InvoiceType.ADVANCE, "АВАНС ПРОДАЈА", FISCAL),
        (InvoiceType.PROFORMA, "ПРЕДРАЧУН ПРОДАЈА", NOT_FISCAL),
        (InvoiceType.TRAINING, "ОБУКА ПРОДАЈА", NOT_FISCAL),
    ],
)
def test_heading_tells_the_kind(outside: Stand, kind: InvoiceType, heading: str, title: str) -> None:
    text = lines(sign(outside, receipt(BOOK, kind=kind)))

    assert text[0] == title.center(40, "=")
    assert heading.center(40, "-") in text


def test_refund_is_printed_with_a_minus_and_its_copy_asks_for_a_signature(outside: Stand) -> None:
    sale = sign(outside)
    options: dict[str, Any] = {"transaction": REFUND, "buyer_id": "20:123456789"}
    refund = sign(outside, receipt(BOOK, referent=sale.invoice_number, **options))
    copy = sign(outside, receipt(BOOK, kind=InvoiceType.COPY, referent=refund.invoice_number, **options))

    printed, copied = lines(refund), lines(copy)

    assert "-----------ПРОМЕТ РЕФУНДАЦИЈА-----------" in printed
    assert "            550,00       2     -1.100,00" in printed
    assert "Укупна рефундација:             1.100,00" in printed
    assert "ИД купца:                   20:123456789" in printed
    assert "Потпис купца:" not in printed
    assert copied[0] == NOT_FISCAL.center(40, "=")
    assert "-----------КОПИЈА РЕФУНДАЦИЈА-----------" in copied
    assert "Потпис купца:" in copied


def test_long_names_are_broken_over_lines(outside: Stand) -> None:
    payload = receipt(BOOK)
    payload["items"][0]["name"] = "Veoma dugačak naslov knjige koji ne može da stane u jedan red /kom"

    text = lines(sign(outside, payload))

    assert all(len(line) <= 40 for line in text)
    assert "Veoma dugačak naslov knjige koji ne može" in text
