"""Double-double arithmetic on arrays: an unevaluated sum ``hi + lo`` of two float64, about 106 significant bits.

Needs nothing of the platform but IEEE 754 binary64 (no ``longdouble``, no fused multiply-add). The algorithms and their error
bounds are those of Joldes, Muller and Popescu, "Tight and rigorous error bounds for basic building blocks of double-word
arithmetic", ACM TOMS 44(2), 2017; the error-free transformations are Knuth's two-sum and Dekker's two-product.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DoubleDouble"]

Float = npt.NDArray[np.float64]

SMALL = 2.0**-600
SPLITTER = 2.0**27 + 1.0  # Veltkamp's constant for a 53-bit significand


def _taken_from(a: Float, b: Float) -> Float:
    """``a - b`` in the memory of b, which nobody else has and which has the shape of the result."""
    return np.subtract(a, b, out=b) if isinstance(b, np.ndarray) else a - b


def two_sum(a: Float, b: Float) -> tuple[Float, Float]:
    """``s + e = a + b`` exactly, s = fl(a + b) (Knuth)."""
    s = a + b
    t = s - a
    e = b - t
    t = _taken_from(s, t)
    t -= a
    e -= t
    return s, e


def fast_two_sum(a: Float, b: Float) -> tuple[Float, Float]:
    """``s + e = a + b`` exactly where ``|a| >= |b|`` (Dekker)."""
    s = a + b
    return s, _taken_from(b, s - a)


def split(a: Float) -> tuple[Float, Float]:
    """``high + low = a`` exactly, each of at most 26 bits (Veltkamp); exact below 2^996."""
    high = SPLITTER * a
    high -= high - a
    return high, a - high


def two_product(a: Float, b: Float) -> tuple[Float, Float]:
    """``p + e = a * b`` exactly, p = fl(a * b), unless a part underflows (Dekker)."""
    p = a * b
    a_high, a_low = split(a)
    b_high, b_low = split(b)
    t = _taken_from(p, a_high * b_high)
    t -= a_low * b_high
    t -= a_high * b_low
    e = a_low * b_low
    e -= t
    return p, e


class DoubleDouble:
    """An array of numbers ``hi + lo``, ``|lo| <= ulp(hi)/2``: ``hi, lo`` float64 of one shape, never changed once made."""

    # Relative error of one operation: at most 15 * 2^-106 to first order, that of the division (Joldes et al., section 7).
    unit_roundoff = 2.0**-102
    # Below, one operation may lose its low part to underflow: it makes at most 16 elementary products, each off by at most
    # half of the smallest subnormal.
    underflow = 2.0**-1071

    __slots__ = ("hi", "lo")

    def __init__(self, hi: npt.ArrayLike, lo: npt.ArrayLike | None = None) -> None:
        self.hi: Float = np.asarray(hi, dtype=np.float64)
        self.lo: Float = np.zeros_like(self.hi) if lo is None else np.asarray(lo, dtype=np.float64)

    @classmethod
    def _of(cls, hi: Float, lo: Float) -> DoubleDouble:
        """Made of what is float64 already, and has nobody else."""
        number = cls.__new__(cls)
        number.hi, number.lo = hi, lo
        return number

    @property
    def shape(self) -> tuple[int, ...]:
        return self.hi.shape

    def __getitem__(self, index: Any) -> DoubleDouble:
        return DoubleDouble._of(self.hi[index], self.lo[index])

    def __repr__(self) -> str:
        return f"DoubleDouble({self.hi!r}, {self.lo!r})"

    def __float__(self) -> float:
        return float(self.hi)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Answer ``numpy.sqrt`` and refuse the rest, so that no operand slips in unconverted."""
        if ufunc is np.sqrt and method == "__call__" and not kwargs:
            return self.sqrt()
        return NotImplemented

    def magnitude(self) -> Float:
        """``|self|`` in float64, to within one rounding."""
        result: Float = np.abs(self.hi)
        return result

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble._of(-self.hi, -self.lo)

    def __add__(self, other: DoubleDouble | int) -> DoubleDouble:
        b = as_double_double(other)
        s, e = two_sum(self.hi, b.hi)
        t, f = two_sum(self.lo, b.lo)
        e += t
        s, e = fast_two_sum(s, e)
        e += f
        return DoubleDouble._of(*fast_two_sum(s, e))

    __radd__ = __add__

    def __sub__(self, other: DoubleDouble | int) -> DoubleDouble:
        return self + (-as_double_double(other))

    def __rsub__(self, other: int) -> DoubleDouble:
        return as_double_double(other) + (-self)

    def __mul__(self, other: DoubleDouble | int) -> DoubleDouble:
        b = as_double_double(other)
        p, e = two_product(self.hi, b.hi)
        crossed = self.hi * b.lo
        crossed += self.lo * b.hi
        e += crossed
        return DoubleDouble._of(*fast_two_sum(p, e))

    __rmul__ = __mul__

    def __truediv__(self, other: DoubleDouble | int) -> DoubleDouble:
        b = as_double_double(other)
        quotient = self.hi / b.hi
        p, e = two_product(quotient, b.hi)
        # the remainder self - quotient * b; its leading difference is exact (Sterbenz)
        remainder = _taken_from(self.hi, p)
        remainder -= e
        remainder += self.lo - quotient * b.lo
        remainder /= b.hi
        return DoubleDouble._of(*fast_two_sum(quotient, remainder))

    def __rtruediv__(self, other: int) -> DoubleDouble:
        return as_double_double(other) / self

    def __pow__(self, exponent: int) -> DoubleDouble:
        """Repeated product; the specification needs 2 and 3."""
        result = self
        for _ in range(exponent - 1):
            result = result * self
        return result

    def sqrt(self) -> DoubleDouble:
        """One Newton step from the float64 root; ``sqrt(0) = 0``."""
        small = (self.hi < SMALL) & (self.hi > 0.0)
        if small.any():  # scaled by a power of four, so that no part of the remainder underflows
            up, down = np.where(small, 1.0 / SMALL, 1.0), np.where(small, SMALL**0.5, 1.0)
            scaled = DoubleDouble(self.hi * up, self.lo * up).sqrt()
            return DoubleDouble(scaled.hi * down, scaled.lo * down)
        root = np.sqrt(self.hi)
        p, e = two_product(root, root)
        remainder = ((self.hi - p) - e) + self.lo
        safe = np.where(root == 0.0, 1.0, root)
        return DoubleDouble(*fast_two_sum(root, remainder / (2.0 * safe)))

    def sum(self, axis: int = 0) -> DoubleDouble:
        """Pairwise sum over the first axis: ceil(log2 m) additions stand between a term and the total."""
        if axis != 0:
            raise ValueError(f"axis must be 0, the batch, and is {axis}; the specification sums over nothing else")
        terms = self
        while (n := terms.shape[0]) > 1:
            half = n // 2
            paired = terms[:half] + terms[half : 2 * half]
            if n % 2:
                paired = DoubleDouble(np.concatenate([paired.hi, terms.hi[-1:]]), np.concatenate([paired.lo, terms.lo[-1:]]))
            terms = paired
        if n == 0:
            return DoubleDouble(np.zeros(self.shape[1:]))
        return terms[0]


def as_double_double(number: DoubleDouble | int) -> DoubleDouble:
    """An integer below 2^53 is taken exactly."""
    return number if isinstance(number, DoubleDouble) else _integer(number)


@lru_cache(maxsize=4096)
def _integer(number: int) -> DoubleDouble:
    return DoubleDouble(float(number))
