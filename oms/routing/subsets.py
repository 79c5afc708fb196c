"""Subsets of a few things as bits of a number, and the ways to divide each; worked out once per size."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from .amounts import Ints


class Divisions(NamedTuple):
    """All subsets of one size, with the parts that may be taken out of each (columns) and what is left."""

    subsets: Ints  # [n]
    parts: Ints  # [n, ways]
    rests: Ints  # [n, ways]


@cache
def splits(count: int) -> tuple[Divisions, ...]:
    """Subsets of two and more, each divided into the part with its lowest member, and a rest that is not
    empty.

    Larger parts come first, so that a tie keeps more in the first parcel.
    """
    return tuple(_divisions(count, size, with_lowest=True) for size in range(2, count + 1))


@cache
def draws(count: int) -> tuple[Divisions, ...]:
    """Subsets of one and more, with every part that is not empty; the rest may be."""
    return tuple(_divisions(count, size, with_lowest=False) for size in range(1, count + 1))


@cache
def rows(count: int) -> Ints:
    """Where each subset stands in the `subsets` of its size."""
    found = np.zeros(1 << count, np.int64)
    seen = [0] * (count + 1)
    for subset in range(1 << count):
        size = subset.bit_count()
        found[subset] = seen[size]
        seen[size] += 1
    return found


def sums(values: Ints) -> Ints:
    """[..., 2^n] the sum over every subset of the last axis, subset 0 being empty."""
    count = values.shape[-1]
    total = np.zeros((*values.shape[:-1], 1 << count), values.dtype)
    for each in range(count):
        half = 1 << each
        np.add(total[..., :half], values[..., each : each + 1], out=total[..., half : 2 * half])
    return total


def members(subset: int) -> list[int]:
    return [each for each in range(subset.bit_length()) if subset >> each & 1]


def _divisions(count: int, size: int, *, with_lowest: bool) -> Divisions:
    subsets = [each for each in range(1 << count) if each.bit_count() == size]
    parts = []
    for subset in subsets:
        lowest = subset & -subset
        part, found = subset, []
        while part:
            if not with_lowest or (part & lowest and part != subset):
                found.append(part)
            part = (part - 1) & subset
        parts.append(found)
    numbers = np.array(subsets, np.int64)
    ways = np.array(parts, np.int64)
    return Divisions(numbers, ways, numbers[:, None] ^ ways)
