"""Shapes that the whole API shares."""

from decimal import Decimal
from typing import Any

from django.db import models
from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Unknown fields are refused, so that a misspelled one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({name: ["Unknown field."] for name in unknown})
        return super().to_internal_value(data)


class MoneySerializer(serializers.Serializer[Any]):
    """{"amount": "1299.00", "currency": "RSD"}"""

    amount = serializers.CharField()
    currency = serializers.CharField()


def money(amount: Decimal | None, currency: str) -> dict[str, str] | None:
    return None if amount is None else {"amount": f"{amount:.2f}", "currency": currency}


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
            raise serializers.ValidationError(error.detail, code="INVALID_QUANTITY") from None


def choice_values(choices: type[models.TextChoices]) -> list[str]:
    return [str(value) for value in choices.values]
