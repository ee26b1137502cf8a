"""Torch on a device: whether it can be used, and what torch imports late."""

from __future__ import annotations

from typing import Any

from bn_reference.targets.protocol import UnusableTarget

__all__ = ["require_device", "warm_up"]


def warm_up(torch: Any) -> None:
    """Go back once: torch then imports more of itself, which the time limit of an example must not interrupt."""
    leaf = torch.ones(2, requires_grad=True)
    with torch.enable_grad():  # whatever a target left before
        square = leaf * leaf
    torch.autograd.grad(square, leaf, torch.ones(2))  # an upstream gradient is what it imports most for


def require_device(torch: Any, device: str) -> None:
    """Raises UnusableTarget where torch does not know the device, or finds none here."""
    try:
        kind = torch.device(device).type
    except (RuntimeError, TypeError, ValueError):
        rule = "it must be one that torch knows; try cpu, cuda, cuda:1 or mps"
        raise UnusableTarget(f"the device is {device!r}, but {rule}") from None
    if kind == "meta":
        raise UnusableTarget("the device is 'meta', whose tensors hold no numbers; choose one that computes, such as cpu")
    try:
        absent = kind == "cuda" and not torch.cuda.is_available()
        torch.zeros(1, device=device).cpu()
    except Exception:  # each backend reports its absence with an exception of its own
        absent = True
    if absent:
        raise UnusableTarget(
            f"the device is {device!r}, but torch finds none here; use the device cpu, or a machine that has it"
        )
