"""Layers that compute with tensors of a class of their own, round arrays: what nobody can hand a batch to, or read one of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bn_reference.targets.forms.arrays import is_array
from bn_reference.targets.forms.slots import levels_of

__all__ = ["named", "own_tensors", "wraps_an_array"]


def own_tensors(layer: Any) -> str:
    """A clause that names the class of the tensors that a layer keeps; empty where it keeps none but NumPy's or torch's."""
    found = next(_found(layer), None)
    return "" if found is None else named(found)


def named(tensor: Any) -> str:
    """The clause, of one of them."""
    if isinstance(tensor, list):
        return "it computes with lists of numbers, where it is handed arrays of NumPy or torch"
    name = f"{type(tensor).__module__}.{type(tensor).__qualname__}"
    return f"it computes with tensors of its own ({name}), where it is handed arrays of NumPy or torch"


def wraps_an_array(value: Any) -> bool:
    """Whether it is a tensor of somebody's own, with an array of NumPy or torch inside; rows in a list are as much."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], list)
    if is_array(value) or type(value).__module__ == "builtins" or isinstance(value, type):
        return False
    return callable(getattr(value, "numpy", None)) or is_array(getattr(value, "data", None))


def _found(layer: Any) -> Iterator[Any]:
    for _, parts in levels_of(layer):
        yield from (value for name, value in parts.items() if not name.startswith("_") and wraps_an_array(value))
