"""Whether the functions that everything here is computed with are still those that they were.

A target that puts others in their place makes any verdict worthless: with another ``numpy.abs`` every error may be zero.
"""

from __future__ import annotations

import builtins
import math
import sys
import time
from types import ModuleType
from typing import Any

import numpy as np

__all__ = ["Originals"]

RELIED_ON: dict[ModuleType, frozenset[str]] = {  # and functions in it that nothing is computed with, which others do replace
    builtins: frozenset({"__import__", "__build_class__", "breakpoint", "help", "input", "open", "print"}),
    math: frozenset(),
    time: frozenset({"sleep", "time"}),
    np: frozenset({"load", "save"}),
}
OF_TORCH = {  # through which every number of a layer of torch comes and goes
    "": ("as_strided", "from_numpy", "get_default_dtype", "is_grad_enabled"),
    "Tensor": ("as_strided", "clone", "contiguous", "cpu", "detach", "numpy"),
    "autograd": ("grad",),
}


class Originals:
    """What was there when this was made; of torch, when it was first seen to be loaded: what replaces it at once may do so."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, str], object] = {
            (module, name): value
            for module, others in RELIED_ON.items()
            for name, value in vars(module).items()
            if callable(value) and not isinstance(value, type) and name not in others  # np.bool = bool is an old habit
        }
        self._depth = sys.getrecursionlimit()
        self._knows_torch = False

    def know_torch(self) -> None:
        """What is there of torch is the original, if it is loaded, and was not before."""
        torch = sys.modules.get("torch")
        if torch is not None and not self._knows_torch:
            self._knows_torch = True
            for part, names in OF_TORCH.items():
                holder = getattr(torch, part) if part else torch
                self._known |= {(holder, name): getattr(holder, name) for name in names}

    def put_back(self) -> list[str]:
        """Put back what is something else by now, or gone, and the recursion limit where it is lower; the names of these."""
        shallower = sys.getrecursionlimit() < self._depth
        if shallower:
            sys.setrecursionlimit(self._depth)
        replaced = [place for place, value in self._known.items() if getattr(place[0], place[1], None) is not value]
        for module, name in replaced:
            setattr(module, name, self._known[module, name])
        return [*(f"{_path_of(holder)}.{name}" for holder, name in replaced), *["the recursion limit"] * shallower]


def _path_of(holder: Any) -> str:
    return f"{holder.__module__}.{holder.__name__}" if isinstance(holder, type) else str(holder.__name__)
