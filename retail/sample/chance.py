"""Chance that comes out the same every time: one seeded generator per purpose."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

SEED = 1984


def generator(purpose: str) -> np.random.Generator:
    """Independent of what else was drawn, so that a new section never changes an old one."""
    return np.random.default_rng([SEED, zlib.crc32(purpose.encode())])


def weighted(
    rng: np.random.Generator, weights: Sequence[float] | np.ndarray[Any, Any], size: int
) -> np.ndarray[Any, Any]:
    """Indexes drawn in proportion to the weights."""
    shares = np.asarray(weights, dtype=float)
    return rng.choice(len(shares), size=size, p=shares / shares.sum())
