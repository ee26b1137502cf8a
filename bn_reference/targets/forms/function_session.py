"""A layer made of a function: parameters and running statistics that are kept for it between its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bn_reference.cases.case import Array, Case, Seen, State
from bn_reference.cases.directions import Direction
from bn_reference.cases.facts import Missing
from bn_reference.cases.layouts import Placement
from bn_reference.targets.arrays import seen
from bn_reference.targets.forms.function_manner import Manner, beside, taken_apart
from bn_reference.targets.forms.function_step import FunctionStep
from bn_reference.targets.forms.shapes import Shape
from bn_reference.targets.protocol import Session, Step, Unsupported

__all__ = ["FunctionSession"]

COUNTS_NOTHING = Missing("a function counts no batches")


UNKEPT = Missing("what a step in forward mode returns beside its output is not kept")


class FunctionSession(Session):
    """One layer."""

    def __init__(self, manner: Manner, case: Case, trainable: bool, input_gradient: bool) -> None:
        self.manner, self.case = manner, case
        self.asked = input_gradient, trainable and case.affine
        self.records = manner.going_back is None and not manner.alone
        self.parameters = [self._made(values, gradient=self.asked[1] and self.records) for values in (case.weight, case.bias)]
        self.statistics = [self._made(values) for values in (case.running_mean, case.running_var)]
        self._unseen: Missing | None = None
        momentum = case.momentum if manner.weights == "new" or case.momentum is None else 1.0 - case.momentum
        self.table: dict[str, Any] = {"eps": case.eps, "momentum": momentum}
        if case.tracks:
            self.table.update(zip(("running_mean", "running_var"), self.statistics, strict=True))
        self._scalars = {"eps": case.eps, "momentum": momentum, "table": self.table}

    def _made(self, values: Array | None, gradient: bool = False) -> Any:
        return None if values is None else self.manner.arrays.vector(values, gradient)

    def forward(self, x: Placement, *, training: bool, record: bool = True) -> Step:
        manner = self.manner
        self._require(training, record)
        recorded = training if manner.told == "recording" else record and not manner.alone
        shape = manner.shapes[len(x.shape)]
        batch, changed = manner.arrays.batch(shape.laid(x), gradient=recorded and self.asked[0] and self.records)
        with manner.arrays.recording(recorded):
            result = manner.arguments.call(self._values(shape.enter(batch), training, shape))
        first, others = taken_apart(result)
        if training or self._any_returned(others):
            self._keep(beside(others))
        return FunctionStep(
            manner, self.parameters, self.asked, self.seen, x.shape, batch, changed, first, others, training, recorded
        )

    def tangent(self, x: Placement, along: Direction, *, training: bool) -> Seen:
        arrays, shape = self.manner.arrays, self.manner.shapes[len(x.shape)]
        self._require(training, True)
        given = {"weight": (self.parameters[0], along.weight), "bias": (self.parameters[1], along.bias)}
        vectors = {name: (own, arrays.vector(values, False)) for name, (own, values) in given.items() if values is not None}
        batch, u = (arrays.batch(shape.laid(each), gradient=False)[0] for each in (x, along.x))
        self._unseen = UNKEPT
        with arrays.recording(training or self.manner.told != "recording"):
            came = arrays.tangent(self._as_call(shape, training), batch, u, vectors)
        return shape.leave(came, x.shape) if isinstance(came, np.ndarray) else came

    def mapped(self, batches: tuple[Placement, ...]) -> tuple[Seen, ...]:
        arrays, shape = self.manner.arrays, self.manner.shapes[len(batches[0].shape)]
        self._require(False, False)
        handed = [arrays.batch(shape.laid(x), gradient=False)[0] for x in batches]
        came = arrays.mapped(self._as_call(shape, training=False), handed)
        return tuple(shape.leave(y, x.shape) if isinstance(y, np.ndarray) else y for y, x in zip(came, batches, strict=True))

    def ask(self, names: tuple[str, ...]) -> None:
        if not (self.records and self.manner.arrays.records):
            raise Unsupported("gradients are not asked for one by one")
        self.asked = "x" in names, True
        for name, parameter in zip(("weight", "bias"), self.parameters, strict=True):
            if parameter is not None:
                parameter.requires_grad_(name in names)

    def _as_call(self, shape: Shape, training: bool) -> Callable[..., Any]:
        """The output as a function of a batch, and of other parameters by their names."""

        def call(batch: Any, others: Mapping[str, Any]) -> Any:
            own = self.parameters
            self.parameters = [others.get(name, parameter) for name, parameter in zip(("weight", "bias"), own, strict=True)]
            try:
                return taken_apart(self.manner.arguments.call(self._values(shape.enter(batch), training, shape)))[0]
            finally:
                self.parameters = own

        return call

    def _require(self, training: bool, record: bool) -> None:
        """Raises Unsupported where no such step can be asked for."""
        manner = self.manner
        if manner.told == "trains" and not training:
            raise Unsupported("it normalizes with the batch's statistics alone")
        if manner.told == "evaluates" and training:
            raise Unsupported("it normalizes with statistics that it is given, and does not train")
        if not training and not self.case.tracks and not manner.evaluates_bare:
            raise Unsupported("it evaluates with running statistics alone")
        if not record and not manner.arrays.records:
            raise Unsupported("nothing is recorded that could be turned off")
        if not record and training and manner.told == "recording":
            raise Unsupported("it trains where gradients are recorded, and evaluates where they are not")

    def _values(self, batch: Any, training: bool, shape: Shape) -> dict[str, Any]:
        """What the arguments are, by their roles."""
        flag = self.manner.flag[0 if training else 1]
        wanted = shape.vector(self.case.channels)
        vectors = [None if v is None else v.reshape(wanted) for v in (*self.parameters, *self.statistics)]
        self.table["mode"] = flag
        named = dict(zip(("weight", "bias", "mean", "var"), vectors, strict=True))
        return {"x": batch, **named, **self._scalars, "training": flag, "evaluation": flag, "mode": flag}

    def _any_returned(self, others: list[Any]) -> bool:
        return self.manner.statistics == "returned" and len(beside(others)) >= self.manner.returned + 1

    def _keep(self, others: list[Any]) -> None:
        """Find the statistics after a step; the next one starts from them."""
        self._unseen = None
        if self.manner.statistics == "dictionary":
            self.statistics = [self.table.get(name) for name in ("running_mean", "running_var")]
        elif self.manner.statistics == "nowhere":
            self._unseen = Missing("it gives no running statistics back")
        elif self.manner.statistics == "returned" and not self._any_returned(others):
            self._unseen = Missing("it returns no running statistics")
        elif self.manner.statistics == "returned" and self.case.tracks:
            moved = others[self.manner.returned - 1 : self.manner.returned + 1]
            self.statistics = [each.detach() if self.manner.arrays.recorded(each) else each for each in moved]

    def state(self) -> State:
        if not self.case.tracks:
            return State(None, None, None)
        if self._unseen is not None:
            return State(self._unseen, self._unseen, COUNTS_NOTHING)
        mean, var = (self.seen(v, what) for v, what in zip(self.statistics, ("running_mean", "running_var"), strict=True))
        return State(mean, var, COUNTS_NOTHING)

    def seen(self, value: Any, what: str) -> Seen:
        """The numbers of a vector, whatever axes of one element it has."""
        array = seen(value, what)
        return array.reshape(-1) if isinstance(array, np.ndarray) and array.size == self.case.channels else array

    def held_state(self) -> State:
        raise Unsupported("a function keeps no running statistics")

    def load(self, state: State) -> None:
        raise Unsupported("a function keeps no running statistics")

    def state_in_graph(self) -> bool:
        if self.manner.statistics != "in place" or not self.manner.arrays.records:
            raise Unsupported("whoever calls a function keeps its running statistics")
        return any(self.manner.arrays.recorded(each) for each in self.statistics)
