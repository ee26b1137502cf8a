"""Functional: an adapter in a few lines, for whatever computes batch normalization from arrays that are handed over.

The base class keeps the layer: its parameters, its running statistics from one step to the next, what a backward pass needs.
None of that is the target's doing, so what asks for it alone (the counter, a saved state, references that are kept, what is
recorded) is unsupported, and no rule is passed by it.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import Any

import numpy as np

from bn_reference.arithmetic.precision import DTYPES, PAIRS
from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.domain import AXES, Domain
from bn_reference.cases.facts import Fact, Kind, Missing
from bn_reference.cases.layouts import Placement, is_contiguous, place
from bn_reference.targets.arrays import numpy_of, seen
from bn_reference.targets.protocol import Grads, Implementation, Misbehaviour, Session, Step, Unsupported, UnusableTarget

__all__ = ["Functional"]

KEPT_BY_BASE = Missing("the base class Functional keeps it")
Y_ALONE = Missing("forward returns y alone")
NONE_GIVEN = Missing("forward returns None for the running statistics")


class Functional(Implementation):
    """Batch normalization as a function: a subclass gives ``forward``, perhaps ``backward``, and says what it takes.

    ``y = weight (x - m) / sqrt(v + eps) + bias`` with the batch's mean and biased variance in training, ``mean, var`` in eval.

    Attributes:
        dtypes: names of the dtypes it has ("float32"); (): float16, bfloat16, float32 and float64.
        pairs: pairs of input and parameter dtype ("float16/float32"), where not every pair of its dtypes.
        dimensions: of x: 2 for (N, C), 3 for (N, C, L).
        channels: the number of channels is a multiple of this.
        eps: the one value that it has; None: any.
        momentum: the values that it has, as weights of the new batch; (): any.
        affine, tracks: whether it has weight and bias, and running statistics: of (True, False), those that it can.
        layouts, grad_layouts: False where x and grad_y must lie contiguously.
        channels_last: x, y and their gradients are (N, L, C) instead of (N, C, L).
        conventions: what it promises where batch norms lawfully differ; None: not said.
        batches: how many batches of training the statistics that are handed over have seen; set before each call.
    """

    form = "subclass of bn_reference.Functional"
    dtypes: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    dimensions: tuple[int, ...] = (2, 3)
    channels: int = 1
    eps: float | None = None
    momentum: tuple[float, ...] = ()
    affine: tuple[bool, ...] = (True, False)
    tracks: tuple[bool, ...] = (True, False)
    layouts: bool = True
    grad_layouts: bool = True
    channels_last: bool = False
    conventions: Any = None
    batches: int = 0

    @abstractmethod
    def forward(
        self, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float
    ) -> tuple[Any, Any, Any]:
        """One step: ``(y, mean, var)``, y of the shape of x, and the running statistics after it.

        y alone says that it gives no statistics: what asks for them is then unsupported.

        Args:
            x: (N, C) or (N, C, L), (N, L, C) with ``channels_last``.
            weight, bias: (C,); None in a layer without affine parameters.
            mean, var: (C,), the running statistics before; None in a layer that keeps none.
            training: whether the batch's own statistics normalize it.
            eps, momentum: as torch has them: momentum weights the new batch.
        """

    def backward(
        self, grad_y: Any, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, eps: float, momentum: float
    ) -> tuple[Any, Any, Any]:
        """``(grad_x, grad_weight, grad_bias)`` of ``sum(grad_y * y)``, from what forward was given."""
        raise Unsupported("there is no backward pass")

    def to_array(self, array: Array) -> Any:
        """What forward and backward are handed for a NumPy array: itself, unless a subclass makes it its framework's."""
        return array

    @property
    def domain(self) -> Domain:  # type: ignore[override]  # an attribute elsewhere
        """The cases that it takes, as its attributes say.

        Raises:
            UnusableTarget: an attribute has a value that it cannot have.
        """
        return Domain(
            eps=self.eps,
            momentum=_several(self, "momentum"),
            cumulative=False,
            affine=_several(self, "affine", (True, False)),
            tracks=_several(self, "tracks", (True, False)),
            dimensions=_several(self, "dimensions", tuple(AXES)),
            channels=self.channels,
            layouts=self.layouts,
            grad_layouts=self.grad_layouts,
            pairs=_pairs(self),
        )

    def open(self, case: Case, *, trainable: bool = True, input_gradient: bool = True) -> Session:
        return _Session(self, case, trainable, input_gradient)

    def kernels(self, case: Case, *, training: bool) -> frozenset[str] | None:
        if sys.modules.get("torch") is None:
            return frozenset()
        from bn_reference.targets.forms.torch_kernels import kernels_of

        return kernels_of(self, case, training)


