"""Precision models: where a computation of batch normalization rounds, and to how many digits.

A *format* is a floating-point dtype with the constants that an error analysis needs. A *precision model* names, for one
pair of input and parameter dtype, the format that an honest implementation computes in, and the formats in which it keeps
what it stores. Half precision is computed in float32, as every library does; double precision in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

__all__ = ["DTYPES", "PAIRS", "Format", "Pair", "dtype_named", "format_of"]

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


def _format(name: str, dtype: npt.DTypeLike) -> Format:
    info = ml_dtypes.finfo(dtype)
    return Format(name, float(info.eps) / 2.0, float(info.smallest_subnormal) / 2.0, float(info.max))


FORMATS = {name: _format(name, dtype) for name, dtype in DTYPES.items()}


def format_of(dtype: npt.DTypeLike) -> Format:
    """The format of one of the four dtypes."""
    return FORMATS[np.dtype(dtype).name]


@dataclass(frozen=True)
class Pair:
    """A pair of input and parameter dtype, and the precision model that goes with it.

    Sums and everything that has a row are computed in ``compute`` and rounded to the input dtype at the end. What has one
    value a channel (mean, variance, inverse deviation, running statistics) is kept in, and computed with in, ``channelwise``.

    Attributes:
        input: dtype name of x, y and their gradients.
        parameters: dtype name of weight, bias, their gradients and the running statistics.
        narrow_sums: keeps sums of squares in the parameters' format whatever its range: another known deviation.
        working: format of what is computed, sums aside, where it is not the usual one: a deviation that is known and modelled.
    """

    input: str
    parameters: str
    working: str | None = None
    narrow_sums: bool = False

    def __str__(self) -> str:
        return f"{self.input}/{self.parameters}"

    @property
    def input_dtype(self) -> np.dtype[Any]:
        return DTYPES[self.input]

    @property
    def parameter_dtype(self) -> np.dtype[Any]:
        return DTYPES[self.parameters]

    @property
    def compute(self) -> Format:
        """The format of sums: float64 for float64, else float32."""
        return FORMATS["float64" if self.input == "float64" else "float32"]

    @property
    def elementwise(self) -> Format:
        """The format of what has a row: that of the sums, unless ``working`` says otherwise."""
        return FORMATS[self.working] if self.working else self.compute

    @property
    def channelwise(self) -> Format:
        """The parameters' format: statistics are updated in the dtype that stores them (torch's bfloat16 layer does so)."""
        return FORMATS[self.working or self.parameters]

    @property
    def sums(self) -> Format:
        """The format in which a sum of squares is kept: that of the parameters, but float32 for float16, whose range
        it outgrows (github.com/pytorch/pytorch/pull/126525)."""
        widened = self.parameters == "float16" and not self.narrow_sums
        return FORMATS["float32" if widened else self.parameters]

    @property
    def compute_dtype(self) -> np.dtype[Any]:
        return DTYPES[self.compute.name]


PAIRS: tuple[Pair, ...] = (
    Pair("float32", "float32"),
    Pair("float64", "float64"),
    Pair("float16", "float32"),
    Pair("bfloat16", "float32"),
    Pair("float16", "float16"),
    Pair("bfloat16", "bfloat16"),
)
