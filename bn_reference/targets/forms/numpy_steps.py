"""Steps of NumPy layers, whose way back is a method of theirs."""

from __future__ import annotations

from typing import Any

import numpy as np

from bn_reference.cases.case import Seen
from bn_reference.cases.layouts import Placement
from bn_reference.targets.forms.arrangement import Arrangement
from bn_reference.targets.forms.arrays import numbers
from bn_reference.targets.forms.given import GivenLayer
from bn_reference.targets.forms.manual import OWN_MEMORY, manual_grads, require_way_back
from bn_reference.targets.protocol import Grads, Step, Unsupported

__all__ = ["step"]


def step(session: GivenLayer, x: Placement, arrangement: Arrangement, training: bool, record: bool) -> Step:
    """One forward pass."""
    if not record:
        raise Unsupported("a NumPy layer records nothing that could be turned off")
    placed = Placement(x.buffer.copy(), x.shape, x.strides, x.offset)
    y = arrangement.leave(session.called(arrangement.enter(placed.view()), training), x.shape)
    return _NumpyStep(session, arrangement, placed, x.buffer.tobytes(), y, training)


class _NumpyStep(Step):
    def __init__(
        self, session: GivenLayer, arrangement: Arrangement, placed: Placement, before: bytes, y: Any, training: bool
    ) -> None:
        self._session, self._arrangement, self._placed, self._before = session, arrangement, placed, before
        self._training = training
        self._upstream = placed.buffer, placed.buffer  # nothing has gone back
        self.y, self._output = y.copy() if isinstance(y, np.ndarray) else y, y
        self.device = "cpu"

    def backward(self, grad_y: Placement) -> Grads:
        require_way_back(self._session, self._training)
        if self._session.latest is not self:
            raise Unsupported("its backward pass goes through its latest forward pass alone")
        laid = self._arrangement.laid(grad_y)
        handed = Placement(laid.buffer.copy(), laid.shape, laid.strides, laid.offset)
        self._upstream = handed.buffer, laid.buffer
        return manual_grads(self._session, self._arrangement, handed.view(), grad_y.shape)

    def input_changed(self) -> bool:
        return self._placed.buffer.tobytes() != self._before

    def upstream_changed(self) -> bool:
        handed, before = self._upstream
        return handed.tobytes() != before.tobytes()

    def shares_memory(self) -> bool:
        return isinstance(self._output, np.ndarray) and np.shares_memory(self._output, self._placed.buffer)

    def now(self) -> tuple[Seen, Grads]:
        return numbers(self._output, "y"), OWN_MEMORY
