"""UBL 2.1 in the Serbian profile (SRBDT) from a document as data. The order of elements is the order of the schema."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from decimal import Decimal

from lxml import etree

from finance.tax import UblLine, UblSubtotal
from finance.ubl.documents import (
    ClosedAdvance,
    DocumentType,
    ExtensionPrefix,
    LineText,
    PeriodCode,
    UblDocument,
    UblParty,
)

CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CEC = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"
SBT = "http://mfin.gov.rs/srbdt/srbdtext"
_ROOT = "urn:oasis:names:specification:ubl:schema:xsd:{}-2"
PROFILE = "urn:cen.eu:en16931:2017#compliant#urn:mfin.gov.rs:srbdt:2022"
PROFILE_WITH_EXTENSION = f"{PROFILE}#conformant#urn:mfin.gov.rs:srbdtext:2022"
PIECE = "H87"
CREDIT_TRANSFER = "30"
_PREFIXES = {"cac": CAC, "cbc": CBC}
_EXTENSION_PREFIXES = {ExtensionPrefix.XSD: {"sbt": SBT, "xsd": ExtensionPrefix.XSD.value}}
ZERO = Decimal("0.00")

Node = etree._Element


def build(document: UblDocument) -> bytes:
    """The document as UTF-8 XML. The same document gives the same bytes."""
    is_credit = document.kind == DocumentType.CREDIT_NOTE
    kind = "CreditNote" if is_credit else "Invoice"
    space = _ROOT.format(kind)
    # The stubs do not know that a default namespace has no prefix.
    root = etree.Element(
        f"{{{space}}}{kind}",
        nsmap={None: space, **_PREFIXES},  # type: ignore[dict-item]
    )
    if document.advances:
        _extension(root, document)
    _header(root, document, kind)
    _references(root, document)
    _party(_group(root, "AccountingSupplierParty"), document.seller, is_seller=True)
    _party(_group(root, "AccountingCustomerParty"), document.buyer, is_seller=False)
    if document.kind != DocumentType.ADVANCE:
        _text(_group(root, "Delivery"), "ActualDeliveryDate", document.supplied_on.isoformat())
    _payment(root, document)
    _tax_total(root, document.view.subtotals, document.currency)
    _totals(root, document)
    for place, (line, text) in enumerate(zip(document.view.lines, document.texts, strict=True), start=1):
        _line(root, kind, place, line, text, document.currency)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


# -- Head ------------------------------------------------------------------------------------------------------


def _header(root: Node, document: UblDocument, kind: str) -> None:
    _text(root, "CustomizationID", PROFILE_WITH_EXTENSION if document.advances else PROFILE)
    _text(root, "ID", document.number)
    _text(root, "IssueDate", document.issued_on.isoformat())
    if kind == "Invoice":
        _text(root, "DueDate", document.due_on.isoformat())
    _text(root, f"{kind}TypeCode", document.kind.value)
    if document.note:
        _text(root, "Note", document.note)
    _text(root, "DocumentCurrencyCode", document.currency)
    if any(line.category == "S" for line in document.view.lines):
        _text(_group(root, "InvoicePeriod"), "DescriptionCode", document.period_code.value)
    _text(_group(root, "OrderReference"), "ID", document.order_number)


def _references(root: Node, document: UblDocument) -> None:
    for source in (*document.sources, *(one.source for one in document.advances)):
        reference = _group(_group(root, "BillingReference"), "InvoiceDocumentReference")
        _text(reference, "ID", source.number)
        _text(reference, "IssueDate", source.issued_on.isoformat())
    if document.attachment:
        reference = _group(root, "AdditionalDocumentReference")
        _text(reference, "ID", document.attachment.name)
        _text(
            _group(reference, "Attachment"),
            "EmbeddedDocumentBinaryObject",
            b64encode(document.attachment.content).decode(),
            mimeCode="application/pdf",
            filename=document.attachment.name,
        )


def _party(parent: Node, party: UblParty, *, is_seller: bool) -> None:
    node = _group(parent, "Party")
    _text(node, "EndpointID", party.pib, schemeID="9948")
    if party.jbkjs:
        _text(_group(node, "PartyIdentification"), "ID", f"JBKJS:{party.jbkjs}")
    _text(_group(node, "PartyName"), "Name", party.name)
    address = _group(node, "PostalAddress")
    if party.street:
        _text(address, "StreetName", party.street)
    _text(address, "CityName", party.city)
    if party.postal_code:
        _text(address, "PostalZone", party.postal_code)
    _text(_group(address, "Country"), "IdentificationCode", party.country)
    scheme = _group(node, "PartyTaxScheme")
    _text(scheme, "CompanyID", f"RS{party.pib}")
    _text(_group(scheme, "TaxScheme"), "ID", "VAT")
    legal = _group(node, "PartyLegalEntity")
    _text(legal, "RegistrationName", party.name)
    _text(legal, "CompanyID", party.registration_number)
    if party.email and is_seller:
        _text(_group(node, "Contact"), "ElectronicMail", party.email)


def _payment(root: Node, document: UblDocument) -> None:
    means = _group(root, "PaymentMeans")
    _text(means, "PaymentMeansCode", CREDIT_TRANSFER)
    if document.kind == DocumentType.CREDIT_NOTE and document.period_code == PeriodCode.PAYMENT:
        _text(means, "PaymentDueDate", document.due_on.isoformat())
    if document.payment_reference and document.kind != DocumentType.CREDIT_NOTE:
        _text(means, "PaymentID", f"(mod97) {document.payment_reference}")
    _text(_group(means, "PayeeFinancialAccount"), "ID", document.seller_account)


# -- Money -----------------------------------------------------------------------------------------------------


def _tax_total(parent: Node, subtotals: Sequence[UblSubtotal], currency: str) -> None:
    total = _group(parent, "TaxTotal")
    _amount(total, "TaxAmount", sum((one.tax for one in subtotals), ZERO), currency)
    for one in subtotals:
        node = _group(total, "TaxSubtotal")
        _amount(node, "TaxableAmount", one.taxable, currency)
        _amount(node, "TaxAmount", one.tax, currency)
        _category(_group(node, "TaxCategory"), one.category, one.rate)


def _totals(root: Node, document: UblDocument) -> None:
    view, currency = document.view, document.currency
    node = _group(root, "LegalMonetaryTotal")
    _amount(node, "LineExtensionAmount", view.net, currency)
    _amount(node, "TaxExclusiveAmount", view.net, currency)
    _amount(node, "TaxInclusiveAmount", view.tax_inclusive, currency)
    if view.prepaid:
        _amount(node, "PrepaidAmount", view.prepaid, currency)
    if view.payable_rounding:
        _amount(node, "PayableRoundingAmount", view.payable_rounding, currency)
    _amount(node, "PayableAmount", view.payable, currency)


def _line(root: Node, kind: str, place: int, line: UblLine, text: LineText, currency: str) -> None:
    node = _group(root, f"{kind}Line")
    _text(node, "ID", str(place))
    quantity = "CreditedQuantity" if kind == "CreditNote" else "InvoicedQuantity"
    _text(node, quantity, str(line.quantity), unitCode=PIECE)
    _amount(node, "LineExtensionAmount", line.net, currency)
    if line.allowance:
        allowance = _group(node, "AllowanceCharge")
        _text(allowance, "ChargeIndicator", "false")
        _text(allowance, "AllowanceChargeReason", "Popust")
        _amount(allowance, "Amount", line.allowance, currency)
    item = _group(node, "Item")
    _text(item, "Name", text.name)
    if text.sku:
        _text(_group(item, "SellersItemIdentification"), "ID", text.sku)
    if text.gtin:
        _text(_group(item, "StandardItemIdentification"), "ID", text.gtin, schemeID="0160")
    _category(_group(item, "ClassifiedTaxCategory"), line.category, line.rate)
    _text(_group(node, "Price"), "PriceAmount", f"{line.price:.4f}", currencyID=currency)


def _category(node: Node, category: str, rate: Decimal) -> None:
    _text(node, "ID", category)
    _text(node, "Percent", f"{rate.normalize():f}")
    _text(_group(node, "TaxScheme"), "ID", "VAT")


# -- Advances that the invoice closes --------------------------------------------------------------------------


def _extension(root: Node, document: UblDocument) -> None:
    """What each advance paid, and the totals that are left; `reduced` inclusive is inclusive less prepaid."""
    inner = document.extension.value
    content = etree.SubElement(
        etree.SubElement(
            etree.SubElement(root, f"{{{CEC}}}UBLExtensions", nsmap={"cec": CEC}), f"{{{CEC}}}UBLExtension"
        ),
        f"{{{CEC}}}ExtensionContent",
    )
    spaces = _EXTENSION_PREFIXES.get(document.extension, {"sbt": SBT})
    extension = etree.SubElement(content, f"{{{SBT}}}SrbDtExt", nsmap=spaces)
    for advance in document.advances:
        node = etree.SubElement(extension, f"{{{inner}}}InvoicedPrepaymentAmmount")
        _text(node, "ID", advance.source.number)
        _tax_total(node, advance.subtotals, document.currency)
    node = etree.SubElement(extension, f"{{{inner}}}ReducedTotals")
    reduced = reduced_subtotals(document.view.subtotals, document.advances)
    _tax_total(node, reduced, document.currency)
    total = _group(node, "LegalMonetaryTotal")
    net = sum((one.taxable for one in reduced), ZERO)
    inclusive = net + sum((one.tax for one in reduced), ZERO)
    _amount(total, "TaxExclusiveAmount", net, document.currency)
    _amount(total, "TaxInclusiveAmount", inclusive, document.currency)
    _amount(total, "PayableAmount", document.view.payable, document.currency)


def reduced_subtotals(
    subtotals: Iterable[UblSubtotal], advances: Iterable[ClosedAdvance]
) -> list[UblSubtotal]:
    """The totals of the invoice less what the advances paid of each rate."""
    left = {(one.category, one.rate): (one.taxable, one.tax) for one in subtotals}
    for advance in advances:
        for one in advance.subtotals:
            taxable, tax = left.get((one.category, one.rate), (ZERO, ZERO))
            left[one.category, one.rate] = (taxable - one.taxable, tax - one.tax)
    return [UblSubtotal(category, rate, *amounts) for (category, rate), amounts in left.items()]


# -- Nodes -----------------------------------------------------------------------------------------------------


def _group(parent: Node, name: str) -> Node:
    return etree.SubElement(parent, f"{{{CAC}}}{name}")


def _text(parent: Node, name: str, text: str, **attributes: str) -> None:
    node = etree.SubElement(parent, f"{{{CBC}}}{name}", attributes)
    node.text = printable(text)


def _amount(parent: Node, name: str, amount: Decimal, currency: str) -> None:
    _text(parent, name, f"{amount:.2f}", currencyID=currency)


def printable(text: str) -> str:
    """Without the signs that XML 1.0 cannot carry: a control character in a title must not stop an invoice."""
    return "".join(sign for sign in text if sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff"))
