"""Targets that need an accelerator, where there is none."""

from __future__ import annotations

from bn_reference.targets.border import said
from bn_reference.targets.protocol import UnusableTarget

__all__ = ["require_none"]

WORDS = ("cuda", "triton", "active driver", "hip", "nvidia", "nvcc", "gpu")


def require_none(name: str, error: BaseException, device: str) -> None:
    """Raises UnusableTarget where what a target raised on the CPU says that it runs on an accelerator alone."""
    text = f"{type(error).__module__} {type(error).__name__} {error}".lower()
    if device == "cpu" and any(word in text for word in WORDS):
        advice = "verify it with --device cuda on a machine that has one"
        raise UnusableTarget(f"the target {name} needs an accelerator, and is run on the CPU here: {said(error)}; {advice}")
