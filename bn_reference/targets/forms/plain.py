"""Form: plain classes on tensors of torch or arrays of NumPy, no module of anybody's."""

from __future__ import annotations

from typing import Any

from bn_reference.targets.forms.arrays import builds_modules, is_module
from bn_reference.targets.forms.formed import FormedLayers
from bn_reference.targets.forms.modules import recognized
from bn_reference.targets.forms.near import Near
from bn_reference.targets.protocol import UnusableTarget

__all__ = ["recognize"]

PLAIN = "a plain class whose layers are called, or have a method forward"


def recognize(name: str, thing: Any, device: str) -> FormedLayers | Near | None:
    """A class of layers that are called with a batch, or have a method ``forward``.

    Raises:
        UnusableTarget: its layers take arrays of NumPy, which live on the CPU.
    """
    if builds_modules(thing):
        return None
    found = recognized(name, thing, device, PLAIN, lambda layer: not is_module(layer))
    if isinstance(found, FormedLayers) and found.plan.library == "numpy" and device != "cpu":
        raise UnusableTarget(
            f"the device is {device!r}, but {name} builds NumPy layers, which live on the CPU; use the device cpu"
        )
    return found
