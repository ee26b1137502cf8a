"""In a process that is audited: another layer takes the place of the batch norm that is tested.

By default it is torch's: the classes for one, two and three dimensions of positions, and ``functional.batch_norm``.
"""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bn_reference.power.clean import CleanBatchNorm1d
from bn_reference.power.shell import LayerShell
from bn_reference.power.subjects import SUBJECTS

__all__ = ["TRUE", "layer_named", "replace"]

TRUE = "the true layer"
DIMENSIONS = {"BatchNorm1d": (2, 3), "BatchNorm2d": (4,), "BatchNorm3d": (5,)}
KEPT_LAYERS = 256  # of a function, of whose calls those with the same statistics or weight are one layer's

Layer = type[LayerShell]


def layer_named(name: str) -> Layer:
    """The wrong or correct layer of this name; the clean one for the true layer."""
    if name == TRUE:
        return CleanBatchNorm1d
    return next(subject.factory for subject in SUBJECTS if subject.name == name)


def replace(module: ModuleType, layer: str, replaced: str = "") -> None:
    """Put a layer in the place of the batch norm of a module that has just been loaded.

    Args:
        module: torch, or the one that has the attribute.
        layer: its name among the subjects, or the true layer.
        replaced: "module:attribute"; empty for torch's own.

    Raises:
        AttributeError: the module has no such attribute.
    """
    chosen = layer_named(layer)
    if replaced:
        _replace_attribute(module, replaced.partition(":")[2], chosen)
        return
    classes = {name: _of_dimensions(chosen, name, taken) for name, taken in DIMENSIONS.items()}
    for place in (torch.nn, torch.nn.modules, torch.nn.modules.batchnorm):
        for name, each in classes.items():
            setattr(place, name, each)
    functional: Any = torch.nn.functional
    functional.batch_norm = _function(chosen, functional.batch_norm)


def _replace_attribute(module: ModuleType, attribute: str, layer: Layer) -> None:
    *owners, last = attribute.split(".")
    owner: Any = module
    for name in owners:
        owner = getattr(owner, name)
    there = getattr(owner, last)
    name = getattr(there, "__name__", last)
    taken = tuple(sorted({dimension for each in DIMENSIONS.values() for dimension in each}))
    setattr(owner, last, _of_dimensions(layer, name, taken) if isinstance(there, type) else _function(layer, there))


_inside = threading.local()  # whether a layer computes: what it calls of torch's is torch's then


def _of_dimensions(layer: Layer, name: str, taken: tuple[int, ...]) -> Layer:
    """The layer for batches of other dimensions: the positions are one axis to it."""

    def forward(self: Any, batch: Tensor) -> Tensor:
        if batch.dim() not in taken:
            expected = " or ".join(f"{dimension}D" for dimension in taken)
            raise ValueError(f"expected {expected} input (got {batch.dim()}D input)")
        flat = batch if batch.dim() <= 3 else batch.reshape(*batch.shape[:2], -1)
        outer, _inside.it = getattr(_inside, "it", False), True
        try:
            y: Tensor = layer.forward(self, flat)
        finally:
            _inside.it = outer
        return y.reshape(batch.shape) if batch.dim() > 3 else y

    return type(name, (layer,), {"forward": forward, "__module__": torch.nn.BatchNorm1d.__module__, "__doc__": layer.__doc__})


def _function(layer: Layer, original: Any) -> Any:
    """``functional.batch_norm`` by the layer."""
    known: dict[tuple[Any, ...], LayerShell] = {}
    of_any = _of_dimensions(layer, layer.__name__, (2, 3, 4, 5))

    def batch_norm(
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if getattr(_inside, "it", False):
            result: Tensor = original(input, running_mean, running_var, weight, bias, training, momentum, eps)
            return result
        key = (input.shape[1], eps, momentum, input.dtype, id(running_mean), id(weight))
        if len(known) > KEPT_LAYERS:
            known.clear()
        if key not in known:
            known[key] = of_any(input.shape[1], eps, momentum, affine=False, track_running_stats=running_mean is not None)
        return _called(known[key], input, running_mean, running_var, weight, bias, training)

    return batch_norm


def _called(
    layer: LayerShell,
    batch: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    training: bool,
) -> Tensor:
    """One call of a layer with statistics and parameters that belong to the caller."""
    layer.train(training)
    layer._buffers["running_mean"], layer._buffers["running_var"] = running_mean, running_var
    layer.affine = weight is not None or bias is not None
    ones = torch.ones(batch.shape[1], dtype=batch.dtype, device=batch.device) if layer.affine else None
    for name, given, otherwise in (("weight", weight, ones), ("bias", bias, None if ones is None else torch.zeros_like(ones))):
        layer._parameters.pop(name, None)
        object.__setattr__(layer, name, otherwise if given is None else given)
    result: Tensor = layer(batch)
    return result
