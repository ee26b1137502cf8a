"""Whether the functions that everything here is computed with are still those that they were.

A target that puts others in their place makes any verdict worthless: with another ``numpy.abs`` every error may be zero.
"""

from __future__ import annotations

import builtins
import math
import sys
import time
from types import ModuleType

import numpy as np

__all__ = ["Originals"]

RELIED_ON: dict[ModuleType, frozenset[str]] = {  # and functions in it that nothing is computed with, which others do replace
    builtins: frozenset({"__import__", "__build_class__", "breakpoint", "help", "input", "open", "print"}),
    math: frozenset(),
    time: frozenset({"sleep", "time"}),
    np: frozenset({"load", "save"}),
}


class Originals:
    """What was there when this was made."""

    def __init__(self) -> None:
        self._known = {
            (module, name): value
            for module, others in RELIED_ON.items()
            for name, value in vars(module).items()
            if callable(value) and not isinstance(value, type) and name not in others  # np.bool = bool is an old habit
        }
        self._depth = sys.getrecursionlimit()

    def put_back(self) -> list[str]:
        """Put back what is something else by now, or gone, and the recursion limit where it is lower; the names of these."""
        shallower = sys.getrecursionlimit() < self._depth
        if shallower:
            sys.setrecursionlimit(self._depth)
        replaced = [place for place, value in self._known.items() if vars(place[0]).get(place[1]) is not value]
        for module, name in replaced:
            setattr(module, name, self._known[module, name])
        return [*(f"{module.__name__}.{name}" for module, name in replaced), *["the recursion limit"] * shallower]
