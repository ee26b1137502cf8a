"""Running error: a value that carries a bound on the rounding error of any honest way to compute it.

Running error analysis (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 3.3). A number here is a pair
``(value, error)``: ``value`` is exact to the carrier's precision, and a computation in the working format that follows the
specification, in any order that algebra allows, ends within ``error`` of it. Each operation passes on what its operands bring
and adds its own rounding; nothing of second order is dropped, so the bound also holds where it is large.

"Any order that algebra allows" is what makes the bound fair to every implementation, not to one:

* An **addition** is charged ``2u`` on each *operand* rather than ``u`` on the result. One u is the rounding of the product
  where a common factor was distributed over the sum (``x*a - mu*a`` for ``(x - mu)*a``); the other is that of an inner sum
  where a third term was added first (``(beta - mu*a) + x*a``, the folded scale and shift). The final rounding of either form is
  charged by the additions and products that follow.
* A **division** is charged ``2u``: it may be a product with a rounded reciprocal.
* A **sum** of n terms is charged ``(n - 1) u`` on the sum of magnitudes, the bound of the worst order (Higham, section 4.2).
* A **product** and a **root** are charged ``u`` once, the root more on a device that documents a less exact one.

Underflow is gradual and adds half of the smallest subnormal; where subnormal numbers are flushed to zero it adds the smallest
normal. Where an honest computation may overflow, the error is infinite.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.precision import Format
from bn_reference.arithmetic.rounding import Carrier, Rounding, leading, magnitude

__all__ = ["Carrier", "RunningError", "Rounding", "leading", "magnitude"]

Float = npt.NDArray[np.float64]
_NOTHING: Any = (None, None)


class RunningError:
    """A value with a bound on its error: ``value`` float64 or double-double, ``error`` float64, of one shape.

    ``size`` is the value's magnitude, in float64. ``floor`` is a lower bound of the value that *every* computation keeps,
    whatever its error: a square is never negative. It keeps the root of ``var + eps``, and what is divided by it, bounded where
    the error of var is larger than eps.

    A batch keeps what it last had subtracted, or was divided by, of one number a channel: x - mu stands in most lines of the
    specification, and (x - mu) / sigma in some.
    """

    __slots__ = ("_less", "_over", "error", "floor", "rounding", "size", "value")

    def __init__(
        self,
        value: Carrier,
        error: Float | float,
        rounding: Rounding,
        floor: Float | float | None = None,
        size: Float | None = None,
    ) -> None:
        self.value = value
        self.size = magnitude(value) if size is None else size
        self.rounding = rounding
        self.floor = floor
        # an infinite error stays infinite when it meets a zero (inf * 0 is NaN)
        reach = self.size + error
        whole = isinstance(error, np.ndarray) and error.shape == reach.shape and are_within(reach, rounding.largest)
        self.error: Float = error if whole else np.where(reach <= rounding.largest, error, np.inf)  # type: ignore[assignment]
        self._less: tuple[RunningError | None, RunningError] = _NOTHING
        self._over: tuple[RunningError | None, RunningError] = _NOTHING

    def _but(
        self,
        *,
        value: Carrier = None,
        error: Float | float | None = None,
        rounding: Rounding | None = None,
        floor: Float | float | None = None,
    ) -> RunningError:
        """A number of the same magnitude, no larger an infinity than before: made without looking for overflow again."""
        number = RunningError.__new__(RunningError)
        number.value = self.value if value is None else value
        number.size, number.floor = self.size, floor
        number.error = self.error if error is None else error  # type: ignore[assignment]
        number.rounding = self.rounding if rounding is None else rounding
        number._less = number._over = _NOTHING
        return number

    @classmethod
    def exactly(cls, value: Carrier, rounding: Rounding) -> RunningError:
        """A given number, known exactly: an element of the input, say."""
        return cls(value, np.zeros(value.shape), rounding)

    @classmethod
    def rounded(cls, value: Carrier, rounding: Rounding) -> RunningError:
        """A constant that is rounded to the working format before use: eps, momentum."""
        return cls(value, rounding.unit_roundoff * magnitude(value) + rounding.underflow, rounding)

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.value.shape
        return shape

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Answer ``numpy.sqrt`` and refuse the rest, so that no operand slips in without an error."""
        if ufunc is np.sqrt and method == "__call__" and not kwargs:
            return self.sqrt()
        return NotImplemented

    def _lift(self, other: RunningError | int) -> RunningError:
        """An integer below 2^24 is exact in every working format."""
        if isinstance(other, RunningError):
            return other
        return _integer(other, isinstance(self.value, DoubleDouble))._but(rounding=self.rounding)

    def __neg__(self) -> RunningError:
        return self._but(value=-self.value)

    def __add__(self, other: RunningError | int) -> RunningError:
        b = self._lift(other)
        return self._added(self.value + b.value, b)

    __radd__ = __add__

    def _added(self, total: Carrier, b: RunningError, sign: float = 1.0) -> RunningError:
        """``total``, which is the number with b or -b added."""
        inherited = self.error + b.error
        error = self.size + b.size
        error = error + inherited
        error *= 2.0 * self.rounding.unit_roundoff
        error += inherited
        if self.rounding.flush:
            error += self.rounding.flush
        floor = None
        if self.floor is not None:  # of the specification's sums only var + eps has one
            least = np.maximum(self.floor + (sign * leading(b.value) - b.error), 0.0)
            floor = least * (1.0 - 2.0 * self.rounding.unit_roundoff)
        return RunningError(total, error, self.rounding, floor)

    def __sub__(self, other: RunningError | int) -> RunningError:
        b = self._lift(other)
        if self._less[0] is b:
            return self._less[1]
        difference = self._added(self.value - b.value, b, -1.0)
        if 0 < b.size.ndim < self.size.ndim:
            self._less = b, difference
        return difference

    def __rsub__(self, other: int) -> RunningError:
        return self._lift(other) + (-self)

    def __mul__(self, other: RunningError | int) -> RunningError:
        b = self._lift(other)
        value = self.value * b.value
        inherited = b.size * self.error
        if not isinstance(other, int):
            inherited = inherited + (self.size + self.error) * b.error
        floor = None
        if self.floor is not None and isinstance(other, int) and other > 0:
            floor = self.floor * other * (1.0 - self.rounding.unit_roundoff)
        size = magnitude(value)
        error = size + inherited
        error *= self.rounding.unit_roundoff
        error += inherited
        error = _plus(error, self.rounding.underflow)
        return RunningError(value, error, self.rounding, floor, size)

    __rmul__ = __mul__

    def __pow__(self, exponent: int) -> RunningError:
        """Repeated product; an even power is never negative."""
        result = self
        for _ in range(exponent - 1):
            result = result * self
        floor: Float | float | None = 0.0 if exponent % 2 == 0 else None
        if self.floor is not None:
            floor = self.floor**exponent * (1.0 - exponent * self.rounding.unit_roundoff)
        return result._but(floor=floor)

    def smallest(self) -> Float:
        """The smallest magnitude within the error, and within what every computation keeps."""
        least: Float = np.maximum(self.size - self.error, 0.0 if self.floor is None else self.floor)
        return least

    def __truediv__(self, other: RunningError | int) -> RunningError:
        b = self._lift(other)
        if self._over[0] is b:
            return self._over[1]
        value = self.value / b.value
        size = magnitude(value)
        if isinstance(other, int) and other != 0:
            inherited = self.error / abs(other)
        else:
            smallest = b.smallest()
            positive = smallest > 0.0
            inherited = size * b.error
            inherited = inherited + self.error
            inherited /= smallest
            if np.count_nonzero(positive) != positive.size:
                inherited = np.where(positive, inherited, np.inf)
        error = size + inherited
        error *= self.rounding.unit_roundoff
        error = _plus(error, self.rounding.underflow)
        error *= 2.0
        error += inherited
        floor = None
        if self.floor is not None and isinstance(other, int):
            floor = self.floor / other * (1.0 - 2.0 * self.rounding.unit_roundoff)
        quotient = RunningError(value, error, self.rounding, floor, size)
        if 0 < b.size.ndim < self.size.ndim:
            self._over = b, quotient
        return quotient

    def sqrt(self) -> RunningError:
        """sqrt(v + e) for any e within the error; below, the floor of v bounds how far the root can fall."""
        root = np.sqrt(self.value)
        size = magnitude(root)
        drop = size - np.sqrt(np.minimum(self.smallest(), self.size))
        rise = np.sqrt(self.size + self.error) - size
        near = self.error < 0.5 * self.size  # where the differences above would cancel: e / (sqrt(v - e) + sqrt(v))
        quotient = self.error / (np.sqrt(np.maximum(self.size - self.error, 0.0)) + size)
        inherited = np.where(self.error == 0.0, 0.0, np.where(near, quotient, np.maximum(drop, rise)))
        rounded = self.rounding.root_roundings * self.rounding.unit_roundoff
        floor = None if self.floor is None else np.sqrt(self.floor) * (1.0 - rounded)
        return RunningError(root, inherited + rounded * (size + inherited), self.rounding, floor, size)

    def sum(self, axis: int = 0) -> RunningError:
        n = self.shape[0]
        inherited = self.error.sum(axis=axis)
        magnitudes = self.size.sum(axis=axis) + inherited
        r = self.rounding
        error = inherited + (max(n - 1, 0) * r.accumulation + (r.unit_roundoff - r.accumulation)) * magnitudes + n * r.flush
        # some order of the terms may add all of one sign first
        error = np.where(magnitudes <= r.largest, error, np.inf)
        return RunningError(self.value.sum(axis=axis), error, self.rounding, None if self.floor is None else 0.0)

    def stored(self, storage: Format, factor: Float | float = 1.0) -> RunningError:
        """Kept in ``storage``: one more rounding where that format has fewer digits than the working one.

        ``factor`` is what may still multiply the number after it was stored, and with it what was lost to underflow.
        """
        size = self.size + self.error
        error = self.error
        if storage.unit_roundoff > self.rounding.unit_roundoff:
            error = error + storage.unit_roundoff * size + storage.underflow * np.maximum(1.0, factor)
        if not (isinstance(error, np.ndarray) and are_within(size, storage.largest, ends=False)):
            error = np.where(size < storage.largest, error, np.inf)
        return self._but(error=error, floor=self.floor)

    def stored_as_inverse(self, storage: Format) -> RunningError:
        """Kept in ``storage``, the number or its inverse: the inverse may overflow or underflow where the number does not."""
        size = self.size
        rounded = self.stored(storage).error
        if storage.unit_roundoff <= self.rounding.unit_roundoff:
            return RunningError(self.value, rounded, self.rounding, self.floor)
        inverse = self.largest_inverse()
        error = np.where(inverse >= storage.largest, np.inf, rounded + storage.underflow * size * size)
        return RunningError(self.value, error, self.rounding)

    def largest_inverse(self) -> Float:
        """The largest ``1 / |x|`` within the error."""
        with np.errstate(divide="ignore"):
            inverse: Float = 1.0 / self.smallest()
        return inverse

    def unbounded_where(self, condition: npt.NDArray[np.bool_]) -> RunningError:
        """No computation is required to be near where the condition holds."""
        return self._but(error=np.where(condition, np.inf, self.error), floor=self.floor)

    def computed_in(self, rounding: Rounding) -> RunningError:
        """The same number; what is computed from it from here on rounds so."""
        if rounding.largest >= self.rounding.largest:
            return self._but(rounding=rounding, floor=self.floor)
        return RunningError(self.value, self.error, rounding, self.floor)


def are_within(sizes: Float, largest: float, *, ends: bool = True) -> bool:
    """Whether all are up to the largest, or below it where that does not belong to it; a NaN is not."""
    if sizes.size == 0:
        return True
    most = np.maximum.reduce(sizes, axis=None)
    return bool(most <= largest if ends else most < largest)


def _plus(error: Float, more: Float | float) -> Float:
    """The sum, in the memory of the first where that is as large."""
    if isinstance(more, float) or more.shape == error.shape[-1:]:
        error += more
        return error
    return error + more


@lru_cache(maxsize=4096)
def _integer(number: int, double: bool) -> RunningError:
    """An integer, exactly; a few of them are needed again and again."""
    return RunningError(DoubleDouble(float(number)) if double else np.asarray(float(number)), 0.0, Rounding.none())
