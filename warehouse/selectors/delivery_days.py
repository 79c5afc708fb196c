"""The day and the hours that a shopper may choose in place of the earliest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from oms.promise import Days
from warehouse.selectors.network import Slot

# How far ahead a day of delivery may be chosen.
DAYS_AHEAD = 14


@dataclass(frozen=True, slots=True)
class DayChoice:
    """A day on which everything can be brought, with the hours that a carrier who can bring it all alone offers on it."""

    day: date
    slots: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedDay:
    """The day that the shopper chose, and the hours within it."""

    on: date
    slot_id: int | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    day: date
    slot: Slot | None


def choices_of(days: Days, slots: tuple[Slot, ...]) -> tuple[DayChoice, ...]:
    return tuple(
        DayChoice(
            day,
            tuple(
                slot
                for slot in slots
                if day.weekday() in slot.weekdays and day in days.by_carrier.get(slot.service, ())
            ),
        )
        for day in days.possible
    )


def chosen(choices: tuple[DayChoice, ...], wanted: WantedDay) -> Chosen | None:
    """None when the day, or the hours on it, cannot be had."""
    choice = next((each for each in choices if each.day == wanted.on), None)
    if choice is None:
        return None
    if wanted.slot_id is None:
        return Chosen(choice.day, None)
    slot = next((each for each in choice.slots if each.pk == wanted.slot_id), None)
    return Chosen(choice.day, slot) if slot is not None else None
