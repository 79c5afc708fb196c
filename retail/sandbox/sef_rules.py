"""What SEF reads in a document and why it refuses one: the UBL 2.1 schema, and the rules that its error codes name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from lxml import etree
from stdnum.rs import pib

CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
SBT = "http://mfin.gov.rs/srbdt/srbdtext"
XSD = "http://www.w3.org/2001/XMLSchema"
NS = {"cac": CAC, "cbc": CBC, "sbt": SBT, "xsd": XSD}
PROFILE = "urn:cen.eu:en16931:2017#compliant#urn:mfin.gov.rs:srbdt:2022"
PIECES = frozenset({"H87", "C62", "KGM", "GRM", "MTR", "LTR", "HUR"})
_SELLER, _BUYER = "cac:AccountingSupplierParty/cac:Party", "cac:AccountingCustomerParty/cac:Party"
_VAT = "cac:PartyTaxScheme[cac:TaxScheme/cbc:ID='VAT']/cbc:CompanyID"
_MONEY = (
    "//cbc:TaxAmount|//cbc:TaxableAmount|//cbc:LineExtensionAmount|//cac:LegalMonetaryTotal/*|//cbc:Amount"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What SEF keeps of an uploaded document."""

    kind: str
    number: str
    issued_on: str
    seller_pib: str
    buyer_pib: str
    buyer_registration_number: str
    buyer_jbkjs: str
    sources: tuple[str, ...]
    period_code: str
    extension: str
    has_order: bool
    payable: str


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    field: str
    message: str


