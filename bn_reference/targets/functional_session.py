"""The layer round a function: its parameters, its statistics from one step to the next, what a backward pass needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.facts import Fact, Kind, Missing
from bn_reference.cases.layouts import Placement, is_contiguous, place
from bn_reference.targets.arrays import numpy_of, seen
from bn_reference.targets.protocol import Grads, Misbehaviour, Session, Step, Unsupported

__all__ = ["FunctionalSession"]

VECTORS = ("weight", "bias", "mean", "var")  # in the order of the arguments
KEPT_BY_BASE = Missing("the base class Functional keeps it")
Y_ALONE = Missing("forward returns y alone")
NONE_GIVEN = Missing("forward returns None for the running statistics")


class Target(Protocol):
    """What is asked of a Functional: its methods, what arrays it is handed, and where its batches are counted."""

    device: str
    channels_last: bool
    writes_statistics: bool
    batches: int

    @property
    def forward(self) -> Callable[..., Any]: ...

    @property
    def backward(self) -> Callable[..., Any]: ...

    def to_array(self, array: Array) -> Any: ...


class FunctionalSession(Session):
    """The layer that the base class keeps for a function."""

    def __init__(self, target: Target, case: Case, trainable: bool, input_gradient: bool) -> None:
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

    def __init__(self, target: Target, placement: Placement) -> None:
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
    def __init__(self, session: FunctionalSession, x: Placement, vectors: tuple[Seen, ...], training: bool) -> None:
        self._session, self._x, self._vectors, self._training = session, x, vectors, training
        self._handed: list[_Batch] = []
        self._given: list[tuple[str, Array, Array]] = []  # what else was handed over, and what it held
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
        copies = [v.copy() if isinstance(v, np.ndarray) else None for v in self._vectors]
        read = VECTORS[: 2 if target.writes_statistics else 4]
        self._given += [(name, copy, copy.copy()) for name, copy in zip(read, copies, strict=False) if copy is not None]
        vectors = (None if copy is None else target.to_array(copy) for copy in copies)
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

    def given_changed(self) -> str:
        return next((name for name, now, before in self._given if now.tobytes() != before.tobytes()), "")

    def upstream_changed(self) -> bool:
        return self._upstream is not None and self._upstream.changed()
