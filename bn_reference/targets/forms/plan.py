"""A plan: all that was found out of how to build a layer of a recognized form, how to call it, and where it keeps what."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Case
from bn_reference.targets.forms.arrangement import Arrangement
from bn_reference.targets.forms.arrays import count, is_array, is_floating, is_module, is_tensor
from bn_reference.targets.forms.construction import ARRAYS, Constructor
from bn_reference.targets.forms.mode import ALWAYS, Mode
from bn_reference.targets.forms.slots import Slot, has_arrays, levels_of

__all__ = ["Library", "Plan", "method_of", "vars_of", "way_back_of"]

FORGETTING = ("flush_gradients", "zero_grad", "clear_cache")  # what a layer may keep of a batch that it has seen
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
METHODS = ("forward", "__call__", "call", "forward_pass", "fprop", "feed_forward", "batch_norm", "batchnorm", "normalize")
BACKWARD = ("backward", "backward_pass", "backprop", "bprop")
BUILDING = ("build", "setup", "initialize", "init_params", "init_parameters", "init_weights", "prepare_params")

Library = Literal["torch", "numpy"]


@dataclass(frozen=True)
class Plan:
    """How a layer is built, called and looked at.

    Attributes:
        constructor: what builds it.
        library: whose arrays it takes.
        device: where a torch layer lies.
        slots: where its parameters and statistics are, by role.
        mode: how it is told whether it trains.
        arrangements: for each number of axes of a batch, the shape in which it takes it.
        momentum_weights: which value its own momentum weights.
        backward: "recorded" where torch records the way back, "method" where the layer has one, "" where there is none.
        records: whether a step is taken where gradients are recorded.
        evaluation_gradients: whether there is a way back through eval.
        trains: whether it can be asked to train; else it is made for inference alone.
        promotes: whether its own backward pass gives float64 whatever it is given, which is rounded.
        beside: whether it returns more beside its output, which comes first.
    """

    constructor: Constructor
    library: Library
    device: str = "cpu"
    slots: Mapping[str, Slot] = field(default_factory=dict)
    mode: Mode = ALWAYS
    arrangements: Mapping[int, Arrangement] = field(default_factory=dict)
    momentum_weights: Literal["new", "old"] = "new"
    backward: Literal["recorded", "method", ""] = "recorded"
    evaluation_gradients: bool = True
    records: bool = True
    trains: bool = True
    promotes: bool = False
    beside: bool = False

    @property
    def folds(self) -> bool:
        """Whether the positions of (N, C, L) can be spread in several ways over the axes that it takes."""
        return any(ndim == 3 < each.dimensions and each.channels == "second" for ndim, each in self.arrangements.items())

    def build(self, case: Case) -> Any:
        """A layer for a case: its hyperparameters, channels and dtype, as far as its constructor takes them."""
        layer = self.construct(case)
        if not self.constructor.sized and not _has_vectors(layer, case.channels):
            self._materialize(layer, case)
        return layer

    def construct(self, case: Case) -> Any:
        """The same, where a layer that was told no number of channels has seen no batch yet."""
        pair, momentum = case.pair, case.momentum
        if momentum is None and not case.tracks:
            momentum = 0.1  # of statistics that nobody sees: it weights nothing, but people compute with it
        if self.momentum_weights == "old" and momentum is not None:
            momentum = 1.0 - momentum
        arrays = {role: self.array(value) for role in ARRAYS if (value := getattr(case, role)) is not None}
        layer = self.constructor.build(
            case.channels,
            **(arrays if self.constructor.is_given_arrays else {}),
            eps=case.eps,
            momentum=momentum,
            affine=case.affine,
            tracks=case.tracks,
            device=self.device,
            dtype=_dtype(self.library, pair),
            dimensions=self.arrangements[self._ndim(case)].dimensions if self.arrangements else case.x.ndim,
        )
        self.move(layer, pair)
        return layer

    def _ndim(self, case: Case) -> int:
        """As many axes as the case's batch has, of those that a batch may have."""
        return case.x.ndim if case.x.ndim in self.arrangements or not self.arrangements else min(self.arrangements)

    def move(self, layer: Any, pair: Pair) -> None:
        """Give the layer the parameters' dtype and the device, as far as the constructor did not."""
        if self.constructor.takes("dtype") and (self.constructor.takes("device") or self.device == "cpu"):
            return
        modules = [layer]
        if is_module(layer):
            layer.to(device=self.device, dtype=_dtype("torch", pair))
            modules = list(layer.modules())
        moved: dict[int, tuple[Any, Any]] = {}
        for module in modules:
            _move(vars_of(module), pair, self.device, moved, set())

    def call(self, layer: Any) -> Callable[..., Any]:
        """What is called with a batch. Raises AttributeError where there is nothing of the kind."""
        if callable(layer):
            called: Callable[..., Any] = layer
            return called
        return method_of(layer)

    def _materialize(self, layer: Any, case: Case) -> None:
        """Let a layer that was told no number of channels see a batch: in eval if it can, so that nothing moves."""
        arrangement = self.arrangements.get(self._ndim(case))
        positions = case.x.shape[2] if case.x.ndim == 3 else 2  # as in the batch, lest another axis be taken for channels
        batch = np.ones((2, case.channels, positions)[: self._ndim(case)], case.pair.parameter_dtype)
        _tell_shape(layer, case.channels)
        x = self.array(batch)
        handed = arrangement.enter(x) if arrangement is not None else x
        try:
            self.call(layer)(handed, **self.mode.tell(layer, False))
        except Exception:  # one that cannot evaluate before it has trained
            self.call(layer)(handed, **self.mode.tell(layer, True))
        self.move(layer, case.pair)
        for name in FORGETTING:
            forget = getattr(layer, name, None)
            if callable(forget):
                forget()

    def array(self, values: Any) -> Any:
        """Numbers as an array of the layer's library, on its device."""
        if self.library == "numpy":
            return values.copy()
        from bn_reference.targets.forms.torch_tensors import copied

        return copied(values, self.device)


