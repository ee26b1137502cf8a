"""The adapter for any class or factory with the constructor of ``torch.nn.BatchNorm1d``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bn_reference.arithmetic.precision import DTYPES
from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.facts import Fact, Kind, Missing, Unseen, Wrong
from bn_reference.cases.layouts import Placement
from bn_reference.targets import WHOLE_MODULE
from bn_reference.targets.border import kind_of
from bn_reference.targets.forms.torch_kernels import kernels_of
from bn_reference.targets.protocol import Grads, Implementation, Misbehaviour, Session, Step, Unsupported, had

__all__ = ["TORCH_DTYPES", "TorchImplementation", "TorchStep", "answers", "copied", "from_tensor", "seen", "to_tensor"]

TORCH_DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


BFLOAT16 = DTYPES["bfloat16"]


def to_tensor(placement: Placement, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A tensor with the placement's strides and offset, and the buffer it lies in; both own their memory."""
    buffer = copied(placement.buffer, device)
    return buffer.as_strided(placement.shape, placement.strides, placement.offset), buffer


def copied(values: Array, device: str) -> torch.Tensor:
    """A contiguous array as a tensor that owns its memory."""
    copy = values.copy()
    if copy.dtype == BFLOAT16:  # NumPy and torch share the bits but not the type
        return torch.from_numpy(copy.view(np.int16)).view(torch.bfloat16).to(device)
    return torch.from_numpy(copy).to(device)


def from_tensor(tensor: Any, what: str) -> Array:
    """The tensor's values as a NumPy array that shares nothing with it.

    Raises:
        Misbehaviour: it is no tensor, or one that NumPy has no numbers for.
    """
    if not isinstance(tensor, torch.Tensor):
        raise Misbehaviour(Fact(Kind.NOT_AN_ARRAY, what, kind_of(tensor), "a tensor"))
    try:
        try:
            plain = tensor.detach().cpu()
        except RuntimeError as error:  # an error of the device's is nothing about the tensor
            if not isinstance(error, NotImplementedError) and tensor.device.type != "cpu":
                raise
            raise TypeError from None
        plain = plain.resolve_conj().resolve_neg().contiguous()
        if plain.dtype == torch.bfloat16:
            return plain.view(torch.int16).numpy().view(BFLOAT16).copy()
        array: Array = plain.numpy().copy()
    except (RuntimeError, TypeError, NotImplementedError):  # sparse, quantized, meta, eight bits ...
        found = f"a tensor of {tensor.dtype}, {str(tensor.layout).removeprefix('torch.')}, on {tensor.device}"
        raise Misbehaviour(Fact(Kind.NOT_AN_ARRAY, what, found, "a tensor of numbers")) from None
    return array


def seen(tensor: Any, what: str) -> Seen:
    """The same, with what is no such tensor as a value; None stays None."""
    if tensor is None:
        return None
    try:
        return from_tensor(tensor, what)
    except Misbehaviour as misbehaviour:
        return Wrong(misbehaviour.fact)


def attribute(module: Any, name: str) -> Any:
    """A parameter or buffer of the layer; Missing where it has none of that name."""
    try:
        return getattr(module, name)
    except AttributeError:
        return Missing(f"the layer has no attribute {name}")


def answers(device: str) -> bool:
    """Whether the device takes a number and gives it back."""
    if device == "cpu":
        return True
    try:
        return torch.ones(1, device=device).item() == 1.0
    except Exception:  # each backend reports an error that lasts with an exception of its own
        return False


class TorchStep(Step):
    """A step whose way back torch has recorded, from the output to these sources: x, if it has a gradient, weight and bias."""

    def __init__(self, x: torch.Tensor, buffer: torch.Tensor, before: Array, y: Any, sources: list[torch.Tensor]) -> None:
        self._x, self._buffer, self._before, self.tensor, self._sources = x, buffer, before, y, sources
        self._kept = False
        self._y = from_tensor(y, "y") if isinstance(y, torch.Tensor) else None
        self.device = str(y.device) if isinstance(y, torch.Tensor) else ""

    @property
    def y(self) -> Array:  # type: ignore[override]  # an attribute elsewhere
        if self._y is None:
            raise Misbehaviour(Fact(Kind.RETURNED, "forward", kind_of(self.tensor), "a tensor"))
        return self._y

    def keep(self) -> None:
        self._kept = True

    def backward(self, grad_y: Placement) -> Grads:
        if self._y is None or self._y.shape != grad_y.shape:
            raise Unsupported("an output of a wrong form has no gradients to ask for")
        if not self.tensor.requires_grad:
            raise Misbehaviour(Fact(Kind.NO_GRADIENT, "y"))
        upstream, _ = to_tensor(grad_y, str(self.tensor.device))
        kept, self._kept = self._kept, False
        try:
            grads = torch.autograd.grad(self.tensor, self._sources, upstream, retain_graph=kept or None, allow_unused=True)
        except RuntimeError as error:
            if kept and "donated buffer" in str(error):
                raise Unsupported("its compiled backward pass gives its memory away, and can be taken once alone") from error
            raise
        names = [*(["grad_x"] if self._sources[0] is self._x else []), "grad_weight", "grad_bias"]
        given = {name: seen(grad, name) for name, grad in zip(names, grads, strict=False)}
        return Grads(*(given.get(name) for name in ("grad_x", "grad_weight", "grad_bias")))

    def input_changed(self) -> bool:
        return from_tensor(self._buffer, "the input").tobytes() != self._before.tobytes()


