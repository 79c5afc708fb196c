"""Amounts inside the engine: integers of a millionth of a dinar.

Published tariffs are not whole paras (a net price is the gross one through 1.2, times a fuel levy), so
rounding each parcel to the para would move the sum of a day. Millionths keep every sum and comparison exact
and free of order, so that equal costs are equal and ties are ties; a sum of a day is within a para of the
unrounded one.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MICRO = 1_000_000
MICRO_PER_PARA = MICRO // 100
IMPOSSIBLE = 10**15  # a thousand million dinars; sums of some dozen of them still fit into 64 bits


def micro(rsd: npt.ArrayLike) -> Ints:
    """Dinars as integer millionths, rounded once, where they enter the engine."""
    return np.rint(np.asarray(rsd, np.float64) * MICRO).astype(np.int64)


def in_paras(terms: Sequence[int] | Ints) -> list[int]:
    """Terms in whole paras that add up to their rounded sum (largest remainder, ties to the earlier term)."""
    values = [int(each) for each in terms]
    whole = [each // MICRO_PER_PARA for each in values]
    missing = (sum(values) + MICRO_PER_PARA // 2) // MICRO_PER_PARA - sum(whole)
    by_remainder = sorted(range(len(values)), key=lambda each: (-(values[each] % MICRO_PER_PARA), each))
    for each in by_remainder[:missing]:
        whole[each] += 1
    return whole