def _tell_shape(layer: Any, channels: int) -> None:
    """Tell a layer of a network the shape of a sample, and let it make its parameters, where it is told so."""
    told, initialize = getattr(layer, "set_input_shape", None), getattr(layer, "initialize", None)
    if callable(told):
        told((channels,))
        if callable(initialize):
            initialize(*[_Optimizer() for _ in _needed(initialize)])
        return
    methods = [method for name in BUILDING if callable(method := getattr(layer, name, None))]
    for method in [method for method in methods if len(_needed(method)) == 1]:
        for shape in ((2, channels), (channels,), channels):  # of a batch, of a sample
            try:
                method(shape)
            except Exception:  # it is told another one
                continue
            if _has_vectors(layer, channels):
                return


def _needed(method: Callable[..., Any]) -> list[inspect.Parameter]:
    """The arguments that it cannot be called without."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in parameters if p.default is p.empty and p.kind in POSITIONAL]


class _Optimizer:
    """What a layer of a network asks for its next parameters, on its way back: those that it has."""

    def update(self, parameter: Any, gradient: Any) -> Any:
        return parameter


def _has_vectors(layer: Any, channels: int) -> bool:
    """Whether it has made arrays of one value a channel already."""
    held = [value for _, parts in levels_of(layer) for value in parts.values() if is_array(value) and is_floating(value)]
    return any(count(value) == channels and value.ndim > 0 for value in held)


def method_of(layer: Any) -> Callable[..., Any]:
    """The method that makes a forward pass, with the arguments that it takes. Raises AttributeError where there is none."""
    for name in METHODS:
        method = getattr(layer, name, None)
        if callable(method):
            found: Callable[..., Any] = method
            return found
    raise AttributeError("forward")


def way_back_of(layer: Any) -> Callable[..., Any] | None:
    """The layer's own method that goes back from an upstream gradient; None where there is none."""
    return next((method for name in BACKWARD if callable(method := getattr(layer, name, None))), None)


def vars_of(layer: Any) -> dict[str, Any]:
    """The attributes that were set on an object."""
    return getattr(layer, "__dict__", {})


def _dtype(library: Library, pair: Pair) -> Any:
    if library == "numpy":
        return pair.parameter_dtype
    from bn_reference.targets.forms.torch_tensors import TORCH_DTYPES

    return TORCH_DTYPES[pair.parameters]


def _move(holder: Any, pair: Pair, device: str, moved: dict[int, tuple[Any, Any]], seen: set[int]) -> None:
    """Replace floating-point arrays that are plain attributes, in lists, dictionaries and objects as well; one stays one."""
    if id(holder) in seen:
        return
    seen.add(id(holder))
    pairs = list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder))
    for key, value in pairs:
        if has_arrays(value):
            _move(vars_of(value), pair, device, moved, seen)
        elif isinstance(value, (dict, list)) and key not in ("_parameters", "_buffers", "_modules"):
            _move(value, pair, device, moved, seen)
        elif is_array(value) and is_floating(value):
            if id(value) not in moved:
                moved[id(value)] = value, _moved(value, pair, device)  # the old one is kept, and with it its identity
            holder[key] = moved[id(value)][1]


def _moved(value: Any, pair: Pair, device: str) -> Any:
    if not is_tensor(value):
        return value if value.dtype == pair.parameter_dtype else value.astype(pair.parameter_dtype)
    there = value.detach().to(device=device, dtype=_dtype("torch", pair))
    same = there.dtype == value.dtype and there.device == value.device
    return value if same else there.requires_grad_(value.requires_grad)
