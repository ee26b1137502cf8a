"""What the batch norms of a model meet while it runs, there and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.cases.case import Array
from bn_reference.cases.recording import Batch, UnusableRecording
from bn_reference.targets.forms.torch_tensors import from_tensor

__all__ = ["Met", "met_by"]

STATE = ("weight", "bias", "running_mean", "running_var")


@dataclass
class Met:
    """One call of one layer: what was there before it, and what flows back to its output."""

    name: str
    training: bool
    x: Tensor
    state: dict[str, Array | None]
    seen: int
    eps: float
    momentum: float | None
    grad_y: Tensor | None = None

    def batch(self, title: str) -> Batch:
        """As a recording has it. Raises UnusableRecording where no case could be made of it."""
        upstream = torch.zeros_like(self.x) if self.grad_y is None else self.grad_y
        x, grad_y = (_flat(_numbers(tensor)) for tensor in (self.x, upstream))
        met = Batch(title, x, grad_y, **self.state, num_batches_tracked=self.seen, eps=self.eps, momentum=self.momentum)
        _require_usable(met)
        return met


def met_by(layers: Mapping[str, _BatchNorm], value: Callable[[], Tensor]) -> list[Met]:
    """What each call of a layer meets while the value is computed, and while it goes back."""
    calls: list[Met] = []
    hooks = [layer.register_forward_pre_hook(partial(_before, calls, name)) for name, layer in layers.items()]
    hooks += [layer.register_forward_hook(partial(_after, calls, name)) for name, layer in layers.items()]
    try:
        value().backward()
    finally:
        for hook in hooks:
            hook.remove()
    return calls


def _before(calls: list[Met], name: str, layer: Any, inputs: tuple[Tensor, ...]) -> None:
    state = {each: None if (held := getattr(layer, each)) is None else _numbers(held) for each in STATE}
    seen = 0 if layer.num_batches_tracked is None else int(layer.num_batches_tracked)
    calls.append(Met(name, layer.training, inputs[0].detach().clone(), state, seen, layer.eps, layer.momentum))


def _after(calls: list[Met], name: str, layer: Any, inputs: tuple[Tensor, ...], y: Tensor) -> None:
    call = next(call for call in reversed(calls) if call.name == name)

    def flows(gradient: Tensor) -> None:
        call.grad_y = gradient.detach().clone()

    if y.requires_grad:  # a hook of the value as it is now, whatever is written over it later, as by an in-place ReLU
        y.register_hook(flows)


def _numbers(tensor: Tensor) -> Array:
    """As NumPy writes them: bfloat16, of which it knows nothing, in float32, which has all of its numbers."""
    values = from_tensor(tensor, "what enters a layer")
    return values.astype(np.float32) if values.dtype == DTYPES["bfloat16"] else values


def _flat(values: Array) -> Array:
    """(N, C) or (N, C, L), of any number of axes of positions."""
    return values if values.ndim < 4 else values.reshape(*values.shape[:2], -1)


def _require_usable(batch: Batch) -> None:
    """Raises UnusableRecording where no case could be made of it."""
    if batch.x[:, :1].size < 2:
        rule = "two values a channel at least; give larger batches"
        raise UnusableRecording(f"what enters {batch.title} has the shape {batch.x.shape}, but must have {rule}")
    for name in ("x", "grad_y", *STATE):
        values = getattr(batch, name)
        if values is not None and not np.isfinite(values).all():
            advice = "give other batches, or another loss=" if name == "grad_y" else "give other batches, or another model"
            raise UnusableRecording(f"{name} of {batch.title} holds NaN or infinity, but must be finite; {advice}")
