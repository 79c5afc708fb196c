"""Identifiers that people type, parsed to one canonical form or None; nothing is looked up."""

from __future__ import annotations

import re
import unicodedata

from stdnum import ean, iban, isbn
from stdnum.rs import pib as serbian_tax_number

SERBIA = "381"
_REGISTRATION_WEIGHTS = (2, 7, 6, 5, 4, 3, 2)
_ACCOUNT_DIGITS = 18
_EMAIL_LENGTH_MAX = 254
_LOCAL_PART = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}")
_DOMAIN = re.compile(
    r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})"
)


# Companies


def parse_pib(text: str) -> str | None:
    """The tax number (PIB), nine digits with a valid check digit; an `RS` before it is dropped."""
    digits = _bare(text).removeprefix("RS")
    return digits if _is_digits(digits) and serbian_tax_number.is_valid(digits) else None


def parse_registration_number(text: str) -> str | None:
    """The company number (matični broj), eight digits; old numbers of seven get their leading zero."""
    digits = _bare(text)
    if not _is_digits(digits) or len(digits) not in (7, 8):
        return None
    return digits.zfill(8)


def registration_number_adds_up(number: str) -> bool:
    """Whether the check digit fits: a reason to ask again, not to refuse, since no published rule states it."""
    if len(number) != 8 or not _is_digits(number):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number, _REGISTRATION_WEIGHTS, strict=False))
    return (11 - total % 11) % 10 == int(number[7])


def parse_jbkjs(text: str) -> str | None:
    """The number of a public body (JBKJS), five digits; the UBL prefix `JBKJS:` is dropped."""
    digits = _bare(text).removeprefix("JBKJS").removeprefix(":")
    return digits if len(digits) == 5 and _is_digits(digits) else None


# Bank


def parse_account(text: str) -> str | None:
    """A Serbian bank account as its 18 digits, typed with dashes or without; its control number must fit."""
    parts = [part.strip() for part in text.strip().split("-")]
    if len(parts) == 3 and all(map(_is_digits, parts)):
        bank, number, control = parts
        if len(bank) != 3 or not 1 <= len(number) <= 13 or len(control) != 2:
            return None
        digits = bank + number.zfill(13) + control
    else:
        digits = _bare(text)
    if len(digits) != _ACCOUNT_DIGITS or not _is_digits(digits):
        return None
    return digits if int(digits) % 97 == 1 else None


def account_control(bank: str, number: str) -> str:
    """The two control digits of an account of this bank."""
    return f"{98 - int(bank + number.zfill(13)) * 100 % 97:02d}"


def format_account(digits: str) -> str:
    """`265-1234567890123-40`, the way people read an account; leading zeros of the middle are left out."""
    return f"{digits[:3]}-{digits[3:16].lstrip('0') or '0'}-{digits[16:]}"


def parse_iban(text: str) -> str | None:
    """An international account without spaces, its check digits valid."""
    compact = _bare(text)
    return compact if iban.is_valid(compact) else None


def iban_of_account(digits: str) -> str:
    """The IBAN of a Serbian account given as its 18 digits."""
    check = 98 - int(f"{digits}272800") % 97
    return f"RS{check:02d}{digits}"


# Payment references (poziv na broj), model 97


def control97(reference: str) -> str:
    """The two control digits of a reference; letters count as A=10 to Z=35, separators are ignored."""
    digits = "".join(str(int(sign, 36)) for sign in _signs(reference))
    return f"{98 - int(digits or '0') * 100 % 97:02d}"


def reference97(reference: str) -> str:
    """The reference with its control number placed first: `2026-000123` becomes `38-2026-000123`."""
    return f"{control97(reference)}-{reference}"


def parse_reference97(text: str) -> str | None:
    """The reference without its control number and a written model, or None when the control number fails."""
    signs = "".join(_signs(text))
    for candidate in (signs, signs.removeprefix("97")):
        if len(candidate) > 2 and control97(candidate[2:]) == candidate[:2]:
            return candidate[2:]
    return None


# Goods


def parse_barcode(text: str) -> str | None:
    """A GTIN as 8, 13 or 14 digits; ISBN-10 and UPC become 13 digits, the check digit must fit."""
    digits = _bare(text)
    if len(digits) == 10 and isbn.is_valid(digits):
        return isbn.compact(isbn.to_isbn13(digits))
    if len(digits) == 12:
        digits = f"0{digits}"
    return digits if len(digits) in (8, 13, 14) and _is_digits(digits) and ean.is_valid(digits) else None


def parse_isbn(text: str) -> str | None:
    """An ISBN as its 13 digits."""
    digits = parse_barcode(text)
    return digits if digits and len(digits) == 13 and digits.startswith(("978", "979")) else None


# People


def parse_phone(text: str) -> str | None:
    """A telephone number as `+381601234567`. Without a country it is Serbian; foreign numbers keep theirs."""
    typed = text.strip().replace("(0)", "")
    digits = re.sub(r"[\s\-/.()\u00a0]", "", typed)
    is_international = digits.startswith(("+", "00"))
    digits = digits.removeprefix("+")
    if not _is_digits(digits):
        return None
    if is_international:
        number = digits.removeprefix("00") if not typed.startswith("+") else digits
    elif digits.startswith("0"):
        number = SERBIA + digits[1:]
    elif digits.startswith(SERBIA) and len(digits) >= 10:
        number = digits
    else:
        return None
    if number.startswith(SERBIA):
        national = number[3:].removeprefix("0")
        return f"+{SERBIA}{national}" if 7 <= len(national) <= 10 and national[0] in "123678" else None
    return f"+{number}" if 8 <= len(number) <= 15 and number[0] != "0" else None


def parse_email(text: str) -> str | None:
    """An e-mail address in lower case with an ASCII domain, so that one mailbox is one account."""
    local, at, domain = unicodedata.normalize("NFC", text).strip().lower().rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or local.startswith(".") or local.endswith("."):
        return None
    if ".." in local:
        return None
    try:
        host = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    address = f"{local}@{host}"
    return address if _DOMAIN.fullmatch(host) and len(address) <= _EMAIL_LENGTH_MAX else None


def _bare(text: str) -> str:
    """Upper case without the spaces and hyphens that people put between groups."""
    return re.sub(r"[\s\u00a0\-\u2010-\u2015]", "", text).upper()


def _signs(text: str) -> list[str]:
    return [sign for sign in text.upper() if sign.isascii() and sign.isalnum()]


def _is_digits(text: str) -> bool:
    """ASCII digits only: `isdigit` alone accepts superscripts and Arabic-Indic digits."""
    return text.isascii() and text.isdigit()
