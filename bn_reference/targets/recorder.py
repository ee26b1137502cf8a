"""``record``: what enters the batch norms of anybody's torch model, as a recording that cases are made of."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.cases.case import Array
from bn_reference.cases.recording import Batch, Recording, UnusableRecording, write_recording
from bn_reference.targets.forms.torch_tensors import from_tensor

__all__ = ["record"]

STATE = ("weight", "bias", "running_mean", "running_var")
Loss = Callable[[Any, Any], Tensor]


def record(model: nn.Module, batches: Iterable[Any], path: str | os.PathLike[str], *, loss: Loss | None = None) -> None:
    """Record what enters the batch norms of a model, for ``bn-reference verify --cases`` and ``verify(cases=)``.

    A copy of the model is called with each batch, in the mode that each of its layers is in, and goes back; the running
    statistics of the copy move on from batch to batch as they would in training, its parameters stay. The model itself, its
    gradients and the random state are left as they are.

    Args:
        model: with ``BatchNorm1d``, ``2d`` or ``3d`` somewhere in it, of any affine, momentum and dtype; of (N, C, H, W) and
            (N, C, D, H, W) the positions become one axis, (N, C, L).
        batches: what the model is called with: a tensor, a tuple or list of arguments, or a dict of named ones.
        path: of the file, which is replaced where it is there.
        loss: of what the model puts out and the batch, a scalar; half the mean of the squares of all that comes out, otherwise.
            Where nothing of it flows back to a layer, the recorded upstream gradient is zero.

    Raises:
        UnusableRecording: nothing could be recorded, or no case could be made of it (a ValueError).
    """
    place = Path(path)
    if not place.parent.is_dir():
        raise UnusableRecording(f"path is {place}, but there is no directory {place.parent}; make it first")
    copy = _copied(model)
    modules = copy.named_modules()
    layers = {name or type(model).__name__: layer for name, layer in modules if isinstance(layer, _BatchNorm)}
    if not layers:
        rule = "but must have a BatchNorm1d, BatchNorm2d or BatchNorm3d of torch.nn somewhere in it; record another one"
        raise UnusableRecording(f"the model is a {type(model).__name__}, {rule}")
    found: list[Batch] = []
    given = -1
    devices = sorted({p.device.index or 0 for p in copy.parameters() if p.device.type == "cuda"})
    with torch.random.fork_rng(devices=devices), torch.enable_grad():
        for given, batch in enumerate(batches):
            found += _met(copy, layers, batch, given, loss or _half_mean_square)
    if given < 0:
        raise UnusableRecording("batches has none in it, but must have one at least; pass what the model is called with")
    if not found:
        raise UnusableRecording("the model calls none of its batch norms, but must call one at least; record another model")
    write_recording(place, Recording(f"what entered the batch norms of {type(model).__name__}", tuple(found)))


def _copied(model: nn.Module) -> nn.Module:
    """A copy that gradients flow through to the first layer."""
    try:
        copy = deepcopy(model)
    except Exception as error:
        rule = "but is recorded on a copy, so that it stays as it is; call it once, if it is lazy, or record a model inside it"
        raise UnusableRecording(f"the model cannot be copied ({type(error).__name__}), {rule}") from error
    for parameter in copy.parameters():
        if parameter.is_floating_point():
            parameter.requires_grad_(True)
    return copy


@dataclass
class _Call:
    """One call of one layer: what was there before it, and what flows back to its output."""

    name: str
    training: bool
    x: Tensor
    state: dict[str, Array | None]
    seen: int
    eps: float
    momentum: float | None
    grad_y: Tensor | None = None

    def batch(self, number: int, again: int) -> Batch:
        """As a recording has it."""
        mode = "training" if self.training else "eval"
        title = f"{self.name}, {mode}, batch {number}{f', call {again}' if again > 1 else ''}"
        upstream = torch.zeros_like(self.x) if self.grad_y is None else self.grad_y
        x, grad_y = (_flat(_numbers(tensor)) for tensor in (self.x, upstream))
        met = Batch(title, x, grad_y, **self.state, num_batches_tracked=self.seen, eps=self.eps, momentum=self.momentum)
        _require_usable(met)
        return met


def _met(model: nn.Module, layers: Mapping[str, _BatchNorm], batch: Any, number: int, loss: Loss) -> list[Batch]:
    """What each call of a layer meets."""
    calls: list[_Call] = []
    hooks = [layer.register_forward_pre_hook(partial(_before, calls, name)) for name, layer in layers.items()]
    hooks += [layer.register_forward_hook(partial(_after, calls, name)) for name, layer in layers.items()]
    arguments, named = _arguments(batch)
    try:
        value = loss(model(*arguments, **named), batch)
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            rule = "a tensor of one number that gradients flow back from"
            raise UnusableRecording(f"the loss of batch {number} is no such thing, but must be {rule}; pass another loss=")
        value.backward()
    finally:
        for hook in hooks:
            hook.remove()
        model.zero_grad(set_to_none=True)
    counts: dict[str, int] = {}
    found = []
    for call in calls:
        counts[call.name] = counts.get(call.name, 0) + 1
        found.append(call.batch(number, counts[call.name]))
    return found


def _before(calls: list[_Call], name: str, layer: Any, inputs: tuple[Tensor, ...]) -> None:
    state = {each: None if (held := getattr(layer, each)) is None else _numbers(held) for each in STATE}
    seen = 0 if layer.num_batches_tracked is None else int(layer.num_batches_tracked)
    calls.append(_Call(name, layer.training, inputs[0].detach().clone(), state, seen, layer.eps, layer.momentum))


def _after(calls: list[_Call], name: str, layer: Any, inputs: tuple[Tensor, ...], y: Tensor) -> None:
    call = next(call for call in reversed(calls) if call.name == name)

    def flows(gradient: Tensor) -> None:
        call.grad_y = gradient.detach().clone()

    if y.requires_grad:  # a hook of the value as it is now, whatever is written over it later, as by an in-place ReLU
        y.register_hook(flows)


def _arguments(batch: Any) -> tuple[list[Any], dict[str, Any]]:
    """How the model is called, with inputs that gradients flow back to and that may be written over."""

    def given(value: Any) -> Any:
        grows = isinstance(value, Tensor) and value.is_floating_point()
        return value.detach().requires_grad_().clone() if grows else value

    if isinstance(batch, Mapping):
        return [], {str(name): given(value) for name, value in batch.items()}
    return [given(value) for value in (batch if isinstance(batch, tuple | list) else [batch])], {}


def _half_mean_square(output: Any, batch: Any) -> Tensor:
    parts = [tensor.float().square().mean() / 2 for tensor in _tensors(output) if tensor.requires_grad]
    if not parts:
        rule = "but must have a tensor of floating numbers that gradients flow back from"
        raise UnusableRecording(f"what the model puts out is a {type(output).__name__}, {rule}; pass a loss=")
    return torch.stack(parts).sum()


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, Mapping):
        yield from (tensor for value in output.values() for tensor in _tensors(value))
    elif isinstance(output, tuple | list):
        yield from (tensor for value in output for tensor in _tensors(value))
    elif dataclasses.is_dataclass(output):
        yield from (tensor for each in dataclasses.fields(output) for tensor in _tensors(getattr(output, each.name)))


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
