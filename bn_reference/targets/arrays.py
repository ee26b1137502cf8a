"""Arrays of any framework as NumPy arrays: by ``__array__``, DLPack, ``.numpy()`` or the buffer protocol. Imports nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.cases.case import Array, Seen
from bn_reference.cases.facts import Fact, Kind, Unseen, Wrong
from bn_reference.targets.border import kind_of
from bn_reference.targets.protocol import Misbehaviour

__all__ = ["numpy_of", "seen"]

BFLOAT16 = DTYPES["bfloat16"]
SIXTEEN_BITS = ("int16", "uint16", "short", "ushort")


def numpy_of(value: Any, what: str) -> Array:
    """The numbers of an array of any framework, as a NumPy array that shares nothing with it; bfloat16 is that of ml_dtypes.

    Raises:
        Misbehaviour: it is no array, or one that NumPy has no numbers for.
        Exception: whatever a framework that computes late raises when it is asked for the numbers.
    """
    if isinstance(value, np.ndarray | np.generic):
        return np.array(value)
    plain = value.detach() if callable(getattr(value, "detach", None)) else value
    plain = plain.cpu() if callable(getattr(plain, "cpu", None)) else plain
    half = "bfloat16" in str(getattr(plain, "dtype", ""))
    failed: Exception | None = None
    for way in [*([_by_bits] if half else []), *_ways(plain)]:
        try:
            array = np.array(way(plain))
        except Exception as error:  # each framework has its own for what it cannot do
            failed = failed or error
            continue
        if half and array.dtype in (np.int16, np.uint16):
            array = array.view(BFLOAT16)
        if array.dtype != object:
            return array
    if failed is not None and not isinstance(failed, TypeError | BufferError | NotImplementedError):
        raise failed
    raise Misbehaviour(Fact(Kind.NOT_AN_ARRAY, what, kind_of(value), "an array of numbers"))


def seen(value: Any, what: str) -> Seen:
    """The numbers of an array; None or Missing as they are, and what is no array as a value that says so."""
    if value is None or isinstance(value, Unseen):
        return value
    try:
        return numpy_of(value, what)
    except Misbehaviour as misbehaviour:
        return Wrong(misbehaviour.fact)


def _ways(value: Any) -> list[Callable[[Any], Any]]:
    """How its numbers can be asked for."""
    ways: dict[str, Callable[[Any], Any]] = {
        "__array__": np.asarray,
        "__dlpack__": np.from_dlpack,
        "numpy": lambda array: array.numpy(),
        "get": lambda array: array.get(),  # from the memory of another device
    }
    return [*(way for name, way in ways.items() if callable(getattr(value, name, None))), memoryview]


def _by_bits(value: Any) -> Any:
    """Sixteen bits each, for frameworks whose bfloat16 NumPy cannot be given."""
    place = type(value).__module__
    modules = [sys.modules[name] for name in dict.fromkeys((place, place.partition(".")[0]))]
    for name, module in product(SIXTEEN_BITS, modules):
        for cast in ("view", "bitcast"):
            try:
                seen = getattr(value, cast)(getattr(module, name, name))
                return np.asarray(seen) if hasattr(seen, "__array__") else seen.numpy()
            except Exception:  # the next name, the next way
                continue
    return np.asarray(value)
