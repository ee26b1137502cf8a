"""What happens to a module of torch beside its steps; scripts have the statements of these functions, as of ``happenings``.

Of their arguments ``batch`` is another batch, ``shape``, ``channels`` and the dtypes are the case's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from bn_reference.cases.circumstances import RESET
from bn_reference.targets import happenings
from bn_reference.targets.happenings import Happening

__all__ = ["HAPPENINGS"]


def _loaded_without_counter(layer: Module) -> Module:
    saved = {name: own for name, own in layer.state_dict().items() if not name.endswith("num_batches_tracked")}
    layer.load_state_dict(saved, strict=False)
    return layer


def _reset(layer: Any) -> Any:
    for name in ("reset_running_stats", "reset_parameters"):
        if callable(getattr(layer, name, None)):
            getattr(layer, name)()
    return layer


def _statistics_reset(layer: Any) -> Any:
    layer.reset_running_stats()
    return layer


def _converted(layer: Module, parameters: torch.dtype) -> Module:
    return layer.to(torch.float64).to(parameters)


def _frozen(layer: Module, batch: Tensor) -> Module:
    """A training step without gradients of weight and bias, which have them again afterwards."""
    layer.requires_grad_(False)
    layer.train()(batch)
    layer.requires_grad_(True)
    return layer


def _untracked(layer: Any, batch: Tensor) -> Any:
    """A training step while the running statistics are not tracked, which are again afterwards."""
    layer.track_running_stats = False
    layer.train()(batch)
    layer.track_running_stats = True
    return layer


def _replaced(layer: Module) -> Module:
    """What is one parameter under several names stays one."""
    others = {own: torch.nn.Parameter(own.detach().clone(), own.requires_grad) for own in layer.parameters()}
    for holder in list(layer.modules()):
        for name, own in list(holder.named_parameters(recurse=False, remove_duplicate=False)):
            setattr(holder, name, others[own])
    return layer


def _spread(layer: Module, batch: Tensor) -> Module:
    """Every second place of a memory that is full of NaN; an evaluation shows whether the layer takes that."""
    for own in [*layer.parameters(), *layer.buffers()]:
        if own.ndim == 1 and own.is_floating_point():
            own.data = torch.stack([own.data, torch.full_like(own.data, math.nan)], 1).flatten()[::2]
    with torch.no_grad():
        layer.eval()(batch)
    return layer


def _lent(layer: Module, batch: Tensor) -> Module:
    """An evaluation with other parameters, which the layer is only lent."""
    others = {name: 0.5 - own.detach() for name, own in layer.named_parameters()}
    with torch.no_grad():
        torch.func.functional_call(layer.eval(), others, (batch,))
    return layer


def _poisoned(layer: Module, shape: Sequence[int], channels: int, inputs: torch.dtype, device: str) -> Module:
    """Freed memory of the sizes of a step is full of NaN."""
    poison = [torch.full(size, math.nan, dtype=inputs, device=device) for size in [shape, (channels,)] * 2]
    del poison
    return layer


HAPPENINGS: dict[str, Happening] = {
    **happenings.HAPPENINGS,
    "load without the counter": _loaded_without_counter,
    "reset": _reset,
    RESET: _statistics_reset,
    "convert": _converted,
    "freeze": _frozen,
    "stop tracking": _untracked,
    "replace parameters": _replaced,
    "spread": _spread,
    "lend parameters": _lent,
    "poison": _poisoned,
}
