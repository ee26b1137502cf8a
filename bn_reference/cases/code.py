"""Arrays as code: an expression that rebuilds an array bit for bit and, where it is small, is pleasant to read."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["array_code"]

READABLE_SIZE = 64  # elements; above, a person reads the kinds of channels, not the numbers


def array_code(array: npt.NDArray[Any]) -> str:
    """An expression over ``np`` (numpy), and ``ml_dtypes`` for bfloat16, whose value is ``array``, of the same dtype and bits.

    Up to 64 finite elements are written as the shortest decimals that read back exactly; others as compressed bytes.
    """
    readable = array.size <= READABLE_SIZE and bool(np.isfinite(array.astype(np.float64)).all())
    code = _decimal(array) if readable else _compressed(array)
    return code


def dtype_code(dtype: np.dtype[Any]) -> str:
    return "ml_dtypes.bfloat16" if dtype.name == "bfloat16" else f"np.{dtype.name}"


def _decimal(array: npt.NDArray[Any]) -> str:
    # every value of the four dtypes is a float64, whose repr reads back to the same bits
    listed = array.astype(np.float64).tolist()
    shape = f".reshape({array.shape})" if array.size == 0 else ""
    return f"np.array({listed!r}, {dtype_code(array.dtype)}){shape}"


def _compressed(array: npt.NDArray[Any]) -> str:
    little = array.astype(array.dtype.newbyteorder("<")) if array.dtype.byteorder == ">" else array
    packed = base64.b85encode(zlib.compress(np.ascontiguousarray(little).tobytes(), 9)).decode("ascii")
    unpack = f"__import__('zlib').decompress(__import__('base64').b85decode({packed!r}))"
    return f"np.frombuffer({unpack}, {dtype_code(array.dtype)}).reshape({array.shape})"
