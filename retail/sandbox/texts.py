"""The words of the pages in two languages. English is the key; a word without Serbian is an error, not a gap."""

from __future__ import annotations

from starlette.requests import Request

LANGUAGES = {"sr": "Srpski", "en": "English"}
COOKIE = "sandbox_language"

_SERBIAN = {
    # frame
    "Skip to content": "Pređi na sadržaj",
    "Menu": "Meni",
    "Received": "Primljeno",
    "Cards": "Kartice",
    "Fiscal processor": "Fiskalni procesor",
    "Carrier": "Kurir",
    "Bank": "Banka",
    "SEF": "SEF",
    "Mail": "Pošta",
    "One-time codes": "Jednokratni kodovi",
    "To the shop": "U prodavnicu",
    "Stand-ins on this machine. Nothing here is real.": "Zamene na ovom računaru. Ništa ovde nije stvarno.",
    # received
    "Everything that the stand-ins received, newest first.": "Sve što su zamene primile, najnovije prvo.",
    "Nothing yet": "Još ništa",
    "The shop has not called yet. Whatever it sends will stand here with the answer that it got.": "Prodavnica još nije zvala. Ovde će stajati sve što pošalje, sa odgovorom koji je dobila.",
    "Time": "Vreme",
    "Service": "Servis",
    "Call": "Poziv",
    "Reference": "Oznaka",
    "Answer": "Odgovor",
    "Fault": "Kvar",
    "Details": "Pojedinosti",
    "Request": "Zahtev",
    "nothing was done": "ništa nije urađeno",
    # faults
    "Faults": "Kvarovi",
    "New fault": "Novi kvar",
    "Active faults": "Uključeni kvarovi",
    "No fault is switched on.": "Nijedan kvar nije uključen.",
    "How often each fault struck": "Koliko puta se koji kvar desio",
    "Times": "Puta",
    "Switch on": "Uključi",
    "Switch off": "Isključi",
    "Switch all off": "Isključi sve",
    "Call (empty: any)": "Poziv (prazno: svaki)",
    "How many times": "Koliko puta",
    "Empty: until switched off": "Prazno: dok se ne isključi",
    "Chance in percent": "Verovatnoća u procentima",
    "Seconds": "Sekundi",
    "Empty: as usual for this fault": "Prazno: uobičajeno za taj kvar",
    "until switched off": "dok se ne isključi",
    "left": "preostalo",
    "done and stored, the answer comes too late": "urađeno i sačuvano, odgovor stiže prekasno",
    "done and stored, the connection breaks instead of an answer": "urađeno i sačuvano, veza puca umesto odgovora",
    "done and stored, half of the JSON arrives": "urađeno i sačuvano, stiže pola JSON-a",
    "done and stored, answered with an HTML page and status 200": "urađeno i sačuvano, odgovor je HTML sa statusom 200",
    "done and stored, the answer drips byte by byte": "urađeno i sačuvano, odgovor kaplje",
    "500 with an HTML page": "500 sa HTML stranicom",
    "502 with an HTML page": "502 sa HTML stranicom",
    "503 with an HTML page": "503 sa HTML stranicom",
    "429 without Retry-After": "429 bez Retry-After",
    "429 with Retry-After": "429 sa Retry-After",
    "the same message is sent twice": "ista poruka se šalje dvaput",
    "the message leaves later": "poruka kreće kasnije",
    "the message is never sent": "poruka se nikad ne šalje",
    "the message leaves after the next one": "poruka kreće posle sledeće",
    "a copy with a changed body comes first": "prvo stiže kopija sa izmenjenim sadržajem",
    "a copy signed with a foreign secret comes first": "prvo stiže kopija potpisana tuđom tajnom",
    "a copy signed ten minutes ago comes first": "prvo stiže kopija potpisana pre deset minuta",
    "the message names another amount, with a valid signature": "poruka navodi drugi iznos, sa ispravnim potpisom",
    "the message names another currency, with a valid signature": "poruka navodi drugu valutu, sa ispravnim potpisom",
    "the attention call answers 404": "poziv attention odgovara 404",
    "signed, with the warning 1400: an audit is needed soon": "potpisano, uz upozorenje 1400: uskoro treba očitavanje",
    "refused with 2210: the security element is locked until the audit": "odbijeno sa 2210: bezbednosni element je zaključan do očitavanja",
    "signed with a clock that is ahead": "potpisano sa satom koji žuri",
    "the certificate is refused with 403": "sertifikat se odbija sa 403",
    "a line appears again in the next statement": "stavka se ponavlja u sledećem izvodu",
    "the key is refused with 401 and an empty body": "ključ se odbija sa 401 i praznim odgovorom",
    "accepted at first, then a mistake": "prvo primljeno, zatim greška",
    "the status is a word that nobody knows": "status je reč koju niko ne poznaje",
    "refused with a code that is in no list": "odbijeno šifrom koje nema na spisku",
    # messages
    "Messages to the shop": "Poruke prodavnici",
    "No message yet": "Još nema poruka",
    "State": "Stanje",
    "Attempts": "Pokušaja",
    "Send again": "Pošalji opet",
    "Send what waits": "Pošalji sve što čeka",
    "Kind": "Vrsta",
    # cards
    "Payments": "Plaćanja",
    "No payment yet": "Još nema plaćanja",
    "Amount": "Iznos",
    "Captured": "Naplaćeno",
    "Refunded": "Vraćeno",
    "Shopper's page": "Stranica kupca",
    # hosted page
    "Card payment": "Plaćanje karticom",
    "Pay by card": "Platite karticom",
    "Test page. No card number is asked for and no money moves.": "Probna stranica. Broj kartice se ne traži i novac se ne pomera.",
    "To be paid": "Za plaćanje",
    "Order reference": "Oznaka porudžbine",
    "Test card": "Probna kartica",
    "What should the bank say?": "Šta banka da odgovori?",
    "Approve": "Odobri",
    "Decline": "Odbij",
    "Fail 3-D Secure": "3-D Secure neuspešan",
    "Give up and go back": "Odustani i vrati se",
    "This payment is finished": "Ovo plaćanje je završeno",
    "Its state is": "Njegovo stanje je",
    "Back to the shop": "Nazad u prodavnicu",
    "payment is AUTHORIZED": "odobreno",
    "payment is PARTLY_CAPTURED": "delom naplaćeno",
    "payment is CAPTURED": "naplaćeno",
    "payment is VOIDED": "poništeno",
    "payment is DECLINED": "banka je odbila",
    "payment is FAILED_3DS": "3-D Secure nije uspeo",
    "payment is CANCELED": "kupac je odustao",
    "payment is EXPIRED": "rok je istekao",
    "There is no such payment": "Takvo plaćanje ne postoji",
    "Start the payment again from the shop.": "Pokrenite plaćanje ponovo iz prodavnice.",
    # fiscal
    "Receipts": "Računi",
    "No receipt yet": "Još nema računa",
    "Number": "Broj",
    "Total": "Ukupno",
    "Show": "Prikaži",
    "Receipt check": "Provera računa",
    "The receipt is on record": "Račun postoji u evidenciji",
    "There is no such receipt": "Takav račun ne postoji",
    "It was signed in the sandbox and is not a fiscal receipt.": "Potpisan je u probnom okruženju i nije fiskalni račun.",
    "Check the number in the link.": "Proverite broj u vezi.",
    # carrier
    "Parcels": "Paketi",
    "No parcel yet": "Još nema paketa",
    "Tracking number": "Broj za praćenje",
    "Cash on delivery": "Pouzeće",
    "What happened": "Šta se desilo",
    "Record": "Zabeleži",
    "Next step of": "Sledeći korak za",
    "Courier remittances": "Kurirske uplate",
    "No cash was collected yet": "Pouzeće još nije naplaćeno",
    "Day": "Dan",
    "Download CSV": "Preuzmi CSV",
    # bank
    "Statements": "Izvodi",
    "No statement yet": "Još nema izvoda",
    "New statement": "Novi izvod",
    "Payer": "Platilac",
    "Payer's account": "Račun platioca",
    "Purpose": "Svrha",
    "Account": "Račun",
    "Lines": "Stavki",
    "Make the statement": "Napravi izvod",
    "For example 1299.00; with a minus for money out": "Na primer 1299.00; sa minusom za odliv",
    "Reference of the transfer": "Poziv na broj",
    # sef
    "Companies": "Firme",
    "No company yet": "Još nema firmi",
    "PIB": "PIB",
    "Company number": "Matični broj",
    "Name": "Naziv",
    "Registered at SEF": "Registrovana na SEF",
    "yes": "da",
    "no": "ne",
    "Save the company": "Sačuvaj firmu",
    "Nine digits": "Devet cifara",
    "Documents": "Dokumenti",
    "No document yet": "Još nema dokumenata",
    "Buyer": "Kupac",
    "Comment": "Komentar",
    "The buyer's answer": "Odgovor kupca",
    "Reject": "Odbij",
    "Behavior that sources dispute": "Ponašanje o kom se izvori spore",
    "Behavior": "Ponašanje",
    "Choice": "Izbor",
    # mail
    "No mail yet": "Još nema pošte",
    "From": "Od",
    "To": "Za",
    "Subject": "Naslov",
    "Links in this mail": "Veze u ovom pismu",
    "As text": "Kao tekst",
    "As the reader sees it": "Kako ga čitalac vidi",
    "Attachments": "Prilozi",
    "There is no such mail": "Takvo pismo ne postoji",
    # codes
    "Codes of the sample staff": "Kodovi probnih zaposlenih",
    "Role": "Uloga",
    "E-mail": "E-pošta",
    "Now": "Sada",
    "Next": "Sledeći",
    "valid for": "važi još",
    "seconds": "sekundi",
    "New codes": "Novi kodovi",
    "No sample staff": "Nema probnih zaposlenih",
    "The sample chain has not been loaded here, or nobody of its staff uses a second factor.": "Probni lanac nije učitan ovde, ili niko od zaposlenih ne koristi drugi faktor.",
    # refusals
    "That did not work": "To nije uspelo",
    "Go back": "Nazad",
}


