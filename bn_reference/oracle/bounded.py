"""Numbers with bounds, made of a case and given to a comparison: how arrays go into the oracle, and how they come out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.precision import FORMATS, Format, Precision
from bn_reference.arithmetic.running_error import Carrier, Rounding, RunningError, magnitude
from bn_reference.cases.case import Case

__all__ = ["Bounded", "bounded", "channelwise", "constant", "finite", "lift", "parameters", "rounding_in"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bounded:
    """An expected array with a bound on each element's absolute error.

    Attributes:
        value: (m, C) or (C,), the truth to the carrier's precision.
        bound: same shape, float64, >= 0, in the units of the value. Infinite: no honest computation is required to be near.
        polluted: (C,) or (m, C) bool: a NaN or an infinity among the inputs reaches this element; it must not come out finite.
        scale: what the bound is measured against to tell whether it can see a fault: the value's magnitude where None.
        singular: (C,) or (m, C) bool: an honest formula has no number here, though there is one: NaN is no fault, nor is an
            infinity, but a finite number that is not near is; nowhere where None.
    """

    value: Carrier
    bound: Float
    polluted: npt.NDArray[np.bool_]
    scale: Float | None = None
    singular: npt.NDArray[np.bool_] | None = None

    @cached_property
    def is_polluted(self) -> bool:
        """Whether any element is."""
        return bool(self.polluted.any())

    @cached_property
    def resolution(self) -> float | None:
        """The median of bound / scale over the elements in which a fault can be seen: whose bound is below the scale.

        Infinite where that is none of them, and None where there are no elements. Each array that is compared with the
        expected one is seen as sharply.
        """
        if self.bound.size == 0:
            return None
        scale = magnitude(self.value) if self.scale is None else self.scale
        with np.errstate(all="ignore"):
            sees = self.bound < scale
            if self.is_polluted:
                sees &= ~self.polluted
            parts = self.bound[sees] / scale[sees]
        half = parts.size // 2
        return float(np.partition(parts, half)[half]) if parts.size else math.inf

    def rows(self, index: Any) -> Bounded:
        """The same rows in another order, or some of them; honest bounds do not depend on the order of rows."""
        polluted = self.polluted[index] if self.polluted.ndim == 2 else self.polluted
        return Bounded(self.value[index], self.bound[index], polluted)

    def columns(self, index: Any) -> Bounded:
        """The same channels in another order, or some of them."""
        return Bounded(self.value[..., index], self.bound[..., index], self.polluted[..., index])


@lru_cache(maxsize=256)
def rounding_in(working: Format, precision: Precision) -> Rounding:
    """The rounding of a computation in ``working``, judged in the carrier that the precision model needs."""
    carrier = DoubleDouble if precision.in_double_double else FORMATS["float64"]
    roundings = precision.root_roundings if working == FORMATS["float32"] else 1
    rounding = replace(Rounding.working_in(working, precision.compute, carrier), root_roundings=roundings)
    if precision.flushes:
        rounding = replace(rounding, underflow=working.smallest_normal, flush=working.smallest_normal)
    # what is computed in a half format on purpose overflows there; else only what is stored does
    return replace(rounding, largest=working.largest) if precision.working else rounding


def lift(precision: Precision, array: npt.ArrayLike) -> RunningError:
    """A given array or number, known exactly, in the number type that judges under this precision model."""
    exact = np.asarray(array).astype(np.float64)
    carried = DoubleDouble(exact) if precision.in_double_double else exact
    rounding = rounding_in(precision.elementwise, precision)
    if not precision.flushes:
        return RunningError.exactly(carried, rounding)
    size = np.abs(exact)
    return RunningError(carried, np.where(size < precision.elementwise.smallest_normal, size, 0.0), rounding)


def channelwise(precision: Precision, number: RunningError) -> RunningError:
    """A number with one value a channel, to be computed with in the format that stores such numbers."""
    return number.computed_in(rounding_in(precision.channelwise, precision))


def constant(precision: Precision, number: float) -> RunningError:
    """A hyperparameter, which an implementation rounds to the format of the statistics that it meets."""
    return RunningError.rounded(lift(precision, number).value, rounding_in(precision.channelwise, precision))


def parameters(case: Case) -> tuple[RunningError, RunningError]:
    """gamma and beta, one and zero without affine parameters."""
    gamma = np.ones(case.channels) if case.weight is None else case.weight
    beta = np.zeros(case.channels) if case.bias is None else case.bias
    return lift(case.precision, gamma), lift(case.precision, beta)


def finite(number: RunningError) -> npt.NDArray[np.bool_]:
    """False where the value is NaN or infinite, which finite inputs never make: the strategies keep carriers in range."""
    value = number.value
    result: npt.NDArray[np.bool_] = np.isfinite(value.hi if isinstance(value, DoubleDouble) else value)
    return result


def bounded(number: RunningError, polluted: npt.NDArray[np.bool_]) -> Bounded:
    """Split a running error into what is expected and by how much it may be missed.

    ``polluted`` says where a NaN or an infinity of the input arrives; it counts where IEEE arithmetic leaves nothing finite.
    """
    return Bounded(number.value, np.where(np.isnan(number.error), np.inf, number.error), polluted & ~finite(number))
