"""The adapter for any class or factory with the constructor of ``torch.nn.BatchNorm1d``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bn_reference.arithmetic.precision import DTYPES, Pair
from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.layouts import Placement
from bn_reference.targets.protocol import Grads, Implementation, Misbehaviour, Session, Step, Unsupported

__all__ = ["TorchImplementation", "from_tensor", "to_tensor"]

TORCH_DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


BFLOAT16 = DTYPES["bfloat16"]


def to_tensor(placement: Placement, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A tensor with the placement's strides and offset, and the buffer it lies in; both own their memory."""
    buffer = _copied(placement.buffer, device)
    return buffer.as_strided(placement.shape, placement.strides, placement.offset), buffer


def _copied(values: Array, device: str) -> torch.Tensor:
    """A contiguous array as a tensor that owns its memory."""
    copy = values.copy()
    if copy.dtype == BFLOAT16:  # NumPy and torch share the bits but not the type
        return torch.from_numpy(copy.view(np.int16)).view(torch.bfloat16).to(device)
    return torch.from_numpy(copy).to(device)


def from_tensor(tensor: Any, what: str) -> Array:
    """The tensor's values as a NumPy array that shares nothing with it.

    Raises:
        Misbehaviour: it is no tensor of a dtype that is verified.
    """
    if not isinstance(tensor, torch.Tensor):
        raise Misbehaviour(f"{what} is {_kind(tensor)}, not a tensor")
    plain = tensor.detach().cpu().contiguous()
    if plain.dtype == torch.bfloat16:
        return plain.view(torch.int16).numpy().view(BFLOAT16).copy()
    array: Array = plain.numpy().copy()
    return array


def _kind(thing: Any) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"


def attribute(module: Any, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        raise Misbehaviour(f"the layer has no attribute {name}, which torch.nn.BatchNorm1d has") from None


class TorchStep(Step):
    def __init__(self, x: torch.Tensor, buffer: torch.Tensor, before: Array, y: Any, sources: list[torch.Tensor]) -> None:
        if not isinstance(y, torch.Tensor):
            raise Misbehaviour(f"forward returned {_kind(y)}, not a tensor")
        self._x, self._buffer, self._before, self._tensor, self._sources = x, buffer, before, y, sources
        self.y = from_tensor(y, "the output")
        self.device = str(y.device)

    def backward(self, grad_y: Placement) -> Grads:
        if not self._tensor.requires_grad:
            raise Misbehaviour("the output of a recorded forward pass has no gradient function: nothing can flow back")
        if tuple(self._tensor.shape) != grad_y.shape:
            raise Misbehaviour(f"the output has shape {tuple(self._tensor.shape)}, the input {grad_y.shape}")
        upstream, _ = to_tensor(grad_y, str(self._tensor.device))
        grads = torch.autograd.grad(self._tensor, self._sources, upstream, retain_graph=True, allow_unused=True)
        given: dict[int, Array | None] = {
            id(source): None if grad is None else from_tensor(grad, "a gradient")
            for source, grad in zip(self._sources, grads, strict=True)
        }
        others = [given[id(source)] for source in self._sources if source is not self._x]
        weight, bias = others if others else (None, None)
        return Grads(given.get(id(self._x)), weight, bias)

    def input_changed(self) -> bool:
        return from_tensor(self._buffer, "the input").tobytes() != self._before.tobytes()


class TorchSession(Session):
    def __init__(self, module: torch.nn.Module, case: Case, device: str, trainable: bool, input_gradient: bool) -> None:
        self.module = module
        self._device, self._input_gradient = device, input_gradient
        self._parameters: list[torch.Tensor] = []
        with torch.no_grad():
            for name, values in (("weight", case.weight), ("bias", case.bias)):
                parameter = attribute(self.module, name)
                self._require_presence(name, parameter, values)
                if values is not None:
                    parameter.copy_(self._tensor(values))
                    parameter.requires_grad_(trainable)
                    self._parameters += [parameter] if trainable else []
            for name, values in (("running_mean", case.running_mean), ("running_var", case.running_var)):
                buffer = attribute(self.module, name)
                self._require_presence(name, buffer, values)
                if values is not None:
                    buffer.copy_(self._tensor(values))
            if case.tracks:
                attribute(self.module, "num_batches_tracked").fill_(case.batches)
        self._held = self._buffers()

    @staticmethod
    def _require_presence(name: str, tensor: Any, values: Array | None) -> None:
        if (tensor is None) != (values is None):
            option = "affine" if name in ("weight", "bias") else "track_running_stats"
            raise Misbehaviour(f"with {option}={values is not None} the layer's {name} is {_kind(tensor)}")

    def _tensor(self, values: Array) -> torch.Tensor:
        return _copied(values, self._device)

    def _buffers(self) -> tuple[Any, Any, Any]:
        return tuple(attribute(self.module, name) for name in ("running_mean", "running_var", "num_batches_tracked"))

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        tensor, buffer = to_tensor(x, self._device)
        leaf = tensor.requires_grad_() if record and self._input_gradient else tensor
        self.module.train(training)
        with torch.set_grad_enabled(record):
            y = self.module(leaf)
        sources = ([leaf] if self._input_gradient else []) + self._parameters
        return TorchStep(leaf, buffer, x.buffer, y, sources if record else [])

    def state(self) -> State:
        return _as_state(*self._buffers())

    def held_state(self) -> State:
        return _as_state(*self._held)

    def load(self, state: State) -> None:
        if state.mean is None or state.var is None:
            raise Unsupported("a layer without running statistics has no state to load")
        saved = {key: value.clone() for key, value in self.module.state_dict().items()}
        for key, values in (("running_mean", state.mean), ("running_var", state.var)):
            saved[key] = self._tensor(values)
        saved["num_batches_tracked"] = torch.tensor(state.batches)
        self.module.load_state_dict(saved)

    def state_in_graph(self) -> bool:
        return any(buffer is not None and buffer.requires_grad for buffer in self._buffers())


def _as_state(mean: Any, var: Any, batches: Any) -> State:
    if mean is None or var is None:
        return State(None, None, None)
    return State(from_tensor(mean, "running_mean"), from_tensor(var, "running_var"), None if batches is None else int(batches))


class TorchImplementation(Implementation):
    """A factory of modules: called with the arguments of ``torch.nn.BatchNorm1d``, by keyword."""

    def __init__(self, factory: Callable[..., torch.nn.Module], name: str, device: str = "cpu") -> None:
        self.factory = factory
        self.name = name
        self.device = device

    def supports(self, pair: Pair) -> bool:
        return True

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return TorchSession(self._build(case), case, self.device, trainable, input_gradient)

    def fresh(self, case: Case) -> tuple[Array | None, Array | None, State]:
        module = self._build(case)
        weight, bias, mean, var, batches = (
            attribute(module, name) for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        )
        parameters = (None if p is None else from_tensor(p, "a parameter") for p in (weight, bias))
        return next(parameters), next(parameters), _as_state(mean, var, batches)

    def _build(self, case: Case) -> torch.nn.Module:
        return self.factory(
            case.channels,
            eps=case.eps,
            momentum=case.momentum,
            affine=case.affine,
            track_running_stats=case.tracks,
            device=self.device,
            dtype=TORCH_DTYPES[case.pair.parameters],
        )
