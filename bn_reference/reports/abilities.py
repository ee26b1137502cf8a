"""What an implementation cannot be asked for, and whose kernel it runs through, said once at the top of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bn_reference.targets import TORCH

__all__ = ["say_capabilities"]

CANNOT = {
    "training": "training",
    "evaluation": "eval",
    "positions": "inputs (N, C, L)",
    "gradients": "gradients in training",
    "evaluation_gradients": "gradients in eval",
    "unrecorded": "steps that are not recorded (no_grad)",
    "statistics": "running statistics",
    "counter": "the number of batches",
    "held": "references to the running statistics",
    "loading": "loading a state",
    "cumulative": "momentum=None",
    "not_affine": "affine=False",
    "not_tracking": "track_running_stats=False",
}


def say_capabilities(target: str, capabilities: Mapping[str, Any]) -> list[str]:
    """A line for what it cannot be asked for, and one for whose kernel it runs through; none for what everybody can."""
    lines = []
    absent = [words for name, words in CANNOT.items() if capabilities.get(name) is False]
    if absent:
        lines.append(f"it cannot be asked for: {', '.join(absent)}")
    for library in capabilities.get("kernels", ()) if target != TORCH else ():
        lines.append(f"it computes through the batch norm of {library} itself, whose known deviations count as such here")
    return lines
