"""Modules that have moved: their old names hand out what the new ones have, with a warning, for one release."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["moved"]


def moved(old: str, new: str) -> Callable[[str], Any]:
    """``__getattr__`` of a module whose content is in another one now."""

    def get(name: str) -> Any:
        if name.startswith("__"):  # what importing itself asks for
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        try:
            thing = getattr(import_module(new), name)
        except AttributeError:
            raise AttributeError(f"module {old!r} has no attribute {name!r}") from None
        warnings.warn(f"{old} has moved to {new}, and goes with the next release", DeprecationWarning, stacklevel=2)
        return thing

    return get
