"""Arrays of torch and NumPy alike, for forms that take either; torch is only looked at where the target has loaded it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from bn_reference.cases.case import Array, Seen
from bn_reference.cases.facts import Missing

__all__ = ["builds_modules", "count", "filled", "flat", "is_array", "is_floating", "is_module", "is_tensor", "like"]


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor of torch."""
    torch = sys.modules.get("torch")
    return isinstance(value, torch.Tensor) if torch is not None else False


def is_array(value: object) -> bool:
    """Whether it is an array of NumPy or a tensor of torch."""
    return isinstance(value, np.ndarray) or is_tensor(value)


def is_floating(value: Any) -> bool:
    """Whether it is an array of floating-point numbers."""
    if isinstance(value, np.ndarray):
        return bool(value.dtype.kind == "f" or value.dtype.name == "bfloat16")
    return is_tensor(value) and bool(value.is_floating_point())


def is_module(layer: object) -> bool:
    """Whether it is a module of torch, a scripted one as well."""
    torch = sys.modules.get("torch")
    return isinstance(layer, torch.nn.Module) if torch is not None else False


def builds_modules(thing: object) -> bool | None:
    """Whether a class is one of modules of torch; None where it is no class, so that what it builds tells."""
    torch = sys.modules.get("torch")
    return None if not isinstance(thing, type) else torch is not None and issubclass(thing, torch.nn.Module)


def count(value: Any) -> int:
    """How many elements an array has."""
    try:
        return int(value.size) if isinstance(value, np.ndarray) else int(value.numel())
    except (RuntimeError, ValueError):  # a lazy parameter has none yet
        return -1


def numbers(value: Any, what: str) -> Seen:
    """An array's values, as they are now, as a NumPy array of its own."""
    if isinstance(value, np.ndarray):
        return value.copy()
    from bn_reference.targets.forms.torch_tensors import seen

    return seen(value, what)


def flat(value: Any, what: str, channels: int, absent: str) -> Seen:
    """One value a channel as (C,), however it is shaped; Missing, with the reason, where there is no array."""
    if value is None or isinstance(value, (bool, int, float)):
        return Missing(absent)
    found = numbers(value, what) if is_array(value) else value
    return found.reshape(channels) if isinstance(found, np.ndarray) and found.size == channels else found


def filled(value: Any, given: Array) -> None:
    """Write numbers into an array, in its own shape."""
    if isinstance(value, np.ndarray):
        value[...] = given.reshape(value.shape)
        return
    torch = sys.modules["torch"]
    with torch.no_grad():
        value.copy_(like(value, given).reshape(value.shape))


def like(value: Any, given: Array) -> Any:
    """Numbers as an array of the same library, on the same device."""
    if isinstance(value, np.ndarray):
        return given.copy()
    from bn_reference.targets.forms.torch_tensors import copied

    return copied(given, str(value.device))
