"""Arrays as literals of a script: decimals where they are few, compressed bytes where they are many; the same bits either
way."""

from __future__ import annotations

import base64
import zlib
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Framework", "array_literal", "dtype_literal", "float_literal"]

READABLE_SIZE = 64  # elements; nobody reads more
WIDTH = 110

Array = npt.NDArray[Any]
Framework = Literal["torch", "numpy"]


def array_literal(array: Array, framework: Framework) -> str:
    """An expression for a tensor or an array of the same shape, dtype and bits; it may use ``unpack``, ``inf`` and ``nan``."""
    dtype = dtype_literal(array.dtype.name, framework)
    if 0 < array.size <= READABLE_SIZE:
        listed = _listed(array)
        return f"torch.tensor({listed}, dtype={dtype})" if framework == "torch" else f"np.array({listed}, {dtype})"
    if array.size == 0:
        return f"torch.zeros({array.shape}, dtype={dtype})" if framework == "torch" else f"np.zeros({array.shape}, {dtype})"
    packed = base64.b85encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode("ascii")
    pieces = [packed[i : i + WIDTH] for i in range(0, len(packed), WIDTH)]
    lines = "".join(f"    {piece!r}\n" for piece in pieces)
    return f"unpack(\n{lines.rstrip()},\n    {dtype},\n    {array.shape},\n)"


def dtype_literal(name: str, framework: Framework) -> str:
    """The dtype of that name, in the words of the framework."""
    if framework == "torch":
        return f"torch.{name}"
    return "ml_dtypes.bfloat16" if name == "bfloat16" else f"np.{name}"


def float_literal(value: float, single: bool = False) -> str:
    """The shortest decimal that reads back to the same bits, as float64, or as float32 by way of float64."""
    if single and np.isfinite(value):
        short = str(np.float32(value))
        if np.float32(float(short)) == np.float32(value):
            return short
    return repr(float(value))


def _listed(array: Array) -> str:
    nested = array.astype(np.float64).tolist()
    one_line = _nested(nested, array.dtype.name == "float32")
    if len(one_line) <= WIDTH - 20 or array.ndim == 1:
        return one_line
    rows = "".join(f"    {_nested(row, array.dtype.name == 'float32')},\n" for row in nested)
    return f"[\n{rows}]"


def _nested(values: Any, single: bool) -> str:
    if isinstance(values, list):
        return f"[{', '.join(_nested(value, single) for value in values)}]"
    return float_literal(values, single)
