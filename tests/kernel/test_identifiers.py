"""Identifiers come to one canonical form, or to None; real public numbers are the witnesses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.kernel import identifiers as ids

REAL_REGISTRATION_NUMBERS = (
    "17862146",
    "20869500",
    "07042001",
    "20084693",
    "17162543",
    "20053658",
    "07007965",
    "07461429",
    "07737068",
    "07759231",
    "17335600",
    "08603537",
    "66841251",
)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("101134702", "101134702"),
        ("RS107775252", "107775252"),
        ("101 134 702", "101134702"),
        ("123456789", None),
        ("10113470", None),
        ("1011347022", None),
        ("", None),
        ("١٠١١٣٤٧٠٢", None),
        ("abc", None),
    ],
)
def test_pib(typed: str, expected: str | None) -> None:
    assert ids.parse_pib(typed) == expected


@pytest.mark.parametrize("number", REAL_REGISTRATION_NUMBERS)
def test_real_company_numbers_add_up(number: str) -> None:
    assert ids.parse_registration_number(number) == number
    assert ids.registration_number_adds_up(number)


def test_a_company_number_that_does_not_add_up_is_still_a_number() -> None:
    assert ids.parse_registration_number("12345678") == "12345678"
    assert not ids.registration_number_adds_up("12345678")
    assert not ids.registration_number_adds_up("20000000")
    assert not ids.registration_number_adds_up("7042001")


def test_old_company_numbers_get_their_zero() -> None:
    assert ids.parse_registration_number("7042001") == "07042001"
    assert ids.parse_registration_number("704200") is None
    assert ids.parse_registration_number("7o42oo1") is None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("10520", "10520"),
        ("JBKJS:10520", "10520"),
        ("JBKJS: 10520", "10520"),
        ("1052", None),
        ("1052A", None),
    ],
)
def test_jbkjs(typed: str, expected: str | None) -> None:
    assert ids.parse_jbkjs(typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("840-742221843-57", "840000074222184357"),
        ("265-1660310005042-68", "265166031000504268"),
        (" 265 - 1660310005042 - 68 ", "265166031000504268"),
        ("265166031000504268", "265166031000504268"),
        ("160-0000000111111-50", None),
        ("26-1660310005042-68", None),
        ("265-16603100050421-68", None),
        ("265-x-68", None),
        ("", None),
    ],
)
def test_bank_account(typed: str, expected: str | None) -> None:
    assert ids.parse_account(typed) == expected


def test_account_is_read_back_by_people() -> None:
    assert ids.account_control("265", "1234567890123") == "40"
    assert ids.format_account("840000074222184357") == "840-742221843-57"
    assert ids.format_account("265123456789012340") == "265-1234567890123-40"


@given(st.integers(100, 999), st.integers(1, 10**13 - 1))
def test_every_made_account_parses_and_round_trips(bank: int, number: int) -> None:
    digits = f"{bank}{number:013d}{ids.account_control(str(bank), str(number))}"
    assert ids.parse_account(digits) == digits
    assert ids.parse_account(ids.format_account(digits)) == digits
    assert ids.parse_iban(ids.iban_of_account(digits)) == ids.iban_of_account(digits)


@given(st.integers(100, 999), st.integers(1, 10**13 - 1), st.integers(0, 17), st.integers(1, 9))
def test_one_mistyped_digit_of_an_account_is_caught(bank: int, number: int, place: int, by: int) -> None:
    digits = f"{bank}{number:013d}{ids.account_control(str(bank), str(number))}"
    wrong = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    assert ids.parse_account(wrong) is None


def test_iban() -> None:
    assert ids.iban_of_account("265123456789012340") == "RS35265123456789012340"
    assert ids.parse_iban("rs35 2651 2345 6789 0123 40") == "RS35265123456789012340"
    assert ids.parse_iban("RS36265123456789012340") is None


def test_reference_of_model_97() -> None:
    assert ids.control97("2026-000123") == "38"
    assert ids.reference97("2026-000123") == "38-2026-000123"
    assert ids.parse_reference97("38-2026-000123") == "2026000123"
    assert ids.parse_reference97("97 38-2026-000123") == "2026000123"
    assert ids.parse_reference97("39-2026-000123") is None
    assert ids.parse_reference97("38") is None


@given(st.text("ABCXYZ0123456789-", min_size=1, max_size=18).filter(lambda t: t.strip("-")))
def test_every_made_reference_parses(reference: str) -> None:
    assert ids.parse_reference97(ids.reference97(reference)) == reference.replace("-", "")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("9780002005883", "9780002005883"),
        ("978-0-00-200588-3", "9780002005883"),
        ("0-306-40615-2", "9780306406157"),
        ("080442957X", "9780804429573"),
        ("080442957x", "9780804429573"),
        ("036000291452", "0036000291452"),
        ("96385074", "96385074"),
        ("9780002005884", None),
        ("978000200588", None),
        ("ISBN", None),
    ],
)
def test_barcode(typed: str, expected: str | None) -> None:
    assert ids.parse_barcode(typed) == expected


def test_isbn_is_a_book() -> None:
    assert ids.parse_isbn("0306406152") == "9780306406157"
    assert ids.parse_isbn("0036000291452") is None


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("060 123 45 67", "+381601234567"),
        ("060/123-4567", "+381601234567"),
        ("+381 60 1234567", "+381601234567"),
        ("+381 (0)60 1234567", "+381601234567"),
        ("00381601234567", "+381601234567"),
        ("381601234567", "+381601234567"),
        ("+381 060 1234567", "+381601234567"),
        ("011 2345 678", "+381112345678"),
        ("+49 151 23456789", "+4915123456789"),
        ("0049 151 23456789", "+4915123456789"),
        ("12345", None),
        ("060", None),
        ("060 123 45 67 89 01", None),
        ("+0601234567", None),
        ("tel. 060", None),
        ("", None),
    ],
)
def test_phone(typed: str, expected: str | None) -> None:
    assert ids.parse_phone(typed) == expected


@given(st.text(max_size=30))
def test_no_text_breaks_a_parser_and_parsing_twice_changes_nothing(typed: str) -> None:
    parsers = (
        ids.parse_pib,
        ids.parse_registration_number,
        ids.parse_jbkjs,
        ids.parse_account,
        ids.parse_iban,
        ids.parse_barcode,
        ids.parse_isbn,
        ids.parse_phone,
        ids.parse_email,
    )
    for parse in parsers:
        once = parse(typed)
        assert once is None or parse(once) == once
    ids.parse_reference97(typed)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (" Ana@Example.COM ", "ana@example.com"),
        ("ana.anic+shop@example.co.rs", "ana.anic+shop@example.co.rs"),
        ("ana@пример.срб", "ana@xn--e1afmkfd.xn--90a3ac"),
        ("ana@example", None),
        ("ana@@example.com", None),
        ("ana anic@example.com", None),
        (".ana@example.com", None),
        ("a..b@example.com", None),
        ("ana@-example.com", None),
        ("@example.com", None),
        ("ana@example.com\nBcc: x@y.rs", None),
        ("a" * 65 + "@example.com", None),
    ],
)
def test_email(typed: str, expected: str | None) -> None:
    assert ids.parse_email(typed) == expected
