"""The words and numbers that stand on papers: English and Serbian side by side, Cyrillic made from the Latin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from retail.kernel.script import to_cyrillic

LANGUAGES = ("sr-latn", "sr-cyrl", "en")

# English, Serbian
WORDS = {
    "INVOICE": ("Invoice", "Račun"),
    "ADVANCE_INVOICE": ("Advance invoice", "Avansni račun"),
    "CREDIT_NOTE": ("Credit note", "Knjižno odobrenje"),
    "PROFORMA": ("Proforma invoice", "Predračun"),
    "seller": ("Seller", "Prodavac"),
    "buyer": ("Buyer", "Kupac"),
    "pib": ("Tax number (PIB)", "PIB"),
    "registration_number": ("Company number", "Matični broj"),
    "jbkjs": ("Public body number", "JBKJS"),
    "account": ("Account", "Račun"),
    "phone": ("Phone", "Telefon"),
    "issued_on": ("Issued on", "Datum izdavanja"),
    "issued_at": ("Place of issue", "Mesto izdavanja"),
    "supplied_on": ("Supplied on", "Datum prometa"),
    "paid_on": ("Paid on", "Datum uplate"),
    "due_on": ("Due on", "Rok plaćanja"),
    "valid_until": ("Valid until", "Važi do"),
    "order": ("Order", "Porudžbina"),
    "by_invoice": ("For invoice", "Po računu"),
    "by_advance": ("For advance invoice", "Po avansnom računu"),
    "fiscal_receipt": ("Fiscal receipt", "Fiskalni račun"),
    "item": ("Item", "Naziv"),
    "quantity": ("Quantity", "Količina"),
    "price": ("Price without VAT", "Cena bez PDV"),
    "discount": ("Discount", "Popust"),
    "base": ("Base", "Osnovica"),
    "rate": ("VAT rate", "Stopa PDV"),
    "with_tax": ("With VAT", "Sa PDV"),
    "tax_by_rate": ("VAT by rate", "PDV po stopama"),
    "tax": ("VAT", "PDV"),
    "total_base": ("Total without VAT", "Ukupno bez PDV"),
    "total_tax": ("Total VAT", "Ukupno PDV"),
    "total": ("Total with VAT", "Ukupno sa PDV"),
    "rounding": ("Rounding", "Zaokruženje"),
    "prepaid": ("Paid in advance", "Plaćeno avansom"),
    "payable": ("To pay", "Za uplatu"),
    "credited": ("Credited", "Odobreno"),
    "piece": ("pcs", "kom"),
    "slip": ("Payment order", "Nalog za uplatu"),
    "payer": ("Payer", "Uplatilac"),
    "purpose": ("Purpose", "Svrha uplate"),
    "recipient": ("Recipient", "Primalac"),
    "payment_code": ("Payment code", "Šifra plaćanja"),
    "currency": ("Currency", "Valuta"),
    "amount": ("Amount", "Iznos"),
    "recipient_account": ("Recipient's account", "Račun primaoca"),
    "model_reference": ("Model and reference", "Model i poziv na broj"),
    "scan_to_pay": ("Scan with your bank's app", "Skenirajte aplikacijom svoje banke"),
    "electronic": (
        "Made electronically and valid without stamp or signature.",
        "Sačinjeno elektronski, važi bez pečata i potpisa.",
    ),
    "not_a_tax_document": (
        "A proforma invoice is not a tax document.",
        "Predračun nije poreski dokument.",
    ),
    "page": ("Page", "Strana"),
    "of": ("of", "od"),
    "fiscal_title": ("Fiscal receipt", "Fiskalni račun"),
    "fiscal_qr": ("Verification of the receipt", "Provera računa"),
    "buyer_signature": ("Buyer's signature", "Potpis kupca"),
    "label": ("Shipping label", "Adresnica"),
    "from": ("From", "Pošiljalac"),
    "to": ("To", "Primalac"),
    "parcel": ("Parcel", "Paket"),
    "weight": ("Weight", "Masa"),
    "cash_on_delivery": ("Cash on delivery", "Otkupnina"),
    "prepaid_parcel": ("Nothing to collect", "Bez otkupnine"),
    "note": ("Note", "Napomena"),
    "packing_slip": ("Packing slip", "Otpremni list"),
    "delivery": ("Delivery", "Dostava"),
    "sku": ("SKU", "Šifra"),
    "barcode": ("Barcode", "Barkod"),
    "pieces": ("Pieces in total", "Ukupno komada"),
    "return_slip": ("Return label", "Povratnica"),
    "cut_and_stick": ("Cut here and stick it on the parcel", "Isecite ovde i zalepite na paket"),
    "return_in_store": (
        "In a store: show this code, on paper or on your phone. The money goes back as soon as the goods are received.",
        "U knjižari: pokažite ovaj kod, na papiru ili na telefonu. Novac se vraća čim primimo robu.",
    ),
    "return_by_post": (
        "By parcel: pack the goods, stick the label on, and hand it to a courier.",
        "Paketom: upakujte robu, zalepite nalepnicu i predajte kuriru.",
    ),
    "pick_list": ("Pick list", "Lista za sakupljanje"),
    "location": ("Location", "Lokacija"),
    "picker": ("Picker", "Sakupio"),
    "made_at": ("Made at", "Napravljeno"),
    "bin": ("Bin", "Mesto"),
    "tote": ("Tote", "Kutija"),
    "done": ("Done", "Uzeto"),
}


class Wording:
    """Words and numbers in one language."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"{language!r} is not a language of papers")
        self.language = language
        self.is_serbian = language != "en"
        self.script: Callable[[str], str] = to_cyrillic if language == "sr-cyrl" else str

    def __call__(self, key: str) -> str:
        english, serbian = WORDS[key]
        return self.script(serbian) if self.is_serbian else english

    def decimal(self, amount: Decimal, places: int = 2) -> str:
        text = f"{amount:,.{places}f}"
        if self.is_serbian:
            text = text.translate(str.maketrans(",.", ".,"))
        return text.replace("-", "\u2212")

    def money(self, amount: Decimal, currency: str) -> str:
        return f"{self.decimal(amount)}\u00a0{currency}"

    def price(self, amount: Decimal) -> str:
        """A net price with the third and fourth decimal only when they say something."""
        return self.decimal(amount, 2 if amount == round(amount, 2) else 4)

    def percent(self, rate: Decimal) -> str:
        places = 0 if rate == int(rate) else 2
        return f"{self.decimal(rate, places)}\u00a0%"

    def day(self, day: date) -> str:
        return f"{day:%d.%m.%Y}." if self.is_serbian else f"{day.day} {day:%b %Y}"

    def moment(self, at: datetime) -> str:
        return f"{self.day(at.date())} {at:%H:%M}"

    def weight(self, grams: int) -> str:
        return f"{self.decimal(Decimal(grams) / 1000, 2)}\u00a0kg"
