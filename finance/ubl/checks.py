"""What SEF would refuse: the UBL 2.1 schema, and the rules that its error codes name. Nothing found is no promise, only a reason to send."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from lxml import etree
from stdnum.rs import pib as pib_rule

from finance.ubl.build import CAC, CBC, PIECE, SBT

NS = {"cac": CAC, "cbc": CBC}
DUE_DAYS_MAX = 90
PARA = Decimal("0.01")
_SELLER = "cac:AccountingSupplierParty/cac:Party"
_BUYER = "cac:AccountingCustomerParty/cac:Party"
_MONEY = "//cbc:TaxAmount|//cbc:TaxableAmount|//cbc:LineExtensionAmount|//cac:LegalMonetaryTotal/*|//cbc:Amount|//cbc:BaseAmount"


class Fault(NamedTuple):
    """A reason to refuse, under SEF's own code where there is one."""

    code: str
    text: str


class Unreadable(ValueError):
    """Not the XML of an invoice or credit note."""


def read(xml: bytes) -> etree._Element:
    """The root of a document, read without entities and without the network. Raises Unreadable."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(str(error)) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unreadable("a document type is not taken")
    return root


def check(xml: bytes) -> list[Fault]:
    """Every fault of a document; the schema's own end the look, since nothing else can be trusted then."""
    try:
        root = read(xml)
    except Unreadable as problem:
        return [Fault("XmlInvalid", str(problem))]
    name = etree.QName(root).localname
    if name not in ("Invoice", "CreditNote"):
        return [Fault("UBLUnsupportedDocumentType", name)]
    schema = _schema(name)
    try:
        schema.assertValid(root)
    except etree.DocumentInvalid as problem:
        return [Fault("XmlInvalid", str(problem)[:300])]
    return [
        *_about_parties(root),
        *_about_dates(root),
        *_about_decimals(root),
        *_about_sums(root),
        *_about_references(root),
    ]


@cache
def _schema(name: str) -> etree.XMLSchema:
    """Reading the schemas takes a second, once in a process."""
    with resources.as_file(resources.files("peppol")) as package:
        return etree.XMLSchema(etree.parse(str(Path(package) / "schema" / "maindoc" / f"UBL-{name}-2.1.xsd")))


def _one(node: etree._Element, path: str) -> str:
    found = node.findtext(path, namespaces=NS)
    return (found or "").strip()


def _all(node: etree._Element, query: str) -> list[etree._Element]:
    found = node.xpath(query, namespaces={**NS, "sbt": SBT})
    assert isinstance(found, list), "a path names nodes"
    return [one for one in found if isinstance(one, etree._Element)]


def _about_parties(root: etree._Element) -> Iterator[Fault]:
    for who, path in (("seller", _SELLER), ("buyer", _BUYER)):
        endpoint = _one(root, f"{path}/cbc:EndpointID")
        vat = _one(root, f"{path}/cac:PartyTaxScheme/cbc:CompanyID")
        if not vat.startswith("RS"):
            yield Fault("UBLPartyTaxSchemeCompanyIdWithoutPrefix", f"{who}: {vat or 'none'}")
        elif not pib_rule.is_valid(vat[2:]):
            yield Fault("UBLVatRegistrationCodeDoesNotHaveGoodLength", f"{who}: {vat}")
        if f"RS{endpoint}" != vat:
            yield Fault("UBLVatRegistrationCodesDoesNotMatch", f"{who}: {endpoint} is not {vat}")
        number = _one(root, f"{path}/cac:PartyLegalEntity/cbc:CompanyID")
        if not (number.isascii() and number.isdigit() and len(number) in (8, 13)):
            yield Fault("UBLRegistrationCodeDoesNotHaveGoodLength", f"{who}: {number or 'none'}")
        if not _one(root, f"{path}/cac:PostalAddress/cbc:CityName"):
            yield Fault("RequiredCompanyAddressMissing", f"{who}: no city")
    if not _one(root, f"{_BUYER}/cac:PostalAddress/cbc:PostalZone"):
        yield Fault("RequiredCompanyAddressMissing", "buyer: no postal code")
    for node in _all(root, f"{_BUYER}/cac:PartyIdentification/cbc:ID"):
        text = node.text or ""
        if not (text.startswith("JBKJS:") and text[6:].isdigit() and len(text) == 11):
            yield Fault("UBLPartyIdentificationIdIsNotInCorrectFormat", text)


