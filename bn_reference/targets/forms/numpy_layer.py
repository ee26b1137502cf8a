"""The adapter for layers with the interface of ``bn_reference.BatchNorm1d``: NumPy arrays in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import Pair
from bn_reference.cases.case import Array, Case, State
from bn_reference.cases.layouts import Placement
from bn_reference.targets.protocol import Grads, Implementation, Misbehaviour, Session, Step, Unsupported

__all__ = ["NumpyImplementation"]


def _array(value: Any, what: str) -> Array:
    if not isinstance(value, np.ndarray):
        kind = "None" if value is None else f"a {type(value).__name__}"
        raise Misbehaviour(f"{what} is {kind}, not a NumPy array")
    return value.copy()


class NumpyStep(Step):
    def __init__(self, session: NumpySession, placed: Placement, before: bytes, y: Any) -> None:
        self._session, self._placed, self._before = session, placed, before
        self.y = _array(y, "what forward returned")
        self.device = "cpu"

    def backward(self, grad_y: Placement) -> Grads:
        if self._session.latest is not self:
            raise Unsupported("a NumPy layer goes back through its latest forward pass alone")
        x, weight, bias = self._session.layer.backward(grad_y.view())
        asked = self._session.trainable and weight is not None
        return Grads(
            _array(x, "grad_x") if self._session.input_gradient else None,
            _array(weight, "grad_weight") if asked else None,
            _array(bias, "grad_bias") if asked else None,
        )

    def input_changed(self) -> bool:
        return self._placed.buffer.tobytes() != self._before


class NumpySession(Session):
    def __init__(self, layer: Any, case: Case, trainable: bool, input_gradient: bool) -> None:
        self.layer, self.trainable, self.input_gradient = layer, trainable, input_gradient
        self.latest: NumpyStep | None = None
        for name, values in (("weight", case.weight), ("bias", case.bias)):
            if values is not None:
                getattr(layer, name)[...] = values
        if case.tracks:
            layer.running_mean[...] = case.running_mean
            layer.running_var[...] = case.running_var
            layer.num_batches_tracked[...] = case.batches
        self._held = self._buffers()

    def _buffers(self) -> tuple[Any, Any, Any]:
        return self.layer.running_mean, self.layer.running_var, self.layer.num_batches_tracked

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        if not record:
            raise Unsupported("a NumPy layer records nothing that could be turned off")
        placed = Placement(x.buffer.copy(), x.shape, x.strides, x.offset)
        self.layer.train() if training else self.layer.eval()
        step = NumpyStep(self, placed, x.buffer.tobytes(), self.layer(placed.view()))
        self.latest = step
        return step

    def state(self) -> State:
        return _as_state(*self._buffers())

    def held_state(self) -> State:
        return _as_state(*self._held)

    def load(self, state: State) -> None:
        if state.mean is None or state.var is None:
            raise Unsupported("a layer without running statistics has no state to load")
        saved = dict(self.layer.state_dict())
        batches = np.asarray(state.batches, dtype=np.int64)
        saved.update(running_mean=state.mean.copy(), running_var=state.var.copy(), num_batches_tracked=batches)
        self.layer.load_state_dict(saved)

    def state_in_graph(self) -> bool:
        return False


def _as_state(mean: Any, var: Any, batches: Any) -> State:
    if mean is None or var is None:
        return State(None, None, None)
    return State(_array(mean, "running_mean"), _array(var, "running_var"), None if batches is None else int(batches))


class NumpyImplementation(Implementation):
    """A factory of NumPy layers: ``factory(num_features, eps, momentum, affine, track_running_stats, dtype)``, by keyword."""

    def __init__(self, factory: Callable[..., Any], name: str) -> None:
        self._factory = factory
        self.name = name

    def supports(self, pair: Pair) -> bool:
        return True

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return NumpySession(self._build(case), case, trainable, input_gradient)

    def fresh(self, case: Case) -> tuple[Array | None, Array | None, State]:
        layer = self._build(case)
        weight, bias = (None if p is None else _array(p, "a parameter") for p in (layer.weight, layer.bias))
        return weight, bias, _as_state(layer.running_mean, layer.running_var, layer.num_batches_tracked)

    def _build(self, case: Case) -> Any:
        return self._factory(
            case.channels,
            eps=case.eps,
            momentum=case.momentum,
            affine=case.affine,
            track_running_stats=case.tracks,
            dtype=case.pair.parameter_dtype,
        )
