"""Arrays as code: an expression that rebuilds an array bit for bit and, where it is small, is pleasant to read."""

from __future__ import annotations

import base64
import zlib
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["array_code", "dtype_code"]

READABLE_SIZE = 64  # elements; above, a person reads the kinds of channels, not the numbers
FEW = 12  # numbers that are written one by one in an array that is zero but for them

Array = npt.NDArray[Any]
Library = Literal["numpy", "torch"]


def array_code(array: Array, library: Library = "numpy", width: int | None = None) -> str:
    """An expression over ``np`` (and ``ml_dtypes`` for bfloat16) or ``torch`` for its dtype, shape and bits.

    Up to 64 elements are written as the shortest decimals that read back exactly; more where they are zeros but for a few, or
    repeat a piece of up to 64; others as compressed bytes, in pieces of ``width`` characters.
    """
    module, dtype = ("torch" if library == "torch" else "np"), dtype_code(array.dtype.name, library)
    if array.size == 0:
        return f"{module}.zeros({array.shape}, dtype={dtype})"
    if array.dtype.kind in "biuc":  # of the four dtypes none: an input that a layer may refuse
        return f"{'torch.tensor' if library == 'torch' else 'np.array'}({array.tolist()}, dtype={dtype})"
    with np.errstate(all="ignore"):
        plain = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    if plain.tobytes() != array.tobytes():  # a NaN of which there is more to say
        return _compressed(array, module, dtype, width)
    if array.size > READABLE_SIZE:
        return _sparse(array, library) or _repeated(array, library) or _compressed(array, module, dtype, width)
    # every value of the four dtypes is a float64, whose repr reads back to the same bits
    listed = _listed(array.astype(np.float64).tolist(), array.dtype.name == "float32", module)
    return f"torch.tensor({listed}, dtype={dtype})" if library == "torch" else f"np.array({listed}, {dtype})"


def dtype_code(name: str, library: Library = "numpy") -> str:
    """The dtype of that name, in the words of the library."""
    if library == "torch":
        return f"torch.{name}"
    return "ml_dtypes.bfloat16" if name == "bfloat16" else f"np.{name}"


def _listed(values: Any, single: bool, module: str) -> str:
    if isinstance(values, list):
        return f"[{', '.join(_listed(value, single, module) for value in values)}]"
    if not np.isfinite(values):
        return f"{'-' if values < 0 else ''}{module}.{'nan' if np.isnan(values) else 'inf'}"
    short = str(np.float32(values))
    return short if single and np.float32(float(short)) == np.float32(values) else repr(values)


def _sparse(array: Array, library: Library) -> str:
    """Zeros but for a few numbers; empty where it is something else."""
    flat = array.reshape(-1)
    places = np.flatnonzero(_bits(flat))  # the bits, as a zero may be negative
    if places.size > FEW:
        return ""
    if library == "torch":
        zeros = f"torch.zeros({flat.size}, dtype={dtype_code(array.dtype.name, library)})"
        at = f"torch.tensor({places.tolist()}, dtype=torch.int64)"
        return f"{zeros}.index_put(({at},), {array_code(flat[places], library)}).reshape({array.shape})"
    if _bits(flat[places] + 0).tolist() != _bits(flat[places]).tolist():
        return ""  # sums of one term each make no negative zero
    dtype, numbers = dtype_code(array.dtype.name), _listed(flat[places].astype(np.float64).tolist(), False, "np")
    return f"np.bincount(np.array({places.tolist()}, int), {numbers}, {flat.size}).astype({dtype}).reshape({array.shape})"


def _repeated(array: Array, library: Library) -> str:
    """A short piece over and over; empty where it is something else."""
    flat, bits = array.reshape(-1), _bits(array.reshape(-1))
    first = bits[: 2 * READABLE_SIZE]
    for length in range(1, READABLE_SIZE + 1):
        if np.array_equal(first[length:], first[:-length]) and np.array_equal(bits[length:], bits[:-length]):
            piece = array_code(flat[:length], library)
            if library == "numpy":
                return f"np.resize({piece}, {array.shape})"
            return f"{piece}.repeat({-(-flat.size // length)})[:{flat.size}].reshape({array.shape})"
    return ""


def _bits(array: Array) -> Array:
    return np.ascontiguousarray(array).view(f"u{array.itemsize}")


def _compressed(array: Array, module: str, dtype: str, width: int | None) -> str:
    little = array.astype(array.dtype.newbyteorder("<")) if array.dtype.byteorder == ">" else array
    packed = base64.b85encode(zlib.compress(np.ascontiguousarray(little).tobytes(), 9)).decode("ascii")
    pieces = [packed[i : i + (width or len(packed))] for i in range(0, len(packed), width or len(packed))]
    text = repr(packed) if width is None else "".join(f"\n    {piece!r}" for piece in pieces) + "\n"
    raw = f"__import__('zlib').decompress(__import__('base64').b85decode({text}))"
    raw = f"bytearray({raw})" if module == "torch" else raw
    return f"{module}.frombuffer({raw}, dtype={dtype}).reshape({array.shape})"
