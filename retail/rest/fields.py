"""Shapes that the whole API shares."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.request import Request

from retail.kernel.errors import InvalidInput


class StrictSerializer(serializers.Serializer[Any]):
    """Unknown fields are refused, so that a misspelled one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({name: ["Unknown field."] for name in unknown})
        return super().to_internal_value(data)


class EmptyBody(StrictSerializer):
    """Nothing is told."""


class MoneySerializer(StrictSerializer):
    """{"amount": "1299.00", "currency": "RSD"}"""

    amount = serializers.CharField()
    currency = serializers.CharField()


def money(amount: Decimal | None, currency: str) -> dict[str, str] | None:
    return None if amount is None else {"amount": f"{amount:.2f}", "currency": currency}


def read(serializer: type[serializers.BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """The body in its shape, or a 400 that names each field."""
    try:
        return dict(_shape_of(serializer).run_validation(request.data))  # type: ignore[arg-type] # a class is hashable
    except serializers.ValidationError:
        pass  # told as Django REST framework tells it
    checked = serializer(data=request.data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


@lru_cache(maxsize=256)
def _shape_of(serializer: type[serializers.BaseSerializer[Any]]) -> serializers.BaseSerializer[Any]:
    """One for all bodies: to make its fields anew costs three times as much as to read a body by them."""
    return serializer()


def amount_of(body: dict[str, Any] | None, currency: str) -> Decimal | None:
    """A sum as it came, in this currency; refuses what is no sum of two decimals, or below zero."""
    if body is None:
        return None
    try:
        amount = Decimal(body["amount"])
    except InvalidOperation:
        amount = Decimal("NaN")
    if (
        not amount.is_finite()
        or not 0 <= amount < Decimal("1e12")
        or amount != round(amount, 2)
        or body["currency"] != currency
    ):
        raise InvalidInput(
            f"An amount is a number with two decimals in {currency}.", amount=str(body["amount"])[:20]
        )
    return amount


class WholeNumber(serializers.IntegerField):
    """A JSON integer; "3", 3.0, true and 1e9 as text are not."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Quantity(WholeNumber):
    """Whole units, at least one; refused with the code INVALID_QUANTITY."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=9999, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        try:
            return super().run_validation(data)
        except serializers.ValidationError as error:
            texts = [str(text) for text in error.detail]  # as they are they would keep their own code
            raise serializers.ValidationError(texts, code="INVALID_QUANTITY") from None


def choice_values(choices: type[models.TextChoices]) -> list[str]:
    return [str(value) for value in choices.values]


class InvalidQuantity(InvalidInput):
    """Not a whole number of units, or more than anybody orders."""

    code = "INVALID_QUANTITY"


def whole_number(text: str, name: str, *, least: int, most: int) -> int:
    """A number from an address; refuses signs, points and anything else that a number in words is not."""
    if not text.isascii() or not text.isdigit() or not least <= int(text[:19]) <= most:
        refusal = InvalidQuantity if name == "quantity" else InvalidInput
        raise refusal(f"{name} is a whole number from {least} to {most}.", field=name, value=text[:20])
    return int(text)


def day_of(text: str, name: str) -> date:
    """A day from an address, like 2026-11-21."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{name} must look like 2026-11-21.", field=name, value=text[:20]) from None


def moment_of(text: str, name: str) -> datetime:
    """A moment from an address, with its zone; a plus that the address turned into a space is forgiven."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1900 <= found.year <= 9000:
        raise InvalidInput(
            f"{name} is a time with its zone, for example 2026-11-21T10:00:00Z.", field=name, value=text[:40]
        )
    return found
