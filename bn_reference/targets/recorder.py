"""``record``: what enters the batch norms of anybody's torch model, as a recording that cases are made of."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bn_reference.cases.recording import Batch, Recording, UnusableRecording, write_recording
from bn_reference.targets.met import met_by

__all__ = ["record"]

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
            found += _batches(copy, layers, batch, given, loss or _half_mean_square)
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


def _batches(model: nn.Module, layers: Mapping[str, _BatchNorm], batch: Any, number: int, loss: Loss) -> list[Batch]:
    """What each call of a layer meets."""
    arguments, named = _arguments(batch)

    def value() -> Tensor:
        value = loss(model(*arguments, **named), batch)
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            rule = "a tensor of one number that gradients flow back from"
            raise UnusableRecording(f"the loss of batch {number} is no such thing, but must be {rule}; pass another loss=")
        return value

    try:
        calls = met_by(layers, value)
    finally:
        model.zero_grad(set_to_none=True)
    counts: dict[str, int] = {}
    found = []
    for call in calls:
        again = counts[call.name] = counts.get(call.name, 0) + 1
        mode = "training" if call.training else "eval"
        found.append(call.batch(f"{call.name}, {mode}, batch {number}{f', call {again}' if again > 1 else ''}"))
    return found


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
