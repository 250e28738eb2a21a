"""Scores and labels in one integer each, so that a single in-place sort orders both.

``argsort`` followed by two gathers moves far more memory than sorting 64-bit integers does, and the
bits of an IEEE float are, up to the sign, already in the order of its value.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._inputs import Bools, Floats


def sorted_keys(scores: Floats, positive: Bools) -> NDArray[Any]:
    """Ascending keys ``2 * order(score) + label``: ties are adjacent, negatives of a tie first."""
    keys = _order32(scores) if scores.dtype == np.float32 else _order64(scores)
    keys <<= keys.dtype.type(1)
    keys |= positive.astype(keys.dtype)
    keys.sort()
    return keys


def _order32(scores: Floats) -> NDArray[np.int64]:
    bits = (scores + np.float32(0)).view(np.int32)  # + 0 turns -0.0 into 0.0: they are a tie
    bits ^= (bits >> 31) & 0x7FFFFFFF
    return bits.astype(np.int64)


def _order64(scores: Floats) -> NDArray[Any]:
    """63-bit integers in the order of the scores: the lowest bit of 64 is wanted for the label."""
    low, high = float(scores.min()), float(scores.max())
    if low >= 0:
        return (scores + 0.0).view(np.uint64)  # the sign bit is free
    if max(-low, high) < 2:  # so is the highest bit of the exponent
        return _signed(scores + 0.0)
    scale = (
        float(np.ldexp(1.0, -np.frexp(max(-low, high))[1])) if np.isfinite([low, high]).all() else 0
    )
    if scale:
        shrunk = scores * scale
        if np.array_equal(shrunk / scale, scores):  # a power of two is exact short of underflow
            shrunk += 0.0
            return _signed(shrunk)
    return np.unique(scores, return_inverse=True)[1].astype(np.int64)


def _signed(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    bits = scores.view(np.int64)
    flip = bits >> 63
    flip &= 0x7FFFFFFFFFFFFFFF
    bits ^= flip
    return bits
