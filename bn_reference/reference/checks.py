"""What the reference layer refuses: each rule is said with the value that was met and with what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bn_reference.arithmetic.precision import DTYPES, PAIRS, Pair

__all__ = ["checked_batch", "checked_state", "is_real", "require"]

Array = npt.NDArray[Any]


def require(name: str, value: Any, kind: type, rule: str) -> None:
    """Raise TypeError unless the value is of a kind; a bool counts as bool alone."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{name} is {value!r}, but must be {rule}")


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether it holds real numbers, ml_dtypes' bfloat16 among them."""
    return dtype.name in DTYPES or dtype.kind in "fiu"


def checked_batch(x: Array, channels: int, dtype: np.dtype[Any], eps: float, *, holds: bool, use_batch: bool) -> Pair:
    """The dtypes of a batch that a layer accepts.

    Args:
        x: what it was called with.
        channels, dtype, eps: the layer's.
        holds: whether it holds anything; one that does not takes every dtype.
        use_batch: whether the batch's own statistics normalize it.

    Raises:
        TypeError, ValueError: it does not accept it.
    """
    require("x", x, np.ndarray, "a NumPy array; convert it first")
    if x.ndim not in (2, 3):
        raise ValueError(f"x has shape {x.shape}, but must have 2 or 3 dimensions; pass (N, C) or (N, C, L)")
    if x.shape[1] != channels:
        raise ValueError(f"x has {x.shape[1]} channels, but the layer has {channels}; pass that many along axis 1")
    own = dtype.name if holds else x.dtype.name
    if (pair := Pair(x.dtype.name, own)) not in PAIRS:
        accepted = ", ".join(known.input for known in PAIRS if known.parameters == own) or ", ".join(DTYPES)
        raise TypeError(f"x has dtype {x.dtype}, but a layer of {dtype} takes {accepted}; convert it first")
    if use_batch and x[:, :1].size == 1:
        raise ValueError(f"x has shape {x.shape}, but a variance needs more than one value a channel; pass more rows")
    if eps < 0 or (use_batch and eps == 0):
        rule = "be positive where the batch's statistics are used" if use_batch else "not be negative"
        raise ValueError(f"eps is {eps}, but must {rule}; build the layer with another eps")
    return pair


def checked_state(state: Mapping[str, npt.ArrayLike], own: Mapping[str, Array]) -> dict[str, Array]:
    """A saved state as arrays, which fit a layer's own one by one.

    Raises:
        ValueError: an entry is missing, unknown or of another shape.
        TypeError: an entry holds no real numbers, or the counter no integer.
    """
    for name in own:
        if name not in state and name != "num_batches_tracked":
            raise ValueError(f"state lacks {name!r}, but must have every entry of {', '.join(own)}; add it")
    for name in state:
        if name not in own:
            entries = ", ".join(own) or "there are none"
            raise ValueError(f"state has {name!r}, which is none of the layer's entries ({entries}); remove it")
    given = {name: np.asarray(value) for name, value in state.items()}
    for name, array in given.items():
        if array.shape != (shape := own[name].shape):
            raise ValueError(f"state[{name!r}] has shape {array.shape}, but this layer's has {shape}; pass that shape")
        counts = name == "num_batches_tracked"
        if not is_real(array.dtype) or (counts and array.dtype.kind not in "iu"):
            rule = "an integer" if counts else "real numbers"
            raise TypeError(f"state[{name!r}] has dtype {array.dtype}, but must hold {rule}; convert it first")
    return given