class TorchSession(Session):
    def __init__(self, module: torch.nn.Module, case: Case, device: str, trainable: bool, input_gradient: bool) -> None:
        self.module = module
        self._device, self._input_gradient = device, input_gradient
        self._parameters: list[torch.Tensor] = []
        self._unloaded = ""  # why it does not have the case's running statistics
        with torch.no_grad():
            for name, values in (("weight", case.weight), ("bias", case.bias)):
                parameter = self._given(name, values)
                if values is not None:
                    parameter.requires_grad_(trainable)
                    self._parameters += [parameter] if trainable else []
            for name, values in (("running_mean", case.running_mean), ("running_var", case.running_var)):
                self._given(name, values)
            if case.tracks:
                self._count(case)
        self._held = self._buffers()

    def _given(self, name: str, values: Array | None) -> Any:
        """The layer's tensor of that name, with these values."""
        tensor = attribute(self.module, name)
        if isinstance(tensor, Missing):
            if values is not None and name in ("weight", "bias"):
                raise Misbehaviour(Fact(Kind.NO_ATTRIBUTE, name))
            self._unloaded = self._unloaded or (tensor.reason if values is not None else "")
            return None
        if isinstance(tensor, torch.Tensor) != (values is not None):
            option = "affine" if name in ("weight", "bias") else "track_running_stats"
            raise Misbehaviour(Fact(Kind.PRESENCE, name, kind_of(tensor), (option, values is not None)))
        if isinstance(tensor, torch.Tensor) and values is not None:
            if tensor.numel() != values.size:
                raise Misbehaviour(Fact(Kind.SHAPE, name, tuple(tensor.shape), values.shape))
            tensor.copy_(self._tensor(values).reshape(tensor.shape))
        return tensor

    def _count(self, case: Case) -> None:
        counter = attribute(self.module, "num_batches_tracked")
        if isinstance(counter, torch.Tensor):
            counter.fill_(case.batches)
        elif case.momentum is None and case.batches:
            raise Unsupported("momentum=None after other batches, which needs num_batches_tracked")

    def _tensor(self, values: Array) -> torch.Tensor:
        return copied(values, self._device)

    def _buffers(self) -> tuple[Any, Any, Any]:
        return tuple(attribute(self.module, name) for name in ("running_mean", "running_var", "num_batches_tracked"))

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        if self._unloaded and not training:
            raise Unsupported(self._unloaded)
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
        mean, var = had(state.mean), had(state.var)
        if mean is None or var is None:
            raise Unsupported("a layer without running statistics has no state to load")
        saved = {key: value.clone() for key, value in self.module.state_dict().items()}
        keys = {key.rpartition(".")[2]: key for key in saved}  # a layer around another saves under longer names
        absent = [name for name in ("running_mean", "running_var") if name not in keys]
        if absent:
            raise Unsupported(f"its state_dict has no {' and no '.join(absent)}")
        for name, values in (("running_mean", mean), ("running_var", var)):
            saved[keys[name]] = self._tensor(values).reshape(saved[keys[name]].shape)
        if "num_batches_tracked" in keys:
            saved[keys["num_batches_tracked"]] = torch.tensor(state.batches)
        self.module.load_state_dict(saved)

    def state_in_graph(self) -> bool:
        return any(isinstance(buffer, torch.Tensor) and buffer.requires_grad for buffer in self._buffers())


def _as_state(mean: Any, var: Any, batches: Any) -> State:
    counted = batches if batches is None or isinstance(batches, Unseen) else int(batches)
    if mean is None and var is None:
        return State(None, None, None)
    statistics = (
        each if isinstance(each, Unseen) else seen(each, name) for name, each in (("running_mean", mean), ("running_var", var))
    )
    return State(next(statistics), next(statistics), counted)


def _eager(module: Any) -> torch.nn.Module:
    """The layer that was compiled."""
    eager: torch.nn.Module = module._orig_mod
    return eager


class TorchImplementation(Implementation):
    """A factory of modules: called with the arguments of ``torch.nn.BatchNorm1d``, by keyword."""

    form = WHOLE_MODULE

    def __init__(self, factory: Callable[..., torch.nn.Module], name: str, device: str = "cpu") -> None:
        self.factory = factory
        self.name = name
        self.device = device

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return TorchSession(self._build(case), case, self.device, trainable, input_gradient)

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        module = self._build(case)
        weight, bias, mean, var, batches = (
            attribute(module, name) for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        )
        parameters = (p if isinstance(p, Unseen) else seen(p, "a parameter") for p in (weight, bias))
        return next(parameters), next(parameters), _as_state(mean, var, batches)

    def alive(self) -> bool:
        return answers(self.device)

    def kernels(self, case: Case, *, training: bool) -> frozenset[str]:
        if type(self._build(case)).__name__ != "OptimizedModule":
            return kernels_of(self, case, training)
        # torch.compile keeps what the layer does that it compiled, whose kernel is torch's or not
        compiled = TorchImplementation(lambda *given, **named: _eager(self.factory(*given, **named)), self.name, self.device)
        return kernels_of(compiled, case, training)

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
