"""torch.compile: whether it is compiling at this moment, and what it leaves uncompiled; torch is not loaded for it."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["compiles_now", "left_uncompiled"]

LIMITS = ("recompile_limit", "cache_size_limit")  # its name in 2.6 and later, and before
OF_FUNCTIONS = "_torchdynamo_orig_callable"


def compiles_now() -> bool:
    """Whether torch is compiling something in this thread."""
    guards: Any = sys.modules.get("torch._guards")
    return guards is not None and guards.CompileContext.try_get() is not None


def left_uncompiled(target: object) -> tuple[str, ...]:
    """A note on a layer or function that torch.compile made, which runs uncompiled on most of what it is called with."""
    functions = target, getattr(type(target), "forward", None)
    if type(target).__name__ != "OptimizedModule" and not any(hasattr(each, OF_FUNCTIONS) for each in functions):
        return ()
    config: Any = getattr(sys.modules.get("torch._dynamo"), "config", None)
    name = next((name for name in LIMITS if hasattr(config, name)), None)
    if name is None:
        return ()
    return (
        f"torch.compile compiles code for {getattr(config, name)} kinds of input and layer, and runs it uncompiled for all "
        f"others: a higher torch._dynamo.config.{name}, set where the target is, has more of it compiled",
    )
