"""What a value is carried in, and what one operation may add to its error: the units of running error analysis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.double_double import DoubleDouble
from bn_reference.arithmetic.precision import Format

__all__ = ["Carrier", "Rounding", "leading", "magnitude"]

Float = npt.NDArray[np.float64]
# What a value is carried in: a float64 array, or a DoubleDouble. No type can say that two of them are of the same kind.
Carrier: TypeAlias = Any


def magnitude(value: Carrier) -> Float:
    """``|value|`` in float64."""
    size: Float = value.magnitude() if isinstance(value, DoubleDouble) else np.abs(value)
    return size


def leading(value: Carrier) -> Float:
    """The value, to float64."""
    float64: Float = value.hi if isinstance(value, DoubleDouble) else value
    return float64


@dataclass(frozen=True)
class Rounding:
    """What one operation may add: the working format's rounding and that of the carrier which stands for the truth.

    Attributes:
        unit_roundoff: relative error of one operation.
        accumulation: relative error of one addition inside a sum, whose total is then rounded to the working format.
        underflow: absolute error of one product; per channel where the factors that may follow it differ, (C,).
        largest: beyond it a computation overflows.
        root_roundings: relative error of a root, in units of ``unit_roundoff``.
        flush: absolute error of one addition, whose result is replaced by zero where it is subnormal.
    """

    unit_roundoff: float
    accumulation: float
    underflow: Float | float
    largest: float
    root_roundings: int = 1
    flush: float = 0.0

    def before_factor(self, factor: Float) -> Rounding:
        """The rounding of products that may be made before ``factor`` (C,) is applied: it then multiplies their underflow."""
        return replace(self, underflow=self.underflow * np.maximum(1.0, factor))

    @classmethod
    def working_in(cls, working: Format, accumulator: Format, carrier: type[DoubleDouble] | Format) -> Rounding:
        """The rounding of a computation in ``working``, sums in ``accumulator``, whose true values are carried in
        ``carrier``."""
        return cls(
            working.unit_roundoff + carrier.unit_roundoff,
            accumulator.unit_roundoff + carrier.unit_roundoff,
            working.underflow + carrier.underflow,
            accumulator.largest,
        )

    @classmethod
    def none(cls) -> Rounding:
        """No rounding: for propagating given errors through exact arithmetic."""
        return cls(0.0, 0.0, 0.0, np.inf)