def parse(xml: bytes) -> tuple[Sent | None, list[Refusal]]:
    """The document, or why it cannot be read; and what is wrong inside it."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        return None, [Refusal("XmlInvalid", "ublFile", str(error)[:200])]
    name = etree.QName(root).localname
    if name not in ("Invoice", "CreditNote") or root.getroottree().docinfo.internalDTD is not None:
        return None, [Refusal("UBLUnsupportedDocumentType", "ublFile", f"{name} is not taken.")]
    try:
        _schema(name).assertValid(root)
    except etree.DocumentInvalid as problem:
        return None, [Refusal("XmlInvalid", "ublFile", str(problem)[:200])]
    extension = _nodes(root, "//*[local-name()='ReducedTotals']")
    return (
        Sent(
            kind=_text(root, "cbc:InvoiceTypeCode|cbc:CreditNoteTypeCode"),
            number=_text(root, "cbc:ID"),
            issued_on=_text(root, "cbc:IssueDate"),
            seller_pib=_text(root, f"{_SELLER}/{_VAT}").removeprefix("RS"),
            buyer_pib=_text(root, f"{_BUYER}/{_VAT}").removeprefix("RS"),
            buyer_registration_number=_text(root, f"{_BUYER}/cac:PartyLegalEntity/cbc:CompanyID"),
            buyer_jbkjs=_text(root, f"{_BUYER}/cac:PartyIdentification/cbc:ID").removeprefix("JBKJS:"),
            sources=tuple(
                str(node.text or "")
                for node in _nodes(root, "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID")
            ),
            period_code=_text(root, "cac:InvoicePeriod/cbc:DescriptionCode"),
            extension=str(etree.QName(extension[0]).namespace) if extension else "",
            has_order=bool(_text(root, "cac:OrderReference/cbc:ID|cac:ContractDocumentReference/cbc:ID")),
            payable=_text(root, "cac:LegalMonetaryTotal/cbc:PayableAmount"),
        ),
        [Refusal(code, field, message) for holds, code, field, message in _rules(root) if not holds],
    )


@cache
def _schema(name: str) -> etree.XMLSchema:
    with resources.as_file(resources.files("peppol")) as package:
        return etree.XMLSchema(etree.parse(str(Path(package) / "schema" / "maindoc" / f"UBL-{name}-2.1.xsd")))


def _nodes(root: etree._Element, query: str) -> list[Any]:
    found = root.xpath(query, namespaces=NS)
    return found if isinstance(found, list) else []


def _text(root: etree._Element, query: str) -> str:
    nodes = _nodes(root, query)
    return str(nodes[0].text or "").strip() if nodes else ""


def _number(text: str) -> Decimal:
    return Decimal(text or "0")


def _rules(root: etree._Element) -> list[tuple[bool, str, str, str]]:
    """(holds, code, field, message)"""
    kind = _text(root, "cbc:InvoiceTypeCode|cbc:CreditNoteTypeCode")
    issued, due = _text(root, "cbc:IssueDate"), _text(root, "cbc:DueDate")
    delivered = _text(root, "cac:Delivery/cbc:ActualDeliveryDate")
    period = _text(root, "cac:InvoicePeriod/cbc:DescriptionCode")
    is_taxed = bool(_nodes(root, "//cac:ClassifiedTaxCategory[cbc:ID='S']"))
    profile = _text(root, "cbc:CustomizationID")
    late = due and (date.fromisoformat(due) - date.fromisoformat(issued)).days > 90
    rules = [
        (kind in ("380", "381", "383", "386"), "UBLUnsupportedDocumentType", "documentType", f"Type {kind} is not taken."),
        (profile.startswith(PROFILE), "UBLDocumentNotValid", "customizationId", "Unknown profile."),
        (not _text(root, "cbc:TaxPointDate"), "UBLDocumentNotValid", "taxPointDate", "Use the description code."),
        (kind != "380" or bool(delivered), "InvoiceDeliveryDateMissing", "deliveryDate", "The day of supply is missing."),
        (kind != "381" or bool(delivered), "CreditNoteReductionDateMissing", "reductionDate", "The day of reduction is missing."),
        (kind != "386" or not delivered, "UBLDeliveryDateNotAllowedForThisInvoiceType", "deliveryDate", "An advance has no day of supply."),
        (delivered <= issued, "UBLDeliveryDateMustNotBeLatterThanIssueDate", "deliveryDate", "The day of supply is after the issue."),
        (kind == "381" or bool(due), "InvoiceDueDateMissing", "paymentDate", "The due date is missing."),
        (not late, "PaymentDateMoreThan90DaysInFuture", "paymentDate", "Due in more than 90 days."),
        (kind == "381" or not is_taxed or period in ("3", "35", "432"), "InvoicePeriodDescriptionCodeNotDefined", "invoicePeriod", "The code of the tax point is missing."),
        (is_taxed or not period, "InvoicePeriodDescriptionCodeNotNeeded", "invoicePeriod", "No taxed line: leave the code out."),
        (period != "35" or bool(delivered), "InvoiceDeliveryDateMissing", "deliveryDate", "Code 35 needs the day of supply."),
    ]  # fmt: skip
    for who, party in (("sender", _SELLER), ("receiver", _BUYER)):
        vat, endpoint = _text(root, f"{party}/{_VAT}"), _text(root, f"{party}/cbc:EndpointID")
        company = _text(root, f"{party}/cac:PartyLegalEntity/cbc:CompanyID")
        rules += [
            (vat.startswith("RS"), "UBLPartyTaxSchemeCompanyIdWithoutPrefix", who, "The tax number lacks RS."),
            (pib.is_valid(vat[2:]), "InvalidVatNumber", who, "The PIB has a wrong check digit."),
            (f"RS{endpoint}" == vat, "UBLVatRegistrationCodesDoesNotMatch", who, "Endpoint and tax number differ."),
            (len(company) in (8, 13) and company.isdigit(), "UBLRegistrationCodeDoesNotHaveGoodLength", who, "The company number has 8 digits."),
        ]  # fmt: skip
    jbkjs = _text(root, f"{_BUYER}/cac:PartyIdentification/cbc:ID")
    rules.append(
        (not jbkjs or (jbkjs.startswith("JBKJS:") and len(jbkjs) == 11 and jbkjs[6:].isdigit()),
         "UBLPartyIdentificationIdIsNotInCorrectFormat", "jbkjs", "JBKJS: and five digits.")
    )  # fmt: skip
    return [*rules, *_decimal_rules(root), *_sum_rules(root)]


def _decimal_rules(root: etree._Element) -> list[tuple[bool, str, str, str]]:
    code = "UBLInvoiceLinePriceAmountMoreDecimalsThanPermitted"
    prices = [(len(str(one.text).partition(".")[2]) <= 4, code, "price", str(one.text)) for one in _nodes(root, "//cbc:PriceAmount")]  # fmt: skip
    code = "UBLTaxAmountMoreDecimalsThanPermitted"
    return prices + [
        (len(str(one.text).partition(".")[2]) <= 2, code, "amount", str(one.text))
        for one in _nodes(root, _MONEY)
    ]


def _sum_rules(root: etree._Element) -> list[tuple[bool, str, str, str]]:
    rules = []
    total = "cac:LegalMonetaryTotal/cbc:"
    lines = _nodes(root, "cac:InvoiceLine|cac:CreditNoteLine")
    for line in lines:
        quantity = _number(_text(line, "cbc:InvoicedQuantity|cbc:CreditedQuantity"))
        price = _number(_text(line, "cac:Price/cbc:PriceAmount"))
        unit = str(_nodes(line, "cbc:InvoicedQuantity|cbc:CreditedQuantity")[0].get("unitCode"))
        percent = _text(line, "cac:Item/cac:ClassifiedTaxCategory[cbc:ID='S']/cbc:Percent")
        rules += [
            (price >= 0, "InvoiceItemsPriceNegative", "price", f"{price}"),
            (quantity > 0, "InvoiceItemsQuantityNegative", "quantity", f"{quantity}"),
            (unit in PIECES, "UBLUnitCodeNotValid", "unitCode", unit),
            (percent in ("", "10", "20"), "UBLIncorrectVatRateForStandardVatRate", "percent", percent),
        ]
    for one in _nodes(root, "cac:TaxTotal/cac:TaxSubtotal"):
        base, tax = _number(_text(one, "cbc:TaxableAmount")), _number(_text(one, "cbc:TaxAmount"))
        counted = base * _number(_text(one, "cac:TaxCategory/cbc:Percent")) / 100
        is_right = counted.quantize(Decimal("0.01"), ROUND_HALF_UP) == tax
        rules.append(
            (is_right, "UBLTotalTaxAmountAndSubtotalTaxAmountDiffer", "taxAmount", f"{tax} of {base}")
        )
    net = sum((_number(_text(line, "cbc:LineExtensionAmount")) for line in lines), Decimal(0))
    tax = _number(_text(root, "cac:TaxTotal/cbc:TaxAmount"))
    stated = {
        name: _number(_text(root, f"{total}{name}"))
        for name in ("TaxExclusiveAmount", "TaxInclusiveAmount", "PrepaidAmount", "PayableRoundingAmount", "PayableAmount")
    }  # fmt: skip
    payable = net + tax - stated["PrepaidAmount"] + stated["PayableRoundingAmount"]
    return [
        *rules,
        (stated["TaxExclusiveAmount"] == net, "UBLDocumentNotValid", "sumWithoutVat", f"{net}"),
        (stated["TaxInclusiveAmount"] == net + tax, "UBLDocumentNotValid", "sumWithVat", f"{net + tax}"),
        (stated["PayableAmount"] == payable, "UBLUndefinedPayableAmount", "payableAmount", f"{payable}"),
    ]
