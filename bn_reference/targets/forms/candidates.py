"""Candidates: with how many channels, and on whose arrays, a layer is tried first."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from bn_reference.targets.forms.arrays import count, is_array, is_floating, is_module, is_tensor
from bn_reference.targets.forms.construction import Constructor
from bn_reference.targets.forms.plan import Library, vars_of
from bn_reference.targets.forms.probing import COUNTS
from bn_reference.targets.forms.slots import levels_of, parts_of

__all__ = ["counts", "libraries"]

FAILURES = (Exception, SystemExit)


def counts(constructor: Constructor) -> tuple[int, ...]:
    """Numbers of channels to try: of what has its own number, that one first."""
    if constructor.sized:
        return COUNTS
    try:
        layer = constructor.build(0)
    except FAILURES:
        return COUNTS
    vectors = [value for _, parts in levels_of(layer) for value in parts.values() if is_array(value) and is_floating(value)]
    own = {count(value) for value in vectors} - {-1, 0, 1}
    return (*own, *COUNTS) if len(own) == 1 else COUNTS


def libraries(layer: Any) -> list[Library]:
    """Whose arrays it may take: those that it holds, else torch's first where torch is loaded."""
    held = [value for value in parts_of(layer).values() if is_array(value)] if layer is not None else []
    if held or is_module(layer):
        torch_held = not held or any(is_tensor(value) for value in held)
        return ["torch"] if torch_held else ["numpy"]
    if "torch" not in sys.modules:
        return ["numpy"]
    return ["numpy", "torch"] if layer is not None and _imports_numpy_alone(layer) else ["torch", "numpy"]


def _imports_numpy_alone(layer: Any) -> bool:
    """Whether the file of its class has NumPy and no torch."""
    there = {
        str(getattr(value, "__name__", "")).partition(".")[0]
        for value in vars_of(sys.modules.get(type(layer).__module__)).values()
        if isinstance(value, ModuleType)
    }
    return "numpy" in there and "torch" not in there
