from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation

from retail.front import formats

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "language", "currency", "text"),
    [
        (Decimal("1039.20"), "sr-latn", "RSD", "1.039,20\u00a0RSD"),
        (Decimal("1039.20"), "sr-cyrl", "RSD", "1.039,20\u00a0RSD"),
        (Decimal("1039.20"), "en", "RSD", "1,039.20\u00a0RSD"),
        (Decimal("-259.8"), "sr-latn", "", "−259,80"),
        (Decimal("1234567.895"), "en", "EUR", "1,234,567.90\u00a0EUR"),
        (Decimal(0), "sr-latn", "RSD", "0,00\u00a0RSD"),
        (None, "sr-latn", "RSD", "–"),
    ],
)
def test_money(value: Decimal | None, language: str, currency: str, text: str) -> None:
    assert formats.money_text(value, language, currency) == text


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1284, None, "1.284"),
        (50.0, None, "50"),
        (0.25, None, "0,25"),
        (Decimal("12.50"), None, "12,50"),
        (12.345, 1, "12,3"),
        (-37, None, "−37"),
        ("", None, "–"),
    ],
)
def test_numbers(value: object, places: int | None, text: str) -> None:
    assert formats.number_text(value, "sr-latn", places) == text


@pytest.mark.parametrize(
    ("value", "language", "text"),
    [
        (Decimal("10.00"), "sr-latn", "10\u00a0%"),
        (Decimal("12.50"), "sr-latn", "12,5\u00a0%"),
        (Decimal("97.8"), "en", "97.8\u00a0%"),
        (Decimal("-0.4"), "sr-latn", "−0,4\u00a0%"),
        (Decimal(100), "sr-latn", "100\u00a0%"),
        (None, "en", "–"),
    ],
)
def test_percent(value: Decimal | None, language: str, text: str) -> None:
    assert formats.percent_text(value, language) == text


@pytest.mark.parametrize(
    ("language", "day", "short", "full"),
    [
        ("sr-latn", "Utorak, 24. novembar", "uto\u00a024.\u00a011.", "24.\u00a011.\u00a02026."),
        ("sr-cyrl", "Уторак, 24. новембар", "уто\u00a024.\u00a011.", "24.\u00a011.\u00a02026."),
        ("en", "Tuesday, 24 November", "Tue\u00a024\u00a0Nov", "24\u00a0Nov\u00a02026"),
    ],
)
def test_days_in_words(language: str, day: str, short: str, full: str) -> None:
    assert formats.day_text(date(2026, 11, 24), language) == day
    assert formats.short_day_text(date(2026, 11, 24), language) == short
    assert formats.date_text(date(2026, 11, 24), language) == full


def test_moments_are_said_in_local_time() -> None:
    late = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert formats.day_text(late, "sr-latn") == "Četvrtak, 2. jul"
    assert formats.clock_text(late) == "00:30"
    assert formats.when_text(NOON, "sr-latn") == "24.\u00a011.\u00a02026. 12:00"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON - timedelta(minutes=29), "danas 11:31"),
        (NOON - timedelta(days=1), "juče 12:00"),
        (NOON + timedelta(days=1), "sutra 12:00"),
        (NOON - timedelta(days=2), "22.\u00a011.\u00a02026. 12:00"),
    ],
)
def test_near_days_have_names(moment: datetime, text: str) -> None:
    with translation.override("sr-latn"):
        assert formats.ago_text(moment, NOON) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(minutes=41), "41 min"),
        (timedelta(hours=3, minutes=12), "3 h 12 min"),
        (timedelta(days=1), "1 dan"),
        (timedelta(days=2), "2 dana"),
        (timedelta(days=21), "21 dan"),
    ],
)
def test_spans(span: timedelta, text: str) -> None:
    with translation.override("sr-latn"):
        assert formats.span_text(span) == text


@pytest.mark.parametrize(("seconds", "minutes"), [(-5, 0), (0, 0), (1, 1), (60, 1), (61, 2), (1020, 17)])
def test_a_begun_minute_counts(seconds: int, minutes: int) -> None:
    assert formats.minutes_left(NOON + timedelta(seconds=seconds), NOON) == minutes


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1.299,00", "1299.00"),
        ("1,299.00", "1299.00"),
        ("1299.00", "1299.00"),
        ("1 299,5", "1299.5"),
        ("12.345.678", "12345678.00"),
        ("7", "7.00"),
    ],
)
def test_an_amount_is_read_with_either_mark(typed: str, read: str) -> None:
    assert formats.read_amount(typed) == Decimal(read)


@pytest.mark.parametrize("typed", ["", "NaN", "-5", "1e9", "1.2.3", "12,345,6789", "٣", "5 RSD"])
def test_what_is_no_amount_is_not_guessed(typed: str) -> None:
    assert formats.read_amount(typed) is None


def test_a_cell_of_a_file_is_never_a_formula() -> None:
    assert [formats.cell_text(text) for text in ("=1+1", "+381", "-5", "@x", "\tx", "Ana", "", "a=b")] == [
        "'=1+1",
        "'+381",
        "'-5",
        "'@x",
        "'\tx",
        "Ana",
        "",
        "a=b",
    ]