def _about_dates(root: etree._Element) -> Iterator[Fault]:
    kind = _one(root, "cbc:InvoiceTypeCode") or _one(root, "cbc:CreditNoteTypeCode")
    issued, due = _one(root, "cbc:IssueDate"), _one(root, "cbc:DueDate")
    delivered = _one(root, "cac:Delivery/cbc:ActualDeliveryDate")
    code = _one(root, "cac:InvoicePeriod/cbc:DescriptionCode")
    taxed = bool(_all(root, "//cac:ClassifiedTaxCategory[cbc:ID='S']"))
    if kind == "380" and not delivered:
        yield Fault("InvoiceDeliveryDateMissing", "380 needs the day of supply")
    if kind == "381" and not delivered:
        yield Fault("CreditNoteReductionDateMissing", "381 needs the day of the reduction")
    if kind == "386" and delivered:
        yield Fault("UBLDeliveryDateNotAllowedForThisInvoiceType", delivered)
    if delivered > issued:
        yield Fault("UBLDeliveryDateMustNotBeLatterThanIssueDate", f"{delivered} is after {issued}")
    if kind in ("380", "383", "386") and not due:
        yield Fault("InvoiceDueDateMissing", kind)
    if due and date.fromisoformat(due) > date.fromisoformat(issued) + timedelta(days=DUE_DAYS_MAX):
        yield Fault("PaymentDateMoreThan90DaysInFuture", due)
    if kind != "381" and taxed != (code in ("3", "35", "432")):
        fault = "InvoicePeriodDescriptionCodeNotDefined" if taxed else "InvoicePeriodDescriptionCodeNotNeeded"
        yield Fault(fault, code or "none")
    if kind == "386" and code != "432":
        yield Fault("VatPointDateTypeNotAllowedForChosenDocumentType", code or "none")


def _about_decimals(root: etree._Element) -> Iterator[Fault]:
    for code, query, places in (
        ("UBLInvoiceLinePriceAmountMoreDecimalsThanPermitted", "//cbc:PriceAmount", 4),
        ("UBLTaxAmountMoreDecimalsThanPermitted", _MONEY, 2),
    ):
        for node in _all(root, query):
            if len((node.text or "").partition(".")[2]) > places:
                yield Fault(code, f"{etree.QName(node).localname} {node.text}")


def _amount(node: etree._Element, path: str) -> Decimal:
    try:
        return Decimal(_one(node, path) or "0")
    except InvalidOperation:
        return Decimal("NaN")


def _about_sums(root: etree._Element) -> Iterator[Fault]:
    lines = _all(root, "cac:InvoiceLine|cac:CreditNoteLine")
    by_rate: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        quantity = _amount(line, "cbc:InvoicedQuantity") + _amount(line, "cbc:CreditedQuantity")
        price, net = _amount(line, "cac:Price/cbc:PriceAmount"), _amount(line, "cbc:LineExtensionAmount")
        allowances = _sum(line, "cac:AllowanceCharge/cbc:Amount")
        where = f"line {_one(line, 'cbc:ID')}"
        if price < 0 or quantity <= 0:
            yield Fault("InvoiceItemsPriceNegative" if price < 0 else "InvoiceItemsQuantityNegative", where)
        if (quantity * price).quantize(PARA, ROUND_HALF_UP) - allowances != net:
            yield Fault(
                "UBLLineExtensionAmountNotValid", f"{where}: {quantity} × {price} - {allowances} is not {net}"
            )
        for unit in _all(line, "cbc:InvoicedQuantity|cbc:CreditedQuantity"):
            if unit.get("unitCode") != PIECE:
                yield Fault("UBLUnitCodeNotValid", f"{where}: {unit.get('unitCode')}")
        key = (
            _one(line, "cac:Item/cac:ClassifiedTaxCategory/cbc:ID"),
            _one(line, "cac:Item/cac:ClassifiedTaxCategory/cbc:Percent"),
        )
        if key[0] == "S" and key[1] not in ("10", "20"):
            yield Fault("UBLIncorrectVatRateForStandardVatRate", f"{where}: {key[1]}")
        by_rate[key] = by_rate.get(key, Decimal(0)) + net
    yield from _about_tax(root, by_rate)
    yield from _about_total(
        root, sum((_amount(line, "cbc:LineExtensionAmount") for line in lines), Decimal(0))
    )


def _sum(node: etree._Element, query: str) -> Decimal:
    return sum((Decimal(one.text or "0") for one in _all(node, query)), Decimal(0))