# Keys that name a state are not the words for it.
_ENGLISH = {
    "payment is AUTHORIZED": "approved",
    "payment is PARTLY_CAPTURED": "partly charged",
    "payment is CAPTURED": "charged",
    "payment is VOIDED": "voided",
    "payment is DECLINED": "declined by the bank",
    "payment is FAILED_3DS": "3-D Secure failed",
    "payment is CANCELED": "given up by the shopper",
    "payment is EXPIRED": "out of time",
}


class Words:
    """The words of one reader: `words("Received")`."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, english: str) -> str:
        serbian = _SERBIAN[english]
        return serbian if self.language == "sr" else _ENGLISH.get(english, english)

    @property
    def html_language(self) -> str:
        return "sr-Latn" if self.language == "sr" else "en"

    def amount(self, amount: str, currency: str) -> str:
        """1299.00 as a person of this language writes it; the minus is a real one."""
        whole, _, cents = amount.lstrip("-").partition(".")
        groups = f"{int(whole):,}".replace(",", "." if self.language == "sr" else ",")
        point = "," if self.language == "sr" else "."
        return f"{'−' if amount.startswith('-') else ''}{groups}{point}{cents or '00'} {currency}"


def words_of(request: Request, fallback: str = "") -> Words:
    """Asked in the link, remembered in a cookie, wished by the browser, else Serbian."""
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        return Words(asked)
    if fallback in LANGUAGES:
        return Words(fallback)
    remembered = request.cookies.get(COOKIE, "")
    if remembered in LANGUAGES:
        return Words(remembered)
    return Words("en" if request.headers.get("accept-language", "").startswith("en") else "sr")
