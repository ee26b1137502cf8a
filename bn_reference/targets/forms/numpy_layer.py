"""The adapter for layers with the interface of ``bn_reference.BatchNorm1d``: NumPy arrays in and out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.facts import Fact, Kind, Missing, Unseen
from bn_reference.cases.layouts import Placement
from bn_reference.cases.others import hyperparameters_of
from bn_reference.targets import WHOLE_ARRAYS
from bn_reference.targets.border import kind_of
from bn_reference.targets.happenings import HAPPENINGS
from bn_reference.targets.protocol import Grads, Implementation, Misbehaviour, Session, Step, Unsupported, had

__all__ = ["NumpyImplementation"]

UNCOUNTED = "momentum=None after other batches, which needs num_batches_tracked"


def _copy(value: Any) -> Any:
    """An array of its own; what is no array is for the border to say."""
    return value.copy() if isinstance(value, np.ndarray) else value


class NumpyStep(Step):
    def __init__(self, session: NumpySession, placed: Placement, before: bytes, y: Any) -> None:
        self._session, self._placed, self._before = session, placed, before
        self.y, self._output = _copy(y), y
        self._upstream: tuple[Array, Array] | None = None
        self._gave: tuple[Any, Any, Any] = (None, None, None)
        self.device = "cpu"

    def backward(self, grad_y: Placement) -> Grads:
        if self._session.latest is not self:
            raise Unsupported("a NumPy layer goes back through its latest forward pass alone")
        upstream = Placement(grad_y.buffer.copy(), grad_y.shape, grad_y.strides, grad_y.offset)
        self._upstream = upstream.buffer, grad_y.buffer
        grads = self._session.layer.backward(upstream.view())
        if not isinstance(grads, tuple) or len(grads) != 3:
            found = f"a tuple of {len(grads)}" if isinstance(grads, tuple) else kind_of(grads)
            wanted = "the three gradients of x, weight and bias"
            raise Misbehaviour(Fact(Kind.RETURNED, "backward", found, wanted))
        self._gave = grads
        return self._grads()

    def _grads(self) -> Grads:
        x, weight, bias = self._gave
        asked = self._session.trainable and self._session.affine
        return Grads(
            _copy(x) if self._session.input_gradient else None,
            _copy(weight) if asked else None,
            _copy(bias) if asked else None,
        )

    def input_changed(self) -> bool:
        return self._placed.buffer.tobytes() != self._before

    def upstream_changed(self) -> bool:
        if self._upstream is None:
            raise Unsupported("nothing has gone back")
        return self._upstream[0].tobytes() != self._upstream[1].tobytes()

    def shares_memory(self) -> bool:
        return isinstance(self._output, np.ndarray) and np.shares_memory(self._output, self._placed.buffer)

    def now(self) -> tuple[Seen, Grads]:
        return _copy(self._output), self._grads()


class NumpySession(Session):
    def __init__(self, layer: Any, case: Case, trainable: bool, input_gradient: bool) -> None:
        self.layer, self.trainable, self.input_gradient, self.affine = layer, trainable, input_gradient, case.affine
        self._hyperparameters = hyperparameters_of(case)
        self._loaded: dict[str, Any] = {}  # what was loaded last
        self._settle(case)

    def copied(self) -> Session:
        other = copy.copy(self)
        try:
            other.layer, other.latest = copy.deepcopy(self.layer), None
        except Exception as error:  # no rule says that it must
            raise Unsupported("a layer that cannot be copied") from error
        other._held = other._buffers()
        return other

    def undergo(self, word: str, case: Case) -> Session:
        if word not in HAPPENINGS:
            raise Unsupported(f"a layer that does not {word}")
        other = HAPPENINGS[word](self.layer)
        if not isinstance(other, type(self.layer)):
            raise Misbehaviour(Fact(Kind.RETURNED, f"to {word}", kind_of(other), kind_of(self.layer)))
        self.layer = other
        return self

    def settle(self, case: Case) -> Session:
        if hyperparameters_of(case) != self._hyperparameters:
            if not (hasattr(self.layer, "eps") and hasattr(self.layer, "momentum")):
                raise Unsupported("the layer has no attributes eps and momentum")
            try:
                self.layer.eps, self.layer.momentum = case.eps, case.momentum
            except Exception as error:  # a property without a setter
                raise Unsupported("eps and momentum cannot be set") from error
            self._hyperparameters = hyperparameters_of(case)
        if case.momentum is None and case.tracks and isinstance(_attribute(self.layer, "num_batches_tracked"), Unseen):
            raise Unsupported(UNCOUNTED)
        self.layer.train()
        self._settle(case)
        return self

    def _settle(self, case: Case) -> None:
        """The layer's parameters and state are the case's from now on."""
        self.latest: NumpyStep | None = None
        self._unloaded = ""  # why it does not have the case's running statistics
        self._give("weight", case.weight)
        self._give("bias", case.bias)
        if case.tracks:
            self._give("running_mean", case.running_mean)
            self._give("running_var", case.running_var)
            counter = _attribute(self.layer, "num_batches_tracked")
            if not isinstance(counter, Unseen):
                counter[...] = case.batches
            elif case.momentum is None and case.batches:
                raise Unsupported(UNCOUNTED)
        self._held = self._buffers()

    def _give(self, name: str, values: Array | None) -> None:
        if values is None:
            return
        own = _attribute(self.layer, name)
        if isinstance(own, Missing) and name in ("weight", "bias"):
            raise Misbehaviour(Fact(Kind.NO_ATTRIBUTE, name))
        if isinstance(own, Missing):
            self._unloaded = self._unloaded or own.reason
            return
        if not isinstance(own, np.ndarray):
            option = "affine" if name in ("weight", "bias") else "track_running_stats"
            raise Misbehaviour(Fact(Kind.PRESENCE, name, kind_of(own), (option, True)))
        if own.size != values.size:
            raise Misbehaviour(Fact(Kind.SHAPE, name, own.shape, values.shape))
        own[...] = values.reshape(own.shape)

    def _buffers(self) -> tuple[Any, Any, Any]:
        return tuple(_attribute(self.layer, name) for name in ("running_mean", "running_var", "num_batches_tracked"))

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        if not record:
            raise Unsupported("a NumPy layer records nothing that could be turned off")
        if self._unloaded and not training:
            raise Unsupported(self._unloaded)
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
        mean, var = had(state.mean), had(state.var)
        if mean is None or var is None:
            raise Unsupported("a layer without running statistics has no state to load")
        saved = dict(self.layer.state_dict())
        saved.update(running_mean=mean.copy(), running_var=var.copy())
        if "num_batches_tracked" in saved:
            saved["num_batches_tracked"] = np.asarray(state.batches, dtype=np.int64)
        self._loaded = {name: _copy(value) for name, value in saved.items()}
        self.layer.load_state_dict(dict(self._loaded))

    def reuse_loaded(self) -> None:
        for value in self._loaded.values():
            if isinstance(value, np.ndarray):
                value[...] = 0

    def state_in_graph(self) -> bool:
        return False


def _attribute(layer: Any, name: str) -> Any:
    try:
        return getattr(layer, name)
    except AttributeError:
        return Missing(f"the layer has no attribute {name}")


def _as_state(mean: Any, var: Any, batches: Any) -> State:
    if mean is None and var is None:
        return State(None, None, None)
    counted = batches if batches is None or isinstance(batches, Unseen) else int(batches)
    return State(_copy(mean), _copy(var), counted)


class NumpyImplementation(Implementation):
    """A factory of NumPy layers: ``factory(num_features, eps, momentum, affine, track_running_stats, dtype)``, by keyword."""

    form, settles_hyperparameters = WHOLE_ARRAYS, True

    def __init__(self, factory: Callable[..., Any], name: str) -> None:
        self._factory = factory
        self.name = name

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return NumpySession(self._build(case), case, trainable, input_gradient)

    def fresh(self, case: Case) -> tuple[Seen, Seen, State]:
        layer = self._build(case)
        weight, bias, mean, var, batches = (
            _attribute(layer, name) for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        )
        return _copy(weight), _copy(bias), _as_state(mean, var, batches)

    def _build(self, case: Case) -> Any:
        return self._factory(
            case.channels,
            eps=case.eps,
            momentum=case.momentum,
            affine=case.affine,
            track_running_stats=case.tracks,
            dtype=case.pair.parameter_dtype,
        )
