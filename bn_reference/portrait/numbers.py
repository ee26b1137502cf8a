"""Numbers as they are computed with in a format: sums and roots are exact to the format's own rounding, and drawn data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import DTYPES, FORMATS

__all__ = ["digits", "fused", "same", "spread"]

Array = npt.NDArray[Any]


def digits(name: str) -> int:
    """Binary digits of a format's numbers, p."""
    return round(-math.log2(FORMATS[name].unit_roundoff))


def fused(a: Array, b: Array, c: Array) -> Array:
    """a b + c, rounded once to the dtype of a.

    The product of two numbers of at most 24 digits is exact in float64; the sum is rounded there first, which changes what
    comes out once in 2^29. In float64 the product is split (Dekker 1971), and the rounding is right but for ties.
    """
    if a.dtype != np.float64:
        wide: Array = (a.astype(np.float64) * b.astype(np.float64) + c.astype(np.float64)).astype(a.dtype)
        return wide
    (a1, a2), (b1, b2), p = _split(a), _split(b), a * b
    lost = ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2
    total = p + c
    other = total - p
    return total + (((p - (total - other)) + (c - other)) + lost)  # type: ignore[no-any-return]


def _split(a: Array) -> tuple[Array, Array]:
    scaled = a * (2.0**27 + 1.0)
    high = scaled - (scaled - a)
    return high, a - high


def same(seen: Array, expected: Array) -> bool:
    """Whether two arrays have the same numbers, all of them finite."""
    a, b = seen.astype(np.float64), expected.astype(np.float64)
    return bool(np.isfinite(a).all()) and bool((a == b).all())


def spread(rng: np.random.Generator, rows: int, channels: int, name: str, over: int) -> Array:
    """Numbers of a format whose sum is zero: what comes out is made of roundings alone, of an accumulator of ``over`` digits.

    Half of the rows, with exponents that make the sums need up to eight digits more than that, and the same with the other
    sign, all in a random order.
    """
    p = digits(name)
    half = rng.uniform(1.0, 2.0, (rows // 2, channels)).astype(DTYPES[name]).astype(np.float64)
    half *= 2.0 ** rng.integers(0, max(over - p, 0) + 8, half.shape)
    both = np.concatenate([half, -half, np.zeros((rows % 2, channels))])
    return rng.permuted(both, axis=0)
