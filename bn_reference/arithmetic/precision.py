"""Precision models: where a computation of batch normalization rounds, and to how many digits.

A *format* is a floating-point dtype with the constants that an error analysis needs. A *pair* of input and parameter dtype is
what a layer is asked for in; a *precision model* names the format that an honest one then computes in, and those in which it
keeps what it stores. Half precision is computed in float32, as every library does; double precision in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

__all__ = [
    "HALVES",
    "DTYPES",
    "FORMATS",
    "PAIRS",
    "Format",
    "Pair",
    "Precision",
    "dtype_named",
    "format_of",
    "root_roundings",
    "usual_compute",
]

DTYPES: dict[str, np.dtype[Any]] = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}


def dtype_named(name: str) -> np.dtype[Any]:
    """The NumPy dtype of that name; ``bfloat16`` is that of ml_dtypes.

    Raises:
        ValueError: ``name`` is none of float16, bfloat16, float32, float64.
    """
    if name not in DTYPES:
        raise ValueError(f"dtype is {name!r}, which batch normalization is not verified in; choose from {', '.join(DTYPES)}")
    return DTYPES[name]


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: unit roundoff u = 2^-p, half the smallest subnormal, largest finite number."""

    name: str
    unit_roundoff: float
    underflow: float
    largest: float

    @property
    def smallest_normal(self) -> float:
        return self.underflow / self.unit_roundoff


def _format(name: str, dtype: npt.DTypeLike) -> Format:
    info = ml_dtypes.finfo(dtype)
    return Format(name, float(info.eps) / 2.0, float(info.smallest_subnormal) / 2.0, float(info.max))


FORMATS = {name: _format(name, dtype) for name, dtype in DTYPES.items()}


def format_of(dtype: npt.DTypeLike) -> Format:
    """The format of one of the four dtypes."""
    return FORMATS[np.dtype(dtype).name]


@dataclass(frozen=True)
class Pair:
    """A pair of dtypes that a layer is verified in.

    Attributes:
        input: dtype name of x, y and their gradients.
        parameters: dtype name of weight, bias, their gradients and the running statistics.
    """

    input: str
    parameters: str

    def __str__(self) -> str:
        return f"{self.input}/{self.parameters}"

    @property
    def input_dtype(self) -> np.dtype[Any]:
        return DTYPES[self.input]

    @property
    def parameter_dtype(self) -> np.dtype[Any]:
        return DTYPES[self.parameters]


@dataclass(frozen=True)
class Precision:
    """A precision model: the formats in which an honest layer of a pair of dtypes computes, and keeps what it stores.

    Sums and everything that has a row are computed in ``compute`` and rounded to the input dtype at the end. What has one
    value a channel (mean, variance, inverse deviation, running statistics) is kept in, and computed with in, ``channelwise``.

    Attributes:
        inputs: name of the format of x, y and their gradients.
        parameters: name of the format of the parameters, their gradients and the running statistics.
        working: name of the format of what is computed, where it is not the usual one.
        narrow_sums: keeps sums of squares in the parameters' format whatever its range.
        narrow_totals: makes the sums in ``working`` too.
        outputs: name of the format of y, where it is not that of the inputs.
        statistics: name of the format of the running statistics, where it is not that of the parameters.
        clamps: keeps a variance in one pass from being negative.
        flushes: replaces subnormal numbers, given and computed, by zero.
        root_roundings: units of rounding that a root may be wrong by: 1 where it is rounded correctly.
    """

    inputs: str
    parameters: str
    working: str | None = None
    narrow_sums: bool = False
    narrow_totals: bool = False
    outputs: str | None = None
    statistics: str | None = None
    clamps: bool = True
    flushes: bool = False
    root_roundings: int = 1

    @property
    def input_format(self) -> Format:
        return FORMATS[self.inputs]

    @property
    def output_format(self) -> Format:
        return FORMATS[self.outputs or self.inputs]

    @property
    def kept(self) -> Format:
        """The format in which parameters, their gradients and the batch's own statistics are kept."""
        return FORMATS[self.parameters]

    @property
    def statistics_format(self) -> Format:
        """The format in which the running statistics are kept."""
        return FORMATS[self.statistics or self.parameters]

    @property
    def in_double_double(self) -> bool:
        """Whether the truth has to be carried in more digits than float64 has."""
        return self.inputs == "float64"

    @property
    def compute(self) -> Format:
        """The format of sums: float64 for float64, else float32."""
        if self.narrow_totals:
            return self.elementwise
        return usual_compute(self.inputs)

    @property
    def elementwise(self) -> Format:
        """The format of what has a row: that of the sums, unless ``working`` says otherwise."""
        return FORMATS[self.working] if self.working else usual_compute(self.inputs)

    @property
    def channelwise(self) -> Format:
        """The parameters' format: statistics are updated in the dtype that stores them (torch's bfloat16 layer does so)."""
        return FORMATS[self.working or self.parameters]

    @property
    def sums(self) -> Format:
        """The format in which a sum of squares is kept: that of the parameters, but float32 for float16, whose range
        it outgrows (github.com/pytorch/pytorch/pull/126525)."""
        if self.narrow_totals:
            return self.compute
        widened = self.parameters == "float16" and not self.narrow_sums
        return FORMATS["float32" if widened else self.parameters]


def usual_compute(inputs: str) -> Format:
    """The format that inputs of this dtype are computed in by every library: float64 for float64, else float32."""
    return FORMATS["float64" if inputs == "float64" else "float32"]


# What a device documents of its reciprocal root: CUDA's rsqrtf is within 2 ulp, at most 4u of the value (CUDA C++ Programming
# Guide, mathematical functions). A root and a reciprocal are charged u each without it, so the root takes the 2u that remain.
# In float64 CUDA documents 1 ulp, which they cover. H200, torch 2.11: at most 2.1u over all of float32.
ROOT_ROUNDINGS = {"cuda": 3}


def root_roundings(device: str) -> int:
    """Units of rounding that a root in float32 may be wrong by on a device; 1 where nothing else is documented."""
    return ROOT_ROUNDINGS.get(device.partition(":")[0], 1)


HALVES = ("float16", "bfloat16")
PAIRS: tuple[Pair, ...] = (
    Pair("float32", "float32"),
    Pair("float64", "float64"),
    Pair("float16", "float32"),
    Pair("bfloat16", "float32"),
    Pair("float16", "float16"),
    Pair("bfloat16", "bfloat16"),
)