def _several(target: Functional, name: str, known: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    """The values of an attribute that has one or several."""
    given = getattr(target, name)
    values = tuple(given) if isinstance(given, tuple | list) else (given,)
    wrong = [value for value in values if known and value not in known]
    if wrong or (known and not values):
        rule = f"must be of {', '.join(map(repr, known))}"
        raise UnusableTarget(f"{name} of {type(target).__name__} is {given!r}, but its values {rule}; name those that it has")
    return values


def _pairs(target: Functional) -> tuple[str, ...]:
    """Pairs of dtypes: those named, else those of the dtypes named."""
    if target.pairs:
        return _several(target, "pairs", tuple(map(str, PAIRS)))
    if not target.dtypes:
        return ()
    dtypes = _several(target, "dtypes", tuple(DTYPES))
    return tuple(str(pair) for pair in PAIRS if pair.input in dtypes and pair.parameters in dtypes)


class _Session(Session):
    def __init__(self, target: Functional, case: Case, trainable: bool, input_gradient: bool) -> None:
        self.target, self.case = target, case
        self.asked = input_gradient, trainable and case.affine
        self._statistics: tuple[Seen, Seen] = case.running_mean, case.running_var
        self.batches = case.batches
        self._seen = State(case.running_mean, case.running_var, KEPT_BY_BASE if case.tracks else None)

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        if not record:
            raise Unsupported("nothing is recorded that could be turned off")
        step = _Step(self, x, (self.case.weight, self.case.bias, *self._statistics), training)
        self._seen = self._moved(step.moved)
        self.batches += training
        return step

    def _moved(self, moved: list[Any]) -> State:
        """The state after a step, from what it returned beside y; the next step starts from it."""
        if not moved:
            return State(Y_ALONE, Y_ALONE, KEPT_BY_BASE)
        if len(moved) != 2:
            raise Misbehaviour(Fact(Kind.RETURNED, "forward", f"a tuple of {1 + len(moved)}", "(y, mean, var), or y alone"))
        mean, var = (seen(value, name) for value, name in zip(moved, ("running_mean", "running_var"), strict=True))
        if not self.case.tracks:
            return State(mean, var, None if mean is None and var is None else KEPT_BY_BASE)
        if isinstance(mean, np.ndarray) and isinstance(var, np.ndarray):
            self._statistics = mean, var
        return State(NONE_GIVEN if mean is None else mean, NONE_GIVEN if var is None else var, KEPT_BY_BASE)

    def state(self) -> State:
        return self._seen

    def held_state(self) -> State:
        raise Unsupported(KEPT_BY_BASE.reason)

    def load(self, state: State) -> None:
        raise Unsupported(KEPT_BY_BASE.reason)

    def state_in_graph(self) -> bool:
        raise Unsupported(KEPT_BY_BASE.reason)


class _Batch:
    """An array as it is handed over, and a way to see whether it was written to."""

    def __init__(self, target: Functional, placement: Placement) -> None:
        moves = target.channels_last and len(placement.shape) == 3
        view = np.moveaxis(placement.view(), 1, 2) if moves else placement.view()
        if moves and is_contiguous(placement):
            self._placed = place(view, "contiguous")
        elif moves:
            (n, c, length), (by_n, by_c, by_length) = placement.shape, placement.strides
            moved = (n, length, c), (by_n, by_length, by_c)
            self._placed = Placement(placement.buffer.copy(), *moved, placement.offset)
        else:
            self._placed = Placement(placement.buffer.copy(), placement.shape, placement.strides, placement.offset)
        self._memory, self._values = self._placed.buffer.tobytes(), view.tobytes()
        self._view = self._placed.view()
        self.array = target.to_array(self._view)

    def changed(self) -> bool:
        """Whether the memory that was handed over holds other bits now."""
        if self._placed.buffer.tobytes() != self._memory:
            return True
        return self.array is not self._view and numpy_of(self.array, "x").tobytes() != self._values


class _Step(Step):
    def __init__(self, session: _Session, x: Placement, vectors: tuple[Seen, ...], training: bool) -> None:
        self._session, self._x, self._vectors, self._training = session, x, vectors, training
        self._handed: list[_Batch] = []
        self._upstream: _Batch | None = None
        self._batches = session.batches
        self.device = session.target.device
        returned = session.target.forward(*self._arguments())
        y, *self.moved = returned if isinstance(returned, tuple | list) else (returned,)
        self.y = self._first(numpy_of(y, "y"))

    def _arguments(self) -> tuple[Any, ...]:
        """What both methods are called with: copies each time, so that what writes to one spoils no other call."""
        target, case = self._session.target, self._session.case
        target.batches = self._batches
        self._handed.append(_Batch(target, self._x))
        vectors = (target.to_array(v.copy()) if isinstance(v, np.ndarray) else None for v in self._vectors)
        return self._handed[-1].array, *vectors, self._training, case.eps, case.momentum

    def _first(self, array: Array) -> Array:
        """With the channels as second axis."""
        return np.moveaxis(array, -1, 1) if self._session.target.channels_last and array.ndim == 3 else array

    def backward(self, grad_y: Placement) -> Grads:
        target = self._session.target
        self._upstream = _Batch(target, grad_y)
        returned = target.backward(self._upstream.array, *self._arguments())
        x, *parameters = returned if isinstance(returned, tuple | list) else (returned,)
        if len(parameters) not in (0, 2):
            found, wanted = f"a tuple of {1 + len(parameters)}", "(grad_x, grad_weight, grad_bias), or grad_x alone"
            raise Misbehaviour(Fact(Kind.RETURNED, "backward", found, wanted))
        weight, bias = parameters or (Missing("backward returns grad_x alone"),) * 2
        of_x, of_parameters = self._session.asked
        grad_x = seen(x, "grad_x") if of_x else None
        return Grads(
            self._first(grad_x) if isinstance(grad_x, np.ndarray) else grad_x,
            seen(weight, "grad_weight") if of_parameters else None,
            seen(bias, "grad_bias") if of_parameters else None,
        )

    def input_changed(self) -> bool:
        return any(batch.changed() for batch in self._handed)

    def upstream_changed(self) -> bool:
        return self._upstream is not None and self._upstream.changed()
