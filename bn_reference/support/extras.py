"""torch, which much can be done without: why it cannot be used here, and what to do about it."""

from __future__ import annotations

from importlib import import_module

__all__ = ["lack_of_torch"]


def lack_of_torch() -> str:
    """The end of a sentence that says what it is needed for; empty where it could be loaded."""
    try:
        import_module("torch")
    except (ImportError, OSError) as error:  # of a library of its own, say
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            return "torch, which is missing; pip install 'bn-reference[torch]'"
        return f"torch, which fails to import: {error}; mend that installation first"
    return ""