def _about_tax(root: etree._Element, by_rate: dict[tuple[str, str], Decimal]) -> Iterator[Fault]:
    subtotals = _all(root, "cac:TaxTotal/cac:TaxSubtotal")
    stated = {
        (_one(one, "cac:TaxCategory/cbc:ID"), _one(one, "cac:TaxCategory/cbc:Percent")): one
        for one in subtotals
    }
    if len(stated) != len(subtotals) or set(stated) != set(by_rate):
        yield Fault("UBLNoItemsWithTaxSubtotalTaxCategory", f"{sorted(stated)} are not {sorted(by_rate)}")
    for key, one in stated.items():
        base, tax = _amount(one, "cbc:TaxableAmount"), _amount(one, "cbc:TaxAmount")
        if base != by_rate.get(key, base):
            yield Fault("UBLTaxSubtotalTaxableAmountNotValid", f"{key}: {base} is not {by_rate[key]}")
        if (base * Decimal(key[1] or "0") / 100).quantize(PARA, ROUND_HALF_UP) != tax:
            yield Fault("UBLTaxSubtotalTaxAmountNotValid", f"{key}: {tax} is not the tax of {base}")
    if _sum(root, "cac:TaxTotal/cac:TaxSubtotal/cbc:TaxAmount") != _amount(
        root, "cac:TaxTotal/cbc:TaxAmount"
    ):
        yield Fault("UBLTotalTaxAmountAndSubtotalTaxAmountDiffer", _one(root, "cac:TaxTotal/cbc:TaxAmount"))


def _about_total(root: etree._Element, lines: Decimal) -> Iterator[Fault]:
    total = "cac:LegalMonetaryTotal/cbc:"
    net, inclusive = _amount(root, f"{total}TaxExclusiveAmount"), _amount(root, f"{total}TaxInclusiveAmount")
    rest = inclusive - _amount(root, f"{total}PrepaidAmount") + _amount(root, f"{total}PayableRoundingAmount")
    for stated, counted in (
        (_amount(root, f"{total}LineExtensionAmount"), lines),
        (net, lines),
        (inclusive, net + _amount(root, "cac:TaxTotal/cbc:TaxAmount")),
        (_amount(root, f"{total}PayableAmount"), rest),
    ):
        if stated != counted:
            yield Fault("UBLDocumentNotValid", f"{stated} is not {counted}")


def _about_references(root: etree._Element) -> Iterator[Fault]:
    kind = _one(root, "cbc:InvoiceTypeCode") or _one(root, "cbc:CreditNoteTypeCode")
    named = [_one(one, "cbc:ID") for one in _all(root, "cac:BillingReference/cac:InvoiceDocumentReference")]
    if kind == "381" and not named:
        yield Fault("UBLBillingReferenceMissing", "381 names what it reduces")
    if _all(root, f"{_BUYER}/cac:PartyIdentification") and not _one(root, "cac:OrderReference/cbc:ID"):
        yield Fault("UBLOrderNumberLotNumberOrContractNumberIsRequired", "a budget user needs one")
    total = "cac:LegalMonetaryTotal/cbc:"
    prepaid = _amount(root, f"{total}PrepaidAmount")
    extension = _all(root, "//sbt:SrbDtExt")
    if bool(extension) != (prepaid > 0):
        yield Fault("UBLInvoiceExtensionNotContainPrepaymentData", f"prepaid {prepaid}")
    for node in extension:
        advances = _all(node, "*[local-name()='InvoicedPrepaymentAmmount']")
        numbers = [_one(one, "cbc:ID") for one in advances]
        paid = sum(
            (
                _sum(one, "cac:TaxTotal/cac:TaxSubtotal/cbc:TaxableAmount")
                + _amount(one, "cac:TaxTotal/cbc:TaxAmount")
                for one in advances
            ),
            Decimal(0),
        )
        if len(set(numbers)) != len(numbers):
            yield Fault("UBLCannotHaveDuplicateInvoicePrepaymentAmount", ", ".join(numbers))
        if not set(numbers) <= set(named) or paid != prepaid:
            yield Fault("UBLPrepaymentInvoiceNotDefined", f"{paid} of {', '.join(numbers)} for {prepaid}")
        for reduced in _all(node, "*[local-name()='ReducedTotals']"):
            if (
                _amount(reduced, f"{total}TaxInclusiveAmount")
                != _amount(root, f"{total}TaxInclusiveAmount") - prepaid
            ):
                yield Fault(
                    "UBLInvoiceExtensionReducedTotalsTaxTotalNotValid",
                    _one(reduced, f"{total}TaxInclusiveAmount"),
                )
